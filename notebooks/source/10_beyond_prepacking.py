# %% [markdown]
# # 10 · Beyond prepacking
#
# **In forty-five minutes you will be able to**
#
# - say how production traffic differs from the datasets that papers measure,
# - run seven ideas in miniature by which servers go beyond packing,
# - say of each what it saves, when, and what it needs,
# - say when prepacking is still the right tool.
#
# You need lessons [00](00_start_here.ipynb) and [01](01_padding_waste.ipynb). Each idea is a small file in
# `prepack_lab/miniatures`, made to be read.

# %%
import torch

import prepack_lab as lab
from prepack_lab import figures
from prepack_lab.course import reports
from prepack_lab.masks import packed_block_mask

lab.progress("10")

# %% [markdown]
# ## What arrives in production
#
# The paper measures datasets, such as exam questions. Two companies have published what reached their services: the
# number of tokens in each prompt, and in most cases in each answer, but no text. **Azure** from 2023, one service for
# code and one for conversation; **Mooncake** from the makers of Kimi, a service for long documents.
#
# **Predict first:** are prompts in production as unequal as in the datasets? Will packing save more rows there, or fewer?

# %%
names = ("mmlu", "samsum", "alpaca", "azure_code", "azure_conv", "mooncake")
reports.traces_table(names)

# %% [markdown]
# Three things to read off it:
#
# - Production prompts are longer, several times to more than a hundred times, and **as unequal**: padding and
#   [k/r](glossary.ipynb#k-over-r) are those of the datasets.
# - Rows are long, too. The [packed mask](glossary.ipynb#Packed-mask) of one batch takes W × W numbers a row: from
#   hundreds of megabytes to more than most GPUs have.
# - There are **answers**. Code is read seventy tokens for each one written, conversations five.
#
# So we need ideas for long rows, and ideas for answers. We try all of them on one workload, the conversations.

# %%
lab.widgets.Quiz("10-longer")

# %% [markdown]
# ## Varlen attention: no padding, and no mask
#
# All prompts lie in one row, and attention knows where each begins. Its kernels come from the library of
# [FlashAttention](https://arxiv.org/abs/2205.14135), under the name *varlen*: variable length. You know it from the lab
# as [padding-free](glossary.ipynb#Padding-free).
#
# ## FlexAttention: the rule instead of the mask
#
# [FlexAttention](https://arxiv.org/abs/2412.05496) takes a rule that says who may see whom. It asks the rule once which
# blocks of 128 × 128 pairs are hidden throughout, and leaves them out. Here is a row of a packed batch of eight
# conversations, with three prompts in it.

# %%
from prepack_lab.course.miniatures.block_masks import block_kinds

conversations = lab.load_profile("azure_conv").sample(8)
packing = lab.pack(conversations)
batch = lab.PackedBatch.from_prompts([[0] * length for length in conversations], packing)
kinds = block_kinds(packed_block_mask(batch.segment_ids))  # [R, query blocks, key blocks]
figures.draw_block_mask(kinds[1].numpy())

# %% [markdown]
# Each chain of blocks is a prompt. Blocks with **#** are computed as they are. Those with **o** hold an edge: the
# diagonal, or the seam between two prompts. There the rule is asked pair by pair.
#
# Now one attention over the whole batch, three ways. **Predict first:** a dense mask hides pairs after they were computed.
# What will it cost?

# %%
reports.attention_table(conversations)

# %% [markdown]
# The results are the same, up to rounding. The times follow the pairs. (FlexAttention saves time once it is compiled, and
# that needs a compiler for C++ or a GPU. Here it only shows that its result is right.)
#
# And exam questions, sixteen of them?

# %%
reports.attention_table(lab.load_profile("mmlu").sample(16))

# %% [markdown]
# In such short rows a block of 128 holds several prompts, and hardly any can be left out. It does not matter much: for
# short prompts attention is a small part of the work (lesson 01).
#
# **What prepacking still buys:** varlen and FlexAttention have to be built into the attention of a model, and they
# need kernels for your hardware. A mask works wherever a model takes one. And FlexAttention changes the mask only: its
# rows, positions and bins are those of prepacking.

# %% [markdown]
# ## Continuous batching: no empty seats
#
# From here on there are answers. Think of a batch as **seats**: each request takes one, reads its prompt, and writes a
# token in each step. A **static batch** begins together and lasts until the longest answer is done.
# [Orca](https://www.usenix.org/conference/osdi22/presentation/yu) decides anew at every step who sits:
# **[continuous batching](glossary.ipynb#Continuous-batching)**.
#
# **Predict first:** fourteen conversations, four seats. How many of the steps will continuous batching save?

# %%
from prepack_lab.course.miniatures.continuous_batching import continuous, static_batches
from prepack_lab.course.miniatures.iterations import simulate
from prepack_lab.course.miniatures.requests import draw_requests

requests = draw_requests("azure_conv", 14)
served = {
    "static": simulate(requests, static_batches(seats=4)),
    "continuous": simulate(requests, continuous(seats=4)),
}
figures.draw_schedule(served, seats=4)

# %% [markdown]
# Hatched is a seat in which nobody sits. It is padding, in time instead of space, and it has the same cause: unequal
# lengths. (Which prompt had which answer is not recorded. Both are drawn by themselves.)

# %%
lab.widgets.Quiz("10-seats")

# %% exercise="10-continuous"

# %% [markdown]
# Too long for now? Go on: later cells don't need it. `lab.hint("10-continuous")` gives a hint.
#
# **What prepacking still buys:** everything, where nothing is generated. If you score, classify or embed, each prompt is one
# step, and no seat stays empty. We will count it at the end.

# %% [markdown]
# ## Chunked prefill: nobody has to stop
#
# A newcomer reads its prompt in a step in which others write. A long prompt makes that step long, and the others wait.
# [Sarathi-Serve](https://arxiv.org/abs/2403.02310) reads it in pieces instead:
# **[chunked prefill](glossary.ipynb#Chunked-prefill)**.
#
# May a prompt be read in pieces? Each piece sees the [cache](glossary.ipynb#KV-cache) of those before it. We try it with a
# tiny Llama: random weights, so its words would be noise, but the mechanics of a large one.

# %%
tiny, byte_tokenizer = lab.load_model("tiny-llama", device="cpu")
(long_prompt,) = lab.random_prompts([1000], vocab_size=256)
reports.chunks_table(tiny, long_prompt, chunks=(512, 128, 16, 1))

# %% [markdown]
# The same, down to chunks of one token. Prefill and [decoding](glossary.ipynb#Decode) are the same thing, in pieces of
# different size.
#
# Now time. A step takes what the cost model of lesson 08 says, with the speed of a small machine that was recorded once,
# and SmolLM2. The seconds are those of that machine; what makes somebody wait is the same on any.

# %%
from prepack_lab.course.miniatures.step_seconds import ragged_steps
from prepack_lab.measuring.calibration import recorded_calibration

speed = recorded_calibration()
seconds = ragged_steps(speed)
print(f"{speed.device}, {speed.taken}")

# %% [markdown]
# Four requests are writing when a prompt of 3,000 tokens arrives (▷). Each mark is a token, a diamond the first of an
# answer. A budget of 128 means: at most 128 tokens in a step, those who write first.
#
# **Predict first:** who gains by the budget, and who loses?

# %%
from prepack_lab.course.miniatures.chunked_prefill import chunked
from prepack_lab.course.miniatures.requests import Request

requests = [Request(prompt=100, output=50)] * 4 + [Request(prompt=3000, output=20, arrived=1.5)]
answers = {
    "whole": simulate(requests, continuous(seats=8), seconds),
    "budget 128": simulate(requests, chunked(seats=8, budget=128), seconds),
}
figures.draw_answers(answers)

# %% [markdown]
# Read at once, the long prompt stops the other four for as long as it takes. In chunks they go on, a bit slower. The price
# is paid by the newcomer: more steps, and each reads all weights again, so its first token comes later.

# %%
lab.widgets.Quiz("10-budget")

# %% exercise="10-chunks"

# %% [markdown]
# **What prepacking still buys:** throughput, where nobody waits for tokens. And look at a step of such a server: a piece
# of one prompt and the newest tokens of others, end to end, kept apart, each with its own positions. It is a packed row.

# %% [markdown]
# ## Splitting: one machine reads, another writes
#
# [DistServe](https://arxiv.org/abs/2401.09670) and [Splitwise](https://arxiv.org/abs/2311.18677) go further: prompts are
# read on one machine, the cache is sent over, and another machine writes. Nobody who writes is ever disturbed by a prompt.

# %%
from prepack_lab.course.miniatures.splitting import side_by_side, split

answers["split"] = split(requests, reading=continuous(1), writing=continuous(8), seconds=seconds)
figures.draw_answers(answers)

# %% [markdown]
# That was a second machine, so it is no fair comparison. Fair is: **two machines each**. Either both do everything, and
# requests are dealt out to them; or one reads and one writes. A hundred conversations, one a second.

# %%
requests = draw_requests("azure_conv", 100, per_second=1.0)
servers = {
    "two, whole prompts": side_by_side(requests, continuous(16), seconds),
    "two, budget 256": side_by_side(requests, chunked(16, 256), seconds),
    "one reads, one writes": split(requests, continuous(1), continuous(32), seconds),
}
reports.waits_table(servers)

# %% [markdown]
# The pauses are gone, and first tokens come a little later: one machine must read all prompts. **Predict first:** the
# same with the code service, which reads seventy tokens for each it writes. Will splitting help there?

# %%
requests = draw_requests("azure_code", 100, per_second=1.0)
servers = {
    "two, whole prompts": side_by_side(requests, continuous(16), seconds),
    "two, budget 256": side_by_side(requests, chunked(16, 256), seconds),
    "one reads, one writes": split(requests, continuous(1), continuous(32), seconds),
}
reports.waits_table(servers)

# %% [markdown]
# Now the machine that reads is swamped, and the one that writes looks on. Reading and writing need machines in the
# proportion of their work, and the work depends on who asks. (Sending the cache is free here. On a slow line it is not.)
#
# **What prepacking still buys:** the machine that reads does nothing but prefill. If it reads several prompts at once, it
# has to pad them, or to pack them.

# %% [markdown]
# ## Paged caches: no cache stays half empty
#
# A [KV cache](glossary.ipynb#KV-cache) grows by a slot a token, and nobody knows how long an answer will be.
# [vLLM](https://arxiv.org/abs/2309.06180) cuts memory into blocks, as an operating system does with its pages, and takes
# one when the last is full: a **[paged cache](glossary.ipynb#Paged-cache)**. A table finds the blocks of a prompt again.
#
# Real keys: four prompts are read, then each writes forty tokens, in turn.

# %%
from prepack_lab.course.miniatures.paged_cache import PagedCache

lengths = (70, 25, 130, 48)
prompts = lab.random_prompts(lengths, vocab_size=256)
tokens = lab.generate(tiny, prompts, max_new_tokens=40)
texts = [prompt + new for prompt, new in zip(prompts, tokens, strict=True)]
cached = lab.prefill(tiny, texts).cache.layers[0].keys  # [B, H, L, D], left-padded
keys = [cached[index, :, -len(text) :] for index, text in enumerate(texts)]

# %%
paged = PagedCache(blocks=40, block_size=16, heads=cached.shape[1], width=cached.shape[3])
for prompt, own in enumerate(keys):
    paged.append(prompt, own[:, : lengths[prompt]])  # the prompt
for step in range(40):
    for prompt, own in enumerate(keys):
        paged.append(prompt, own[:, [lengths[prompt] + step]])  # a token each
print("the same keys:", all(torch.equal(paged.keys(prompt), own) for prompt, own in enumerate(keys)))
figures.draw_paged_memory(paged)

# %% [markdown]
# Each number is the prompt that owns a block. They lie where there was room, and one gather brings them in order. Empty
# (hatched) are only slots in last blocks. White blocks are free for anybody.
#
# And sixteen conversations, once all is written? **Predict first:** the padded cache is as long as the longest for each.
# How much of it is empty?

# %%
reports.cache_slots_table(draw_requests("azure_conv", 16), longest_text=8192)

# %% exercise="10-blocks"

# %% [markdown]
# **What prepacking still buys:** a prefill without a padded cache, in models whose attention can't read blocks. What is
# hard to avoid in transformers is the padded cache afterwards ([lesson 09](09_generation.ipynb) goes on with the rows).

# %% [markdown]
# ## Prefix sharing: read a beginning once
#
# Prompts often begin alike: the same instructions, the same document, the same conversation so far. What a token leaves in
# the cache depends on the tokens *before* it only. So a common beginning can be read once: **[prefix
# sharing](glossary.ipynb#Prefix-sharing)**. [SGLang](https://arxiv.org/abs/2312.07104) keeps what was read in a tree.
#
# The recorded lengths don't show what prompts have in common, so here are texts: three pages of Python's manual, four
# questions about each, read by the tiny Llama, byte by byte.

# %%
from pydoc_data.topics import topics

pages = [text for text in topics.values() if 600 < len(text) < 1200][:3]
questions = ("What is it about?", "Give an example.", "Which word matters most?", "Sum it up in a sentence.")
texts = [f"{page}\n\nQuestion: {question}\nAnswer:" for page in pages for question in questions]
prompts = lab.tokenize(byte_tokenizer, texts)
alone = lab.prefill(tiny, prompts, "one_by_one").next_token_logits
reports.sharing_table(tiny, prompts, alone)

# %% [markdown]
# The first question about a page reads it, the other three find it. Found are whole blocks of sixteen only, the same
# blocks as in a paged cache: two tables that point to one block, and nothing is copied.

# %% exercise="10-prefix"

# %% [markdown]
# **What prepacking still buys:** what is not shared is as unequal as before, and short. It is padded, or packed.

# %% [markdown]
# ## The queue
#
# Back to prompts without answers, to see what packing means for people who wait. Exam questions arrive by chance, so many
# a second. Whenever the server is free, it takes those who wait and prefills them, by one method.
#
# **Predict first:** at how many prompts a second will full batching fall behind? And does packing only shift that point,
# or does it help before? Drag the rate from left to right.

# %%
lab.widgets.Serving(workload="mmlu")

# %% [markdown]
# At a low rate all methods are alike: most prompts are alone. Then the queue feeds itself: a slow step makes more prompts
# wait, the next batch is larger, and padding grows with the batch. A method that wastes less keeps up for longer, and the
# unluckiest gain most.
#
# ## What does packing still buy?
#
# All work is there from the start, and nobody waits: the night's batch. A **script** with static batches of sixteen, which
# pads, packs, or goes without padding; and a **server** with continuous batching. Some of the work asks for one token each,
# some for whole answers.
#
# **Predict first:** in which row is the server worth most, compared with the scripts? In which nothing at all?

# %%
work = {f"{name}, one token": draw_requests(name, 64, output=1) for name in ("mmlu", "azure_conv")}
work |= {name: draw_requests(name, 64) for name in ("azure_code", "azure_conv", "sharegpt")}
reports.offline_table(work)

# %% [markdown]
# Read it from left to right. What packing gains is the padding of the prefill; going without a mask gains the hidden pairs
# as well, which are many in long rows; continuous batching gains the empty seats. Where one token is asked for, there are
# none. (In a static batch those who have finished cost nothing here. In transformers they are computed on, so real scripts
# do worse.)

# %%
lab.widgets.Quiz("10-scores")

# %% [markdown]
# ## Side by side

# %%
reports.ideas_table()

# %% [markdown]
# Servers such as vLLM and SGLang combine all of this, and never pad. **If you serve people, use one.** Prepacking is for
# the rest: scoring, classifying, embedding, evaluating, a first look at a new model, hardware without such kernels. It
# helps wherever a plain transformers script reads many unequal prompts at once.
#
# ## In the real world
#
# - vLLM and SGLang do continuous batching, chunked prefill, paged caches and prefix sharing, and can be split over machines.
#   In vLLM the budget is called `max_num_batched_tokens`.
# - transformers has continuous batching, too: `model.generate_batch`.
# - Providers charge less for input tokens that they find in a prefix cache. Put what all prompts share at the beginning.
#
# ## What you have seen
#
# - Production prompts are long, and as unequal as those of datasets.
# - Unequal prompts waste space in a batch; unequal answers waste time. Packing helps with the first only.
# - A prompt can be read in pieces, over its own cache or over somebody else's, and gives the same logits.
# - Short pauses cost time to the first token, and a second machine helps only in the right proportion.
# - Where all work is prefill, packing is most of what there is to gain.
#
# The paper: it compares prepacking with padded batches in transformers, and with none of the servers of this lesson.
#
# **Next:** the work that needs nothing but prefill, in [lesson 11](11_prefill_only.ipynb).

# %%
lab.progress("10")
