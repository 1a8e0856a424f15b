# %% [markdown]
# # 05 · Live timing
#
# **In thirty minutes you will be able to**
#
# - time a piece of work honestly, on a CPU and on a GPU,
# - measure prefill and time to first token by every method, on your machine,
# - hold your speed-ups against the paper's,
# - say when packing loses.
#
# You need [lesson 01](01_padding_waste.ipynb) and [lesson 02](02_bin_packing.ipynb). Every number below is measured while
# you watch. Close other programs, and plug the laptop in.

# %%
from functools import partial

import prepack_lab as lab
from prepack_lab import figures, paper
from prepack_lab.predictors import expected_fewer_rows

lab.progress("05")

# %% [markdown]
# ## The first run lies
#
# Here is one short prompt, prefilled six times. **Predict first:** which run is the slowest?

# %%
model, tokenizer = lab.load_model("smollm2-135m", dtype="float32")
prompt = lab.random_prompts([40], vocab_size=1000)
six = lab.measure(partial(lab.prefill, model, prompt, "padding_free"), warmup=0, repeats=6)
print(six.device, "·", ", ".join(f"{1000 * seconds:.0f} ms" for seconds in six.seconds))

# %% [markdown]
# Mostly the first: it asks the model whether it can be packed, loads code and allocates memory. So there is a warm-up run
# that does not count. The others differ as well, because your machine does other things, too. One of them is no number:
# take the **[median](glossary.ipynb#Median-and-quartiles)**, and say how far the runs spread.
#
# ### Exercise 1: one number out of several runs (warm-up, 4 minutes)
#
# Given the `seconds` of several runs in the order they were taken, and how many of the first are `warmup` and do not
# count, return the median of those that count. Of an even number, take the mean of the two in the middle.


# %% tags=["stub"]
def median_seconds(seconds, warmup):
    counted = ...
    return ...


# %% tags=["solution"]
def median_seconds(seconds, warmup):
    counted = sorted(seconds[warmup:])
    middle = len(counted) // 2
    if len(counted) % 2:
        return counted[middle]
    return (counted[middle - 1] + counted[middle]) / 2


# %%
lab.check("05-median", median_seconds)

# %% [markdown]
# ## A GPU works on after the call has returned
#
# Python only *launches* work on a GPU, and goes on at once. Who reads the clock then has timed the launch. The authors'
# code does not wait for the device, and runs prepacking first, without a warm-up. (Their baseline is so much slower that
# their story stands.)
#
# ### Exercise 2: a stopwatch for a GPU (core, 6 minutes)
#
# `device.launch()` begins a piece of work and returns at once. `device.synchronize()` waits until all work is done, and
# `device.clock()` tells the seconds. Given a `device`, which may still be busy with something else, launch the work once
# and return how long it took. (The device is simulated, so this works without a GPU.)


# %% tags=["stub"]
def time_work(device):
    start = device.clock()
    device.launch()
    return device.clock() - start  # is the work done?


# %% tags=["solution"]
def time_work(device):
    device.synchronize()
    start = device.clock()
    device.launch()
    device.synchronize()
    return device.clock() - start


# %%
lab.check("05-sync", time_work)

# %%
lab.widgets.Quiz("05-sync")

# %% [markdown]
# `lab.measure` does all of this: it warms up, waits for the device before and after, repeats, and keeps every run.
# `lab.measure_together` runs several functions *in turn*.

# %%
lab.widgets.Quiz("05-turn")

# %% [markdown]
# ## Prefill, by every method
#
# Eight exam questions in one batch, four methods, in turn. **Predict first:** how many times as fast as full batching is
# prepacking? Count the rows: k over r tells.

# %%
lengths = lab.load_profile("mmlu").sample(8, seed=17)
prompts = lab.random_prompts(lengths, vocab_size=1000)
print(f"k/r = {len(lengths) / lab.pack(lengths).num_bins:.1f}")
methods = ("full_batching", "one_by_one", "prepacked", "padding_free")
prefills = {method: partial(lab.prefill, model, prompts, method) for method in methods}
lab.reports.times_table(lab.measure_together(prefills, repeats=3))

# %% [markdown]
# ### Exercise 3: how many times as fast (core, 6 minutes)
#
# `runs` is a list of pairs, a name and its seconds, taken in turn. Return how many times as fast `method` is as
# `baseline`: the median of the one over the median of the other, so that above 1 means faster.


# %% tags=["stub"]
def speed_up(runs, method, baseline):
    return ...


# %% tags=["solution"]
def speed_up(runs, method, baseline):
    def median(name):
        counted = sorted(seconds for run, seconds in runs if run == name)
        middle = len(counted) // 2
        return counted[middle] if len(counted) % 2 else (counted[middle - 1] + counted[middle]) / 2

    return median(baseline) / median(method)


# %%
lab.check("05-speedup", speed_up)

# %% [markdown]
# ## Until the first token
#
# Who waits for an answer does not care about forward passes. What counts is the
# **[time to first token](glossary.ipynb#Time-to-first-token)**. After a packed prefill the cache must be unpacked, and
# one step of decoding gives every prompt its first token. A padded batch has its first tokens right away.
#
# **Predict first:** does the speed-up grow or shrink, from prefill to first token?

# %%
first_tokens = {method: partial(lab.generate, model, prompts, method, max_new_tokens=1) for method in methods}
lab.reports.times_table(lab.measure_together(first_tokens, repeats=3))

# %% [markdown]
# Unpacking and the extra step cost prepacking a part of its gain. The paper found the same: 3.33 times as fast for the prefill of this workload and 2.64 times to the
# first token, at a batch of 16 and with the 1.3B model.
#
# ### Exercise 4: until the first token (warm-up, 3 minutes)
#
# A packed batch took `pack` seconds to pack, `prefill` for the packed pass, and `unpack` to give each prompt its
# cache. Then came `steps`, a list with the seconds of each step of decoding. The first step gives every prompt its first
# token. Return the time to first token, in seconds.


# %% tags=["stub"]
def time_to_first_token(pack, prefill, unpack, steps):
    return ...


# %% tags=["solution"]
def time_to_first_token(pack, prefill, unpack, steps):
    return pack + prefill + unpack + steps[0]


# %%
lab.check("05-ttft", time_to_first_token)

# %% [markdown]
# ## Your machine, your model, your batch
#
# Choose a workload and how far the batch shall grow, and press Run. The curves come in as they are measured; dotted is
# what a short calibration foretold. *Measure* switches to the time to first token. Stop whenever you like.

# %%
lab.widgets.LiveTiming(model)

# %% [markdown]
# ## Beside the paper
#
# The speed-up grows with the batch, as the rows told in lesson 02. Here are batches of 2, 4 and 8 questions on your
# machine, beside what the paper measured on its GPU, and beside k over r.

# %%
gains = {"prepacked": {}, "padding_free": {}}
for size in (2, 4, 8):
    chosen = [prompts[index] for index in range(size)]
    runs = {method: partial(lab.prefill, model, chosen, method) for method in ("full_batching", *gains)}
    seconds = {method: times.median for method, times in lab.measure_together(runs, repeats=3).items()}
    for method in gains:
        gains[method][size] = seconds["full_batching"] / seconds[method]
counted = {size: expected_fewer_rows(lab.load_profile("mmlu"), size) for size in (2, 4, 8, 16, 32, 64)}
figures.draw_speed_ups(gains, paper.SPEED_UP_BY_BATCH["mmlu"], counted)

# %% [markdown]
# Yours is one batch of each size, so it jumps; the paper's points and the dotted line are means of many. The command
# `prepack-lab bench batch-size` draws many batches, and takes its time.
#
# ## When packing loses
#
# Prompts of one length have no padding. Then a packed batch *is* the padded one, plus the mask, plus the unpacking.
#
# **Predict first:** is prepacking slower here, and by how much?

# %%
equal = lab.random_prompts([40] * 8, vocab_size=1000)
draws = {
    method: partial(lab.prefill, model, equal, method) for method in ("full_batching", "prepacked", "padding_free")
}
lab.reports.times_table(lab.measure_together(draws, repeats=3))

# %%
lab.widgets.Quiz("05-small")

# %% [markdown]
# ### Exercise 5: a batch for which packing loses (challenge, 8 minutes)
#
# Find prompt lengths and a capacity for which packing loses: not fewer slots than the padded batch, and more cells of
# attention (rows × width × width). Write a function without arguments that returns `lengths, capacity`.


# %% tags=["stub"]
def losing_batch():
    return [40, 3, 9, 5], 40  # change these numbers


# %% tags=["solution"]
def losing_batch():
    return [10, 10, 10, 10], 40  # one row of 40: as many slots, and four times the attention


# %%
lab.check("05-lose", losing_batch)

# %% [markdown]
# ## On a GPU
#
# On a machine with CUDA the lab takes the GPU by itself, in bfloat16, and everything above is measured there. What was
# measured on other machines, and recorded with this version of the lab, is in this list. A recording says where and when
# it was taken, and the command that repeats it.

# %%
lab.reports.recordings_table()

# %% [markdown]
# ## In the real world
#
# - Benchmarks of inference servers report the time to first token and the time per output token, as percentiles.
# - torch has a module for this, `torch.utils.benchmark`; it also warms up and waits for the device.
# - "Up to N times faster" is the best cell of a table. Ask for the table.
#
# ## What you have seen
#
# - Warm up, wait for the device, run in turn, and report the median and the spread.
# - Prefill gains most. Unpacking and the first step take a little of it back.
# - The gain grows with the batch, and with how unequal the prompts are.
# - With prompts of one length there is nothing to win, and a little to lose.
#
# The paper: section 4, prefill time and time to first token.
#
# **Next:** where does the memory go? That is [lesson 06](06_memory.ipynb).

# %%
lab.progress("05")
