# %% [markdown]
# # 08 · Predicting the gain
#
# **In forty minutes you will be able to**
#
# - predict the speed-up of a batch from the lengths of its prompts, before anything is run,
# - fit that on your machine, predict a workload that you have not run, and score the prediction,
# - predict seconds for every method, from a cost model and three measured rates,
# - say whether arithmetic, memory or launching is the limit,
# - ask `prepack-lab inspect` about a file of your own prompts.
#
# You need lessons 00 and 01. Lesson 02 helps: here, packing is something that just gives you a number of rows.

# %%
from functools import partial
from statistics import median

import prepack_lab as lab
from prepack_lab import figures
from prepack_lab.forward import run_method
from prepack_lab.measuring import paper
from prepack_lab.measuring.calibration import calibrate, measure_roof
from prepack_lab.measuring.inspection import inspect_lengths
from prepack_lab.measuring.predictors import PREDICTORS, errors_on_unseen, fit_line
from prepack_lab.measuring.table import Table
from prepack_lab.measuring.timing import measure

lab.progress("08")

# %% [markdown]
# ## Four numbers that cost nothing
#
# Of any batch you know, before you run it: its **k** prompts, the **m** tokens of the longest, all **L** tokens. Packing
# takes milliseconds, so you also know the **r** rows that will be left.
#
# Full batching computes k rows of m slots. Prepacking computes r rows of at most m slots. If time follows slots, then
#
# > speed-up ≈ k·m / r·m = **k/r**
#
# Here are batches of sixteen from four workloads. **Predict first:** who wins more by packing, uneven prompts or long
# ones?

# %%
rows = []
for name in ("mmlu", "gsm8k", "alpaca", "samsum"):
    lengths = lab.load_profile(name).sample(16, seed=0)
    k, m, L, r = len(lengths), max(lengths), sum(lengths), lab.pack(lengths).num_bins
    rows.append((name, k, m, L, r, f"{r / k:.2f}", f"{k / r:.2f}", f"{m - L / k:.0f}"))
headings = ("batch", "prompts k", "longest m", "tokens L", "rows r", "r/k", "k/r", "m - L/k")
Table(headings, rows, "Counted from the lengths; nothing was run")

# %% [markdown]
# Uneven ones. The exam questions and the school maths have about the same number of tokens in all. But one exam
# question is far longer than the others, and that batch loses twice as many of its rows.
#
# Three candidates stand on the right, all made of these four numbers:
#
# - **r/k**, which the paper calls *batch size reduction*. Small is good.
# - [**k/r**](glossary.ipynb#k-over-r), the same upside down: how many times fewer rows. Large is good.
# - **m - L/k**, the paper's *max absolute deviation*: the longest prompt minus the mean, in tokens.

# %% exercise="08-most"

# %% [markdown]
# Stuck? `lab.hint("08-most")` gives a hint, again the next one, and `lab.solution("08-most")` one way to do it.

# %%
lab.widgets.Quiz("08-outlier")

# %% [markdown]
# ## Does counting rows work?
#
# The authors measured the speed-up of prepacking on a GPU, for six workloads and batches of 4 to 64. The lab knows the
# lengths of these workloads, and lesson 02 has counted their rows. Here we look at the slope. Let's count: draw 50
# random batches of each size, pack them, and take k/r.
#
# **Predict first:** you count rows on a laptop; they timed a model with 1.3 billion parameters on an A6000. How far
# apart will you be?


# %%
def counted(workload, size, draws=50):
    batches = [lab.load_profile(workload).sample(size, seed) for seed in range(draws)]
    return size * draws / sum(lab.pack(batch).num_bins for batch in batches)


theirs = {(name, size): gain for name, by_size in paper.SPEED_UP_BY_BATCH.items() for size, gain in by_size.items()}
ours = [counted(name, size) for name, size in theirs]
off = [abs(k_over_r / gain - 1) for k_over_r, gain in zip(ours, theirs.values(), strict=True)]
print(f"Half of the counts are within {median(off):.0%} of what they timed, all of them within {max(off):.0%}.")
words = [f"{name}, batches of {size}" for name, size in theirs]
figures.draw_predictor(ours, [*theirs.values()], "k/r", words=words)

# %% [markdown]
# Not far apart: a laptop that counts is nearly as good as a GPU that runs. Each point is one of their measurements; rest
# the mouse on it to see which. The slope is close to 1: on that GPU, time follows rows.
#
# ## Your machine
#
# Now batch by batch, here. To have many batches in a few seconds, the model is SmolLM2 with a single one of its
# 30 layers, and with random weights. Its words would be noise. Its time is honest: every layer does the same work. It
# stays on the CPU, also where there is a GPU.

# %%
from transformers import AutoModelForCausalLM

from prepack_lab.models.loading import load_config

config = load_config("smollm2-135m")
config.num_hidden_layers = 1
short_model = AutoModelForCausalLM.from_config(config).eval()

# %% [markdown]
# Each batch is run by full batching and prepacked, and all take turns. The speed-up is the ratio of the medians.


# %%
def time_batches(batches):
    runs = {}
    for name, lengths in batches.items():
        prompts = lab.random_prompts(lengths, vocab_size=1000)
        for method in ("full_batching", "prepacked"):
            runs[name, method] = partial(run_method, short_model, prompts, method)
    times = lab.measure_together(runs, warmup=0, repeats=3)
    spread = median((upper - lower) / taken.median for taken in times.values() for lower, upper in [taken.spread])
    print(f"From quartile to quartile the runs of a batch differ by {spread:.0%}.")
    return {name: times[name, "full_batching"].median / times[name, "prepacked"].median for name in batches}


# %% [markdown]
# Twelve batches of sixteen prompts. **Predict first:** through which of r/k, k/r and m - L/k will a straight line fit
# best?

# %%
known = ("mmlu", "gsm8k", "alpaca", "wikitext256")
batches = {f"{name}, draw {seed}": lab.load_profile(name).sample(16, seed) for name in known for seed in range(3)}
gains = [*time_batches(batches).values()]

lines = {name: fit_line([count(own) for own in batches.values()], gains) for name, count in PREDICTORS.items()}
rows = [
    (name, f"{line.intercept:.2f} {line.slope:+.3g} · ({name})", f"{line.r_squared:.2f}", paper.LINES[name].r_squared)
    for name, line in sorted(lines.items(), key=lambda found: -found[1].r_squared)
]
Table(("predictor", "the line fitted here", "R² here", "R² in the paper"), rows, "Speed-up, the best line first")

# %% [markdown]
# **R²** is the share of the differences between the batches that the line explains: 1 is perfect, 0 is no better than
# always guessing the mean. The first line of the table fitted best here. On a quiet machine that is k/r, as in the
# paper's data. Where the runs of a batch differ as much as the batches do, all three R² are low: run it again.
#
# The paper compares r/k with m - L/k, over 313 batches on a GPU. The line in k/r is our own fit to its figure.

# %%
rows_saved = [PREDICTORS["k/r"](lengths) for lengths in batches.values()]
figures.draw_predictor(rows_saved, gains, "k/r", paper.LINES["k/r"], [*batches])

# %% [markdown]
# A line in k/r has a reason: if time follows rows, speed-up *is* k/r. In r/k the same rule
# is a curve, one over r/k, and a straight line can only pass near it.
#
# And m - L/k? It is in tokens, and does not know what to compare them with: 100 tokens above the mean are a lot for
# prompts of 30 tokens, and little for prompts of 1,000.

# %%
deviations = [PREDICTORS["m - L/k"](lengths) for lengths in batches.values()]
figures.draw_predictor(deviations, gains, "m - L/k", paper.LINES["m - L/k"], [*batches])

# %% exercise="08-fit"

# %% [markdown]
# ## Predict what you have not run
#
# A line through points that you have seen proves little. So let's take a workload that is not among them: HumanEval,
# prompts for writing code. And, to be fair to full batching, one batch in which all prompts have 100 tokens.
#
# The predictions come first. Nothing is run in this cell.

# %%
unseen = {f"humaneval, draw {seed}": lab.load_profile("humaneval").sample(16, seed) for seed in range(4)}
unseen["equal prompts"] = [100] * 16
by_rows = [PREDICTORS["k/r"](lengths) for lengths in unseen.values()]
by_deviation = [PREDICTORS["m - L/k"](lengths) for lengths in unseen.values()]
forecasts = {
    "your line in k/r": [lines["k/r"].at(x) for x in by_rows],
    "the paper's line in k/r": [paper.LINES["k/r"].at(x) for x in by_rows],
    "your line in m - L/k": [lines["m - L/k"].at(x) for x in by_deviation],
}
rows = [(name, *(f"{own[place]:.2f}" for own in forecasts.values())) for place, name in enumerate(unseen)]
Table(("batch", *forecasts), rows, "Not yet run")

# %% [markdown]
# **Predict first:** will they be off by 5 %, by 20 %, or by half? And how far off will m - L/k be, and the paper's own
# line, from another machine?

# %%
found = [*time_batches(unseen).values()]
figures.draw_forecast(forecasts, found, [*unseen])

# %% [markdown]
# The title says how far off the best of the three was, at the median. On the dashed line a prediction was right; to its
# right, it promised too much. The squares are the paper's line in k/r, fitted on another machine: does it travel?
#
# For equal prompts k/r is 1. Packing saves no row there, so there is nothing to win.
#
# A single layer is a small model, and your machine may be busy. So here is the same with all 30 layers, recorded on a
# quiet machine. Each of four workloads is predicted by the line through the other three.
#
# **Predict first:** which of the three predictors loses most, where it has not seen the workload?

# %%
from prepack_lab.measuring.recordings import load_recordings, only, speed_up

recorded = load_recordings(of=("prepack-lab bench predict",))[0]
runs = [(run["workload"], run["draw"]) for run in only(recorded.results, method="prepacked")]
lengths = [lab.load_profile(workload).sample(16, draw) for workload, draw in runs]
measured = [speed_up(recorded.results, "prepacked", workload=workload, draw=draw)[0] for workload, draw in runs]
for name, count in PREDICTORS.items():
    errors = errors_on_unseen([count(own) for own in lengths], measured, [workload for workload, _ in runs])
    print(f"{name:8}", *(f"{workload}: off by {median(off):.0%}" for workload, off in errors.items()), sep="   ")
print(recorded.title)

# %% [markdown]
# m - L/k loses most: a line in it is at home only in the workloads that it was fitted to. k/r needs no home.

# %% exercise="08-score"

# %% [markdown]
# Solved? Then score the three forecasts: `{how: r_squared(found, forecast) for how, forecast in forecasts.items()}`.
# An R² below 0 means: worse than always guessing the mean.

# %%
lab.widgets.Quiz("08-unseen")

# %% [markdown]
# ## From gains to seconds
#
# k/r compares prepacking with full batching, and knows nothing else. A **cost model** predicts seconds, for every method:
#
# > seconds = passes · **a** + operations of the linear layers · **b** + operations of attention · **c**
#
# Passes and operations follow from the lengths and the model's sizes (lesson 01). a, b and c are the machine's.
# **Calibration** runs a few passes of growing size, and fits the three. This is the whole SmolLM2, all 30 layers.

# %%
model, tokenizer = lab.load_model("smollm2-135m", dtype="float32")
calibration = calibrate(model, repeats=1)
print(f"a: {1e3 * calibration.seconds_per_pass:.1f} ms for a forward pass, however small")
print(f"b: {1e12 * calibration.seconds_per_linear_flop:.2f} ms for a billion operations of the linear layers")
print(f"c: {1e12 * calibration.seconds_per_attention_flop:.2f} ms for a billion operations of attention")

# %% [markdown]
# Now a batch of eight exam questions, by four methods.

# %%
lengths = lab.load_profile("mmlu").sample(8, seed=0)
print(lengths)

# %% [markdown]
# **Predict first:** which method will be the fastest, and which the slowest? The next cell says what the cost model
# expects.

# %%
methods = ("one_by_one", "full_batching", "prepacked", "padding_free")
costs = {method: lab.estimate_cost(model.config, lengths, method, model.dtype) for method in methods}
predicted = {method: calibration.seconds(cost) for method, cost in costs.items()}
print(*(f"{method}: {seconds:.2f} s" for method, seconds in predicted.items()), sep="\n")

# %% [markdown]
# And now run them. `run_method` is the forward passes alone, as in the cost model.

# %%
prompts = lab.random_prompts(lengths, vocab_size=1000)
runs = {method: partial(run_method, model, prompts, method) for method in methods}
taken = {method: one.median for method, one in lab.measure_together(runs, warmup=0, repeats=2).items()}
figures.draw_forecast({"the cost model": [*predicted.values()]}, [*taken.values()], methods, "seconds")

# %% [markdown]
# Was your favourite the fastest? No point of this figure was among the passes of the calibration. Where a point is far
# off the line, the model of cost leaves something out: a busy machine, memory that has to be found, a small batch that
# keeps the cores waiting.

# %% exercise="08-best"

# %% [markdown]
# ## What is the limit?
#
# A machine has three limits. How many operations it **computes** in a second. How many bytes it **moves** in a second.
# And how long it takes to [**launch**](glossary.ipynb#Launch-overhead) a pass: each layer is a dozen small calls, from Python
# down to the cores or the GPU. The slowest of the three decides. The picture of the first two is called a
# [**roofline**](glossary.ipynb#Roofline).
#
# All three can be measured: a large matrix product, a large copy, and a model that is all layers and no width. That one
# has nothing to compute and nothing to move.

# %%
thin = load_config("smollm2-135m")
thin.hidden_size, thin.head_dim, thin.intermediate_size, thin.vocab_size = 36, 4, 36, 64  # still 30 layers, 9 heads
thin_model = AutoModelForCausalLM.from_config(thin).eval().to(model.device)
launch = measure(partial(run_method, thin_model, [[1]], "one_by_one"), repeats=9).median

roof = measure_roof(str(model.device), model.dtype)
print(f"{roof.flops_per_second / 1e9:,.0f} billion operations and {roof.bytes_per_second / 1e9:,.0f} GB in a second,")
print(f"so {roof.ridge:.1f} operations in the time of one byte, on {roof.device}")
print(f"{1e3 * launch:.1f} ms to launch a pass through 30 layers")

# %% [markdown]
# Where do our passes lie? To them we add the smallest there is: a single token.
#
# **Predict first:** which of the five is *not* limited by arithmetic?

# %%
passes = costs | {"a single token": lab.estimate_cost(model.config, [1], "one_by_one", model.dtype)}
single = measure(partial(run_method, model, [[1]], "one_by_one"), repeats=5)
seconds = taken | {"a single token": single.median}
figures.draw_roofline(passes, roof.flops_per_second, roof.bytes_per_second, seconds, launch)

# %% [markdown]
# The grey line is the roof: its slope is what memory allows, its flat part what arithmetic allows. A short line marks the
# limit of each pass, with launching, and the mark below it what was reached. The table under the figure has the three
# limits in milliseconds.
#
# The single token is the one. It reads all weights for two operations each, so the machine waits for memory, or for the
# next call: a GPU reads so fast that it waits for Python. The batches read the same weights once for hundreds of tokens,
# and arithmetic is the limit.
#
# This is why padding hurts: once arithmetic is the limit, every slot costs its share, whether it holds a token or not.
# And it is why one_by_one can be slow without any padding: many passes, and each is launched and reads the weights.

# %%
lab.widgets.Quiz("08-limit")

# %% [markdown]
# Which of them is it in the paper's measurements? There, the smallest batches all take about as long. Reading the
# weights and computing are estimated from the data sheet of the authors' GPU, in half precision.
#
# **Predict first:** what is the floor of 32 ms made of?

# %%
weights, bytes_per_second, flops_per_second = 1.3e9, 768e9, 154.8e12  # Sheared-LLaMA-1.3B on an A6000
reading, rows = 2 * weights / bytes_per_second, []
for size, seconds in paper.BATCH_SECONDS[100].items():
    computing = 2 * weights * 100 * size / flops_per_second
    rows.append((f"{size} × 100", *(f"{1e3 * time:,.1f} ms" for time in (reading, computing, seconds))))
Table(("prompts × tokens", "reading the weights", "computing", "measured"), rows, "The paper's batches, 1.3B")

# %% [markdown]
# Neither of the two: for the smallest batches each takes 3.4 ms at most, and nothing that was measured is below 32 ms.
# What is left is launching. Their script loads weights in 4 bits, if nothing else is asked for. Then even less is read,
# and unpacking adds calls.
#
# From some 400 tokens on, time grows with the tokens. Now arithmetic is the limit, far below what the data sheet says.

# %% [markdown]
# ## The tool you take home
#
# All of this is one command. Let's write a file with 24 real prompts, pages of Python's own manual, one JSON line each.

# %%
import json
from pathlib import Path
from pydoc_data.topics import topics

pages = [text for text in topics.values() if len(text) < 4000][:24]
file = Path("my_prompts.jsonl")
file.write_text("\n".join(json.dumps({"prompt": page}) for page in pages), encoding="utf-8")
texts = lab.read_prompts(file)

# %% [markdown]
# `prepack-lab inspect my_prompts.jsonl` is what you would type in a terminal. Its exit code is 0 where packing is worth it
# and 1 where it is not, so that a script can ask.

# %%
from prepack_lab.cli import main

print("exit code", main(["inspect", str(file), "--batch-size", "8", "--at-least", "1.2"]))

# %% [markdown]
# It says whose seconds they are: recorded on another machine, as long as you have not calibrated yours. With the
# calibration that you have measured above:

# %%
counts = [len(prompt) for prompt in lab.tokenize(tokenizer, texts)]
inspect_lengths(counts, model.config, batch_size=8, calibration=calibration, dtype=model.dtype).table()

# %% [markdown]
# The same by hand, on the lengths of that file and in the seconds of your machine: change the model, the batch size,
# the workload, or load a file of your own.

# %%
lab.widgets.YourPrompts(counts, tokenizer, calibration)

# %% [markdown]
# ## In the real world
#
# - Serving systems plan by tokens, not by prompts, because time follows tokens: vLLM has `max_num_batched_tokens`, and
#   SGLang `chunked_prefill_size`.
# - The roofline comes from Williams, Waterman and Patterson (2009). Reports of large training runs give their share of
#   the flat part: "model FLOPs utilization".
# - Against launching there are [CUDA graphs](https://docs.nvidia.com/dl-cuda-graph/latest/cuda-graph-basics/introduction.html):
#   all calls of a pass are recorded once and launched as one. vLLM decodes with them.
# - Before a long job, engineers do what you did here: time a few small batches, fit, and predict how long the whole will
#   take.
#
# ## What you have seen
#
# - k/r predicts the speed-up of prepacking, because time follows rows: count, and you know it within about a tenth.
# - A predictor has to be scored on what it has not seen. m - L/k fits at home, and gets lost elsewhere.
# - With three measured rates a cost model predicts seconds, for any method and any lengths.
# - Large passes are limited by arithmetic, so padding costs its full share. Small ones wait for memory, or for launching.
# - Where lengths are equal there is nothing to win, and the prediction says so.
#
# The paper: its section on what predicts the gain, with 313 batches, *batch size reduction* and *max absolute deviation*.
#
# **Next:** what happens to packed prompts once tokens are generated? That is [lesson 09](09_generation.ipynb).

# %%
lab.progress("08")
