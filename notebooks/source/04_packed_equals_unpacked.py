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
# You need [lesson 03](03_masks_and_positions.ipynb). In every shape **B** is prompts, **R** rows, **W** slots in a row,
# **L** tokens of the longest prompt, **H** heads, **D** numbers in a head, **V** words in the vocabulary.

# %%
from pydoc_data.topics import topics

import torch

import prepack_lab as lab
from prepack_lab import figures
from prepack_lab.cache import cache_bytes
from prepack_lab.course import broken_ways, reports
from prepack_lab.course.comparison import compare_with_alone
from prepack_lab.forward import forward_alone, forward_packed

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
# Six prompts, packed, against each of them alone. We compare the [logits](glossary.ipynb#Logits) of every token, the
# hidden states after every layer, the keys and values of the unpacked [cache](glossary.ipynb#KV-cache), and the logits
# of one more token, decoded from it.
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
figures.draw_errors(compare_with_alone(model, prompts))

# %% [markdown]
# The title gives the largest difference (1e-05 is 0.00001), and the mouse that of each cell. Blue is rounding, and the
# paler, the less of it. Orange would be a mistake. The planted bugs below are off by far more.
#
# And the words? [Greedy decoding](glossary.ipynb#Greedy-decoding) takes the likeliest token. It is a hard test: one wrong
# token, and the rest of the text is another one.

# %%
compared = ("one_by_one", "prepacked")
tokens = {method: lab.generate(model, prompts, method, max_new_tokens=12) for method in compared}
reports.continuations_table(prompts, tokens, tokenizer)

# %%
lab.widgets.Quiz("04-rounding")

# %% [markdown]
# ## Fewer digits
#
# Most people run models in **[bfloat16](glossary.ipynb#bfloat16)**: two or three digits instead of seven. Here are 32
# prompts, the openings of texts that every Python carries. They run padded, packed and padding-free, in both formats.
#
# **Predict first:** in which rows of the table does a prompt get another next token than alone?

# %%
coarse, _ = lab.load_model("smollm2-135m", dtype="bfloat16")
openings = [text.split()[: 2 + 5 * place % 17] for place, text in enumerate([*topics.values()][:32])]
many = lab.tokenize(tokenizer, [" ".join(words) for words in openings])
reports.precision_table({"float32": model, "bfloat16": coarse}, many)

# %% [markdown]
# In bfloat16 the packed rows are off thousands of times further than in float32, and *so is the padded batch*. Where two
# tokens are nearly as likely, rounding decides between them, and a prompt may go on differently. So "packing changes my
# results" is no argument, as long as padding changes them as much. For a proof, use float32.
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
# The pass left keys and values as the rows lie. To go on, each prompt needs its own: one row a prompt, aligned at the
# right, where the next token will be added.

# %%
packing = lab.pack([len(prompt) for prompt in prompts])
cache = lab.prefill(model, prompts).cache  # unpacked
per_slot = cache_bytes(cache) // (len(prompts) * packing.width)
figures.draw_cache_layout(packing, per_slot, texts)

# %% [markdown]
# Bars with the same number hold the same keys and values. Note the price: unpacked, the cache is padded again. Lesson 06 comes back to
# it.
#
# By hand, one prompt is easy: its keys are a slice of its row. Here is prompt 5 in the last layer, against prompt 5 alone.

# %%
batch = lab.PackedBatch.from_prompts(prompts, packing, device=model.device)
packed = forward_packed(model, batch).cache.layers[-1].keys  # [R, H, W, D]
row, slot = batch.first_token[5].tolist()
by_hand = packed[row, :, slot : slot + len(prompts[5])]  # [H, n, D]
alone = forward_alone(model, prompts[5]).cache.layers[-1].keys[0]
print(f"row {row}, from slot {slot}: {[*by_hand.shape]}, off by {(by_hand - alone).abs().max() / alone.std():.0e}")

# %% [markdown]
# Keys carry their position. They are those of the prompt alone because positions restart.
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
# With equal lengths every prompt has a row to itself. There is no neighbour to leak, and no place to change, so three of
# the five are right: `leak`, `positions` and `order`. Only `slot` and `cache` still show. For this reason the lab checks every model with prompts of unequal lengths.
#
# ## Traps that say nothing
#
# transformers can find packed rows by their restarted [positions](glossary.ipynb#Restart-positions). You pass
# `position_ids`, and it builds the packed mask by itself. Let's pass them with the cache that a model has by default, then
# with `use_cache=False`, and run the same prompts by `lab.prefill`.
#
# **Predict first:** which of the three gives the logits of each prompt alone?

# %%
trio = six[1:4]
reports.restart_trap_table(tiny, trio)

# %% [markdown]
# With a cache, transformers does not look for restarts, and prompts leak. Nothing is said. The lab asks every layer for
# its own rule instead, and joins it with "the same prompt".
#
# The other trap: a mask of your own *replaces* the model's rule. A model with a
# [sliding window](glossary.ipynb#Sliding-window) then loses its window. Only prompts that are longer than the window show it.

# %%
reports.window_trap_table()

# %%
lab.widgets.Quiz("04-trap")

# %% [markdown]
# ## Which models can be packed?
#
# Packing is exact where attention is the only thing that lets a token see another, and where it obeys the mask and the
# positions it is given. The lab does not trust names. It asks each model: a few tokens, packed and alone.
#
# **Predict first:** Gemma 2 has sliding windows, Bloom has no positions to give, and Mamba has no attention. Which can be
# packed?

# %%
from transformers import BloomConfig, Gemma2Config, GPT2Config, LlamaConfig, MambaConfig

reports.families_table([LlamaConfig, Gemma2Config, GPT2Config, BloomConfig, MambaConfig])

# %% [markdown]
# Windows are kept, because the lab asks each layer for its own rule. Bloom sees how far apart two tokens are, and that is
# the same in a packed row. A state, as in Mamba, can't know where a prompt begins.
#
# `prepack-lab support`, in a terminal, asks every class of your transformers. A method that is not known to be exact is
# refused, with the reason and a way out:

# %%
from prepack_lab.models.zoo import small_model

try:
    lab.prefill(small_model(BloomConfig), [[1, 2, 3]], method="padding_free")
except lab.UnsupportedModelError as error:
    print(str(error).replace(". ", ".\n"))

# %% [markdown]
# ## In the real world
#
# - vLLM [tests its models](https://docs.vllm.ai/en/latest/contributing/model/tests/) against transformers: the same text,
#   or else likely tokens that are likely in both.
# - Users of transformers [reported in 2023](https://github.com/huggingface/transformers/issues/26869) that logits in
#   bfloat16 change with the batch. Now you know why, and that it is not padding alone.
# - vLLM has a mode for this, [batch invariance](https://docs.vllm.ai/en/latest/features/batch_invariance/): kernels that
#   round in one order, whatever the batch.
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
