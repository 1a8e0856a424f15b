# %% [markdown]
# # 06 · Memory and the largest batch
#
# **In thirty-five minutes you will be able to**
#
# - say where the memory of a prefill goes,
# - predict the peak of every method, and the largest batch that fits,
# - find that batch on a device in few tries,
# - say why unpacking can give the gain back, and what packed decoding does about it.
#
# You need [lesson 01](01_padding_waste.ipynb), and the word [KV cache](glossary.ipynb#KV-cache).

# %%
from functools import partial

import torch

import prepack_lab as lab
from prepack_lab import figures
from prepack_lab.forward import run_method
from prepack_lab.measuring import paper
from prepack_lab.measuring.memory import largest_batch, memory_parts, peak_memory
from prepack_lab.measuring.table import Table
from prepack_lab.models.loading import load_sizes

lab.progress("06")

# %% [markdown]
# ## Where it goes
#
# While a prefill runs, a device holds five things:
#
# - the **weights** of the model, whatever is run,
# - the **cache**: keys and values of every slot, in every layer,
# - **activations**: what a layer hands on, for every slot of the pass,
# - the **mask**, where there is one,
# - the **[logits](glossary.ipynb#Logits)**: a score for each word of the vocabulary.
#
# Here is a batch of 64 exam questions and the paper's model of 1.3 billion parameters, in
# [bfloat16](glossary.ipynb#bfloat16). It is an estimate, made from the model's sizes; nothing is run.
#
# **Predict first:** which part is the largest in full batching?

# %%
sizes = load_sizes("sheared-llama-1.3b")
profile = lab.load_profile("mmlu")
lengths = profile.sample(64, seed=0)
methods = ("full_batching", "length_ordered", "prepacked", "padding_free")
parts = {method: memory_parts(sizes, lengths, method, torch.bfloat16) for method in methods}
figures.draw_memory_parts(parts)

# %% [markdown]
# The weights are a floor under every method. Above it, memory follows slots. The cache is the largest part: every slot
# of padding leaves keys and values like a token.

# %% exercise="06-cache"

# %% [markdown]
# ## Logits at every slot
#
# A plain forward pass returns logits at *every* slot. Only those after the last tokens are needed. The lab asks for no
# others; here is what the plain way would hold.

# %%
plain = memory_parts(sizes, lengths, "full_batching", torch.bfloat16, logits_everywhere=True)
figures.draw_memory_parts({"full_batching, logits everywhere": plain, **parts})

# %%
lab.widgets.Quiz("06-logits")

# %% [markdown]
# ## The mask

# %% exercise="06-mask"

# %% [markdown]
# For short prompts it is small. For rows of 8,000 slots one mask takes 128 MB in bfloat16. That is a reason to go without
# one, as `padding_free` does.
#
# ## Estimated and measured
#
# An estimate should be compared with a measurement. On CUDA the allocator reports the peak. On a CPU the lab follows every
# allocation. Eight questions, SmolLM2, on this machine, without the weights:
#
# **Predict first:** by how much will the estimate be wrong?

# %%
model, tokenizer = lab.load_model("smollm2-135m", dtype="float32")
few = profile.sample(8, seed=17)
prompts = lab.random_prompts(few, vocab_size=1000)
for method in ("full_batching", "prepacked", "padding_free"):
    estimated = lab.estimate_cost(model.config, few, method, model.dtype).pass_bytes
    run_method(model, prompts, method)  # a warm-up: what is made once is not its peak
    taken = peak_memory(partial(run_method, model, prompts, method), str(model.device))
    measured = f"{taken / 1e6:4.0f} MB, {taken / estimated:.2f} times" if taken else "not here"
    print(f"{method:14} estimated {estimated / 1e6:4.0f} MB, measured {measured}")

# %% [markdown]
# The last figure of each line is the answer. An estimate counts what has to be there at once. A library may give some of it
# back sooner, keep a copy for a moment, or take memory in large pieces. It is still good for comparing methods.
#
# ## The wall
#
# Now let the batch grow until the device is full: here one of 48 GB, as the paper's, in the estimate.
#
# **Predict first:** how many times as many prompts does prepacking fit, compared with full batching?

# %%
many = profile.sample(8192, seed=0)
fit = {method: largest_batch(sizes, many, method, 48e9, torch.bfloat16) for method in methods}
for method, prompts_that_fit in fit.items():
    more = prompts_that_fit / fit["full_batching"]
    print(f"{method:14} fits {prompts_that_fit:5,} prompts, {more:4.1f} times as many as full_batching")

# %% [markdown]
# Prepacking fits some eight times as many. For 64 such prompts k over r is about six on average, and grows from there: the
# larger the batch, the longer its longest prompt, and the more a padded batch loses. `length_ordered` runs sixteen prompts
# at a time, so that mostly their caches are what it holds.
#
# Move the memory, choose a model and a workload, and read the largest batch of each method.

# %%
lab.widgets.MemoryWall()

# %% [markdown]
# ## The paper's table
#
# The paper ran a thousand exam questions in batches of 64, with its model of 1.3 billion parameters, on a GPU of 48 GB. It
# reports batches up to 16 times as large. The *utilisation* is the share of the time in which the GPU ran anything.
#
# **Predict first:** which method keeps the GPU busiest?

# %%
rows = [
    (method, f"{of['seconds']} ± {of['spread']} s", f"{of['peak MiB']:,} MiB", f"{of['GPU utilisation %']} %")
    for method, of in paper.MMLU_64.items()
]
Table(("method", "a batch takes", "peak", "utilisation"), rows, "MMLU, 64 prompts in a batch, the 1.3B model")

# %% [markdown]
# Full batching: the GPU is busy nearly all the time, and most of what it does is padding. Utilisation does not ask what the
# work is good for.
#
# Read the columns with [the authors' code](https://github.com/siyan-zhao/prepacking) beside you. The seconds are means over
# the batches. The spread, a standard deviation, is nearly as large as the mean, because one long question makes a slow
# batch. The **peak** is that of the largest batch of all. So it is a worst case, set by the longest question of the
# thousand.
#
# The padded batches took far more than the figure above expects. That worst case is one reason. Two more are likely: logits
# at every slot, which a plain forward pass returns, and eager attention, which holds a score for every pair of slots. The
# weights weigh little: the script loads them in 4 bits unless it is asked for more.

# %%
lab.widgets.Quiz("06-wall")

# %% exercise="06-largest"

# %% [markdown]
# ## Unpacking gives it back
#
# All of this was before unpacking. To decode, each prompt gets a cache of its own, and that one is padded again.

# %%
packing = lab.pack(lengths)
per_slot = sizes.cache_per_token * torch.bfloat16.itemsize
figures.draw_cache_layout(packing, per_slot)

# %% exercise="06-unpack"

# %% [markdown]
# So a batch that could be prefilled may not fit once it is unpacked. There are three ways out:
#
# - take what you need and drop the cache: `lab.prefill_dataset(…, cache=False)`, for scoring and classifying,
# - decode from the packed rows: `lab.generate(…, decoding="packed")`,
# - use a server with a paged cache, which pads nothing ([lesson 10](10_beyond_prepacking.ipynb)).
#
# Here is the second one, on the eight questions:

# %%
tokens = lab.generate(model, prompts, "prepacked", decoding="packed", max_new_tokens=4)
print(f"cache: {tokens.cache_bytes / 1e6:.0f} MB in rows, {tokens.unpacked_cache_bytes / 1e6:.0f} MB unpacked")

# %%
lab.widgets.Quiz("06-free")

# %% [markdown]
# ## In the real world
#
# - Running out of memory is a common reason to cut the batch size.
# - `transformers` can keep the last logits only: `logits_to_keep`. Its `generate` does so.
# - Servers set the memory for the cache aside when they start, and admit prompts while there is room.
#
# ## What you have seen
#
# - Weights are a floor. Above it, memory follows the slots that are computed.
# - Logits at every slot are pure waste.
# - Packing fits many times as many prompts, as long as the cache stays packed.
# - Unpacking pads the cache again. Drop it, or decode from the rows.
#
# The paper: its table of peak memory, and its claim of batches up to 16 times as large.
#
# **Next:** more prompts than any batch can hold. That is [lesson 07](07_whole_datasets.ipynb).

# %%
lab.progress("06")
