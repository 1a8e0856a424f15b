"""Figures that can be worked out by hand, one or two for each kind: `test_numbers.py` says what each must draw."""

import numpy as np

import prepack_lab as lab
from prepack_lab import figures
from prepack_lab.course.miniatures.iterations import Step, Timeline
from prepack_lab.course.miniatures.paged_cache import BlockTables
from prepack_lab.course.miniatures.requests import Request
from prepack_lab.measuring.cost import Cost
from prepack_lab.measuring.inspection import Inspection
from prepack_lab.measuring.predictors import Line
from prepack_lab.measuring.timing import Measurement
from prepack_lab.sources.lengths import LengthProfile

REQUESTS = [Request(3, 3), Request(2, 2, arrived=1.0), Request(1, 1)]
STEPS = [Step(1.0, {0: 3, 2: 1}), Step(2.0, {0: 1, 1: 2}), Step(4.5, {0: 1}), Step(5.0, {1: 1})]
SERVED = Timeline(REQUESTS, STEPS, [[1.0, 2.0, 4.5], [2.0, 5.0], [1.0]])

PAGED = BlockTables(blocks=12, block_size=4)
for prompt, tokens in ((1, 8), (0, 30), (1, 1)):  # blocks 0 and 1, then 2 to 9, and 10
    PAGED.grow(prompt, tokens)


def measured(*seconds):
    return Measurement(seconds, "here", None)


def cost(method, flops, moved_bytes, passes=1, slots=10, tokens=8):
    return Cost(method, passes, 1, slots, tokens, flops, 0.0, 0.0, 5e6, 2e6, 1e6, moved_bytes)


COSTS = {"full_batching": cost("", 6e9, 1e9), "prepacked": cost("", 3e9, 1e9), "one_by_one": cost("", 8e9, 1e9, 1200)}
INSPECTION = Inspection((5, 3), 2, COSTS, None)
PROFILE = LengthProfile("name", "A workload", "", "", "", "", np.array([[20, 3], [50, 2], [100, 5]]))
SEEN = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1]], bool)
ATTENTION = np.array([[1, 0, 0, 0], [0.25, 0.75, 0, 0], [0.5, 0, 0.5, 0], [0, 0, 0, 1]])

EXAMPLES = {
    "answers": lambda: figures.draw_answers({"continuous": SERVED, "again": SERVED}),
    "attention": lambda: figures.draw_attention_weights(ATTENTION, [0, 0, 1, -1]),
    "bins": lambda: figures.draw_bin_states(
        {"best_fit": [[0, 2], [1]], "next_fit": [[0], [1, 2]]}, [5, 3, 1], 6, 2, rows=10
    ),
    "block mask": lambda: figures.draw_block_mask([[2, 0], [1, 2]], 1024),
    "growing cache": lambda: figures.draw_cache_growth(["a", "b"], [" c", "d", "e"]),
    "cache over steps": lambda: figures.draw_cache_over_steps(
        {"prepacked": lab.Packing.padded([3, 1]), "padding_free": lab.Packing.concatenated([3, 1])}, 4, 2e6
    ),
    "cache layout": lambda: figures.draw_cache_layout(lab.pack([1, 3], 5), 2_000_000),
    "counted rows": lambda: figures.draw_counted_rows(
        {"mmlu": {8: 2.5, 4: 1.5}, "gsm8k": {4: 4.0}}, {"mmlu": {8: 2.0, 4: 1.5}, "gsm8k": {4: 5.0}}, within=0.2
    ),
    "deliveries": lambda: figures.draw_deliveries(
        {"length_ordered": [(1.0, [2]), (2.0, [0, 1]), (4.0, [3])], "prepacked": [(1.5, [0, 1]), (2.5, [2, 3])]}
    ),
    "errors": lambda: figures.draw_errors({"right": [1e-4, 1e-9], "wrong": [1e-3, 100.0], "later": None}),
    "forecast": lambda: figures.draw_forecast({"k/r": [1.5, 2.0]}, [1.0, 4.0], ["a", "b"]),
    "gains": lambda: figures.draw_gains(INSPECTION),
    "race": lambda: figures.draw_race({"one_by_one": [1.0, 2.0, 3.0], "prepacked": [1.5, 1.5, 2.5, 2.5]}, 2),
    "lengths": lambda: figures.draw_lengths(PROFILE, [50, 100, 20]),
    "mask": lambda: figures.draw_mask(SEEN, [0, 0, 1, -1], [["a", "b"], ["c"]], [0, 1, 0, 0]),
    "memory": lambda: figures.draw_memory(
        {"prepacked": {2: 3e9, 1: 1e9}, "one_by_one": {1: 1e9, 2: 2e9}}, 2e9, {"prepacked": {1: 1.1e9, 2: None}}
    ),
    "memory parts": lambda: figures.draw_memory_parts(
        {"prepacked": {"weights": 2e9, "cache": 1e9}, "one_by_one": {"weights": 2e9, "logits": 0.5e9}}
    ),
    "packed row": lambda: figures.draw_packed_row(
        lab.PackedBatch.from_prompts([[7, 8], [9]], lab.Packing(((1, 0),), (2, 1), 4, "by hand")),
        [["a", "b\n"], ["c"]],
        first=1,
        slots=2,
    ),
    "paged memory": lambda: figures.draw_paged_memory(PAGED),
    "per prompt": lambda: figures.draw_per_prompt(
        {"prepacked": {8: 100.0, 4: 99.96}, "one_by_one": {4: 3.0}}, "milliseconds"
    ),
    "percentiles": lambda: figures.draw_percentiles({"prepacked": [*range(101)], "one_by_one": [*range(0, 202, 2)]}),
    "predictor": lambda: figures.draw_predictor([0.5, 1.0], [3.0, 2.0], paper=Line(3.0, -1.0, 0.5)),
    "roofline": lambda: figures.draw_roofline(COSTS, 3e9, 1e9, {"prepacked": 2.0}, launch_seconds=0.01),
    "rows": lambda: figures.draw_rows({"padded": lab.Packing.padded([1, 3]), "packed": lab.pack([1, 3], 5)}),
    "schedule": lambda: figures.draw_schedule({"continuous": SERVED}, seats=2),
    "speed-ups": lambda: figures.draw_speed_ups(
        {"prepacked": {8: 2.0, 4: 1.5}, "padding_free": {4: 2.5}}, {16: 3.0}, {4: 1.6}
    ),
    "timing": lambda: figures.draw_timing(
        {
            "full_batching": {1: measured(1.0, 2.0, 4.0), 2: measured(4.0), 4: None},
            "prepacked": {2: measured(1.0, 2.0, 9.0), 1: measured(3.0)},
        },
        {"prepacked": {2: 2.5, 1: 1.0}},
        {"prepacked": {1: measured(0.5)}, "full_batching": {1: measured(1.0)}},
        "a far GPU",
    ),
}
