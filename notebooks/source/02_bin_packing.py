# %% [markdown]
# # 02 · Bin packing
#
# **In sixty minutes you will be able to**
#
# - write next fit, best fit and first-fit decreasing by hand,
# - say how many rows a batch needs at least, and whether a packing can be improved,
# - say what the library that the paper used really does, and what that costs,
# - predict the speed-up of a workload on a GPU by counting rows.
#
# You need [lesson 01](01_padding_waste.ipynb). New words are in the [glossary](glossary.ipynb).

# %%
from statistics import mean
from time import perf_counter

import prepack_lab as lab
from prepack_lab import figures
from prepack_lab.measuring import paper
from prepack_lab.measuring.table import Table
from prepack_lab.packing import STRATEGIES

lab.progress("02")

# %% [markdown]
# ## Rows are bins
#
# Which prompts should share a row? A row holds a limited number of tokens, its **[capacity](glossary.ipynb#Capacity)**.
# The prompts that share it are a **[bin](glossary.ipynb#Bin)**. In the paper the capacity is the longest prompt of the
# batch, so that no row becomes longer than in the padded batch.
#
# Few bins are few rows, and few rows are little work. To find the fewest is called
# **[bin packing](glossary.ipynb#Bin-packing)**.
#
# Here are ten prompts, and bins of ten tokens.

# %%
lengths, capacity = [4, 8, 1, 4, 2, 1, 7, 3, 6, 2], 10
print(sum(lengths), "tokens")

# %% [markdown]
# **Predict first:** how many bins do these prompts need at least?

# %% exercise="02-bound"

# %%
print(f"at least {lab.pack(lengths, capacity).lower_bound} bins of {capacity} tokens")

# %% [markdown]
# Four: three bins have room for 30 tokens only.
#
# ## Never look back
#
# The simplest rule is **next fit**: put a prompt into the bin that was opened last. Where it does not fit there, open a
# new one, and never look back. Each prompt is looked at once.
#
# Press the play button, or move *Prompts* with the arrow keys, and watch where each prompt goes.
#
# **Predict first:** how many bins will next fit open?

# %%
lab.widgets.PackingRace(lengths, capacity, strategies=("next_fit", "first_fit", "best_fit"))

# %% [markdown]
# Five, one more than the lower bound, which is the dashed line. Next fit leaves room behind that nobody fills. **First
# fit** and **best fit** look back: the former takes the first bin with room, the latter the bin where the least room is
# left over.

# %% exercise="02-next-fit"

# %% exercise="02-best-fit"

# %% [markdown]
# ## The longest first
#
# So far the prompts came in the order given. But all of them are known beforehand, so a rule may choose its order. Those
# that take the longest prompt first are called *decreasing*.
#
# Here are 64 exam questions. **Predict first:** which gains more from the order, next fit or first fit?

# %%
questions = lab.load_profile("mmlu").sample(64, seed=3)
packings = [lab.pack(questions, strategy=strategy, time_limit=5.0) for strategy in STRATEGIES]
bound = max(packing.lower_bound for packing in packings)
rows = [
    (packing.strategy, packing.num_bins, packing.num_bins - bound, f"{packing.utilization:.0%}") for packing in packings
]
caption = f"{len(questions)} prompts in bins of {max(questions)} tokens; no packing has fewer than {bound} bins"
Table(("strategy", "bins", "over the bound", "of all bins is filled"), rows, caption)

# %% [markdown]
# Next fit: the order saves it a bin, and first fit has nothing left to gain. Read the column *over the bound*. The rules
# that look back come within a bin of the bound, sorted or not: among many short prompts there is always one for the gap.
# Next fit stays behind, because it forgets its gaps.
#
# With few prompts the order matters to first fit, too. **Predict first:** how many bins does each of the two need here?

# %%
lab.widgets.PackingRace([4, 4, 6, 6], 10, strategies=("first_fit", "first_fit_decreasing"))

# %% [markdown]
# Three and two. In the order given, the two fours share a bin, and neither six finds room in it.

# %%
lab.widgets.Quiz("02-order")

# %% exercise="02-ffd"

# %% [markdown]
# ## Can it be beaten?
#
# [First-fit decreasing](glossary.ipynb#First-fit-decreasing) comes close to the bound nearly always. Nearly?

# %% exercise="02-beat-ffd"

# %% [markdown]
# The contest is always such a case: fewer bins would do. Choose a prompt and a bin, place it, and find the better packing.

# %%
lab.widgets.PackingContest()

# %% [markdown]
# How did the check know what is necessary? By an exact solver: `strategy="optimal"`. It tries whole families of
# packings at once, and may take long. Where it runs out of time it says so, by its `gap` to the best bound.
#
# The bound is better than counting tokens, too. Three prompts of six tokens need three bins of ten, though 18 tokens
# would fit into two: no two of them fit together.

# %%
tight = lab.pack([6, 6, 6], capacity=10, strategy="optimal")
print(f"{-(-18 // 10)} bins by counting tokens, {tight.lower_bound} by the lab's bound; packed into {tight.num_bins}")

# %%
lab.widgets.Quiz("02-bound")

# %% [markdown]
# ## The paper's library
#
# The paper says that it packs by first-fit decreasing, "as implemented by" the Python library `binpacking`.
# **Predict first:** do the two agree on these six prompts?

# %%
six = [9, 7, 6, 3, 2, 2]
figures.draw_bins({strategy: lab.pack(six, 10, strategy) for strategy in ("first_fit_decreasing", "binpacking")})

# %% [markdown]
# They do not. In its version 2 the library puts each prompt into the *emptiest* bin with room. That is worst-fit
# decreasing, and it spoils the gap that the last prompt would need. (The version that the authors used took the fullest,
# which is best-fit decreasing.)
#
# What does that cost on real prompts? **Predict first:** a tenth more rows, a hundredth, or less?

# %%
names, rows = ("first_fit_decreasing", "binpacking", "best_fit_decreasing"), []
for workload in ("mmlu", "samsum", "hh_rlhf", "wikitext512"):
    for size in (16, 64):
        batches = [lab.load_profile(workload).sample(size, seed) for seed in range(100)]
        ffd, *others = (mean(lab.pack(batch, strategy=name).num_bins for batch in batches) for name in names)
        rows.append((workload, size, f"{ffd:.2f}", *(f"{other:.2f} ({other / ffd - 1:+.1%})" for other in others)))
Table(("workload", "prompts", *names), rows, "Mean rows of 100 random batches, and how many more than the first rule's")

# %% [markdown]
# Close to nothing, a hundredth at most. The rule of the authors' version, in the last column, is as good as first-fit
# decreasing. So the name was wrong, and the paper's numbers still stand. The library has one more habit to know: it
# takes a prompt that is longer than the bin without a word. `lab.pack` refuses it.

# %%
try:
    lab.pack([12, 3], capacity=10)
except ValueError as error:
    print(error)

# %% [markdown]
# ## A million prompts
#
# Packing happens before every forward pass, so it must be fast. A plain rule looks at every bin for every prompt.

# %%
lab.widgets.Quiz("02-time")

# %% [markdown]
# The lab's own strategies keep the free room in order instead, and find a bin without looking at all of them.
#
# **Predict first:** how long do they take for a million prompts?

# %%
profile, sizes = lab.load_profile("mmlu"), (1_000, 10_000, 100_000, 1_000_000)
million, rows = profile.sample(max(sizes)), []
for strategy in ("next_fit", "first_fit_decreasing", "best_fit_decreasing", "binpacking"):
    cells = []
    for size in sizes if strategy != "binpacking" else sizes[:2]:  # more would take it far too long
        start = perf_counter()
        packing = lab.pack(million[:size], profile.longest, strategy)
        cells.append(f"{perf_counter() - start:.3f} s, {packing.num_bins:,} bins")
    rows.append((strategy, *cells, *["not tried"] * (len(sizes) - len(cells))))
Table(("strategy", *(f"{size:,} prompts" for size in sizes)), rows, "Seconds, measured just now, and bins")

# %% [markdown]
# Seconds, not minutes: their time grows about as the number of prompts does. That of `binpacking` grows with its square.
#
# ## From rows to seconds
#
# Does it help to have fewer rows? Let k be the prompts of a batch, and r the rows after packing. Then
# **[k over r](glossary.ipynb#k-over-r)** says how many times fewer rows there are.

# %% exercise="02-rows"

# %% [markdown]
# The paper measured how many times as fast prepacking is on a GPU, for six workloads and batches of 4 to 64. We have only
# the lengths, and count rows: k over the mean r of 200 random batches.
#
# **Predict first:** the more rows are saved, the faster it will be. But how closely do the two agree: within a tenth, a
# half, or not at all?


# %%
def counted_gain(profile, size):
    return size / mean(lab.pack(profile.sample(size, seed)).num_bins for seed in range(200))


counted = {
    workload: {size: counted_gain(lab.load_profile(workload), size) for size in measured}
    for workload, measured in paper.SPEED_UP_BY_BATCH.items()
}
figures.draw_counted_rows(counted, paper.SPEED_UP_BY_BATCH)

# %% [markdown]
# Within about a tenth. Each point is a workload and a batch size, and all lie close to the diagonal: counting rows
# predicts what a GPU will gain, without a GPU. Points below the line gain a little less than the count. Small batches do
# not fill a GPU, as lesson 01 has shown.
#
# ## In the real world
#
# - Packing came from training. Krell and others packed texts for BERT, with a mask against *cross-contamination*, and
#   chose what shares a row by a histogram of lengths ([2107.02027](https://arxiv.org/abs/2107.02027)).
# - Most training of language models makes no bins. It concatenates all texts and cuts the whole every so many tokens, so
#   nothing is padded, and many texts are cut in two.
# - Best-fit packing mends that: texts that fit are kept whole, with hardly more rows, and the models make up less
#   ([Ding and others, 2404.10830](https://arxiv.org/abs/2404.10830)).
# - The flattening collator of `transformers` makes no bins either: it lays a whole batch in one row, and hands over where
#   each text ends ([padding-free training](https://huggingface.co/docs/transformers/padding_free)).
# - Prepacking carries the idea over to prompts. Lesson 10 follows it to the servers of today.
# - The exact answer is rarely worth its time: first-fit decreasing never needs more than 11/9 of the fewest bins, plus
#   two thirds of a bin (Dósa 2007).
#
# ## What you have seen
#
# - Sharing rows is bin packing. The capacity is the longest prompt of the batch.
# - Tokens over capacity, rounded up, is a bound. A packing that meets a bound can't be improved.
# - First-fit decreasing is simple, fast and nearly always the best there is.
# - The paper's library does something else under that name, and it hardly matters.
# - k over r, prompts over rows, predicts the speed-up before anything is run.
#
# The paper: section 3, and its figure of the speed-up against the batch size.
#
# **Next:** what keeps the prompts of a row apart? That is [lesson 03](03_masks_and_positions.ipynb).

# %%
lab.progress("02")
