# %% [markdown]
# # 04 · Packed equals unpacked
#
# **In seventy-five minutes you will be able to**
#
# - say what "the same" means for numbers that are rounded,
# - prove it for logits, hidden states, caches and words,
# - unpack a cache by hand,
# - find the mistake in a broken implementation by its symptoms,
# - name the traps in which libraries go wrong without a word.
#
# You need [lesson 03](03_masks_and_positions.ipynb). The exercise called a challenge is optional. In every shape **B** is
# prompts, **R** rows, **W** slots in a row, **L** tokens of the longest prompt, **H** [heads](glossary.ipynb#Head), **D**
# numbers in a head, **V** words in the vocabulary.

# %%
from pydoc_data.topics import topics

import torch

import prepack_lab as lab
from prepack_lab import figures
from prepack_lab.cache import cache_bytes
from prepack_lab.course import broken_ways, capstone
from prepack_lab.course.comparison import compare_with_alone
from prepack_lab.forward import forward_packed
from prepack_lab.models.zoo import small_model

torch.set_grad_enabled(False)  # nothing is trained here
lab.progress("04")

# %% [markdown]
# ## The same, up to rounding
#
# A computer keeps some seven digits of a float32, and rounds after every operation. So the order of a sum matters:

# %%
one, large = torch.tensor(1.0), torch.tensor(1e8)
print("(1 + 1e8) - 1e8 =", ((one + large) - large).item(), "   1 + (1e8 - 1e8) =", (one + (large - large)).item())

# %% [markdown]
# A batch of another shape adds in another order. So we never ask whether two results are equal to the last bit. We ask
# how far they are apart, compared with how far the numbers spread.

# %% exercise="04-same"

# %% [markdown]
# ## Everything a pass leaves behind
#
# The proof is short. Run six prompts packed, and each of them alone, and take the largest difference: of the
# [logits](glossary.ipynb#Logits), and of the keys and values in the [cache](glossary.ipynb#KV-cache).
#
# **Predict first:** how far will they be apart: a hundredth of the spread, a thousandth, or less?

# %%
texts = [
    "Once upon a time, in a village at the foot of a mountain, there lived",
    "The capital of Germany is",
    "Water boils at",
    "The days of the week are Monday, Tuesday,",
    "Roses are red, violets are",
    "To be or not to be,",
]
model, tokenizer = lab.load_model("smollm2-135m", dtype="float32")
prompts = lab.tokenize(tokenizer, texts)


# %%
def off_by(ours, theirs):
    """For each prompt the largest difference, as a share of the spread."""
    return (ours - theirs).abs().flatten(1).amax(1) / theirs.std()  # [B]


packed, alone = (lab.prefill(model, prompts, method) for method in ("prepacked", "one_by_one"))
print(f"logits: {off_by(packed.next_token_logits, alone.next_token_logits).max():.0e}")
for name in ("keys", "values"):
    ours, theirs = (getattr(result.cache.layers[-1], name) for result in (packed, alone))  # [B, H, L, D]
    print(f"{name} of the last layer: {off_by(ours, theirs).max():.0e}")

# %% [markdown]
# Far less than a thousandth. `lab.prefill(…, verify=True)` compares the logits for you. Now prompt by prompt, and all of
# it: logits of every token, [hidden states](glossary.ipynb#Hidden-state) after every layer, keys and values of all
# layers. The last line is the logits of one more token, decoded from the unpacked cache.

# %%
figures.draw_errors(compare_with_alone(model, prompts))

# %% [markdown]
# The title gives the largest difference (1e-05 is 0.00001), and the mouse that of each cell. Blue is rounding, and the
# paler, the less of it. Orange would be a mistake. The planted bugs below are off by far more.
#
# And the words? [Greedy decoding](glossary.ipynb#Greedy-decoding) takes the likeliest token. It is a hard test: one wrong
# token, and the rest of the text is another one.

# %%
single = lab.generate(model, prompts, "one_by_one", max_new_tokens=12)
together = lab.generate(model, prompts, "prepacked", max_new_tokens=12)
for text, one, other in zip(texts, single, together, strict=True):
    print("the same:" if one == other else "another: ", repr(f"…{text[-20:]}"), "→", repr(tokenizer.decode(other)))

# %%
lab.widgets.Quiz("04-rounding")

# %% [markdown]
# ## Fewer digits
#
# Most people run models in **[bfloat16](glossary.ipynb#bfloat16)**: two or three digits instead of seven. Here are 32
# prompts, the openings of texts that every Python carries. They run padded, packed and padding-free, in both formats.
#
# **Predict first:** which of the six keep every prompt's next token?

# %%
coarse, _ = lab.load_model("smollm2-135m", dtype="bfloat16")
openings = [text.split()[: 2 + 5 * place % 17] for place, text in enumerate([*topics.values()][:32])]
many = lab.tokenize(tokenizer, [" ".join(words) for words in openings])
for one in (model, coarse):
    expected = lab.prefill(one, many, "one_by_one").next_token_logits.float()
    for method in ("full_batching", "prepacked", "padding_free"):
        logits = lab.prefill(one, many, method).next_token_logits.float()
        same = (logits.argmax(1) == expected.argmax(1)).sum()
        print(f"{str(one.dtype)[6:]:8} {method:13} {same} of {len(many)}, off by {off_by(logits, expected).max():.0e}")

# %% [markdown]
# In float32 every prompt keeps its next token. In bfloat16 the packed rows are off thousands of times further, and *so is
# the padded batch*. Where two tokens are nearly as likely, rounding decides between them, and a prompt may go on
# differently. So "packing changes my results" is no argument, as long as padding changes them as much. For a proof, use
# float32.
#
# `padding_free` attends to each prompt in the shape that it has alone. That is why it comes closest, often to the last bit.

# %%
lab.widgets.Quiz("04-padded")

# %% [markdown]
# ## Take the logits
#
# A packed pass returns logits for every slot of every row. Each prompt needs those after its last token.

# %% exercise="04-last"

# %% [markdown]
# ## Unpack the cache
#
# The pass left keys and values as the rows lie. To go on, each prompt needs its own: a row for each prompt, aligned at the
# right, where the next token will be added. `lab.unpack_cache` does that, in all layers.

# %%
packing = lab.pack([len(prompt) for prompt in prompts])
batch = lab.PackedBatch.from_prompts(prompts, packing, device=model.device)
rows = forward_packed(model, batch).cache  # [R, H, W, D] in each layer: as the rows lie
cache = lab.unpack_cache(rows, batch, model.config)  # [B, H, L, D]: a row for each prompt
per_slot = cache_bytes(cache) // (len(prompts) * packing.width)
figures.draw_cache_layout(packing, per_slot, texts)

# %% [markdown]
# Bars with the same number hold the same keys and values. Note the price: unpacked, the cache is padded again. Lesson 06
# comes back to it.
#
# By hand, one prompt is easy: its keys are a slice of its row. Here is prompt 5 in the last layer, against prompt 5 alone.

# %%
row, slot = batch.first_token[5].tolist()
by_hand = rows.layers[-1].keys[row, :, slot : slot + len(prompts[5])]  # [H, n, D]
by_itself = alone.cache.layers[-1].keys[5, :, -len(prompts[5]) :]
print(f"row {row}, from slot {slot}: {[*by_hand.shape]}, off by {off_by(by_hand, by_itself).max():.0e}")

# %% [markdown]
# Keys carry their position. They are those of the prompt alone because positions restart. The first number is H, and it
# is three, though this model has nine heads: three heads of queries share each head of keys and values.
#
# A slice for each prompt, for keys and for values, in 30 layers: 360 slices for six prompts. The authors' code loops so.
# You will do a layer in one step. First, where does every token go?

# %% exercise="04-places"

# %% exercise="04-unpack"

# %% [markdown]
# ## Find the planted bug
#
# Here are five broken implementations. Each has exactly one of these mistakes:

# %%
for name, cause in broken_ways.CAUSES.items():
    print(f"{name:10} {cause}")

# %% [markdown]
# All five run on a small model with [rotary positions](glossary.ipynb#Rotary-positions). For each you see two lines: the
# logits after every prompt, and the logits after one more token, decoded from the unpacked cache. Below each column stands
# where its prompt lies.

# %%
tiny, _ = lab.load_model("tiny-llama", device="cpu")
six = lab.random_prompts((30, 16, 9, 20, 6, 3), vocab_size=200)
found = {colour: broken_ways.symptoms(tiny, six, colour) for colour in broken_ways.COLOURS}
lines = {f"{colour}: {what}": off for colour, both in found.items() for what, off in both.items()}
figures.draw_errors(lines, columns=broken_ways.places_in_rows(six))

# %% [markdown]
# Ask two questions. Is it the logits that are wrong, or what is decoded, or both? And who is spared?

# %% exercise="04-bugs"

# %% [markdown]
# ## Which tests find a bug?
#
# A test that passes proves little, if its prompts hide the mistake.
#
# **Predict first:** which of the five implementations are right throughout, when all prompts have one length? Try each,
# and then lengths of your own.

# %%
lab.widgets.BugHunt([8, 8, 8, 8])

# %% [markdown]
# With equal lengths every prompt has a row to itself. There is no neighbour to read, and no prompt changes places,
# so three of the five are right: `leak`, `positions` and `order`. Only `slot` and `cache` still show. For this reason the
# lab checks every model with prompts of unequal lengths.
#
# ## Traps that say nothing
#
# transformers can find packed rows by their restarted [positions](glossary.ipynb#Restart-positions). You pass
# `position_ids`, and it builds the packed mask by itself. So here is the call that one would write, and the same without
# a cache.
#
# **Predict first:** which of the three gives the logits of each prompt alone?

# %%
trio = six[1:4]
line = lab.PackedBatch.from_prompts(trio, lab.Packing.concatenated([len(prompt) for prompt in trio]))
last = line.last_token.unbind(1)
found = {
    "as it is": tiny(line.input_ids, position_ids=line.position_ids).logits[last],
    "use_cache=False": tiny(line.input_ids, position_ids=line.position_ids, use_cache=False).logits[last],
    "lab.prefill": lab.prefill(tiny, trio).next_token_logits,
}
expected = lab.prefill(tiny, trio, "one_by_one").next_token_logits
for way, logits in found.items():
    print(f"{way:15} off by", [f"{share:.0e}" for share in off_by(logits, expected).tolist()])

# %% [markdown]
# The first does not. Beside a cache, transformers does not look for restarts: all but the first prompt of the row read
# what lies before them. Nothing is said. (FlashAttention is the exception. Its layers look at the positions of a single
# row themselves, cache or not.) The lab asks every layer for its own rule instead, and joins it with "the same prompt".
#
# The other trap: a mask of your own *replaces* the model's rule. A model with a
# [sliding window](glossary.ipynb#Sliding-window) then loses its window. Only prompts that are longer than the window show
# it. This model sees the last six tokens; the prompts have 20, 12 and 4.

# %%
from transformers import MistralConfig

windowed = small_model(MistralConfig)
mixed = lab.random_prompts((20, 12, 4), vocab_size=64)
line = lab.PackedBatch.from_prompts(mixed, lab.pack([20, 12, 4]))
mask = lab.packed_mask(line.segment_ids, windowed.dtype)
by_mask = windowed(line.input_ids, attention_mask=mask, position_ids=line.position_ids).logits
expected = lab.prefill(windowed, mixed, "one_by_one").next_token_logits
found = {
    "packed mask": by_mask[line.last_token.unbind(1)],
    "lab.prefill": lab.prefill(windowed, mixed).next_token_logits,
}
for way, logits in found.items():
    print(f"{way:15} off by", [f"{share:.0e}" for share in off_by(logits, expected).tolist()])

# %%
lab.widgets.Quiz("04-trap")

# %% [markdown]
# ## Which models can be packed?
#
# Packing is exact where attention is the only thing that lets a token see another, and where it obeys the mask and the
# positions it is given. The lab does not trust names. `lab.check_model` asks each model: a few tokens, packed and alone.
#
# **Predict first:** Gemma 2 has sliding windows, Bloom has no positions to give, and Mamba has no attention. Which can be
# packed?

# %%
from transformers import BloomConfig, Gemma2Config, GPT2Config, LlamaConfig, MambaConfig, logging

logging.set_verbosity_error()  # small models ask for kernels that are not installed here
for config in (LlamaConfig, Gemma2Config, GPT2Config, BloomConfig, MambaConfig):
    support = lab.check_model(small_model(config))
    print(f"{config.model_type:7} {[method for method, obstacle in support.methods.items() if obstacle is None]}")
    for obstacle in {*support.methods.values()} - {None}:
        print(f"{'':7} not the others: {obstacle}")

# %% [markdown]
# Windows are kept, because the lab asks each layer for its own rule. Bloom sees how far apart two tokens are, and that is
# the same in a packed row with its mask. `padding_free` needs positions that restart, and Bloom makes its own.
#
# Mamba hands a state on from token to token, and no mask stops it: the state has to be cleared where a prompt begins.
# Kernels that are given the boundaries, as `cu_seqlens` or `seq_idx`, do that, so such models can be packed where they
# are installed. The lab hands out caches of keys and values. Mamba has none, so the lab refuses it.
#
# `prepack-lab support`, in a terminal, asks every class of your transformers. A method that is not known to be exact is
# refused, with the reason and a way out:

# %%
try:
    lab.prefill(small_model(BloomConfig), [[1, 2, 3]], method="padding_free")
except lab.UnsupportedModelError as error:
    print(str(error).replace(". ", ".\n"))

# %% [markdown]
# ## Write it whole
#
# You have packed, masked, restarted and unpacked, each against small examples. Do the parts also work together, in a
# real model? Write prepacking whole, on nothing but transformers, in some 65 lines.
#
# **This is optional, and takes an hour.** The lesson is done without it: you may go on with "In the real world".
#
# ### Capstone: prepacking on a bare model (challenge, optional, 60 minutes)
#
# Fill in the functions below. Each is a stage, and its docstring says what it returns. `prepack` puts them together:
# bins, rows, one forward pass, a cache for each prompt, new tokens.
#
# - `model(input_ids, mask, position_ids, cache, use_cache=True)` runs the model. Its `.logits` are those of every slot,
#   and the cache gains the keys and values.
# - `DynamicCache()` is an empty cache. `cache.layers[i].keys` and `.values` are those of layer i,
#   `cache.update(keys, values, i)` adds a layer, and `cache.get_seq_length()` counts the slots.
# - To read the rows, the model takes your packed mask. To decode, it takes the usual mask of a padded batch: [B, slots],
#   1 on tokens and 0 on padding, the new token included.
# - `lengths` is a list in `pack_prompts`, and a tensor of shape [B] in the other stages.
# - Use what you have written: `first_fit_decreasing` is a `pack_prompts`, lesson 03 has the mask, and `unpack_keys`
#   does a layer of `unpack`.
#
# `capstone.check` runs your `prepack` on the real model, and compares every prompt with itself alone. If something is
# wrong, it tries the stages one by one, and names the first that is wrong. `capstone.solution("unpack")` shows our way to
# write a stage, so that nobody is stuck for long.

# %% capstone="functions"
prepack = ...

# %%
capstone.check(prepack, model, many[:12])

# %% [markdown]
# The verdict shows your time and that of full batching. What you see is prefill, from token ids to the first new token
# of all prompts. It depends on your machine, and on how unequal the prompts are.
#
# ### Open challenge: faster than the lab (optional)
#
# Once yours is right, make it faster than the lab's own `prepacked`. You may write it in any way: only what comes out is
# compared. Both run in turn and give each prompt two tokens, so that both need a cache to go on from.
#
# Three questions to start with. Of how many slots does anybody read the logits? What does a slot of padding cost? And
# must every prompt get a cache of its own? No solution is given here.

# %%
capstone.race(prepack, model, many[:16])

# %% [markdown]
# ## In the real world
#
# - vLLM [tests its models](https://docs.vllm.ai/en/latest/contributing/model/tests/) against transformers: the same text,
#   or else likely tokens that are likely in both.
# - Users of transformers [reported in 2023](https://github.com/huggingface/transformers/issues/26869) that logits in
#   bfloat16 change with the batch. Now you know why, and that it is not padding alone.
# - vLLM has a mode for this, [batch invariance](https://docs.vllm.ai/en/latest/features/batch_invariance/): kernels that
#   round in one order, whatever the batch.
# - Models with a state are packed by
#   [vLLM](https://docs.vllm.ai/en/v0.11.0/api/vllm/model_executor/layers/mamba/ops/ssd_combined.html), by
#   [Megatron](https://github.com/NVIDIA/Megatron-LM/pull/2913), and by transformers for
#   [Bamba](https://github.com/huggingface/transformers/pull/35861) and Qwen3-Next. Without the right kernels the
#   boundaries may be [ignored in silence](https://github.com/huggingface/transformers/pull/46859).
#
# ## What you have seen
#
# - The same means: off by rounding, as a share of how far the numbers spread.
# - Packed float32 equals alone in logits, hidden states, caches and words.
# - In bfloat16 every batch rounds differently, padded or packed.
# - Symptoms reveal the mistake: who is wrong, and whether it is the logits or what is decoded.
# - Libraries go wrong silently. Ask the model, and refuse what is not known to be exact.
#
# The paper: section 3, "restart positions" and the unpacking of the cache.
#
# **Next:** how much faster is it here? That is [lesson 05](05_live_timing.ipynb).

# %%
lab.progress("04")
