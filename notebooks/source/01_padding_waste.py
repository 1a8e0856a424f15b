# %% [markdown]
# # 01 · Padding waste
#
# **In forty minutes you will be able to**
#
# - say how much of a batch is padding, from the lengths of its prompts alone,
# - explain why the waste grows with the batch,
# - say what padding costs in the linear layers and in attention,
# - say when batching helps at all.
#
# You need [lesson 00](00_start_here.ipynb), or the words [prompt](glossary.ipynb#Prompt),
# [token](glossary.ipynb#Token) and [prefill](glossary.ipynb#Prefill). Exercises are checked on the page: run the cell
# below each one as often as you like.

# %%
from functools import partial
from statistics import mean, stdev

import torch

import prepack_lab as lab
from prepack_lab.course.tables import batch_cost_table
from prepack_lab.measuring import paper
from prepack_lab.measuring.table import Table
from prepack_lab.models.loading import load_sizes
from prepack_lab.sources.lengths import list_profiles

lab.progress("01")

# %% [markdown]
# ## A batch is a rectangle
#
# Here are the lengths of real prompts: MMLU, a set of exam questions. Most are short, and a few are long. A batch
# of sixteen was drawn from them; its prompts are the marks below the bars.

# %%
profile = lab.load_profile("mmlu")
lengths = profile.sample(16, seed=0)
lab.figures.draw_lengths(profile, lengths)

# %% [markdown]
# A model computes a batch as a rectangle: a **row** for each prompt, and all rows as long as the longest prompt.
# Each place in the rectangle is a **slot**. A slot holds a token, or padding.
#
# **Predict first:** one prompt of this batch is much longer than the others. How much of the rectangle is padding?

# %%
padded = lab.Packing.padded(lengths)
print(f"{padded.num_bins} rows of {padded.width} slots, and {padded.padding_share:.0%} of them are padding")
lab.figures.draw_rows({"padded: one prompt per row": padded})

# %% [markdown]
# More than two thirds. The hatched slots are computed like the others, in every layer of the model. Then they are
# thrown away.

# %% exercise="01-waste"

# %% [markdown]
# Stuck? Run `lab.hint("01-waste")` for a hint, again for the next one, and `lab.solution("01-waste")` for one way to
# do it. It is the same for every exercise.
#
# ## How bad is it elsewhere?
#
# The lab knows the lengths of thirteen workloads. Six are those of the paper. The others are school maths, papers
# to summarise, code, chats, and the logs of large services. For each, fifty batches are drawn at random.
#
# **Predict first:** which workload wastes least? What do its prompts have in common?


# %%
def cell(profile, size, draws=50):
    shares = [lab.Packing.padded(profile.sample(size, seed)).padding_share for seed in range(draws)]
    return f"{mean(shares):.0%} ± {stdev(shares):.0%}"


rows = []
for profile in map(lab.load_profile, list_profiles()):
    rows.append((profile.title, *(cell(profile, size) for size in (4, 16, 64))))
headings = ("workload", "batches of 4", "batches of 16", "batches of 64")
Table(headings, rows, "Slots that are padding: mean and standard deviation of 50 random batches")

# %% [markdown]
# The papers of arXiv waste least: they are long, and about equally long. In large batches the questions of MMLU and the
# conversations of Mooncake waste most, and the first are short, and the others long. So it is not length that counts,
# but how *unequal* the prompts are.
#
# Read a row from left to right, too. Why does the waste change with the batch?

# %%
lab.widgets.Quiz("01-grows")

# %% [markdown]
# ## The longest prompt
#
# Drag the batch size from left to right, and watch the longest prompt.

# %%
lab.widgets.PaddingExplorer(workload="mmlu")

# %% [markdown]
# All rows are as long as the longest prompt. A larger batch is more likely to hold a very long one, and every other
# prompt is padded up to it. The tokens grow with the batch; the slots grow faster.

# %%
lab.widgets.Quiz("01-none")

# %% [markdown]
# ## A whole dataset
#
# A dataset is cut into batches, and each batch is padded to its own longest prompt.

# %% exercise="01-batches"

# %% exercise="01-order"

# %% [markdown]
# This is **[length-ordered batching](glossary.ipynb#Length-ordered-batching)**. It wastes little, but it needs all
# prompts before the first batch: no good where people wait for answers. Lesson 07 comes back to it.
#
# Here it is against full batching and against what this lab is about, on 512 questions in batches of sixteen. The
# seconds are predicted for SmolLM2, from a speed that was recorded on a small machine without a GPU.

# %%
lab.widgets.YourPrompts(lab.load_profile("mmlu").sample(512, seed=1))

# %% [markdown]
# ## What padding costs
#
# A transformer layer does two kinds of work:
#
# - The **linear layers** treat every slot by itself. Each slot meets each weight once: a multiplication and an
#   addition. That makes 2 · parameters · slots operations.
# - **Attention** compares slots with slots. In a padded row it computes a score for every pair: width × width. A mask
#   hides the wrong ones *after* they were computed.

# %%
lab.widgets.Quiz("01-attention")

# %% [markdown]
# Let's count operations, each a [FLOP](glossary.ipynb#FLOP), for a model of 7 billion parameters and our batch. A pair
# costs 4 · hidden · layers: a product of two vectors for its score, and as much again for the weighted value.

# %%
llama = load_sizes("llama-2-7b")
linear = 2 * llama.parameters * padded.slots
attention = 4 * llama.hidden * llama.layers * padded.num_bins * padded.width**2
print(f"linear layers: {linear / 1e12:.1f} TFLOP, attention: {attention / 1e12:.1f} TFLOP")

# %% [markdown]
# `lab.estimate_cost` counts the same, and leaves out what is not multiplied: the embeddings, which are looked up, and
# the last layer at all tokens but the last. Here it counts four ways to run the batch. `padding_free` is new: all
# prompts in one row, and attention to each alone, so no padding and no mask. Lesson 03 builds it.
#
# **Predict first:** is it attention or the linear layers that make padding expensive here?


# %%
def operations(lengths):
    rows = []
    for method in ("one_by_one", "full_batching", "prepacked", "padding_free"):
        cost = lab.estimate_cost(llama, lengths, method)
        flops = [f"{flops / 1e12:,.2f}" for flops in (cost.linear_flops, cost.attention_flops)]
        rows.append((method, f"{cost.slots:,}", *flops, f"{cost.attention_flops / cost.flops:.1%}"))
    headings = ("method", "slots", "linear layers", "attention", "attention's share")
    return Table(headings, rows, f"TFLOP for {len(lengths)} prompts, {sum(lengths):,} tokens")


operations(lengths)

# %% [markdown]
# The linear layers: for prompts of a few hundred tokens nearly all work is theirs. There the waste is exactly the share
# of padding.
#
# Now papers of some thousand tokens. **Predict first:** will attention be the larger part?

# %%
equal = llama.parameters / (2 * llama.hidden * llama.layers)
print(f"attention costs as much as the linear layers in rows of {equal:,.0f} slots")
operations(lab.load_profile("arxiv").sample(16, seed=0))

# %% [markdown]
# Not yet. Its share has grown with the width of the rows, but the two are equal only where 4 · hidden · layers · width is
# 2 · parameters: in rows of tens of thousands of slots. What padding wastes is mostly linear work. (Prepacked rows
# compute the pairs that their mask hides, too. Padding-free attention does not.)

# %% exercise="01-attention"

# %% [markdown]
# ## Then why batch at all?
#
# Because a large GPU is not full. The authors of the paper timed batches *without* padding: all prompts have the same
# length. Read a row: as long as the time stays the same, more prompts come for free.

# %%
batch_cost_table(paper.BATCH_SECONDS)

# %% [markdown]
# These are the paper's figures, for a model of 1.3 billion parameters on an NVIDIA RTX A6000. With prompts of 50
# tokens the GPU is full from about sixteen on; with 400 tokens two prompts nearly fill it. From then on time follows
# slots, and every slot of padding costs as much as a token. (The very first cell is slower than its neighbours. Probably
# it was a first run, without a [warm-up](05_live_timing.ipynb).)
#
# A small batch takes some 32 ms, whatever is in it. Two limits of this GPU are on its data sheet: 155 TFLOP per
# second in half precision, and 768 GB per second from memory. A pass must do its arithmetic, and read every weight once.
#
# **Predict first:** which of the two explains the 32 ms?

# %%
small, rows = load_sizes("sheared-llama-1.3b"), []
for size, seconds in paper.BATCH_SECONDS[50].items():
    cost = lab.estimate_cost(small, [50] * size, "full_batching", torch.float16)
    arithmetic, memory = cost.flops / 155e12, cost.moved_bytes / 768e9
    rows.append((size, *(f"{1000 * limit:.1f} ms" for limit in (arithmetic, memory)), f"{1000 * seconds:.0f} ms"))
headings = ("prompts of 50 tokens", "arithmetic needs", "memory needs", "measured")
Table(headings, rows, "The least that the data sheet allows, and what the paper measured")

# %% [markdown]
# Neither: both would allow a small batch in 4 ms. The third limit is
# **[launch overhead](glossary.ipynb#Launch-overhead)**. The processor starts hundreds of small programs on the GPU, one
# after another, and each start takes its time, however little there is to compute.
# (No program reaches the rates of a data sheet. At 64 prompts, where arithmetic is the limit, this one gets to a fifth.)
#
# So a forward pass takes about as long as the slowest of three things:
#
# | The limit | Grows with | More prompts in the batch are |
# |---|---|---|
# | launches | layers and passes | free |
# | memory traffic | weights, read once per pass | free, nearly |
# | arithmetic | slots | as expensive as the first |
#
# Packing saves slots. So it pays under the last limit, and hardly under the others.
#
# Now the machine that you sit at, with SmolLM2 and 50 tokens. If the time grows with the batch, one prompt alone keeps
# this machine busy.

# %%
model, tokenizer = lab.load_model("smollm2-135m", dtype="float32")
batches = {size: lab.random_prompts([50] * size, vocab_size=1000) for size in (1, 2, 4, 8)}
runs = {size: partial(lab.prefill, model, prompts, "full_batching") for size, prompts in batches.items()}
times = lab.measure_together(runs, repeats=3)
print(times[1].device)
batch_cost_table({50: {size: time.median for size, time in times.items()}})

# %% [markdown]
# ## In the real world
#
# - `tokenizer(texts, padding=True)` and `model.generate` compute the whole rectangle. This is what most scripts do.
# - FlashAttention saves the smaller part of that waste. Given a padding mask, transformers takes the padding out before
#   attention, and puts it back after (`_upad_input` in
#   [its code](https://github.com/huggingface/transformers/blob/main/src/transformers/modeling_flash_attention_utils.py)).
#   The linear layers still compute all of it.
# - Servers such as vLLM and SGLang don't pad: they lay all tokens in one long row. Lesson 10 looks at them.
# - Training code saves padding, too: it concatenates texts, and they may even see each other. Lesson 02 comes back to it.
# - Arithmetic, memory, overhead: Horace He shows how to find out
#   [which of the three holds you back](https://horace.io/brrr_intro.html).
#
# ## What you have seen
#
# - A batch is a rectangle, as wide as its longest prompt. Slots that hold no token are padding.
# - What makes waste is unequal lengths. It grows with the batch, because the longest prompt does.
# - Padding costs the linear layers its share, 2 · parameters per slot, and attention more than that.
# - Batching pays while launches or memory are the limit. Once it is arithmetic, time follows slots.
#
# The paper: sections 1 and 3.1, and its figure of the cost of a batch.
#
# **Next:** how few rows can hold the prompts? That is lesson 02.

# %%
lab.progress("01")
