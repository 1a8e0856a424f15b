# %% [markdown]
# # 05 · Live timing
#
# **In forty minutes you will be able to**
#
# - time a piece of work honestly, on a CPU and on a GPU,
# - measure prefill and time to first token by every method, on your machine,
# - compare your speed-ups with the paper's,
# - say when packing loses.
#
# You need [lesson 01](01_padding_waste.ipynb) and [lesson 02](02_bin_packing.ipynb). Every time below is measured while
# you watch, on the GPU if there is one. Close other programs, and plug the laptop in.

# %%
from functools import partial
from statistics import mean, median
from time import perf_counter

import torch

import prepack_lab as lab
from prepack_lab import figures
from prepack_lab.course import tables
from prepack_lab.forward import run_method
from prepack_lab.measuring import paper, recordings
from prepack_lab.measuring.predictors import expected_fewer_rows, time_batches
from prepack_lab.measuring.table import Table

lab.progress("05")

# %% [markdown]
# ## The same work, six times
#
# Here is one short prompt, prefilled six times.
#
# **Predict first:** do all six take the same time? If not, which is the slowest, and by how much?

# %%
model, tokenizer = lab.load_model("smollm2-135m")
prompt, seconds = lab.random_prompts([40], vocab_size=1000), []
for _ in range(6):
    start = perf_counter()
    lab.prefill(model, prompt).next_token_logits.argmax().item()
    seconds.append(perf_counter() - start)
print("milliseconds:", *(f"{1000 * run:.1f}" for run in seconds))
for words, runs in (("all six", seconds), ("without the first", seconds[1:])):
    print(f"{words}: mean {1000 * mean(runs):.1f}, median {1000 * median(runs):.1f}")

# %% [markdown]
# The first run does things that are done once: the lab asks the model whether it can be packed, and torch loads code and
# allocates memory. So there is a **warm-up**, a run that does not count.
#
# The others differ, too, because your machine is doing other things as well. Compare the two lines: one slow run pulls
# the mean along, and leaves the **[median](glossary.ipynb#Median-and-quartiles)** nearly where it was. So take the
# median, and say how far the runs spread.

# %% exercise="05-median"

# %% [markdown]
# ## When is it done?
#
# Python only *launches* work on a GPU, and goes on at once. `torch.cuda.synchronize()` waits until the GPU has nothing
# left to do.
#
# **Predict first:** here are one and four products of large matrices, on your device. When does the call return, and when
# is the work done?

# %%
matrix = torch.ones(2048, 2048, device=model.device)
wait = torch.cuda.synchronize if model.device.type == "cuda" else lambda: None
matrix @ matrix  # a warm-up
for products in (1, 4):
    wait()
    start = perf_counter()
    for _ in range(products):
        matrix @ matrix
    returned = perf_counter() - start
    wait()
    done = perf_counter() - start
    print(f"products: {products}, the call returned after {1000 * returned:.1f} ms, done after {1000 * done:.1f} ms")

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
# ## Several methods, in turn

# %%
lab.widgets.Quiz("05-turn")

# %% exercise="05-together"

# %% [markdown]
# `lab.measure_together` is this function for your own device. It also keeps every run, and the peak of the memory on a
# GPU. In Jupyter `lab.measure_together??` shows its code.
#
# ## Prefill, by every method
#
# Eight exam questions in one batch, chosen so that no very long one is among them: you need not wait.

# %%
profile = lab.load_profile("mmlu")
lengths = profile.sample(8, seed=7080)
figures.draw_rows({"padded: one prompt per row": lab.Packing.padded(lengths), "packed": lab.pack(lengths)})

# %% [markdown]
# Three methods are timed twice: their forward passes, and the whole way until the first token, which comes below. All of
# it is run in turn. `run_method` runs the passes of a method, and nothing else.
#
# **Predict first:** how many times as fast as full batching are the forward passes of prepacking? Count the rows.

# %%
prompts = lab.random_prompts(lengths, vocab_size=1000)
runs = {
    (method, "passes"): partial(run_method, model, prompts, method)
    for method in ("full_batching", "one_by_one", "prepacked", "padding_free")
}
for method in ("full_batching", "prepacked", "padding_free"):
    runs[method, "first token"] = partial(lab.generate, model, prompts, method, max_new_tokens=1)
times = lab.measure_together(runs, repeats=3)
tables.times_table({method: time for (method, what), time in times.items() if what == "passes"})

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
for (method, what), time in times.items():
    gain = times["full_batching", what].median / time.median
    print(f"{what:12} {method:14} {1000 * time.median:6.0f} ms, {gain:.2f} times as fast as full_batching")

# %% [markdown]
# It shrinks: packed rows are unpacked first, and full batching has nothing to unpack. Where your figures say otherwise,
# the runs of one method spread more than that.
#
# In the paper, batches of 16 such questions and the 1.3B model were 3.33 times as fast for the prefill, and 2.64 times
# until the first token. The authors leave each prompt's last token out of the rows. They compute it from the unpacked
# caches, in a step of decoding that the lab does without.

# %% exercise="05-ttft"

# %% [markdown]
# ## Your machine, your model, your batch
#
# Choose a workload and how far the batch is to grow, and press Run. The curves come in as they are measured; the dotted
# ones are what a short calibration predicted. *Measure* switches to the time to first token. Stop whenever you like.

# %%
lab.widgets.LiveTiming(model)

# %% [markdown]
# ## Beside the paper
#
# The more prompts, the longer the longest of them, and the more there is to gain. Here are batches of 2, 4 and 8 questions
# on your machine, beside what the paper measured on its GPU. The dotted line is [k over r](glossary.ipynb#k-over-r), counted.
#
# **Predict first:** from how many prompts on does packing pay here?

# %%
timed = time_batches(model, {"two": lengths[:2], "four": lengths[:4]}, "prepacked")
gains = {len(batch.lengths): batch.speed_up for batch in timed.values()}
gains[8] = times["full_batching", "passes"].median / times["prepacked", "passes"].median  # measured above
counted = {size: expected_fewer_rows(profile, size) for size in (2, 4, 8, 16, 32, 64)}
figures.draw_speed_ups({"prepacked": gains}, paper.SPEED_UP_BY_BATCH["mmlu"], counted)

# %% [markdown]
# Two prompts never fit into a row as long as the longer one: k over r is 1, and there is nothing to gain. From then on
# the gain grows, about as k over r does: it is 2 for the first four prompts, and 8 over 3 for all eight.
#
# Yours is a single batch of each size. The paper's points and the dotted line are means of many. The command
# `prepack-lab bench batch-size` takes several random batches, up to 64 prompts, and takes its time.
#
# ## Prompts of one length
#
# Prompts of one length have no padding. Then the packed rows *are* the padded batch. What is added is the packing, and a
# mask.
#
# **Predict first:** is prepacking slower here, and by how much?

# %%
equal = lab.random_prompts([24] * 4, vocab_size=1000)
runs = {method: partial(run_method, model, equal, method) for method in ("full_batching", "prepacked")}
alike = lab.measure_together(runs, repeats=5)
(_, upper), (lower, _) = sorted(one.spread for one in alike.values())
print("the quartiles overlap: no difference is seen" if lower < upper else "the quartiles lie apart: a difference")
tables.times_table(alike)

# %% [markdown]
# The same slots are computed, so there is nothing to win, and little to lose. Compare the quartiles before you call one
# of them faster. Where they overlap, the runs of one method differ by as much as the medians do. Unpacking the caches comes
# on top: the first token may well come *later* than without packing.
#
# There are more ways to gain nothing: a batch of one or two prompts, as above, and a GPU that is not full.

# %%
lab.widgets.Quiz("05-small")

# %% exercise="05-lose"

# %% [markdown]
# ## The paper's models
#
# The paper measured batches of sixteen from six workloads with four models, each on the same GPU.
#
# **Predict first:** ten times the parameters. Is the gain larger, smaller or the same?

# %%
rows = []
for workload, by_model in paper.PREFILL_SECONDS.items():
    gains_by_model = {name: full / packed for name, (packed, full) in by_model.items()}
    rows.append((workload, *(f"{gains_by_model[name]:.2f}" if name in by_model else "–" for name in paper.MODELS)))
Table(("workload", *paper.MODELS), rows, "In the paper: times as fast as full batching, batches of 16")

# %% [markdown]
# The same within 4 %, from 1.3 to 13 billion parameters. A larger model makes every slot dearer, for padding
# and for prompts alike. So the gain depends on the lengths of the prompts. (A dash: not in the paper.)
#
# Look at what those prompts are, too. [The authors' code](https://github.com/siyan-zhao/prepacking) takes bare questions
# from `mmlu`, without their choices. From `alpaca` and `hh_rlhf` it takes the answers as well, which a server would write
# and not read.
#
# ## The same workloads, recorded
#
# Here they are on two CPU cores, recorded with this lab's `prepack-lab bench`, with a model a tenth as large as the paper's
# smallest. **k/r** says how many times fewer rows packing leaves of the batches that were run.

# %%
results, rows = {}, []
for recording in reversed(recordings.load_recordings()):  # the latest comes last, and counts
    if recording.benchmark in ("prefill", "batch-size"):
        for row in recording.results:
            results[recording.benchmark, row["workload"], row["batch_size"]] = recording.results
for (_, workload, size), found in sorted(results.items(), reverse=True):
    which = {"workload": workload, "batch_size": size}
    gains = [recordings.speed_up(found, method, **which)[0] for method in ("prepacked", "padding_free")]
    beside = recordings.fewer_rows_recorded(found, **which), paper.SPEED_UP_BY_BATCH[workload][size]
    rows.append((workload, size, *(f"{number:.2f}" for number in (*gains, *beside))))
headings = ("workload", "prompts", "prepacked", "padding_free", "k/r of these batches", "the paper, prepacked")
Table(headings, rows, "Times as fast as full batching, recorded, beside the paper")

# %% [markdown]
# Where `prepacked` stays below the paper, look at k/r. Is it below the paper's speed-up? Then these batches left more rows
# than the paper's did. Is it above? Then the machine is slower than its rows.
#
# ## On other machines
#
# On a machine with CUDA the lab takes the GPU by itself, in bfloat16, and everything above was measured there. The
# recordings below come with the lab. Each says on what and when it was taken, and which command repeats it. Where one has
# your model, the widget above shows it beside your own curves.

# %%
for recording in recordings.load_recordings():
    print(f"{recording.title}\n    {recording.command}")

# %% [markdown]
# ## In the real world
#
# - The benchmark of vLLM, `vllm bench serve`, reports the time to first token and the time per output token: mean, median
#   and percentiles.
# - torch has a stopwatch of its own, [`torch.utils.benchmark`](https://docs.pytorch.org/docs/stable/benchmark_utils.html).
#   It warms up, waits for the device, and reports the median and quartiles.
# - Code moves on: that of the [paper](https://github.com/siyan-zhao/prepacking) has since replaced the attention that it
#   was measured with by FlexAttention. Whoever runs it today measures something else.
# - "Up to N times faster" is the best cell of a table. Ask for the table.
#
# ## What you have seen
#
# - Warm up, wait for the device, run in turn, and report the median and the spread.
# - The forward passes gain most. Unpacking takes a part of it back.
# - The gain grows with the batch, and with how unequal the prompts are. Counting rows predicts it, whatever the model.
# - With one or two prompts, or with prompts of one length, there is nothing to win, and a little to lose.
#
# The paper: section 4, prefill time and time to first token.
#
# **Next:** where does the memory go? That is [lesson 06](06_memory.ipynb).

# %%
lab.progress("05")
