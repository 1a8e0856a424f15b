# %% [markdown]
# # 03 · Masks and positions
#
# **In sixty minutes you will be able to**
#
# - build restart positions and the packed mask by hand,
# - say whose answer goes wrong without them, and when it does not,
# - distinguish an additive mask from a boolean one, and say why it matters,
# - keep prompts apart without any mask.
#
# You need [lesson 02](02_bin_packing.ipynb), and tensors: shapes, broadcasting, slices. The exercise called a challenge
# is optional.
#
# In every shape below **B** is prompts, **R** rows, **W** slots in a row, **D** numbers in a
# [head](glossary.ipynb#Head), **V** words in the vocabulary.

# %%
import torch

import prepack_lab as lab
from prepack_lab import figures
from prepack_lab.course.ablation import ablate, attention_weights
from prepack_lab.masks import may_see

torch.set_grad_enabled(False)  # nothing is trained here
lab.progress("03")

# %% [markdown]
# ## One row, three prompts
#
# Three prompts lie in one row. The second one asks something that the first one knows.

# %%
texts = ["My cat is called Max and my dog is called Rex.", "The name of my cat is", "The opposite of hot is"]
model, tokenizer = lab.load_model("smollm2-135m", dtype="float32", device="cpu")
prompts = lab.tokenize(tokenizer, texts)
words = [[tokenizer.decode([token]) for token in prompt] for prompt in prompts]
batch = lab.PackedBatch.from_prompts(prompts, lab.Packing.concatenated([len(prompt) for prompt in prompts]))
figures.draw_packed_row(batch, words)

# %% [markdown]
# Every slot carries three things: the token, the **[segment](glossary.ipynb#Segment)** it belongs to, and its
# **[position](glossary.ipynb#Position)** in that segment. Let's build the last two.

# %% exercise="03-segments"

# %% exercise="03-positions"

# %% [markdown]
# ## Prompts read their neighbours
#
# A language model has a **[causal mask](glossary.ipynb#Causal-mask)** by itself: a token sees earlier tokens and itself.
# It knows nothing of our segments. We run the row twice, each time with restart positions, and change the mask only. It
# comes from `lab.packed_mask`. If all slots belong to one prompt, that is the causal mask.
#
# **Predict first:** under the causal mask only, which of the three prompts gets a wrong answer?

# %%
alone = lab.prefill(model, prompts, "one_by_one").next_token_logits  # [B, V]
one_prompt = torch.zeros_like(batch.segment_ids)  # [R, W], as if the row were a single text
masks = {"packed mask": lab.packed_mask(batch.segment_ids), "causal mask only": lab.packed_mask(one_prompt)}
found = {"alone": alone}
for name, mask in masks.items():
    logits = model(batch.input_ids, attention_mask=mask, position_ids=batch.position_ids).logits  # [R, W, V]
    found[name] = logits[batch.last_token.unbind(1)]  # [B, V], after each prompt's last token
for name, logits in found.items():
    off = (logits - alone).abs().amax(1) / alone.std()  # [B], as a share of how far the logits spread
    print(f"{name:17}", tokenizer.batch_decode(logits.argmax(1)[:, None]), [f"{share:.0e}" for share in off.tolist()])

# %% [markdown]
# Each line has the next word of the three prompts, and how far their logits are from those of each prompt alone.
#
# Look at prompt 1. Alone it does not know the cat, and makes up a name. Under the causal mask it has read prompt 0, and
# answers with its neighbour's cat. No error, no warning: the answer even looks better. Prompt 2 has read both, and answers
# with the cat as well. Only prompt 0 is as it was, because nothing lies before it.
#
# Here is the attention that does it, the mean of all layers and heads. Each line is a token that looks.

# %%
leaking = attention_weights(model, batch, mask=False)  # [layers, R, heads, W, W]
figures.draw_attention_weights(leaking.mean((0, 2))[0], batch.segment_ids[0].tolist(), words)

# %% [markdown]
# What lies left of the dotted lines, below the blocks, is attention to other prompts. The first column is dark, though
# its token says little: it is an **[attention sink](glossary.ipynb#Attention-sink)**, where heads leave the attention
# that they have no use for. Now with the packed mask, where each prompt has a sink of its own:

# %%
apart = attention_weights(model, batch, mask=True)
figures.draw_attention_weights(apart.mean((0, 2))[0], batch.segment_ids[0].tolist(), words)

# %%
lab.widgets.Quiz("03-leak")

# %% [markdown]
# ## The packed mask
#
# The rule has two parts: **the same prompt**, and **not later**. Drawn as a square of queries and keys, it is a chain of
# triangles. Add prompts, and switch off *Independent mask*, which is the paper's name for "the same prompt". *Not later*
# stays, as in every language model. Rest the mouse on a cell to read who may see whom.

# %%
lab.widgets.MaskExplorer(texts[1:], tokenizer)

# %% [markdown]
# Attention applies a mask by *adding* it to its scores, before the softmax. 0 changes nothing. A very large negative
# number makes the weight of a cell vanish. That is an **[additive mask](glossary.ipynb#Additive-mask)**.

# %% exercise="03-mask"

# %% [markdown]
# Why the smallest number, and not minus infinity? Because of queries that see nothing, such as padding in masks that hide
# it from itself, too. All their scores would be minus infinity. A plain softmax, as in eager attention, makes them not a
# number. torch's own attention returns 0 there instead, so this mistake shows under one attention and not under another.

# %%
nothing = torch.full((1, 3, 3), -torch.inf)  # three queries, three keys, and none may be seen
values = torch.ones(1, 3, 1)
print("plain softmax:  ", (nothing.softmax(-1) @ values).flatten())
attend = torch.nn.functional.scaled_dot_product_attention
print("torch's own:    ", attend(values, values, values, attn_mask=nothing).flatten())
print("float32's smallest number as bfloat16:", torch.tensor(torch.finfo(torch.float32).min).to(torch.bfloat16))

# %% [markdown]
# The last line is a trap of its own: the smallest number of float32 is minus infinity in bfloat16. So take the dtype of
# the model.

# %% [markdown]
# ## Additive or boolean
#
# Could a mask not simply be True and False? It depends on who reads it. The same model can run with several
# implementations of attention: `sdpa`, the fast one, and `eager`, the readable one.
#
# **Predict first:** two masks, two attentions. Which of the four is wrong?

# %%
tiny, byte_tokenizer = lab.load_model("tiny-llama", device="cpu")
in_bytes = lab.tokenize(byte_tokenizer, texts)
rows = lab.PackedBatch.from_prompts(in_bytes, lab.pack([len(prompt) for prompt in in_bytes], 80))
by_itself = lab.prefill(tiny, in_bytes, "one_by_one").next_token_logits  # [B, V]
for attention in ("eager", "sdpa"):
    tiny.set_attn_implementation(attention)
    for mask in (lab.packed_mask(rows.segment_ids), may_see(rows.segment_ids)):  # the second is True and False
        logits = tiny(rows.input_ids, attention_mask=mask, position_ids=rows.position_ids).logits
        off = (logits[rows.last_token.unbind(1)] - by_itself).abs().max() / by_itself.std()
        print(f"{attention:5} with a mask of {str(mask.dtype)[6:]:7} is off by {off:.0e}")

# %% [markdown]
# One of the four is wrong: `eager` with booleans. `sdpa` applies a boolean mask. `eager` adds it: True becomes 1, False
# becomes 0, and nothing is hidden. Nobody complains. That is why the lab's masks are additive.

# %%
lab.widgets.Quiz("03-boolean")

# %% [markdown]
# ## What is each part for?
#
# The paper needs both, the mask and the restart. Take one away, and ask two small models: one with
# **[rotary positions](glossary.ipynb#Rotary-positions)**, as Llama has them, and one with
# **[learned positions](glossary.ipynb#Learned-positions)**, as GPT-2 has them. Compare with each prompt alone: the
# logits after the prompt, and the logits after one more token, decoded from the unpacked cache.
#
# **Predict first:** choose *same* or *different* in all sixteen cells. Then press Run.

# %%
lab.widgets.BreakIt()

# %% [markdown]
# If you read this where nothing runs, here is the answer for the rotary model, prompt by prompt: ✓ is rounding, ✗ is wrong.

# %%
broken = {"mask, restart": (True, True), "mask, no restart": (True, False), "no mask, restart": (False, True)}
runs = {name: ablate(tiny, in_bytes, *parts) for name, parts in broken.items()}
errors = {f"{name}: logits": run.logits for name, run in runs.items()}
errors |= {f"{name}: decoding": run.decoding for name, run in runs.items()}
figures.draw_errors(errors)

# %% [markdown]
# The mask keeps prompts apart, always. The restart is subtler. A rotary model feels only the *distance* between two
# tokens, and inside a prompt distances stay the same wherever it lies in the row. So its logits need no restart, up to
# rounding, which grows with the positions. But a token that is decoded later gets its position from the prompt's own
# length, and then the distance to a cache that was made elsewhere in the row is wrong. (Prompt 0 begins at slot 0, so it
# has nothing to restart.)
#
# Learned positions are looked up one by one. There every token needs the restart, from the first logit on.

# %%
lab.widgets.Quiz("03-rotary")

# %% [markdown]
# ## Windows
#
# Some models see only the last so many tokens: a **[sliding window](glossary.ipynb#Sliding-window)**. In a packed row
# it must end where the prompt begins.

# %%
short = lab.PackedBatch.from_prompts(prompts[1:], lab.Packing.concatenated([len(prompt) for prompt in prompts[1:]]))
seen = may_see(short.segment_ids, window=3)[0, 0]
figures.draw_mask(seen.numpy(), short.segment_ids[0].tolist(), words[1:])

# %% exercise="03-window"

# %% [markdown]
# ## The same rule without a mask
#
# A mask hides cells *after* they were computed. In the figure of the packed mask, most of the square is hidden. If we
# know where segments end, we can attend to each one alone, and compute only its own triangle. The boundaries are called
# **[cu_seqlens](glossary.ipynb#cu_seqlens)**, cumulative sequence lengths.

# %% exercise="03-cu-seqlens"

# %% exercise="03-attention"

# %% [markdown]
# The lab's method `padding_free` does just that, inside transformers: all prompts in one row, and no mask. We compare it
# with the row of the beginning, which ran under the packed mask.
#
# **Predict first:** do both give the same logits? And how many cells of attention does each need for this row?

# %%
by_segment = lab.prefill(model, prompts, "padding_free").next_token_logits
print(f"off by {(found['packed mask'] - by_segment).abs().max() / by_segment.std():.0e} of the logits' spread")
R, W = batch.shape
print(f"with the mask: {R * W * W} cells, segment by segment: {sum(n * (n + 1) // 2 for n in batch.packing.lengths)}")

# %% [markdown]
# The logits are the same, up to rounding. With the mask the whole square is computed, and most of it is hidden afterwards.
# Each segment alone needs only its own triangle.

# %% [markdown]
# ## In the real world
#
# - FlashAttention and [torch](https://docs.pytorch.org/docs/stable/nn.attention.varlen.html) have kernels that take
#   `cu_seqlens`, as int32; servers and training code use them. On CUDA the lab uses torch's own, `varlen_attn`.
# - FlexAttention takes the *rule* instead of the mask, and leaves out blocks that are hidden throughout:
#   `packed_block_mask` makes one.
# - transformers finds packed rows by their restarted positions. With `sdpa` and `eager` it does so only without a cache
#   and without a mask. [Lesson 04](04_packed_equals_unpacked.ipynb) shows what happens otherwise.
# - Attention sinks were [described in 2023](https://arxiv.org/abs/2309.17453). Models that lose their first tokens from
#   the cache break down.
# - Rotary positions lose precision in [bfloat16](https://arxiv.org/abs/2411.13476), the more the longer the context.
# - Hidden is not gone: a NaN in a slot that is hidden
#   [still spoils torch's attention](https://github.com/pytorch/pytorch/issues/101967), as 0 times NaN is NaN.
#
# ## What you have seen
#
# - Without the packed mask, later prompts read earlier ones, and nobody complains.
# - The mask is: the same prompt, and not later. It is additive, in the model's dtype.
# - Restart positions matter for learned positions at once, and for rotary ones when decoding goes on from the cache.
# - With `cu_seqlens` the same rule needs no mask, and computes less.
#
# The paper: section 3, "independent mask" and "restart positions".
#
# **Next:** how do you prove that nothing has changed? That is [lesson 04](04_packed_equals_unpacked.ipynb).

# %%
lab.progress("03")
