# %% [markdown]
# # 07 · Whole datasets
#
# **In forty-five minutes you will be able to**
#
# - run more prompts than any batch can hold, and get every answer back in its place,
# - say why sorting by length is strong, and what it needs to know,
# - say when packing everything first wins, and when it loses,
# - choose a token budget,
# - weigh throughput against the wait for an answer.
#
# You need lessons [00](00_start_here.ipynb) and [01](01_padding_waste.ipynb). Packing itself is lesson 02.

# %%
from functools import partial
from time import perf_counter

import prepack_lab as lab
from prepack_lab import figures
from prepack_lab.measuring import paper
from prepack_lab.measuring.table import Table
from prepack_lab.methods import DATASET_METHODS, known_options, plan_passes
from prepack_lab.models.loading import load_config

lab.progress("07")

# %% [markdown]
# ## Six ways through a dataset
#
# You want to score 256 exam questions, or label 256 texts. No batch holds them all, so they are run batch after batch.
# Now there is a choice that a single batch does not have: **which prompts go together**.
#
# - **one by one** runs each prompt alone,
# - **full batching** takes them as they come,
# - [**length-ordered batching**](glossary.ipynb#Length-ordered-batching) sorts all of them first,
# - **prepacked** takes a batch as it comes, and packs it,
# - [**dataset prepacking**](glossary.ipynb#Dataset-prepacking) packs all of them first, and then runs the rows in batches,
# - **padding-free** takes as many as a budget of tokens allows, in one row.
#
# **Predict first:** which of them computes the fewest slots? Which comes close with the least effort?


# %%
def compare(lengths):
    rows = []
    for method in DATASET_METHODS:
        passes = [*plan_passes(method, lengths, **known_options(method, batch_size=16, token_budget=4096))]
        slots, pairs = sum(one.rows.slots for one in passes), sum(one.pairs for one in passes)
        kept = [prompt for one in passes for prompt in one.prompts] == [*range(len(lengths))]
        padding, order = f"{1 - sum(lengths) / slots:.0%}", "kept" if kept else "changed"
        rows.append((method, len(passes), f"{slots:,}", padding, f"{pairs / 1e6:,.1f}", order))
    headings = ("method", "passes", "slots", "padding", "million pairs", "order of the prompts")
    return Table(headings, rows, f"{len(lengths)} prompts, {sum(lengths):,} tokens; counted, and nothing was run")


lengths = lab.load_profile("mmlu").sample(256, seed=0)
compare(lengths)

# %% [markdown]
# Padding-free computes a slot per token, and dataset prepacking hardly more. Sorting comes close with no packing at all. It
# removes most of the padding, because neighbours have nearly the same length. This is the rival that a paper on padding has
# to beat, not full batching. Its price stands in the last column: prompts come back in another order.

# %% exercise="07-back"

# %% [markdown]
# ## The batch size decides
#
# Slots per prompt, as the batch grows. Nothing is run here, so we can afford all sizes.
#
# **Predict first:** padding grows with the batch in full batching. Does it for the others?


# %%
def slots_per_prompt(lengths, method, size):
    passes = plan_passes(method, lengths, **known_options(method, batch_size=size))
    return sum(one.rows.slots for one in passes) / len(lengths)


compared = ("full_batching", "length_ordered", "prepacked", "dataset_prepacked", "padding_free")
sizes = (4, 8, 16, 32, 64)
slots = {method: {size: slots_per_prompt(lengths, method, size) for size in sizes} for method in compared}
figures.draw_per_prompt(slots, "slots")

# %% [markdown]
# A larger batch makes full batching much worse, and length-ordered batching worse: a batch that reaches from short
# prompts to the longest pads again. Prepacking gets *better*: more prompts to choose from fill the rows better. Dataset
# prepacking has all of them to choose from, at any batch size.
#
# So the curves of sorting and of packing cross. In batches of eight sorting still pads less, in batches of sixteen it pads
# more.
#
# ## What the paper found
#
# The authors ran whole datasets on their GPU, a thousand texts each, with the model of 1.3 billion parameters. First the exam
# questions, which are bare questions without their choices.

# %%
figures.draw_per_prompt(paper.DATASET_MILLISECONDS["mmlu"], "milliseconds")

# %% [markdown]
# Then instructions, each with its answer, and conversations, also with the answers. A few of those are very long.

# %%
figures.draw_per_prompt(paper.DATASET_MILLISECONDS["alpaca"], "milliseconds")

# %%
figures.draw_per_prompt(paper.DATASET_MILLISECONDS["hh_rlhf"], "milliseconds")

# %% [markdown]
# Against full batching all of this is a large gain. Against sorting?

# %%
rows = []
for workload, milliseconds in paper.DATASET_MILLISECONDS.items():
    for size, seconds in milliseconds["length_ordered"].items():
        gains = [seconds / milliseconds[method][size] for method in ("prepacked", "dataset_prepacked")]
        rows.append((workload, size, *(f"{gain:.2f}" for gain in gains)))
headings = ("workload", "batch size", "prepacked", "dataset_prepacked")
Table(headings, rows, "In the paper: times as fast as length-ordered batching")

# %% [markdown]
# On the exam questions prepacking is 1.07 to 1.26 times as fast as sorting; on the others it gains less. What it buys
# is the order: nothing has to be known before the first batch. (The authors' code sorts by characters and not by
# tokens, so sorting could do a little better still.)
#
# Dataset prepacking gains more on the first two. On the conversations it is mixed: at 16 and 32 it is *slower* than packing
# batch by batch. Slots do not explain that. Let's count the pairs of attention as well.
#
# **Predict first:** a packed row is as long as the longest prompt of its batch, or of the whole dataset. What does that do
# to attention?

# %%
conversations = lab.load_profile("hh_rlhf").sample(256, seed=0)
compare(conversations)

# %%
lab.widgets.Quiz("07-tail")

# %% [markdown]
# Dataset prepacking saves slots and pays in pairs. `padding_free` has to pay for neither: it runs one attention per prompt.

# %% [markdown]
# ## Run it
#
# Now on this machine, the first 128 of the questions. To be quick, the model is SmolLM2 with 2 of its 30 layers and random
# weights. Its time is honest, its words would be noise. It stays on the CPU, also where there is a GPU.
# `lab.prefill_dataset` yields one batch at a time, and the memory is that of one batch.
#
# **Predict first:** by how much will `dataset_prepacked` beat `length_ordered` here?

# %%
from transformers import AutoModelForCausalLM

config = load_config("smollm2-135m")
config.num_hidden_layers = 2
short_model = AutoModelForCausalLM.from_config(config).eval()
some = lengths[:128]
prompts = lab.random_prompts(some, vocab_size=1000)


def run(method, **options):
    for batch in lab.prefill_dataset(short_model, prompts, method=method, cache=False, progress=False, **options):
        batch.next_token_logits.argmax(-1).tolist()  # waits for the device


# %%
runs = {method: partial(run, method) for method in compared[1:]}  # full batching would take the longest
times = lab.measure_together(runs, repeats=2, device="cpu")
for method, time in times.items():
    per_prompt = 1000 * time.median / len(some)
    gain = times["length_ordered"].median / time.median
    counted = slots_per_prompt(some, method, 16)
    print(f"{method:18} {counted:4.0f} slots and {per_prompt:5.2f} ms per prompt, {gain:.2f} times as fast as sorting")

# %% [markdown]
# In slots `dataset_prepacked` computes a third less than sorting, in pairs a little more: its rows are as long as the
# longest prompt.
# Which of the two counts depends on the machine: compare slots and milliseconds, line by line.
#
# For the whole model, or your own: `prepack-lab bench dataset --workload mmlu --compare-paper`.
#
# ## In order, please
#
# Often answers are written to a file, line by line, in the order of the prompts. `lab.in_order` holds an answer back
# until all before it are there. So what counts is not when an answer is *done*, but when it can be *handed out*.
#
# **Predict first:** half of the time is over. How many answers has length-ordered batching handed out?


# %%
def batches_as_they_come(method):
    start, batches = perf_counter(), []
    for batch in lab.prefill_dataset(short_model, prompts, 16, method, cache=False, progress=False):
        batch.next_token_logits.argmax(-1).tolist()  # waits for the device
        batches.append((perf_counter() - start, batch.prompts))
    return batches


came = {method: batches_as_they_come(method) for method in ("length_ordered", "prepacked", "dataset_prepacked")}
figures.draw_deliveries(came)

# %% [markdown]
# Sorting hands out nearly nothing until the end: somewhere among the longest prompts is one of the first ones. Packing
# batch by batch hands out every batch at once.

# %% exercise="07-deliver"

# %%
lab.widgets.Quiz("07-chat")

# %% [markdown]
# ## A token budget instead of a batch size
#
# Sixteen short prompts are little work, sixteen long ones are a lot. So memory and time of a batch go up and down with what
# happens to be in it. A **token budget** makes passes more alike: as many prompts as fit into so many tokens.

# %% exercise="07-budget"

# %% [markdown]
# How large should it be? A tiny budget runs many small passes, and each has a fixed cost. A large one needs memory. The
# same 128 questions, padding-free, with budgets from 128 to 8,192 tokens:
#
# **Predict first:** which of them takes the longest?

# %%
budgets = {budget: partial(run, "padding_free", token_budget=budget) for budget in (128, 1024, 8192)}
taken = lab.measure_together(budgets, repeats=2, device="cpu")
per_prompt = {budget: 1000 * one.median / len(some) for budget, one in taken.items()}
figures.draw_per_prompt({"padding_free": per_prompt}, "milliseconds", "token_budget")

# %% [markdown]
# Mostly the smallest. Past the point where the machine is busy, a larger budget gains nothing more. On a GPU that point
# lies higher.
#
# Equal tokens are not equal work, though. Linear layers do the same for every token, but attention counts pairs.
#
# **Predict first:** one prompt of 4,096 tokens, or 64 prompts of 64. How many times as many pairs has the one?

# %%
for part in ([4096], [64] * 64):
    (one,) = plan_passes("padding_free", part, token_budget=4096)
    print(f"{len(part):2} in a pass of {sum(part):,} tokens: {one.pairs:9,} pairs of attention")

# %% [markdown]
# Some sixty times as many. While prompts are short, attention is a small part of the work, and a token budget is fair. For
# very long ones it is not, which is one reason to cut them into chunks ([lesson 10](10_beyond_prepacking.ipynb)).
#
# ## Between sorting and waiting
#
# There is a middle way: sort within a *window* of prompts, and answer window by window.

# %% exercise="07-windows"

# %%
for window in (16, 32, 64, 128, 256):
    parts = [lengths[first : first + window] for first in range(0, len(lengths), window)]
    slots = sum(one.rows.slots for part in parts for one in plan_passes("length_ordered", part, batch_size=16))
    padding = 1 - sum(lengths) / slots
    print(
        f"windows of {window:3}: {slots:6,} slots, {padding:.0%} padding; an answer waits for up to {window - 1} others"
    )

# %% [markdown]
# A window of four batches already takes away two thirds of the padded slots. Compare with prepacking, which needs one
# batch to get below all of these, and keeps the order.
#
# ## Your own prompts
#
# Change the workload, the batch size and the model, or load a file. The seconds are predicted ([lesson
# 08](08_predicting_the_gain.ipynb) shows how).

# %%
lab.widgets.YourPrompts()

# %% [markdown]
# Prompts of one length show the case where none of this helps: choose *texts that I paste*, and type three lines of the
# same words.

# %%
lab.widgets.Quiz("07-longest")

# %% [markdown]
# ## In the real world
#
# - The Trainer of `transformers` has the sampling strategy `group_by_length`: it shuffles, and sorts within windows of up
#   to fifty batches.
# - The evaluation harness of EleutherAI sorts requests by length, the longest first, and puts the answers back in order.
# - vLLM and other servers plan a step by a token budget, `max_num_batched_tokens`, and by a number of prompts.
# - For several GPUs, `shard` deals rows out so that all have about as many tokens.
#
# ## What you have seen
#
# - Which prompts go together decides how much is padding. Sorting is strong and cheap, but must know all lengths, and
#   changes the order.
# - Packing a batch as it comes keeps the order. In large batches it pads less than sorting, in small ones more.
# - Packing everything first saves more slots than either. With one very long prompt, all rows are long, and attention
#   pays for it.
# - A token budget makes passes alike in memory, and in time while prompts are short.
# - Against sorting, the paper's prepacking gains a little time. It keeps the order, and waits for nobody.
#
# The paper: its comparison over whole datasets, where dataset prepacking wins on exam questions, and per-batch
# prepacking on conversations.
#
# **Next:** can you predict all this before you run anything? That is [lesson 08](08_predicting_the_gain.ipynb).

# %%
lab.progress("07")
