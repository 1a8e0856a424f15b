# %% [markdown]
# # 01 · Padding waste
#
# **In thirty-five minutes you will be able to**
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
import prepack_lab as lab
from prepack_lab import figures
from prepack_lab.course import reports
from prepack_lab.measuring import paper
from prepack_lab.measuring.machine import describe_machine
from prepack_lab.measuring.timing import measure

lab.progress("01")

# %% [markdown]
# ## A batch is a rectangle
#
# Here are the lengths of real prompts: MMLU, a set of exam questions. Most are short, and a few are long. A batch
# of sixteen was drawn from them; its prompts are the marks below the bars.

# %%
profile = lab.load_profile("mmlu")
lengths = profile.sample(16, seed=0)
figures.draw_lengths(profile, lengths)

# %% [markdown]
# A model computes a batch as a rectangle: a **row** for each prompt, and all rows as long as the longest prompt.
# Each place in the rectangle is a **slot**. A slot holds a token, or padding.
#
# **Predict first:** one prompt of this batch is much longer than the others. How much of the rectangle is padding?

# %%
padded = lab.Packing.padded(lengths)
figures.draw_rows({"padded: one prompt a row": padded})

# %% [markdown]
# The hatched slots are computed like the others, in every layer of the model. Then they are thrown away.

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
reports.waste_table()

# %% [markdown]
# What counts is not how long the prompts are, but how *unequal*. Read a row from left to right: the waste grows with
# the batch, in every workload.
#
# ## Why it grows
#
# Drag the batch size from left to right, and watch the longest prompt.

# %%
lab.widgets.PaddingExplorer(workload="mmlu")

# %% [markdown]
# All rows are as long as the longest prompt. A larger batch is more likely to hold a very long one, and every other
# prompt is padded up to it. The tokens grow with the batch; the slots grow faster.

# %%
lab.widgets.Quiz("01-grows")

# %%
lab.widgets.Quiz("01-none")

# %% [markdown]
# ## A whole dataset
#
# A dataset is cut into batches, and each batch is padded to its own longest prompt.

# %% exercise="01-batches"

# %% exercise="01-order"

# %% [markdown]
# This is **[length-ordered batching](glossary.ipynb#Length-ordered-batching)**. It wastes little, but it needs all prompts before the first batch: no good
# where people wait for answers. Lesson 07 comes back to it.
#
# Here it is against full batching and against what this lab is about, on 512 questions in batches of sixteen. The
# seconds are predicted for SmolLM2, from a speed that was recorded on a small machine without a GPU.

# %%
lab.widgets.YourPrompts(profile.sample(512, seed=1))

# %% [markdown]
# ## What padding costs
#
# A transformer layer does two kinds of work:
#
# - The **linear layers** treat every slot by itself. Their cost grows with the slots.
# - **Attention** compares slots with slots. In a padded row, it computes a score for every pair: width × width.
#   A mask hides the wrong ones *after* they were computed.
#
# Let's count operations, each a [FLOP](glossary.ipynb#FLOP), for a model of 7 billion parameters.
#
# The table has four ways to run the batch. `padding_free` is new: all prompts in one row, and attention to each alone, so
# no padding and no mask. Lesson 03 builds it.
#
# **Predict first:** is it attention or the linear layers that make padding expensive here?

# %%
reports.operations_table("llama-2-7b", lengths, ("one_by_one", "full_batching", "prepacked", "padding_free"))

# %% [markdown]
# For prompts of a few hundred tokens nearly all work is in the linear layers. There the waste is exactly the share of
# padding. Attention catches up when prompts become long: its cost grows with the square of the length.

# %%
long_prompts = lab.load_profile("arxiv").sample(16, seed=0)
reports.operations_table("llama-2-7b", long_prompts, ("one_by_one", "full_batching", "prepacked", "padding_free"))

# %%
lab.widgets.Quiz("01-attention")

# %% exercise="01-attention"

# %% [markdown]
# ## Then why batch at all?
#
# Because a large GPU is not full. The authors of the paper timed batches *without* padding: all prompts have the same
# length. Read a row: as long as the time stays the same, more prompts come for free.

# %%
reports.batch_cost_table(paper.BATCH_SECONDS)

# %% [markdown]
# These are the paper's figures, for a model of 1.3 billion parameters on an NVIDIA RTX A6000. With prompts of 50
# tokens the GPU is full from about sixteen on; with 400 tokens two prompts nearly fill it. From then on time follows
# slots, and every slot of padding costs as much as a token. (The very first cell is slower than its neighbours. Probably
# it was a first run, which nobody had warmed up: lesson 05.)
#
# Now the machine that you sit at, with SmolLM2 and 50 tokens. The first column is a prompt alone. If all columns grow
# with the batch, one prompt alone keeps this machine busy.

# %%
model, tokenizer = lab.load_model("smollm2-135m", dtype="float32")
batches = {size: lab.random_prompts([50] * size, vocab_size=1000) for size in (1, 2, 4, 8)}
times = {
    size: measure(lambda prompts=prompts: lab.prefill(model, prompts, "full_batching"), repeats=3).median
    for size, prompts in batches.items()
}
print(describe_machine(str(model.device))["device"])
reports.batch_cost_table({50: times})

# %% [markdown]
# ## In the real world
#
# - `tokenizer(texts, padding=True)` and `model.generate` compute the whole rectangle. This is what most scripts do.
# - Servers such as vLLM and SGLang don't pad: they lay all tokens in one long row. Lesson 10 looks at them.
# - Training code packs texts into rows to save padding, too. There, texts may even see each other.
#
# ## What you have seen
#
# - A batch is a rectangle, as wide as its longest prompt. Slots that hold no token are padding.
# - What makes waste is unequal lengths. It grows with the batch, because the longest prompt does.
# - Padding costs the linear layers its share, and attention more than that.
# - Batching pays while the machine is not full. After that, time follows slots.
#
# The paper: sections 1 and 3.1, and its figure of the cost of a batch.
#
# **Next:** how few rows can hold the prompts? That is lesson 02.

# %%
lab.progress("01")
