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
import torch

import prepack_lab as lab
from prepack_lab import figures
from prepack_lab.course import reports
from prepack_lab.measuring import paper
from prepack_lab.measuring.memory import memory_parts
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
# Here is a batch of 64 exam questions and the paper's model of 1.3 billion parameters, in [bfloat16](glossary.ipynb#bfloat16). It is an estimate,
# made from the model's sizes; nothing is run.
#
# **Predict first:** which part is the largest in full batching?

# %%
sizes = load_sizes("sheared-llama-1.3b")
lengths = lab.load_profile("mmlu").sample(64, seed=0)
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
# An estimate should be held against a measurement. On CUDA the allocator reports the peak. On a CPU the lab follows every
# allocation. Eight questions, SmolLM2, on this machine:

# %%
model, tokenizer = lab.load_model("smollm2-135m", dtype="float32")
few = lab.load_profile("mmlu").sample(8, seed=17)
reports.memory_table(model, few, methods)

# %% [markdown]
# The estimate is a model, not a promise: libraries keep copies for a moment, and take memory in large pieces.
#
# ## The wall
#
# Now let the batch grow until the device is full. Move the memory, choose a model and a workload, and read the largest
# batch of each method.
#
# **Predict first:** how many times as many prompts does prepacking fit, compared with full batching?

# %%
lab.widgets.MemoryWall()

# %% [markdown]
# The paper measured the peak of 64 exam questions with its model of 1.3 billion parameters, on a GPU of 48 GB. It reports
# batches up to 16 times as large.
#
# Its padded batches took far more than the widget expects. Two reasons are likely: logits at every slot, as `transformers`
# returned them then, and eager attention, which holds a score for every pair of slots.

# %%
for method, measured in paper.MMLU_64.items():
    print(f"{method:15} {measured['peak MB']:>7,} MB")

# %%
lab.widgets.Quiz("06-wall")

# %% exercise="06-largest"

# %% [markdown]
# ## Unpacking gives it back
#
# All of this was before unpacking. To decode, each prompt gets a cache of its own, and that one is padded again.

# %%
packing = lab.pack(lengths)
per_slot = sizes.cache_per_token * 2  # bytes, in bfloat16
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
prompts = lab.random_prompts(few, vocab_size=1000)
rows = lab.generate(model, prompts, "prepacked", decoding="packed", max_new_tokens=4)
print(f"cache: {rows.cache_bytes / 1e6:.0f} MB in rows, {rows.unpacked_cache_bytes / 1e6:.0f} MB unpacked")

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
