# %% [markdown]
# # 02 · Bin packing
#
# **In fifty-five minutes you will be able to**
#
# - write next fit, best fit and first-fit decreasing by hand,
# - say how many rows a batch needs at least, and whether a packing can be improved,
# - say what the library that the paper used really does, and what that costs,
# - predict the speed-up of a workload on a GPU by counting rows.
#
# You need [lesson 01](01_padding_waste.ipynb). New words are in the [glossary](glossary.ipynb).

# %%
import prepack_lab as lab
from prepack_lab import figures
from prepack_lab.course import reports
from prepack_lab.measuring import paper
from prepack_lab.measuring.predictors import expected_fewer_rows

lab.progress("02")

# %% [markdown]
# ## Rows are bins
#
# Which prompts shall share a row? A row holds a limited number of tokens, its **[capacity](glossary.ipynb#Capacity)**.
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

# %% [markdown]
# ## Never look back
#
# The simplest rule is **next fit**: put a prompt into the bin that was opened last. Where it does not fit there, open a
# new one, and never look back. Each prompt is looked at once.
#
# Press the play button, or move *Prompts* with the arrow keys, and watch where each prompt goes.

# %%
lab.widgets.PackingRace(lengths, capacity, strategies=("next_fit", "first_fit", "best_fit"))

# %% [markdown]
# The dashed line is the lower bound. Next fit leaves room behind that nobody fills. **First fit** and **best fit** look
# back: the first takes the first bin with room, the second the bin where least room is left over.

# %% exercise="02-next-fit"

# %% exercise="02-best-fit"

# %% [markdown]
# ## The longest first
#
# A long prompt that comes late finds no room any more. So sort first: the longest prompt comes first, and the short ones
# fill the gaps. A rule with that order is called *decreasing*.
#
# Here are 64 exam questions. **Predict first:** which gains most from the order, next fit or first fit?

# %%
questions = lab.load_profile("mmlu").sample(64, seed=3)
reports.strategies_table(questions)

# %% [markdown]
# Read the column *over the bound*. The rules that look back come within a bin or so of the bound, sorted or not: among
# many short prompts there is always one for the gap. Next fit stays behind, because it forgets its gaps.
#
# With few prompts the order matters to first fit, too. **Predict first:** how many bins does each of the two need here?

# %%
lab.widgets.PackingRace([4, 4, 6, 6], 10, strategies=("first_fit", "first_fit_decreasing"))

# %% [markdown]
# In the order given, the two fours share a bin, and neither six finds room in it. The longest first, each six leaves a gap
# for a four.

# %% exercise="02-ffd"

# %%
lab.widgets.Quiz("02-order")

# %% [markdown]
# ## Can it be beaten?
#
# [First-fit decreasing](glossary.ipynb#First-fit-decreasing) is greedy: it never takes a decision back. So there are
# prompts for which it needs a bin too many. The contest below is always one of those. Choose a prompt and a bin, place
# it, and try to need fewer bins.

# %%
lab.widgets.PackingContest()

# %% exercise="02-beat-ffd"

# %% [markdown]
# How does the check know what is necessary? By an exact solver: `strategy="optimal"`. It tries whole families of
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
# ## What the library really does
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
workloads = ("mmlu", "samsum", "hh_rlhf", "wikitext512")
reports.library_table(workloads)

# %% [markdown]
# Close to nothing, a hundredth at most, and now and then the library even saves a row. And the rule of the authors' version?

# %%
reports.library_table(workloads, other="best_fit_decreasing")

# %% [markdown]
# So the name was wrong, and the paper's numbers still stand. The library has one more habit to know: it takes a prompt
# that is longer than the bin without a word. `lab.pack` refuses it.

# %%
try:
    lab.pack([12, 3], capacity=10)
except ValueError as error:
    print(error)

# %% [markdown]
# ## A million prompts
#
# Packing happens before every forward pass, so it must be fast. A rule that looks at every bin for every prompt takes
# four times as long for twice the prompts. The lab's own strategies keep the free room in order instead.
#
# **Predict first:** how long do they take for a million prompts?

# %%
reports.packing_seconds_table(("next_fit", "first_fit_decreasing", "best_fit_decreasing", "binpacking"))

# %%
lab.widgets.Quiz("02-time")

# %% [markdown]
# ## Rows predict the speed-up
#
# Let k be the prompts of a batch, and r the rows after packing. The paper measured how many times as fast prepacking is
# on a GPU, for six workloads and batches of 4 to 64. We have only the lengths, and count rows: what is
# **[k over r](glossary.ipynb#k-over-r)** in the mean of 200 random batches?
#
# **Predict first:** how far is the count from the measurement?

# %%
counted = {
    workload: {size: expected_fewer_rows(lab.load_profile(workload), size) for size in by_batch}
    for workload, by_batch in paper.SPEED_UP_BY_BATCH.items()
}
figures.draw_counted_rows(counted, paper.SPEED_UP_BY_BATCH)

# %% [markdown]
# Each point is a workload and a batch size. All lie close to the diagonal: counting rows predicts what a GPU will gain,
# without a GPU. Points below the line gain a little less than the count. Small batches do not fill a GPU, as lesson 01
# has shown.
#
# ## In the real world
#
# - Training frameworks pack texts into rows of a fixed length, often by best-fit decreasing, for the same reason.
# - `transformers` packs in its data collators for training. For prompts it pads, unless you pack yourself.
# - The exact answer is rarely worth its time: first-fit decreasing never needs more than 11/9 of the fewest bins and two
#   thirds of a bin more (Dósa 2007).
#
# ## What you have seen
#
# - Sharing rows is bin packing. The capacity is the longest prompt of the batch.
# - Tokens over capacity, rounded up, is a bound. A packing that meets a bound can't be improved.
# - First-fit decreasing is simple, fast and nearly always the best there is.
# - The paper's library does something else under that name, and it hardly matters.
# - k over r predicts the speed-up before anything is run.
#
# The paper: section 3, and its figure of the speed-up against the batch size.
#
# **Next:** what keeps the prompts of a row apart? That is [lesson 03](03_masks_and_positions.ipynb).

# %%
lab.progress("02")
