# %% [markdown]
# # 09 · Generation
#
# **In forty-five minutes you will be able to**
#
# - go on from a packed prefill, token for token,
# - say why the restart of positions shows only now,
# - distinguish the time to first token from the time per output token, and what each is limited by,
# - decode from the packed rows themselves, and say when that pays.
#
# You need [lesson 04](04_packed_equals_unpacked.ipynb). In shapes, **B** is prompts and **L** tokens of the longest.

# %%
import torch

import prepack_lab as lab
from prepack_lab import figures
from prepack_lab.course import reports
from prepack_lab.course.ablation import ablate
from prepack_lab.measuring.cost import cost_of_step
from prepack_lab.measuring.machine import describe_machine
from prepack_lab.measuring.token_times import time_tokens, typical
from prepack_lab.packing import Packing

lab.progress("09")

# %% [markdown]
# ## Going on
#
# [Prefill](glossary.ipynb#Prefill) leaves two things for each prompt: the logits of its next token, and a
# [cache](glossary.ipynb#KV-cache). [Decoding](glossary.ipynb#Decode) takes the likeliest token, runs a forward pass over
# it alone, and so on.

# %% exercise="09-greedy"

# %% [markdown]
# ## Where the next token stands
#
# A batch of prompts goes on together: one new token each, in one forward pass. Two things must grow with it. Each new
# token needs its **[position](glossary.ipynb#Position)**, and the **[attention mask](glossary.ipynb#Attention-mask)**
# needs a column.

# %% exercise="09-position"

# %% exercise="09-mask"

# %% [markdown]
# ## Now the restart shows
#
# In lesson 03 a rotary model gave the right logits without [restart positions](glossary.ipynb#Restart-positions).
# **Predict first:** what happens to the first *decoded* token, if positions ran on through the packed row?

# %%
tiny, byte_tokenizer = lab.load_model("tiny-llama", device="cpu")
in_bytes = lab.tokenize(byte_tokenizer, ["The capital of Germany is", "Water boils at", "Roses are red,"])
reports.restart_table({"with restart": ablate(tiny, in_bytes), "without": ablate(tiny, in_bytes, restart=False)})

# %% [markdown]
# The next token of a prompt stands at the prompt's own length. Its neighbours in the cache must have been counted from 0,
# too, or the distances are wrong.

# %%
lab.widgets.Quiz("09-restart")

# %% [markdown]
# ## The same words, sooner or later
#
# The widget lets methods continue the same prompts, each on its own clock, and marks what is identical. Press Run.

# %%
model, tokenizer = lab.load_model("smollm2-135m", dtype="float32")
lab.widgets.GenerationRace(model=model, tokenizer=tokenizer)

# %% [markdown]
# Two times matter to those who wait. The **[time to first token](glossary.ipynb#Time-to-first-token)** is waiting and prefill.
# The **[time per output token](glossary.ipynb#Time-per-output-token)** is a step of decoding. Six prompts, one of them
# long, eight new tokens each.
#
# **Predict first:** which of the two does prepacking change?

# %%
texts = [
    "The opposite of hot is",
    "Water boils at",
    "One, two, three,",
    "The sky is",
    "To be or not",
    " ".join(["word"] * 90),
]
prompts = lab.tokenize(tokenizer, texts)
runners = {
    "one_by_one": {"method": "one_by_one"},
    "full_batching": {"method": "full_batching"},
    "prepacked": {"method": "prepacked"},
    "prepacked, packed decoding": {"method": "prepacked", "decoding": "packed"},
}
runs = time_tokens(model, prompts, runners, max_new_tokens=8, repeats=2)
reports.token_times_table(runs, describe_machine(str(model.device))["device"])

# %% [markdown]
# One by one, the first prompt has its answer early and the last one waits for all others. The batches have their first
# tokens together. Where time follows slots, as on a CPU, prepacking brings them sooner. After that it decodes as full batching does, from the same kind of
# cache. The figure shows when tokens came.

# %%
figures.draw_race({name: typical(taken).in_order for name, taken in runs.items()}, len(prompts))

# %% exercise="09-times"

# %%
lab.widgets.Quiz("09-gain")

# %% [markdown]
# ## Streaming
#
# Tokens can be shown as they come. `lab.generate` takes a *streamer*, as `model.generate` does: an object that is handed
# each token.

# %%
from transformers import TextStreamer

streamer = TextStreamer(tokenizer, skip_prompt=True)
tokens = lab.generate(model, prompts[:1], "prepacked", max_new_tokens=16, streamer=streamer)

# %% [markdown]
# ## Why decoding is another world
#
# A step computes one token for each prompt, and reads every weight for it, and the whole cache.
#
# **Predict first:** how many operations does a step make of each byte, compared with a prefill?

# %%
lengths = [len(prompt) for prompt in prompts]
slots = len(lengths) * max(lengths)
work = {
    f"{method}: prefill": lab.estimate_cost(model.config, lengths, method, model.dtype)
    for method in ("full_batching", "prepacked")
}
work["a step of decoding"] = cost_of_step(model.config, len(lengths), slots, model.dtype)
reports.work_table(work)

# %% [markdown]
# Prefill is limited by arithmetic, so slots that are saved are time that is saved. A step of decoding is limited by
# memory: weights and cache must be moved, whatever the packing. That is why prepacking is a method for *prefill*.
#
# ## Packed decoding
#
# But the cache itself can stay packed. `decoding="packed"` gives no prompt a cache of its own: every row goes on as a
# row, and a step adds one slot for each prompt in it. A new token sees the slots of its own prompt, wherever they lie.

# %%
packed = lab.generate(model, prompts, "prepacked", decoding="packed", max_new_tokens=8)
unpacked = lab.generate(model, prompts, "prepacked", max_new_tokens=8)
print("the same tokens:", [*packed] == [*unpacked])
print(f"cache: {packed.cache_bytes / 1e6:.1f} MB packed, {packed.unpacked_cache_bytes / 1e6:.1f} MB unpacked")

# %% [markdown]
# **Predict first:** rows hold unequal numbers of prompts, and all grow as fast as the row with the most prompts. What happens after many
# steps?

# %%
per_slot = packed.unpacked_cache_bytes / (len(lengths) * (max(lengths) + 7))
ways = {"prepacked": Packing.padded(lengths), "prepacked, packed decoding": lab.pack(lengths)}
figures.draw_cache_over_steps(
    ways | {"padding_free, packed decoding": lab.Packing.concatenated(lengths)}, 120, per_slot
)

# %% [markdown]
# Packed rows begin small. Where one row holds many short prompts, every row grows by as many slots a step, and in the end
# they take more than a cache for each. A single row never pads.

# %% exercise="09-slots"

# %%
lab.widgets.Quiz("09-memory")

# %% [markdown]
# ## In the real world
#
# - Servers measure both times: the first token for patience, each further one for reading speed.
# - They keep caches in pages, so that nothing is padded and nothing is unpacked: [lesson 10](10_beyond_prepacking.ipynb).
# - Some split the two worlds, and prefill on one machine and decode on another.
#
# ## What you have seen
#
# - Decoding goes on from a packed prefill, token for token as alone.
# - The restart of positions matters now, also for rotary models.
# - Prepacking shortens the time to first token, and leaves the time per output token as it is.
# - Packed rows can be decoded as rows. That saves memory while answers are short.
#
# The paper: its outlook on packing during generation, and the time to first token.
#
# **Next:** what came after prepacking? That is [lesson 10](10_beyond_prepacking.ipynb).

# %%
lab.progress("09")
