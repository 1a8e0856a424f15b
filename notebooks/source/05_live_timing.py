# %% [markdown]
# # 05 · Live timing
#
# **In forty minutes you will be able to**
#
# - time a piece of work honestly, on a CPU and on a GPU,
# - measure prefill and time to first token by every method, on your machine,
# - hold your speed-ups against the paper's,
# - say when packing loses.
#
# You need [lesson 01](01_padding_waste.ipynb) and [lesson 02](02_bin_packing.ipynb). Every time below is measured while
# you watch, on the GPU if there is one. Close other programs, and plug the laptop in.

# %%
from functools import partial

import prepack_lab as lab
from prepack_lab import figures
from prepack_lab.course import reports
from prepack_lab.forward import run_method
from prepack_lab.measuring import paper
from prepack_lab.measuring.predictors import expected_fewer_rows, time_batches
from prepack_lab.measuring.timing import measure

lab.progress("05")

# %% [markdown]
# ## The first run lies
#
# Here is one short prompt, prefilled six times.
#
# **Predict first:** which run is the slowest, and by how much?

# %%
model, tokenizer = lab.load_model("smollm2-135m")
prompt = lab.random_prompts([40], vocab_size=1000)
six = measure(partial(lab.prefill, model, prompt), warmup=0, repeats=6)
reports.runs_table(six)

# %% [markdown]
# The first run does things that are done once: the lab asks the model whether it can be packed, and torch loads code and
# allocates memory. So there is a **warm-up**, a run that does not count.
#
# The others differ, too, because your machine does other things beside. Compare the last columns: one slow run pulls the
# mean along, and leaves the **[median](glossary.ipynb#Median-and-quartiles)** nearly where it was. So take the median,
# and say how far the runs spread.

# %% exercise="05-median"

# %% [markdown]
# ## A GPU works on after the call has returned
#
# Python only *launches* work on a GPU, and goes on at once. If you read the clock then, you have timed the launch.
#
# **Predict first:** here are one and four products of large matrices, on your device. When does the call return, and when
# is the work done?

# %%
reports.waiting_table(model.device)

# %% [markdown]
# On a CPU both times are the same: the call returns when the work is done. On a GPU the call returns early, and only
# waiting shows how long the work took.
#
# The authors' code does not wait for the device, and times prepacking first, without a warm-up. Both are mistakes, but
# the second harms their own method. And the speed-ups that they report are what counting rows predicts, as you will see.

# %% exercise="05-sync"

# %%
lab.widgets.Quiz("05-sync")

# %% [markdown]
# `measure` does all of this: it warms up, waits for the device before and after, repeats, and keeps every run.
# `lab.measure_together` runs several functions *in turn*.

# %%
lab.widgets.Quiz("05-turn")

# %% [markdown]
# ## Prefill, by every method
#
# Eight exam questions in one batch, of a draw without very long ones, so that you need not wait.

# %%
profile = lab.load_profile("mmlu")
lengths = profile.sample(16, seed=369)  # eight now, and all of them later
eight = lengths[:8]
figures.draw_rows({"padded: one prompt a row": lab.Packing.padded(eight), "packed": lab.pack(eight)})

# %% [markdown]
# **Predict first:** how many times as fast as full batching is prepacking? Count the rows.

# %%
prompts = lab.random_prompts(eight, vocab_size=1000)
methods = ("full_batching", "one_by_one", "prepacked", "padding_free")
passes = {method: partial(run_method, model, prompts, method) for method in methods}
prefills = lab.measure_together(passes, repeats=3)
reports.times_table(prefills)

# %% [markdown]
# Rows predict it roughly: k over r, here 8 over 3. `padding_free` has no padding left, and no mask.
#
# Look at `one_by_one`, which pads nothing either. Where one prompt keeps the machine busy, as on most CPUs, it is not far
# behind. A large GPU would idle most of the time, as in lesson 01.

# %% exercise="05-speedup"

# %% [markdown]
# ## Until the first token
#
# Whoever waits for an answer does not care about forward passes. What counts is the
# **[time to first token](glossary.ipynb#Time-to-first-token)**. A padded batch has its first tokens right away. A packed
# pass has the logits that choose them, too, but decoding goes on from a cache per prompt, so its rows are unpacked first.
#
# **Predict first:** does the gain grow or shrink, from the forward passes to the first token?

# %%
ways = {
    method: partial(lab.generate, model, prompts, method, max_new_tokens=1)
    for method in ("full_batching", "prepacked", "padding_free")
}
reports.first_token_table(prefills, lab.measure_together(ways, repeats=3))

# %% [markdown]
# Unpacking takes time that the prefill has won. The paper lost more: with batches of 16 such questions and the 1.3B model,
# 3.33 times as fast for the prefill, and 2.64 times until the first token. The authors leave each prompt's last token out
# of the rows, and compute it from the unpacked caches, in a step of decoding that the lab does without.

# %% exercise="05-ttft"

# %% [markdown]
# ## Your machine, your model, your batch
#
# Choose a workload and how far the batch shall grow, and press Run. The curves come in as they are measured; dotted is
# what a short calibration predicted. *Measure* switches to the time to first token. Stop whenever you like.

# %%
lab.widgets.LiveTiming(model)

# %% [markdown]
# ## Beside the paper
#
# The more prompts, the longer the longest of them, and the more there is to gain. Here are batches of 2 to 16 questions on
# your machine, beside what the paper measured on its GPU. The dotted line is [k over r](glossary.ipynb#k-over-r), counted.
#
# **Predict first:** from how many prompts on does packing pay here?

# %%
batches = {str(size): lengths[:size] for size in (2, 4, 16)}
gains = {len(one.lengths): one.speed_up for one in time_batches(model, batches, "prepacked").values()}
gains[8] = prefills["full_batching"].median / prefills["prepacked"].median  # measured above
counted = {size: expected_fewer_rows(profile, size) for size in (2, 4, 8, 16, 32, 64)}
figures.draw_speed_ups({"prepacked": gains}, paper.SPEED_UP_BY_BATCH["mmlu"], counted)

# %% [markdown]
# Two prompts never fit into a row as long as the longer one, so there is nothing to gain. From then on the gain grows,
# about as k over r does.
#
# Yours is a single batch of each size. The paper's points and the dotted line are means of many. The command
# `prepack-lab bench batch-size` draws several batches, up to 64 prompts, and takes its time.
#
# ## When packing loses
#
# Prompts of one length have no padding. Then the packed rows *are* the padded batch. What is added is the packing, and a
# mask.
#
# **Predict first:** is prepacking slower here, and by how much?

# %%
equal = lab.random_prompts([40] * 4, vocab_size=1000)
draw = {method: partial(run_method, model, equal, method) for method in ("full_batching", "prepacked")}
reports.times_table(lab.measure_together(draw, repeats=5))

# %% [markdown]
# A draw, or a little less. Look at the quartiles before you call one of them faster: the runs of one method may differ by
# more than the medians. Unpacking the caches comes on top, so the first token may well come *later* than without packing.
#
# There are more ways to gain nothing: a batch of one or two prompts, as above, and a GPU that is not full.

# %%
lab.widgets.Quiz("05-small")

# %% exercise="05-lose"

# %% [markdown]
# ## The paper's workloads, recorded
#
# The paper measured batches of sixteen from six workloads on a GPU, and exam questions in batches of 4 to 64. Here is the
# same on two CPU cores, recorded with this lab's `prepack-lab bench`, with a model a tenth as large. **k/r** says how many times fewer rows
# packing leaves. Where a recorded figure falls short of the paper's, the last column says why.

# %%
reports.beside_paper_table()

# %% [markdown]
# ## On a GPU
#
# On a machine with CUDA the lab takes the GPU by itself, in bfloat16, and everything above was measured there. These
# prefills were measured elsewhere, and recorded with this version of the lab. A recording says where and when it was
# taken, and which command repeats it. Where one has your model, the widget above shows it beside your own curves.

# %%
reports.recordings_table()

# %% [markdown]
# ## In the real world
#
# - The benchmark of vLLM, `vllm bench serve`, reports the time to first token and the time per output token: mean, median
#   and percentiles.
# - torch has a stopwatch of its own, [`torch.utils.benchmark`](https://docs.pytorch.org/docs/stable/benchmark_utils.html).
#   It warms up, waits for the device, and reports the median and quartiles.
# - "Up to N times faster" is the best cell of a table. Ask for the table.
#
# ## What you have seen
#
# - Warm up, wait for the device, run in turn, and report the median and the spread.
# - The forward passes gain most. Unpacking takes a part of it back.
# - The gain grows with the batch, and with how unequal the prompts are. Counting rows predicts it.
# - With one or two prompts, or with prompts of one length, there is nothing to win, and a little to lose.
#
# The paper: section 4, prefill time and time to first token.
#
# **Next:** where does the memory go? That is [lesson 06](06_memory.ipynb).

# %%
lab.progress("05")
