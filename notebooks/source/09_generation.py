# %% [markdown]
# # 09 · Generation
#
# **In forty-five minutes you will be able to**
#
# - go on from a packed prefill, token for token,
# - say when a missing restart of positions shows,
# - distinguish the time to first token from the time per output token, and what each is limited by,
# - decode from the packed rows themselves, and say when that pays.
#
# You need [lesson 04](04_packed_equals_unpacked.ipynb). In shapes, **B** is prompts and **L** tokens of the longest.

# %%
from statistics import mean

import torch
from transformers import DynamicCache, TextStreamer

import prepack_lab as lab
from prepack_lab import figures
from prepack_lab.forward import cache_argument
from prepack_lab.measuring.cost import cost_of_step
from prepack_lab.measuring.token_times import time_tokens, typical

lab.progress("09")

# %% [markdown]
# ## Going on
#
# [Prefill](glossary.ipynb#Prefill) leaves two things for each prompt: the logits of its next token, and a
# [cache](glossary.ipynb#KV-cache). [Decoding](glossary.ipynb#Decode) takes the likeliest token, runs a forward pass
# over it alone, and so on.

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
# Now everything is there: the prefill of the lab, and a loop of our own around the bare model. Six prompts, one of them
# long, are packed and read. Each step is one forward pass over a single token per prompt.

# %%
model, tokenizer = lab.load_model("smollm2-135m", dtype="float32")
texts = ["The opposite of hot is", "Water boils at", "One, two, three,", "The sky is", "To be or not", "word " * 50]
prompts = lab.tokenize(tokenizer, texts)
read = lab.prefill(model, prompts, method="prepacked")
tokens, mask = read.next_token_logits.argmax(-1, keepdim=True), read.attention_mask  # [B, 1], [B, L]
positions = torch.tensor([[len(prompt)] for prompt in prompts], device=model.device)  # [B, 1]

# %%
written = [tokens]
for step in range(5):
    mask = torch.cat([mask, mask.new_ones(len(prompts), 1)], dim=1)
    cache = {cache_argument(model): read.cache}  # it grows by itself
    with torch.no_grad():
        out = model(tokens, attention_mask=mask, position_ids=positions + step, use_cache=True, **cache)
    tokens = out.logits[:, -1].argmax(-1, keepdim=True)
    written.append(tokens)

# %%
ours = torch.cat(written, dim=1).tolist()
print(tokenizer.batch_decode(ours))
print("as each alone:", ours == [*lab.generate(model, prompts, "one_by_one", max_new_tokens=6)])

# %% [markdown]
# `lab.generate` is this loop, with all the options of `model.generate`. From here on we call it.
#
# ## Positions, once more
#
# In lesson 03 a rotary model gave the right logits without [restart positions](glossary.ipynb#Restart-positions). Here
# is that experiment again, one step longer: a tiny Llama reads one packed row, the cache is unpacked, and one more
# token is decoded for each prompt. The mask is right in both runs.
#
# **Predict first:** what happens to the first *decoded* token, if positions ran on through the packed row?

# %%
tiny, byte_tokenizer = lab.load_model("tiny-llama", device="cpu")
in_bytes = lab.tokenize(byte_tokenizer, ["The capital of Germany is", "Water boils at", "Roses are red,"])
lengths = torch.tensor([[len(prompt)] for prompt in in_bytes])  # [B, 1]
alone = lab.prefill(tiny, in_bytes, method="one_by_one")
grown = torch.cat([alone.attention_mask, torch.ones_like(lengths)], dim=1)  # [B, L + 1]
print(f"the logits spread by {alone.next_token_logits.std():.3f}")


@torch.no_grad()
def one_more(cache):
    """The logits after one more token of each prompt."""
    tokens, cached = alone.next_token_logits.argmax(-1, keepdim=True), {cache_argument(tiny): cache}
    return tiny(tokens, attention_mask=grown, position_ids=lengths, use_cache=True, **cached).logits[:, -1]


# %%
batch = lab.PackedBatch.from_prompts(in_bytes, lab.Packing.concatenated(lengths.flatten().tolist()))
packed_mask, right = lab.packed_mask(batch.segment_ids, dtype=tiny.dtype), one_more(alone.cache)
running_on = torch.arange(batch.shape[1])[None]  # [1, W]
for name, positions in {"restart": batch.position_ids, "running on": running_on}.items():
    row = {cache_argument(tiny): DynamicCache()}
    with torch.no_grad():
        out = tiny(batch.input_ids, attention_mask=packed_mask, position_ids=positions, use_cache=True, **row)
    after = (out.logits[batch.last_token.unbind(1)] - alone.next_token_logits).abs().max()
    later = (one_more(lab.unpack_cache(*row.values(), batch, tiny.config)) - right).abs().max()
    print(f"{name:11} off after the prompt: {after:.6f}   after one decoded token: {later:.6f}")

# %% [markdown]
# After the prompt both are right, up to rounding. The logits after the decoded token are wrong where positions ran on.
# It stands at the prompt's own length, but the keys in its cache were counted from the row's beginning. So the
# distances are wrong.

# %%
lab.widgets.Quiz("09-restart")

# %% [markdown]
# ## The same words, sooner or later
#
# The widget lets methods continue the same prompts, each on its own clock, and marks what is identical. Press Run.

# %%
lab.widgets.GenerationRace(model=model, tokenizer=tokenizer)

# %% [markdown]
# To see tokens as they come, `lab.generate` takes a *streamer*, as `model.generate` does: an object that is handed each
# token. This one prints them.

# %%
streamer = TextStreamer(tokenizer, skip_prompt=True)
tokens = lab.generate(model, prompts[:1], "prepacked", max_new_tokens=12, streamer=streamer)

# %% [markdown]
# A streamer with a clock measures what those who wait care about. The **[time to first
# token](glossary.ipynb#Time-to-first-token)** is waiting and prefill. The **[time per output
# token](glossary.ipynb#Time-per-output-token)** is a step of decoding. Our six prompts again, by four ways in turn.
#
# **Predict first:** which of the two does prepacking change?

# %%
runners = {
    "one_by_one": {"method": "one_by_one"},
    "full_batching": {"method": "full_batching"},
    "prepacked": {"method": "prepacked"},
    "prepacked, packed decoding": {"method": "prepacked", "decoding": "packed"},
}
runs = time_tokens(model, prompts, runners, max_new_tokens=6, repeats=2)
for way, taken in runs.items():
    first = " and ".join(f"{1e3 * mean(run.first):5.0f}" for run in taken)
    later = " and ".join(f"{1e3 * run.per_token:4.0f}" for run in taken)
    print(f"{way:27} first token, mean: {first} ms   each after it: {later} ms   (two runs)")

# %% [markdown]
# Where time follows slots, as on a CPU, prepacking brings the first tokens sooner. After that it decodes as full
# batching does, from the same kind of cache. One by one, the first prompt has its answer early, and the last one waits
# for all others. The figure shows when tokens came.

# %%
figures.draw_race({name: typical(taken).in_order for name, taken in runs.items()}, len(prompts))

# %% exercise="09-times"

# %%
lab.widgets.Quiz("09-gain")

# %% [markdown]
# ## Why decoding is another world
#
# A step computes one token for each prompt, and reads every weight for it, and the whole cache.
#
# **Predict first:** how many operations does a step make for each byte that it moves, compared with a prefill?

# %%
lengths = [len(prompt) for prompt in prompts]
costs = {}
for method in ("full_batching", "prepacked"):
    costs[f"{method}: prefill"] = lab.estimate_cost(model.config, lengths, method, model.dtype)
costs["a step of decoding"] = cost_of_step(model.config, len(lengths), len(lengths) * max(lengths), model.dtype)
for name, one in costs.items():
    work = f"{one.slots:4} slots   {one.flops / 1e9:6.1f} billion operations   {one.moved_bytes / 1e9:.2f} GB moved"
    print(f"{name:24} {work}   {one.intensity:5.1f} operations per byte")

# %% [markdown]
# Nothing was run: this is counted from the model's sizes. A step makes many times fewer operations for each byte: it
# computes a few slots, but has to move all weights for them. So a large prefill is limited by arithmetic, and saved
# slots are saved time. A step is limited by memory: weights and cache must be moved, whatever the packing. That is why
# prepacking is a method for *prefill*.
#
# ## Packed decoding
#
# But the cache itself can stay packed. `decoding="packed"` gives no prompt a cache of its own: every row goes on as a
# row, and a step adds one slot for each prompt in it. A new token sees the slots of its own prompt, wherever they lie.

# %%
packed = lab.generate(model, prompts, "prepacked", decoding="packed", max_new_tokens=6)
print("the same tokens:", [*packed] == ours)
print(f"cache: {packed.cache_bytes / 1e6:.1f} MB packed, {packed.unpacked_cache_bytes / 1e6:.1f} MB unpacked")

# %% [markdown]
# **Predict first:** rows hold unequal numbers of prompts, and all grow as fast as the row with the most. Which cache is
# the smallest after 120 steps?

# %%
per_slot = packed.unpacked_cache_bytes / (len(lengths) * (max(lengths) + 5))
ways = {"prepacked": lab.Packing.padded(lengths), "prepacked, packed decoding": lab.pack(lengths)}
figures.draw_cache_over_steps(
    ways | {"padding_free, packed decoding": lab.Packing.concatenated(lengths)}, 120, per_slot
)

# %% [markdown]
# Packed rows begin small. Where one row holds many short prompts, every row grows by as many slots per step, and in the
# end they take more than a cache for each. A single row never pads.

# %% exercise="09-slots"

# %%
lab.widgets.Quiz("09-memory")

# %% [markdown]
# ## In the real world
#
# - Servers measure both times: the first token for patience, each further one for reading speed.
# - [vLLM](https://arxiv.org/abs/2309.06180) keeps caches in pages, so that nothing is padded and nothing is unpacked:
#   [lesson 10](10_beyond_prepacking.ipynb).
# - [DistServe](https://arxiv.org/abs/2401.09670) splits the two worlds, and prefills on one machine and decodes on
#   another.
#
# ## What you have seen
#
# - Decoding goes on from a packed prefill, token for token as alone.
# - The restart of positions matters now, also for rotary models.
# - Prepacking shortens the time to first token, and leaves the time per output token as it is.
# - Packed rows can be decoded as rows. That saves memory while answers are short.
#
# The paper: prepacking brings the first token up to 2.9 times as fast as full batching. It also offers preliminary
# results on packing during generation. No figures of them were found, so there are none to compare with.
#
# **Next:** what came after prepacking? That is [lesson 10](10_beyond_prepacking.ipynb).

# %%
lab.progress("09")
