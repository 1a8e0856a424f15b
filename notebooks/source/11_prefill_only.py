# %% [markdown]
# # 11 · Prefill-only
#
# **In forty-five minutes you will be able to**
#
# - score a text by hand, from [logits](glossary.ipynb#Logits),
# - turn scores into answers, rankings and rewards,
# - say when packing pays here, and when reading a shared beginning once pays more,
# - embed many texts in one packed pass,
# - run an evaluation harness faster, with the same scores.
#
# You need lessons [00](00_start_here.ipynb) and [01](01_padding_waste.ipynb). In shapes, **B** is prompts, **R** rows,
# **W** slots in a row, **L** tokens of a text, **V** the vocabulary and **D** the numbers of a hidden state.

# %%
from functools import partial
from itertools import product
from statistics import mean, median

import torch

import prepack_lab as lab
from prepack_lab.measuring.recordings import load_recordings
from prepack_lab.measuring.table import Table

lab.progress("11")

# %% [markdown]
# ## Work that writes nothing
#
# Much of what language models do ends where others begin to write. A benchmark asks how likely each answer is. A search
# engine asks which passage fits a query. A filter asks whether a text is any good. Training by reward asks how good an
# answer was. An index asks for a vector. All of it is [prefill](glossary.ipynb#Prefill), and nothing else. There is no
# decoding loop that prepacking can't help, so what it saves is saved from the whole.
#
# ## A score by hand
#
# How likely does a model find a **continuation** of a prompt? It reads both at once. After each token it leaves logits
# about the next one, so the row *before* a token says how likely that token is.

# %%
model, tokenizer = lab.load_model("smollm2-135m", dtype="float32")
prompt, continuation = lab.tokenize(tokenizer, ["The opposite of hot is", " cold, and the opposite"])
ids = torch.tensor([prompt + continuation], device=model.device)
with torch.no_grad():
    logits = model(ids).logits[0]  # [L, V]
before = logits[len(prompt) - 1 : -1].log_softmax(-1)  # the row before each token of the continuation
by_hand = [before[place, token].item() for place, token in enumerate(continuation)]
print([tokenizer.decode(token) for token in continuation])
print([f"{logarithm:.2f}" for logarithm in by_hand], f"together {sum(by_hand):.4f}")

# %% [markdown]
# These are natural logarithms of probabilities: 0 is certain, and -2.3 is one in ten. Their sum is the
# **[log-likelihood](glossary.ipynb#Log-likelihood)** of the continuation. The library does the same for many texts:

# %%
(score,) = lab.score(model, [prompt], [continuation])
print(f"{score.log_likelihood:.4f}, greedy: {score.greedy}")

# %% exercise="11-score"

# %% [markdown]
# A score says one thing more: whether [greedy decoding](glossary.ipynb#Greedy-decoding) would have written exactly
# this. For that, nothing has to be decoded.

# %% exercise="11-greedy"

# %% [markdown]
# ## Multiple choice
#
# This is how many benchmarks ask. Each choice is scored as a continuation of its question, and the likeliest is the
# model's answer. Here are eight questions; the first choice is always the right one.

# %%
questions = {
    "Question: What is the capital of France?\nAnswer:": (" Paris", " London", " Rome", " Madrid"),
    "Question: Which planet is closest to the Sun?\nAnswer:": (" Mercury", " Venus", " Earth", " Mars"),
    "Question: Who wrote Romeo and Juliet?\nAnswer:": (" William Shakespeare", " Jane Austen", " Homer"),
    "Question: At which temperature does water boil at sea level?\nAnswer:": (" 100 degrees Celsius", " 0 degrees"),
    "Question: Plants take in one gas from the air to make sugar. Which gas is it?\nAnswer:": (
        " carbon dioxide",
        " oxygen",
        " nitrogen",
    ),
    "Question: Why do we see lightning before we hear thunder?\nAnswer:": (
        " Light travels faster than sound",
        " Thunder happens later",
        " Our ears are slow",
    ),
    "Question: A ball is thrown straight up. What is its speed at the highest point of its flight?\nAnswer:": (
        " zero",
        " the same as when it was thrown",
    ),
    "Question: On Monday 40 people come to the library in the first hour and 25 in the second. On Tuesday 80 come in "
    "the first, and nobody after that. On which day do more people come?\nAnswer:": (" Tuesday", " Monday"),
}
prompts = lab.tokenize(tokenizer, [*questions])
choices = [lab.tokenize(tokenizer, own) for own in questions.values()]

# %% [markdown]
# **Predict first:** how many of the eight will a model of 135 million parameters get right?

# %%
scores = lab.score(model, prompts, choices, method="padding_free")
rows = []
for own, words in zip(scores, questions.values(), strict=True):
    found = [each.log_likelihood for each in own]
    per_character = [score / len(choice) for score, choice in zip(found, words, strict=True)]
    best, normalized = (words[values.index(max(values))] for values in (found, per_character))
    rows.append((words[0], best, normalized, ", ".join(f"{score:.1f}" for score in found)))
plain, normalized = (sum(row[0] == row[column] for row in rows) for column in (1, 2))
caption = f"Right: {plain} of {len(rows)} as they stand, {normalized} per character"
Table(("right", "likeliest", "likeliest per character", "log-likelihoods"), rows, caption)

# %% [markdown]
# The caption says how many. Guessing finds three on average. A long choice has more factors below 1, so its
# log-likelihood is lower. That is why evaluations report a second accuracy, by log-likelihood per character. The two
# can choose differently, and neither is the true one.

# %% exercise="11-accuracy"

# %%
lab.widgets.Quiz("11-length")

# %% [markdown]
# ## Sort, pack, concatenate
#
# Every choice with its question is a text to read, and the texts are as unequal as questions are. So all methods of the
# lab apply. To keep it short, we score only the right choice of each question, by each of them in turn.
#
# **Predict first:** which is faster here, sorting into two batches or packing? And what would you call a draw?

# %%
ways = {
    "one batch, padded": {"method": "full_batching"},
    "sorted, batches of 4": {"method": "length_ordered", "batch_size": 4},
    "packed": {"method": "prepacked", "share": False},
    "concatenated": {"method": "padding_free", "share": False},
}
right, found = [own[0] for own in choices], {}


def score_by(way, prompts):
    found[way] = lab.score(model, prompts, right, **ways[way])


# %%
taken = lab.measure_together({way: partial(score_by, way, prompts) for way in ways}, repeats=2)
for way, one in taken.items():
    scores = zip(found[way], found["one batch, padded"], strict=True)
    off = max(abs(own.log_likelihood - padded.log_likelihood) for own, padded in scores)
    print(f"{way:22} {min(one.seconds):.2f} to {max(one.seconds):.2f} s, scores off by {off:.0e}")

# %% [markdown]
# Where the seconds overlap, call it a draw. Sorting leaves padding beside the longest question; packing fills that row
# with short ones. The scores are the same, up to rounding, so nothing is paid for it.
#
# ## Examples before every question
#
# Scores rise when a prompt begins with a few solved questions: this is called *few-shot*, and benchmarks often take
# five. All prompts then begin with the same tokens.
#
# **Predict first:** [k/r](glossary.ipynb#k-over-r) of sixteen exam questions is about 4. What will it be with 100
# tokens of examples before each? With 600?

# %%
profile, rows = lab.load_profile("mmlu"), []
for shared in (0, 100, 300, 600):
    batches = [profile.sample(16, seed) for seed in range(100)]
    packings = [lab.pack([shared + length for length in lengths]) for lengths in batches]
    k_over_r = mean(16 / packing.num_bins for packing in packings)
    read = mean(packing.tokens for packing in packings)
    once = shared + mean(sum(lengths) for lengths in batches)
    rows.append((shared, f"{k_over_r:.1f}", f"{read:,.0f}", f"{once:,.0f}", f"{read / once:.1f}×"))
headings = ("tokens of examples", "k/r, mean", "tokens, all read", "tokens, examples read once", "fewer")
Table(headings, rows, "Sixteen exam questions after the same examples: means of 100 batches, counted and not run")

# %% [markdown]
# Packing fades away: with 600 tokens before each question, no two prompts fit into the row of the longest. But what
# they have in common need not be read sixteen times. The longer the examples are beside the questions, the more
# **[prefix sharing](glossary.ipynb#Prefix-sharing)** gains. What is left are the questions: unequal again, and packed
# again.
#
# Try it. The widget shows sixteen questions after 100 tokens of examples; its menu has them without, under *mmlu*.

# %%
lab.widgets.PaddingExplorer(lengths=[100 + length for length in profile.sample(64)])

# %% [markdown]
# Now for real: five solved questions before each of ours.

# %%
examples = (
    "Question: What do bees collect from flowers to make honey?\n"
    "Answer: They collect nectar, a sweet liquid that flowers make.\n\n"
    "Question: A shop sells pencils at three for one euro. What do twelve pencils cost?\n"
    "Answer: Twelve pencils are four times three, so they cost four euros.\n\n"
    "Question: Which is the largest ocean on Earth?\n"
    "Answer: The Pacific Ocean, which covers about a third of the surface.\n\n"
    "Question: Why does ice float on water?\n"
    "Answer: Ice takes more room than the water that it is made of, so it is lighter.\n\n"
    "Question: In which season do most trees of the north lose their leaves?\n"
    "Answer: In autumn, before the cold of the winter comes.\n\n"
)
few_shot = lab.tokenize(tokenizer, [examples + question for question in questions])
print("tokens:", [*map(len, few_shot)], "k/r:", len(few_shot) / lab.pack([*map(len, few_shot)]).num_bins)

# %%
ways["examples read once"] = ways["concatenated"] | {"share": True}
once = ("one batch, padded", "concatenated", "examples read once")  # packed, each prompt has a row to itself
taken = lab.measure_together({way: partial(score_by, way, few_shot) for way in once}, warmup=0, repeats=1)
for way, one in taken.items():
    print(f"{way:22} {one.median:5.2f} s")

# %% [markdown]
# Where time follows tokens, as on a CPU, the first two ways are near each other: there is next to nothing left to
# remove. Reading the examples once is in another class. (One run each, so small differences mean nothing.)
#
# Here is the same with sorting, with sixteen questions of recorded lengths, and with four choices for each, as it was
# recorded:

# %%
recorded = load_recordings(of=("prepack-lab bench score",))[0]
seconds = {(row["way"], row["examples"]): median(row["seconds"]) for row in recorded.results}
ways, shots = dict.fromkeys(way for way, _ in seconds), dict.fromkeys(tokens for _, tokens in seconds)
rows = [(way, *(f"{seconds[way, tokens]:.1f} s" for tokens in shots)) for way in ways]
print(recorded.command)
Table(("way", *(f"{tokens} tokens of examples" for tokens in shots)), rows, recorded.title)

# %% [markdown]
# In the first column sharing pays as well: the four choices of a question go on from the question, which is read once.

# %% exercise="11-tokens"

# %%
lab.widgets.Quiz("11-examples")

# %% [markdown]
# ## Reranking, and rewards
#
# A search engine has found some passages. Which of them answers the query? One way is
# [query likelihood](https://arxiv.org/abs/2204.07496): ask how likely the *query* is, given each passage.
#
# **Predict first:** which passage comes first for each query?

# %%
passages = [
    "The Eiffel Tower in Paris was built for the world's fair of 1889.",
    "Bread rises because yeast turns sugar into gas.",
    "The great fire of London began in a bakery in 1666, and burned for four days.",
    "Steel bridges carry trains over wide rivers.",
]
queries = ["When was the Eiffel Tower built?", "Why does bread rise?", "Where did the great fire start?"]
read = lab.tokenize(tokenizer, [f"Passage: {passage}\nQuestion:" for passage in passages])
asked = lab.tokenize(tokenizer, [f" {query}" for query in queries])
for query, own in zip(queries, zip(*lab.score(model, read, [asked] * len(read)), strict=True), strict=True):
    found = [each.log_likelihood for each in own]
    print(f"{query:34} {passages[found.index(max(found))]}")

# %% [markdown]
# Twelve scores, and each passage was read once: all queries went on from there. No model was trained for this.
#
# Another way is to ask outright, and to compare the scores of *Yes* and *No*. The share of *Yes* is between 0 and 1. It
# serves as a grade for reranking and filtering, and as a **reward** in training.

# %%
asking = "Question: {}\nPassage: {}\nAnswer (Yes or No):"
examples = (
    "Is the question answered by the passage?\n\n"
    f"{asking.format('Who painted the Mona Lisa?', 'The Mona Lisa was painted by Leonardo da Vinci.')} Yes\n\n"
    f"{asking.format('Who painted the Mona Lisa?', 'Cats sleep for most of the day.')} No\n\n"
)

# %%
asked = lab.tokenize(tokenizer, [examples + asking.format(*pair) for pair in product(queries, passages)])
pairs = lab.score(model, asked, [lab.tokenize(tokenizer, [" Yes", " No"])] * len(asked))
both = torch.tensor([[each.log_likelihood for each in pair] for pair in pairs])
yes = both.softmax(-1)[:, 0].view(len(queries), len(passages))
headings = ("query", *(f"{passage[:20]}…" for passage in passages))
rows = [(query, *(f"{share:.2f}" for share in own)) for query, own in zip(queries, yes.tolist(), strict=True)]
Table(headings, rows, "The share of Yes, out of Yes and No")

# %% [markdown]
# Read a row for its order, not for its values: a small model leans to one of the two words. A reranker needs
# the order only. (A trained reward model puts a number on the last token instead. That is a prefill, too.)

# %%
lab.widgets.Quiz("11-order")

# %% [markdown]
# ## Embeddings
#
# An **[embedding](glossary.ipynb#Embedding)** is a vector for a whole text, such that texts about the same thing point
# in similar directions. It is made of the hidden states of the last layer: the last token's, or the mean over all
# tokens.
#
# One packed pass embeds all texts. What keeps them apart is what you know: the mask, and the restart of positions.

# %%
texts = [*passages, *queries, "Which gas makes dough grow?", "How do trains cross a river?"]
short = lab.tokenize(tokenizer, texts)
batch = lab.PackedBatch.from_prompts(short, lab.pack([*map(len, short)]), device=model.device)
mask = lab.packed_mask(batch.segment_ids, dtype=model.dtype)  # [R, 1, W, W]
with torch.no_grad():
    out = model.model(batch.input_ids, attention_mask=mask, position_ids=batch.position_ids, use_cache=False)
hidden = out.last_hidden_state  # [R, W, D]
last = hidden[batch.last_token.unbind(1)]  # [B, D]
means = torch.stack([hidden[batch.segment_ids == prompt].mean(0) for prompt in range(len(texts))])  # [B, D]
print(f"{len(texts)} texts in {len(hidden)} rows, embeddings of shape {[*means.shape]}")

# %% [markdown]
# The same as each text alone?

# %%
with torch.no_grad():
    alone = [model.model(torch.tensor([ids], device=model.device)).last_hidden_state[0] for ids in short]
print(f"mean: off by {(means - torch.stack([one.mean(0) for one in alone])).abs().max():.1e} at most")
print(f"last: off by {(last - torch.stack([one[-1] for one in alone])).abs().max():.1e} at most")
print(f"the numbers themselves spread by {means.std():.2f}")

# %% [markdown]
# **Predict first:** for each of the four passages, which other text is most similar?

# %%
centred = means - means.mean(0)  # what all texts have in common says nothing
directions = centred / centred.norm(dim=-1, keepdim=True)
similar = directions @ directions.T - 2 * torch.eye(len(texts), device=model.device)  # [B, B] nobody finds itself
for passage, nearest in zip(passages, similar.argmax(-1).tolist(), strict=False):
    print(f"{passage[:48]:50} {texts[nearest]}")

# %% [markdown]
# Even a chat model that was never trained for it often finds the text on the same subject. Models made for it do
# better. Many of those read in both directions, and need a mask without the triangle: blocks only.

# %% exercise="11-pool"

# %% [markdown]
# ## The harness
#
# [lm-evaluation-harness](https://github.com/EleutherAI/lm-evaluation-harness) runs hundreds of tasks. It asks its
# model for scores and counts the answers. Its own model for transformers is called `hf`. The lab adds one that is
# called `prepack`: the same requests, answered by `lab.score`.
#
# ```
# prepack-lab lm-eval run --model prepack --model_args pretrained=smollm2-135m,method=padding_free --tasks arc_easy
# ```
#
# It needs the extra `prepack-lab[lm-eval]`, so here is what was recorded: questions without examples, and with the five
# that the harness brings. **Predict first:** in which of the two is `prepack` further ahead?

# %%
recorded = load_recordings(of=("prepack-lab bench lm-eval",))[0]
hf = {row["examples"]: median(row["seconds"]) for row in recorded.results if row["client"] == "hf"}
rows = [
    (row["examples"], row["client"], f"{own:.1f} s", f"{hf[row['examples']] / own:.1f}×", f"{row['most_off']:.0e}")
    for row in recorded.results
    for own in [median(row["seconds"])]
]
print(recorded.command)
Table(("examples", "model", "seconds", "× hf", "log-likelihoods, most off hf"), rows, recorded.title)

# %% [markdown]
# The scores are those of `hf`, up to rounding. Without examples packing and reading each question once save the time;
# with examples it is mostly the examples, read once. The command above the table repeats it on your machine.
#
# ## In the real world
#
# - In lm-evaluation-harness `acc` is the plain accuracy, `acc_norm` divides by characters and `acc_bytes` by bytes
#   ([discussion](https://github.com/EleutherAI/lm-evaluation-harness/issues/3278)).
# - vLLM finds beginnings that it has read before by itself
#   ([prefix caching](https://docs.vllm.ai/en/latest/design/prefix_caching/)). A script with
#   transformers has to see to it.
# - It serves embeddings, scores and rewards as
#   [pooling models](https://docs.vllm.ai/en/v0.18.0/models/pooling_models/), beside those that write.
# - [ModernBERT](https://arxiv.org/abs/2412.13663), made for embeddings, takes padding out before its first layer, and
#   runs all texts of a batch as one.
# - Put what is the same for all prompts first: instructions, examples, the query.
#
# ## What you have seen
#
# - A score is a sum of log-probabilities, each from the row of logits before its token.
# - Scoring, reranking, rewards and embeddings are prefill and nothing else.
# - Packing gains where the prompts are unequal. A long shared beginning makes them equal, and then reading it once
#   gains.
# - Packed embeddings are those of each text alone, up to rounding.
#
# The paper: it measures prefill and time to first token, and scores nothing. Its `mmlu` is what our k/r was counted on.
#
# **That was the last lesson.** What is yours to try: the harness on your own task, or `lab.score` in your own filter.

# %%
lab.progress("11")
