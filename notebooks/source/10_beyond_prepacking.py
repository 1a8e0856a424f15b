# %% [markdown]
# # 10 · Beyond prepacking
#
# **In fifty-five minutes you will be able to**
#
# - say how production traffic differs from the datasets that papers measure,
# - run seven ideas in miniature by which servers go beyond packing,
# - lay out one step of a modern server: flat tokens, query starts, block table, slot mapping,
# - say of each idea what it saves, when, and what it needs,
# - say when prepacking is still the right tool.
#
# You need lessons [00](00_start_here.ipynb) and [01](01_padding_waste.ipynb). Each idea is a small file in
# `prepack_lab/course/miniatures`, made to be read.

# %%
from statistics import mean

import numpy as np
import torch

import prepack_lab as lab
from prepack_lab import figures
from prepack_lab.masks import packed_block_mask
from prepack_lab.measuring.table import Table

lab.progress("10")

# %% [markdown]
# ## A short lineage
#
# Several texts in one row, kept apart: prepacking was neither the first to do so, nor the last.
#
# - **Training, 2021.** [Krell et al.](https://arxiv.org/abs/2107.02027) pack short texts for BERT, with a mask against
#   "cross-contamination".
# - **Serving, 2022.** Orca's *selective batching* lays the tokens of all requests end to end in every layer but attention,
#   which takes request by request.
# - **Prefill, 2024.** Prepacking packs prompts in plain transformers, with a mask and positions.
# - **Training, 2024.** [Ding et al.](https://arxiv.org/abs/2404.10830) pack by best fit, so that few texts are cut. And
#   collators become [padding-free](https://huggingface.co/docs/transformers/padding_free): one row, and no bins at all.
# - **Servers today.** Each step is one flat row of whatever there is to compute. You will build one below.
#
# ## What arrives in production
#
# The paper measures datasets, such as exam questions. Companies have published what reached their services: the number
# of tokens in each prompt and each answer, but no text. The lab carries two. **Azure** from 2023, one service
# for code and one for conversation; **Mooncake** from the makers of Kimi, a service for long documents. Alibaba's
# [Qwen traces](https://github.com/alibaba-edu/qwen-bailian-usagetraces-anon) are another.
#
# **Predict first:** are prompts in production as unequal as in the datasets? Will packing save more rows there, or fewer?

# %%
rows = []
for name in ("mmlu", "samsum", "alpaca", "azure_code", "azure_conv", "mooncake"):
    profile = lab.load_profile(name)
    batches = [profile.sample(16, seed) for seed in range(30)]
    packings = [lab.pack(batch) for batch in batches]
    padding = mean(lab.Packing.padded(batch).padding_share for batch in batches)
    fewer = 16 / mean(packing.num_bins for packing in packings)
    mask = mean(2 * packing.num_bins * packing.width**2 for packing in packings)  # 2 bytes for each number
    answer = "not recorded" if profile.output_histogram is None else f"{profile.output_mean:,.0f}"
    lengths = f"{profile.median:,.0f}", f"{profile.longest:,}", answer
    rows.append((profile.title, *lengths, f"{padding:.0%}", f"{fewer:.1f}", f"{mask / 1e6:,.1f} MB"))
Table(("workload", "median prompt", "longest", "mean answer", "padding", "k/r", "packed mask"), rows, "Batches of 16")

# %% [markdown]
# Three things to read off it:
#
# - Production prompts are longer, several times to more than a hundred times, and **as unequal**. So packing saves
#   neither more rows nor fewer: padding and [k/r](glossary.ipynb#k-over-r) are those of the datasets.
# - Rows are long, too. The [packed mask](glossary.ipynb#Packed-mask) of one batch takes W × W numbers per row: from
#   hundreds of megabytes to tens of gigabytes.
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
# as [padding-free](glossary.ipynb#Padding-free). In transformers it is one argument on a GPU,
# `attn_implementation="flash_attention_2"`: given a single row whose positions restart, and no mask, it finds the
# boundaries by itself.
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
from prepack_lab.course.miniatures.attention_ways import attend_three_ways


def compare(lengths):
    for way, found in attend_three_ways(lengths).items():
        time = "not compiled here" if found.time is None else f"{1e3 * found.time.median:.1f} ms"
        pairs = f"{found.pairs / 1e6:7.2f} million pairs"
        print(f"{way:28}  {pairs}  {time:>18}, off by at most {found.off:.1e}")


compare(conversations)

# %% [markdown]
# The results are the same, up to rounding. The times follow the pairs. (FlexAttention saves time once it is compiled, and
# that needs a compiler for C++ or a GPU. Here it only shows that its result is right.)
#
# And exam questions, sixteen of them?

# %%
compare(lab.load_profile("mmlu").sample(16))

# %% [markdown]
# In such short rows a block of 128 holds several prompts, and hardly any can be left out. It does not matter much: for
# short prompts attention is a small part of the work (lesson 01).
#
# **What prepacking still buys:** varlen and FlexAttention need kernels for your hardware, and a model whose attention
# calls them. A mask works wherever a model takes one. And FlexAttention changes the mask only: rows, positions and bins
# stay. The authors of prepacking have gone that way themselves: their
# [code](https://github.com/siyan-zhao/prepacking/blob/main/model.py) now calls FlexAttention.

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
# The title says how many. Hatched is a seat in which nobody sits. It is padding, in time instead of space, and it has
# the same cause: unequal lengths. (Which prompt had which answer is not recorded. Both are drawn by themselves.)

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
from prepack_lab.course.miniatures.chunked_prefill import chunked, prefill_in_chunks

tiny, byte_tokenizer = lab.load_model("tiny-llama", device="cpu")
(long_prompt,) = lab.random_prompts([1000], vocab_size=256)
whole = lab.prefill(tiny, [long_prompt], "one_by_one").next_token_logits
for chunk in (512, 128, 16, 1):
    logits, _ = prefill_in_chunks(tiny, long_prompt, chunk)
    same = "same" if logits.argmax() == whole.argmax() else "another"
    off = (logits - whole).abs().max()
    print(f"chunks of {chunk:3}: logits off by at most {off:.0e}, the {same} next token")
print(f"The largest logit is {whole.max():.1f}.")

# %% [markdown]
# The same, down to chunks of one token. Prefill and [decoding](glossary.ipynb#Decode) are the same thing, in pieces of
# different size.
#
# Now time. A step takes what the cost model of lesson 08 says, with the speed of a small machine that was recorded once,
# and SmolLM2. The seconds are those of that machine; what makes somebody wait is the same on any.

# %%
from prepack_lab.course.miniatures.step_seconds import plain_steps, ragged_steps
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
# of one prompt and the newest tokens of others, end to end, kept apart, each with its own positions. It is a packed row,
# and you will build one soon.

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


# %%
def waits(servers):
    headings = (
        "server",
        "first token: half within",
        "99 % within",
        "next token: half within",
        "99 % within",
        "done at",
    )
    rows = []
    for words, one in servers.items():
        within = (*np.percentile(one.first_token, (50, 99)), *np.percentile(one.pauses, (50, 99)))
        rows.append((words, *(f"{seconds:.2f} s" for seconds in within), f"{one.end:,.0f} s"))
    return Table(headings, rows, f"{len(one.requests)} requests, simulated")


waits(servers)

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
waits(servers)

# %% [markdown]
# It does not: now the machine that reads is swamped, and the one that writes looks on. Reading and writing need machines in the
# proportion of their work, and the work depends on who asks. (Sending the cache is free here. On a slow line it is not.)
#
# **What prepacking still buys:** the machine that reads does nothing but prefill. Servers give it a flat row; in plain
# transformers that is where packing is at home.

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
from prepack_lab.course.miniatures.paged_cache import blocks_needed
from prepack_lab.decoding import decoding_slots

requests = draw_requests("azure_conv", 16)
written = [one.prompt + one.output for one in requests]
packing, most = lab.pack([one.prompt for one in requests]), max(one.output for one in requests)
print(f"reserved for 8,192 tokens each: {1 - sum(written) / (16 * 8192):.0%} empty")
print(f"padded to the longest:          {1 - sum(written) / (16 * max(written)):.0%} empty")
print(f"packed rows that go on as rows: {1 - sum(written) / decoding_slots(packing, most):.0%} empty")
print(
    f"paged, in blocks of 16 slots:   {1 - sum(written) / (16 * sum(blocks_needed(n, 16) for n in written)):.1%} empty"
)

# %% exercise="10-blocks"

# %% [markdown]
# **What prepacking still buys:** a prefill without a padded cache, in models whose attention can't read blocks. What is
# hard to avoid in transformers is the padded cache afterwards ([lesson 09](09_generation.ipynb) goes on with the rows).
#
# ## Anatomy of one step
#
# Now put it together. In one step of a modern server two requests write a token, a third reads a chunk of its prompt, and
# a fourth begins. All of it is one forward pass over one row. The pass is given six short lists, among them the
# [block tables](glossary.ipynb#Block-table) and the [slot mapping](glossary.ipynb#Slot-mapping), and no mask:
#
# | here | in vLLM | what it says |
# |---|---|---|
# | `input_ids` | `input_ids` | the tokens to compute, end to end |
# | `positions` | `positions` | the place of each in its own text |
# | `query_starts` | `query_start_loc` | where each request begins in the row: the [cu_seqlens](glossary.ipynb#cu_seqlens) |
# | `seq_lens` | `seq_lens` | tokens of each request in the cache, after this step |
# | `block_tables` | `block_table` | the blocks of each request, in the order of its tokens |
# | `slots` | `slot_mapping` | where the keys and values of each token are written |
#
# **Predict first:** two write, one reads 20 of its tokens, one begins with 9. How many slots does the pass compute, and
# how many of them are padding?

# %%
from prepack_lab.course.miniatures.serving_step import StepServer

texts = lab.random_prompts([21, 14, 40, 9], vocab_size=256)
server = StepServer(tiny, texts, blocks=16, block_size=8)
server.step({2: 5, 0: 12})  # three prompts are read in chunks
server.step({1: 13, 0: 8, 2: 7})  # the first two are read; the last token of their texts is the first of their answers
step, logits = server.step({0: 1, 1: 1, 2: 20, 3: 9})
for name, values in vars(step).items():
    print(f"{name:13}", *(f"{value!s:>3}" for value in values))

# %% [markdown]
# Thirty-one slots, and no padding: 1 + 1 + 20 + 9. Take the first token of the row. It belongs to request 0, and its
# position is 20. That is place 4 in the third of its blocks. A block has 8 slots, so slot = third block · 8 + 4.
#
# The keys of the step are written to their slots. Then each query reads all blocks of its own request, and sees what is
# at its position or before. A varlen kernel does this on a GPU; the miniature gathers the slots, and uses a mask. Is it
# right? Each request against itself alone:

# %%
for request, own, length in zip(step.requests, logits, step.seq_lens, strict=True):
    alone = lab.prefill(tiny, [texts[request][:length]], "one_by_one").next_token_logits[0]
    print(f"request {request}, {length:2} tokens: logits off by at most {(own - alone).abs().max():.0e}")
figures.draw_paged_memory(server.blocks)

# %% [markdown]
# The next three exercises build these lists. They are what `gpu_model_runner.py` of vLLM does before every step, and what
# transformers does in `generate_batch`.

# %% exercise="10-step-tokens"

# %% exercise="10-step-blocks"

# %% exercise="10-step-slots"

# %% [markdown]
# One thing is left out. To spare launching a thousand small calls (lesson 08), servers record a step as a CUDA graph, and
# a graph has a fixed size. So vLLM fills the row up to the next recorded size: a few slots, and never to the longest
# prompt.

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

from prepack_lab.course.miniatures.prefix_sharing import prefill_sharing

pages = [text for text in topics.values() if 600 < len(text) < 1200][:3]
questions = ("What is it about?", "Give an example.", "Which word matters most?", "Sum it up in a sentence.")
texts = [f"{page}\n\nQuestion: {question}\nAnswer:" for page in pages for question in questions]
prompts = lab.tokenize(byte_tokenizer, texts)
alone = lab.prefill(tiny, prompts, "one_by_one").next_token_logits

logits, computed = prefill_sharing(tiny, prompts, block_size=16)
for prompt, many in zip(prompts, computed, strict=True):
    print(f"{len(prompt):5} tokens, {len(prompt) - many:5} found in the cache, {many:5} computed")
print(f"logits off by at most {(logits - alone).abs().max():.0e}")

# %% [markdown]
# The first question about a page reads it, the other three find it. Found are whole blocks of sixteen only, the same
# blocks as in a paged cache: two tables that point to one block, and nothing is copied.

# %% exercise="10-prefix"

# %% [markdown]
# A long beginning that all share changes what packing can do. Take exam questions behind the same examples, as
# evaluations ask them: *few-shot* prompts.
#
# **Predict first:** packing makes 4 times fewer rows of the bare questions. How many behind 600 tokens of examples?

# %%
batches = [lab.load_profile("mmlu").sample(16, seed) for seed in range(30)]
rows = []
for shared in (0, 100, 600):
    few_shot = [[shared + length for length in batch] for batch in batches]
    fewer = mean(16 / lab.pack(batch).num_bins for batch in few_shot)
    padded = mean(16 * max(batch) for batch in few_shot)
    packed = mean(lab.pack(batch).slots for batch in few_shot)
    once = mean(shared + lab.pack(batch).slots for batch in batches)
    rows.append((shared, f"{fewer:.1f}", *(f"{slots:,.0f}" for slots in (padded, packed, once))))
headings = ("tokens shared", "k/r", "slots, padded", "slots, packed", "read once, the rest packed")
Table(headings, rows, "16 exam questions behind the same beginning, means of 30 draws")

# %% [markdown]
# None: where all prompts are long, no two fit into a row. Here it is prefix sharing that saves, and packing comes after
# it. (`lab.score` does both: it reads a common beginning once.)
#
# **What prepacking still buys:** what is not shared is as unequal as before. It can be sorted, packed, or laid flat.

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
rows = []
for words, requests in work.items():
    scripts = [plain_steps(method) for method in ("full_batching", "prepacked", "padding_free")]
    ends = [simulate(requests, static_batches(16), seconds).end for seconds in scripts]
    ends.append(simulate(requests, continuous(16), ragged_steps()).end)
    rows.append((words, *(f"{end:,.1f} s ({ends[0] / end:.1f}×)" for end in ends)))
headings = ("64 requests", "script, padded", "script, prepacked", "script, padding-free", "server, continuous batching")
Table(
    headings, rows, "Seconds until all is done, simulated, 16 seats (and how many times as fast as the padded script)"
)

# %% [markdown]
# Read it from left to right. What packing gains is the padding of the prefill. Going without a mask gains the hidden
# pairs as well, which are many in long rows. Continuous batching gains the empty seats: nothing where one token is asked
# for, and most where answers are long. (In a static batch those who have finished cost nothing here. In transformers they
# are computed on, so real scripts do worse.)

# %%
lab.widgets.Quiz("10-scores")

# %% [markdown]
# ## Side by side
#
# | idea | saves | needs | and prepacking? |
# |---|---|---|---|
# | prepacking | the padding of a batch | a model that takes a mask and positions | – |
# | varlen attention | padding, and hidden pairs | a kernel for hardware and model | where there is none |
# | FlexAttention | blocks that are hidden throughout | a compiler, a model that calls it | its rows |
# | continuous batching | seats that stay empty | a server that plans every step | where nothing is generated |
# | chunked prefill | pauses of those who write | the same, and a budget | where nobody waits |
# | paged cache | cache slots that stay empty | attention that reads blocks | without such attention |
# | prefix sharing | reading a beginning twice | a cache that outlives its prompt | for the rest, after it |
# | splitting | reading that disturbs writing | a fast line, the right proportion | on the reading machine |
#
# Servers such as vLLM and SGLang combine all of this. **If you serve people, use one.** Prepacking is for the rest:
# scoring, classifying, evaluating, a first look at a new model, hardware without such kernels. It helps wherever a plain
# transformers script reads many unequal prompts at once, and they share no long beginning.
#
# ## In the real world
#
# - vLLM and SGLang do continuous batching, chunked prefill, paged caches and prefix sharing, and can be split over machines.
#   In vLLM the budget is called `max_num_batched_tokens`.
# - transformers has continuous batching, too: `model.generate_batch` computes
#   [flat rows over a paged cache](https://huggingface.co/docs/transformers/main/en/paged_attention).
# - Embedding is prefill and nothing else. [Text Embeddings
#   Inference](https://github.com/huggingface/text-embeddings-inference) batches by tokens, and lays texts end to end on
#   GPUs. [ModernBERT](https://huggingface.co/docs/transformers/model_doc/modernbert) was built to run without padding.
# - What vLLM prepares for a step is in its
#   [model runner](https://github.com/vllm-project/vllm/blob/main/vllm/v1/worker/gpu_model_runner.py), and
#   [explained](https://docs.vllm.ai/projects/ascend/en/v0.13.0/developer_guide/feature_guide/ModelRunner_prepare_inputs.html)
#   with an example.
# - Providers charge less for input tokens that they find in a prefix cache. Put what all prompts share at the beginning.
#
# ## What you have seen
#
# - Production prompts are long, and as unequal as those of datasets.
# - Unequal prompts waste space in a batch; unequal answers waste time. Packing helps with the first only.
# - A prompt can be read in pieces, over its own cache or over somebody else's, and gives the same logits.
# - Short pauses cost time to the first token, and a second machine helps only in the right proportion.
# - A server's step is a packed row without bins: flat tokens, query starts, block tables and slots.
# - Where all work is prefill, packing is most of what there is to gain, unless prompts share a long beginning.
#
# The paper: it compares prepacking with padded batches in transformers, and with none of the servers of this lesson.
#
# **Next:** the work that needs nothing but prefill, in [lesson 11](11_prefill_only.ipynb).

# %%
lab.progress("10")
