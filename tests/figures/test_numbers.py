"""Every figure of an example that can be worked out by hand: where its marks stand, what they say, and its table."""

from functools import cache

import numpy as np
import pytest

from tests.figures.examples import EXAMPLES

READINGS = {
    "answers": "The longest pause between two tokens: continuous 3.00 s, again 3.00 s",
    "attention": "17% of the attention goes to other prompts: tokens read what is not theirs",
    "bins": "2 bins by best fit and next fit; no packing has fewer (dashed)",
    "block mask": "3 of 4 blocks are computed, 75%; the others are left out",
    "growing cache": "2 tokens at once, then one in each pass: the cache grows to 4 tokens",
    "cache over steps": "After 4 steps, padding_free takes the least memory",
    "cache layout": "Unpacking takes the cache from 8.0 MB to 12.0 MB: 1.5 times as much",
    "counted rows": "3 measured speed-ups: counting rows predicts each within 25%",
    "deliveries": "prepacked hands out half of the answers first, and all of them first",
    "errors": "1 of 2 lines equal each prompt alone; the worst is off by 1e+02 of the spread",
    "forecast": "Half of what k/r predicted is off by 50% or less",
    "gains": "prepacked gains most: 2.0 times as fast",
    "race": "prepacked has written 4 tokens after 2.5 s",
    "lengths": "The longest of 3 prompts has 100 tokens; 2 are at most half as long",
    "mask": "1 cells (×) let a token see another prompt: that must not be",
    "memory": "Of these batch sizes, one_by_one fits 2 and prepacked 1",
    "memory parts": "prepacked takes 3.0 GB, one_by_one 2.5 GB",
    "packed row": "Row 0 holds 2 prompts: the position restarts at 0 where the segment changes",
    "paged memory": "2 prompts, 39 tokens: 5 of 44 slots taken are empty",
    "per prompt": "The least: one_by_one at 4, prepacked at 8",
    "percentiles": "99 of 100 prompts wait at most 99.00 s with prepacked, 198.00 s with one_by_one",
    "predictor": "r/k explains 100% of what makes the speed-ups of these batches differ",
    "roofline": "What limits 3 prefills: arithmetic 2, launching 1",
    "rows": "33% of 6 slots are padding; packed, 0% of 4",
    "schedule": "Of all seats in all steps stay empty: continuous 25%",
    "speed-ups": "padding_free is up to 2.5 times as fast as full_batching, at 4 prompts",
    "timing": "2 prompts: prepacked is 2.0 times as fast as full_batching",
}
"""The sentence above it."""

DRAWN = {
    "answers": [
        {"y": [0, 0, 0], "x": [1, 2, 4.5]},
        {"y": [1, 1], "x": [2, 5]},
        {"y": [2], "x": [1]},
        {"y": [1], "x": [1]},
        {"y": [0, 0, 0], "x": [1, 2, 4.5]},
        {"y": [1, 1], "x": [2, 5]},
        {"y": [2], "x": [1]},
        {"y": [1], "x": [1]},
    ],
    "attention": [
        {
            "y": ["token 0 of prompt 0", "token 1 of prompt 0", "token 0 of prompt 1", "padding in slot 3"],
            "x": ["token 0 of prompt 0", "token 1 of prompt 0", "token 0 of prompt 1", "padding in slot 3"],
            "z": [[1, 0, 0, 0], [0.5, 0.866, 0, 0], [0.7071, 0, 0.7071, 0], [0, 0, 0, 1]],
            "zmin": 0,
            "zmax": 1,
            "colorbar.tickvals": [0, 0.3162, 0.5, 1],
            "colorbar.ticktext": ["0", "10 %", "25 %", "100 %"],
        },
    ],
    "bins": [
        {"y": [0, 1], "x": [0, 3], "base": [6, 3]},
        {"y": [0, 0, 1], "x": [5, 1, 3], "base": [0, 5, 0], "text": ["0", "2", "1"]},
        {"y": [0, 1], "x": [1, 2], "base": [5, 4]},
        {"y": [0, 1, 1], "x": [5, 3, 1], "base": [0, 0, 3], "text": ["0", "1", "2"]},
    ],
    "block mask": [
        {
            "y": ["slots 0 to 1,023", "slots 1,024 to 2,047"],
            "x": ["slots 0 to 1,023", "slots 1,024 to 2,047"],
            "z": [[None, 0], [None, None]],
            "text": [["", ""], ["", ""]],
            "zmin": 0,
            "zmax": 2,
        },
        {"z": [[None, None], [1, None]], "text": [["", ""], ["o", ""]], "zmin": 0, "zmax": 2},
        {"z": [[2, None], [None, 2]], "text": [["#", ""], ["", "#"]], "zmin": 0, "zmax": 2},
    ],
    "growing cache": [
        {
            "y": ["prefill", "prefill", "decode 1", "decode 2"],
            "x": [1, 1, 1, 1],
            "base": [0, 1, 2, 3],
            "text": ["a", "b", "c", "d"],
        },
        {
            "y": ["decode 1", "decode 1", "decode 2", "decode 2", "decode 2"],
            "x": [1, 1, 1, 1, 1],
            "base": [0, 1, 0, 1, 2],
            "text": ["a", "b", "a", "b", "c"],
        },
    ],
    "cache over steps": [
        {"y": [12, 16, 20, 24, 28], "x": [0, 1, 2, 3, 4]},
        {"y": [8, 12, 16, 20, 24], "x": [0, 1, 2, 3, 4]},
    ],
    "cache layout": [
        {"y": [0], "x": [0], "base": [4]},
        {"y": [0, 0], "x": [3, 1], "base": [0, 3], "text": ["1", "0"]},
        {"y": [0, 1], "x": [2, 0], "base": [0, 0]},
        {"y": [0, 1], "x": [1, 3], "base": [2, 0], "text": ["0", "1"]},
    ],
    "counted rows": [
        {"y": [0.8, 4.4, 6.6, 1.2], "x": [1, 5.5, 5.5, 1]},
        {"y": [1, 5.5], "x": [1, 5.5]},
        {"y": [1.5, 2], "x": [1.5, 2.5]},
        {"y": [5], "x": [4]},
    ],
    "deliveries": [
        {"y": [0, 1, 3, 4], "x": [0, 1, 2, 4]},
        {"y": [0, 0, 3, 4], "x": [0, 1, 2, 4]},
        {"y": [0, 2, 4], "x": [0, 1.5, 2.5]},
    ],
    "errors": [
        {
            "y": [0, 1, 2],
            "x": [0, 1],
            "z": [[-4, -8], [-3, 1], [None, None]],
            "text": [["✓", "✓"], ["✓", "✗"], ["", ""]],
            "zmin": -8.0,
            "zmax": 1.0,
        },
    ],
    "forecast": [
        {"y": [0, 4.32], "x": [0, 4.32]},
        {"y": [1, 4], "x": [1.5, 2]},
    ],
    "gains": [
        {"y": ["one_by_one", "prepacked"], "x": [-0.25, 1], "base": 1, "text": ["0.75×", "2.00×"]},
    ],
    "race": [
        {"y": [0, 1, 2, 3], "x": [0, 1, 2, 3]},
        {"y": [0, 1, 2, 3, 4], "x": [0, 1.5, 1.5, 2.5, 2.5]},
    ],
    "lengths": [
        {
            "x[0]": 1,
            "x[10]": 21,
            "y[9]": 0,
            "y[10]": 0.3,
            "y[25]": 0.2,
            "y[49]": 0.5,
            "width[0]": 2,
            "customdata[10]": "20 to 22 tokens",
        },
        {"y": [-0.03, -0.03, -0.03], "x": [50, 100, 20]},
    ],
    "mask": [
        {
            "y": ["token 0 “a” of prompt 0", "token 1 “b” of prompt 0", "token 0 “c” of prompt 1", "padding in slot 3"],
            "x": ["token 0 “a” of prompt 0", "token 1 “b” of prompt 0", "token 0 “c” of prompt 1", "padding in slot 3"],
            "z": [[None, 0, 0, 0], [None, None, 0, 0], [None, 0, None, 0], [0, 0, 0, None]],
            "zmin": 0,
            "zmax": 8,
        },
        {
            "z": [[0, None, None, None], [0, 0, None, None], [None, None, 1, None], [None, None, None, 7]],
            "zmin": 0,
            "zmax": 8,
        },
        {
            "z": [[None, None, None, None], [None, None, None, None], [0, None, None, None], [None, None, None, None]],
            "text": [["", "", "", ""], ["", "", "", ""], ["×", "", "", ""], ["", "", "", ""]],
            "zmin": 0,
            "zmax": 8,
        },
    ],
    "memory": [
        {"y": [1, 3], "x": [1, 2]},
        {"y": [1, 2], "x": [1, 2]},
        {"y": [1.1], "x": [1]},
        {"y": [2, 2], "x": [1, 2], "text": ["the device has 2 GB<br> "]},
    ],
    "memory parts": [
        {"y": ["prepacked", "one_by_one"], "x": [2, 2]},
        {"y": ["prepacked", "one_by_one"], "x": [1, 0]},
        {"y": ["prepacked", "one_by_one"], "x": [0, 0.5]},
    ],
    "packed row": [
        {"y": [2.4, 2.4], "x": [1, 2], "base": [2, 2], "text": ["a", "b⏎"]},
        {"y": [0.9, 0.9], "x": [1, 2], "base": [1, 1], "text": ["0", "0"]},
        {"y": [0.9, 0.9], "x": [1, 2], "base": [0, 0], "text": ["0", "1"]},
    ],
    "paged memory": [
        {
            "y": [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1],
            "x": [4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4],
            "base": [0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8],
        },
        {
            "y": [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1],
            "x": [4, 4, 4, 4, 4, 4, 4, 4, 4, 2, 1],
            "base": [0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8],
            "text": ["1", "1", "0", "0", "0", "0", "0", "0", "0", "0", "1"],
        },
    ],
    "per prompt": [
        {"y": [99.96, 100], "x": [4, 8]},
        {"y": [3], "x": [4]},
    ],
    "percentiles": [
        {"y": [*range(1, 100)], "x": [*range(1, 100)]},
        {"y": [*range(2, 200, 2)], "x": [*range(1, 100)]},
    ],
    "predictor": [
        {"y": [3, 2], "x": [0.5, 1]},
        {"y": [3, 2], "x": [0.5, 1]},
        {"y": [2.5, 2], "x": [0.5, 1]},
    ],
    "roofline": [
        {"x[0]": 0.03, "x[59]": 16, "y[0]": 0.03, "y[59]": 3},
        {"y": [3], "x": [6]},
        {"y": [1.5], "x": [3]},
        {"y": [0.6667], "x": [8]},
        {"y": [3, 3, 0.6667], "x": [6, 3, 8]},
    ],
    "rows": [
        {"y": [0, 1], "x": [2, 0], "base": [0, 0]},
        {"y": [0, 1], "x": [1, 3], "base": [2, 0], "text": ["0", "1"]},
        {"y": [0], "x": [0], "base": [4]},
        {"y": [0, 0], "x": [3, 1], "base": [0, 3], "text": ["1", "0"]},
    ],
    "schedule": [
        {"y": [0, 1], "x": [4, 4], "base": [0, 0]},
        {"y": [0, 1, 1], "x": [3, 1, 3], "base": [0, 0, 1], "text": ["0", "2", "1"]},
    ],
    "speed-ups": [
        {"y": [1.5, 2], "x": [4, 8]},
        {"y": [2.5], "x": [4]},
        {"y": [1.6], "x": [4]},
        {"y": [3], "x": [16]},
    ],
    "timing": [
        {"y": [0.5], "x": [1], "error_y.array": [0], "error_y.arrayminus": [0]},
        {"y": [1], "x": [1], "error_y.array": [0], "error_y.arrayminus": [0]},
        {"y": [1, 2.5], "x": [1, 2]},
        {"y": [2, 4], "x": [1, 2], "error_y.array": [1, 0], "error_y.arrayminus": [0.5, 0]},
        {"y": [3, 2], "x": [1, 2], "error_y.array": [0, 3.5], "error_y.arrayminus": [0, 0.5]},
        {"y": [4.4], "x": [4], "text": ["out of memory"]},
    ],
}
"""For each trace where its marks stand, and what is written on them."""

WORDS = {
    "answers": [
        "request 0, token 3 at 4.50 s",
        "request 1, token 2 at 5.00 s",
        "request 2, token 1 at 1.00 s",
        "request 0, token 3 at 4.50 s",
        "request 1, token 2 at 5.00 s",
        "request 2, token 1 at 1.00 s",
    ],
    "bins": ["row 1: 3 slots of room left", "prompt 1: 3 tokens", "row 1: 2 slots of room left", "prompt 2: 1 token"],
    "growing cache": ["decode 2: token 3 “d” is computed in this pass", "decode 2: token 2 “c” is found in the cache"],
    "cache over steps": [
        "prepacked, after 4 steps: 14 slots, 28.0 MB",
        "padding_free, after 4 steps: 12 slots, 24.0 MB",
    ],
    "cache layout": [
        "row 0: 0 slots of padding",
        "prompt 0: 1 token",
        "row 1: 0 slots of padding",
        "prompt 1: 3 tokens",
    ],
    "counted rows": ["mmlu, 8 prompts: k/r 2.50, measured 2.00", "gsm8k, 4 prompts: k/r 4.00, measured 5.00"],
    "deliveries": [
        "length_ordered, done: 4 answers after 4.00 s",
        "length_ordered, in order: 4 answers after 4.00 s",
        "prepacked, in order: 4 answers after 2.50 s",
    ],
    "forecast": ["b: k/r said 2.00, measured 4.00 (-50%)"],
    "gains": ["prepacked: 1 passes, 10 slots for 8 tokens"],
    "race": ["one_by_one: 3 tokens after 3.00 s", "prepacked: 4 tokens after 2.50 s"],
    "lengths": ["98 to 100 tokens", "prompt 2: 20 tokens"],
    "memory": [
        "prepacked, 2 prompts: 3.00 GB estimated",
        "one_by_one, 2 prompts: 2.00 GB estimated",
        "prepacked, 1 prompts: 1.10 GB measured",
    ],
    "memory parts": ["one_by_one: 2.00 GB of weights", "one_by_one: 0.00 GB of cache", "one_by_one: 0.50 GB of logits"],
    "packed row": [
        "slot 2: “b⏎”, position 1 of prompt 0",
        "slot 2: “b⏎”, position 1 of prompt 0",
        "slot 2: “b⏎”, position 1 of prompt 0",
    ],
    "paged memory": [
        "block 10: number 2 in the table of prompt 1, 1 of 4 slots filled",
        "block 10: number 2 in the table of prompt 1, 1 of 4 slots filled",
    ],
    "per prompt": [
        "prepacked, batches of 8: 100 milliseconds per prompt",
        "one_by_one, batches of 4: 3.0 milliseconds per prompt",
    ],
    "percentiles": ["prepacked: 99 % wait at most 99.00 s", "one_by_one: 99 % wait at most 198.00 s"],
    "predictor": ["batch 1: r/k 1.00, 2.00 times as fast"],
    "rows": ["row 1: 0 slots of padding", "prompt 1: 3 tokens", "row 0: 0 slots of padding", "prompt 0: 1 token"],
    "schedule": ["seat 1: nobody sits here", "request 1: seat 1, steps 2 to 4"],
    "speed-ups": [
        "prepacked, 8 prompts: 2.00 times as fast",
        "padding_free, 4 prompts: 2.50 times as fast",
        "k/r, counted, 4 prompts: 1.60 times as fast",
        "prepacked, the paper, 16 prompts: 3.00 times as fast",
    ],
    "timing": [
        "prepacked, recorded, 1 prompts: 0.500 s, half of 1 runs from 0.500 to 0.500 s",
        "full_batching, recorded, 1 prompts: 1.000 s, half of 1 runs from 1.000 to 1.000 s",
        "prepacked, 2 prompts: 2.500 s predicted",
        "full_batching, 2 prompts: 4.000 s, half of 1 runs from 4.000 to 4.000 s",
        "prepacked, 2 prompts: 2.000 s, half of 3 runs from 1.500 to 5.500 s",
        "full_batching, 4 prompts: out of memory",
    ],
}
"""What the mouse is told at the last mark of each trace."""

AXES = {
    "answers": {
        "yaxis.range": [2.5, -0.5],
        "yaxis.tick0": 0,
        "yaxis.dtick": 1,
        "yaxis2.range": [2.5, -0.5],
        "yaxis2.tick0": 0,
        "yaxis2.dtick": 1,
    },
    "attention": {
        "xaxis.tickvals": ["token 0 of prompt 0", "token 1 of prompt 0", "token 0 of prompt 1", "padding in slot 3"],
        "xaxis.ticktext": ["0", "0", "1", "·"],
        "yaxis.tickvals": ["token 0 of prompt 0", "token 1 of prompt 0", "token 0 of prompt 1", "padding in slot 3"],
        "yaxis.ticktext": ["0", "0", "1", "·"],
    },
    "bins": {
        "xaxis.range": [0, 6],
        "xaxis2.range": [0, 6],
        "yaxis.range": [9.6, -0.5],
        "yaxis.tick0": 0,
        "yaxis.dtick": 2,
        "yaxis2.range": [9.6, -0.5],
        "yaxis2.tick0": 0,
        "yaxis2.dtick": 2,
    },
    "block mask": {
        "xaxis.tickvals": ["slots 0 to 1,023", "slots 1,024 to 2,047"],
        "xaxis.ticktext": ["0", "1,024"],
        "yaxis.tickvals": ["slots 0 to 1,023", "slots 1,024 to 2,047"],
        "yaxis.ticktext": ["0", "1,024"],
    },
    "growing cache": {"xaxis.range": [0, 6]},
    "cache layout": {
        "xaxis.range": [0, 4],
        "xaxis2.range": [0, 4],
        "yaxis.range": [1.5, -0.5],
        "yaxis.tick0": 0,
        "yaxis.dtick": 1,
    },
    "counted rows": {
        "xaxis.range": [1, 5.5],
        "xaxis.tick0": 1,
        "xaxis.dtick": 1,
        "yaxis.range": [1, 5.5],
        "yaxis.tick0": 1,
        "yaxis.dtick": 1,
    },
    "errors": {
        "xaxis.range": [-0.5, 1.5],
        "xaxis.tickvals": [0, 1],
        "xaxis.ticktext": ["prompt 0", "prompt 1"],
        "yaxis.range": [2.5, -0.5],
        "yaxis.tickvals": [0, 1, 2],
        "yaxis.ticktext": ["right", "wrong", "later"],
    },
    "forecast": {"xaxis.range": [0, 4.32], "yaxis.range": [0, 4.32]},
    "gains": {"xaxis.range": [0, 2.3]},
    "lengths": {"xaxis.range": [0, 102]},
    "mask": {
        "xaxis.tickvals": [
            "token 0 “a” of prompt 0",
            "token 1 “b” of prompt 0",
            "token 0 “c” of prompt 1",
            "padding in slot 3",
        ],
        "xaxis.ticktext": ["a", "b", "c", "·"],
        "yaxis.tickvals": [0, 1, 2, 3],
        "yaxis.ticktext": ["a  0", "b  1", "c  0", "·  0"],
    },
    "memory": {"xaxis.tickvals": [1, 2], "xaxis.ticktext": ["1", "2"], "yaxis.dtick": "D2"},
    "packed row": {
        "xaxis.range": [0.4, 2.6],
        "yaxis.range": [-0.1, 4.5],
        "yaxis.tickvals": [3.2, 1.45, 0.45],
        "yaxis.ticktext": ["token", "segment", "position"],
    },
    "paged memory": {
        "xaxis.range": [0, 32],
        "xaxis.tickvals": [],
        "yaxis.range": [1.5, -0.5],
        "yaxis.tickvals": [0, 1],
        "yaxis.ticktext": ["block 0", "block 8"],
    },
    "per prompt": {"xaxis.tickvals": [4, 8], "xaxis.ticktext": ["4", "8"]},
    "percentiles": {"xaxis.tickvals": [1, 25, 50, 90, 99], "yaxis.dtick": "D2"},
    "roofline": {"xaxis.dtick": 1, "yaxis.dtick": 1},
    "rows": {
        "xaxis.range": [0, 4],
        "xaxis2.range": [0, 4],
        "yaxis.range": [1.5, -0.5],
        "yaxis.tick0": 0,
        "yaxis.dtick": 1,
    },
    "schedule": {"xaxis.range": [0, 4], "yaxis.range": [1.5, -0.5], "yaxis.tick0": 0, "yaxis.dtick": 1},
    "speed-ups": {"xaxis.tickvals": [4, 8, 16], "xaxis.ticktext": ["4", "8", "16"]},
    "timing": {"xaxis.tickvals": [1, 2, 4], "xaxis.ticktext": ["1", "2", "4"]},
}


LINES = {
    "attention": [[0, 1, 1.5, 1.5], [1.5, 1.5, 0, 1], [0, 1, 2.5, 2.5], [2.5, 2.5, 0, 1]],
    "bins": [[0, 1, 1.5, 1.5], [0, 1, 1.5, 1.5]],
    "gains": [[1, 1, 0, 1]],
    "lengths": [[100, 100, 0, 1]],
    "paged memory": [
        [0, 0, 0, 1],
        [4, 4, 0, 1],
        [8, 8, 0, 1],
        [12, 12, 0, 1],
        [16, 16, 0, 1],
        [20, 20, 0, 1],
        [24, 24, 0, 1],
        [28, 28, 0, 1],
        [32, 32, 0, 1],
    ],
    "roofline": [[3, 3, 0, 1]],
    "speed-ups": [[0, 1, 1, 1]],
}

NOTES = {
    "answers": [("continuous", 0, 1), ("again", 0, 1)],
    "bins": [("best fit: 2 bins", 0.24, 1), ("next fit: 2 bins", 0.76, 1)],
    "growing cache": [("→ c", 2, "prefill"), ("→ d", 3, "decode 1"), ("→ e", 4, "decode 2")],
    "cache layout": [("packed: as the pass left it", 0.24, 1), ("unpacked: a cache for each", 0.76, 1)],
    "errors": [("? not run yet", 0.5, 2)],
    "lengths": [("longest of the batch: 100", 100, 1)],
    "rows": [("padded", 0.24, 1), ("packed", 0.76, 1)],
    "schedule": [("continuous: 4 steps", 0, 1)],
}
"""The words in it, and where."""

TABLES = {
    "answers": (
        ("schedule", "request", "arrives", "first token", "last token", "longest pause"),
        ("continuous", 0, "0.00 s", "1.00 s", "4.50 s", "2.50 s"),
        ("continuous", 1, "1.00 s", "2.00 s", "5.00 s", "3.00 s"),
        ("continuous", 2, "0.00 s", "1.00 s", "1.00 s", "–"),
        ("again", 0, "0.00 s", "1.00 s", "4.50 s", "2.50 s"),
        ("again", 1, "1.00 s", "2.00 s", "5.00 s", "3.00 s"),
        ("again", 2, "0.00 s", "1.00 s", "1.00 s", "–"),
    ),
    "attention": (
        ("attention of", "to prompt 0", "to prompt 1"),
        ("prompt 0", "100%", "0%"),
        ("prompt 1", "50%", "50%"),
    ),
    "bins": (
        ("strategy", "bin", "prompts (tokens)", "tokens", "room left"),
        ("best_fit", 0, "0 (5), 2 (1)", "6", "0"),
        ("best_fit", 1, "1 (3)", "3", "3"),
        ("next_fit", 0, "0 (5)", "5", "1"),
        ("next_fit", 1, "1 (3), 2 (1)", "4", "2"),
    ),
    "block mask": (
        ("blocks of 1024 × 1024 pairs", "how many"),
        ("left out", "1"),
        ("computed, pair by pair under the rule", "1"),
        ("computed as it is", "2"),
    ),
    "growing cache": (
        ("forward pass", "computes", "tokens found in the cache", "tokens in it afterwards", "new token"),
        ("prefill", "a, b", 0, 2, "c"),
        ("decode 1", "c", 2, 3, "d"),
        ("decode 2", "d", 3, 4, "e"),
    ),
    "cache over steps": (
        ("decoding", "0 steps", "1 steps", "2 steps", "3 steps", "4 steps"),
        ("prepacked", "12.0 MB", "16.0 MB", "20.0 MB", "24.0 MB", "28.0 MB"),
        ("padding_free", "8.0 MB", "12.0 MB", "16.0 MB", "20.0 MB", "24.0 MB"),
    ),
    "cache layout": (
        ("batch", "row", "prompts (tokens)", "tokens", "padding"),
        ("packed: as the pass left it", 0, "1 (3), 0 (1)", "4", "0"),
        ("unpacked: a cache for each", 0, "0 (1)", "1", "2"),
        ("unpacked: a cache for each", 1, "1 (3)", "3", "0"),
    ),
    "counted rows": (
        ("workload", "4 prompts", "8 prompts"),
        ("mmlu", "1.50 / 1.50", "2.50 / 2.00"),
        ("gsm8k", "4.00 / 5.00", "–"),
    ),
    "deliveries": (
        ("method", "first", "half of them", "all"),
        ("length_ordered, in order", "2.00 s", "2.00 s", "4.00 s"),
        ("prepacked, in order", "1.50 s", "1.50 s", "2.50 s"),
    ),
    "errors": (
        ("error", "prompt 0", "prompt 1"),
        ("right", "✓ 1.0e-04", "✓ 1.0e-09"),
        ("wrong", "✓ 1.0e-03", "✗ 1.0e+02"),
        ("later", "?", "?"),
    ),
    "forecast": (
        ("", "measured, times as fast as full_batching", "k/r"),
        ("a", "1.00", "1.50 (+50%)"),
        ("b", "4.00", "2.00 (-50%)"),
    ),
    "gains": (
        ("method", "passes", "slots", "padding", "predicted operations", "× full_batching", "beside the weights"),
        ("full_batching", "1", "10", "20%", "6.00e+09", "1.00×", "3 MB"),
        ("prepacked", "1", "10", "20%", "3.00e+09", "2.00×", "3 MB"),
        ("one_by_one", "1,200", "10", "20%", "8.00e+09", "0.75×", "3 MB"),
    ),
    "race": (
        ("runner", "tokens", "first token", "last token"),
        ("one_by_one", 3, "1.00 s", "3.00 s"),
        ("prepacked", 4, "1.50 s", "2.50 s"),
    ),
    "lengths": (
        (
            "tokens",
            "10 % have at most",
            "25 % have at most",
            "50 % have at most",
            "75 % have at most",
            "90 % have at most",
            "99 % have at most",
            "longest",
        ),
        ("A workload", "20", "28", "75", "100", "100", "100", "100"),
        ("this batch", "26", "35", "50", "75", "90", "99", "100"),
    ),
    "mask": (
        ("part", "slots", "cells seen of its own", "of other prompts"),
        ("prompt 0", "0 to 1", "3", "0"),
        ("prompt 1", "2 to 2", "1", "1"),
        ("padding", "3 to 3", "1", "0"),
    ),
    "memory": (
        ("prompts", "prepacked", "one_by_one"),
        ("1", "1.00 GB, measured 1.10 GB", "1.00 GB"),
        ("2", "3.00 GB ✗, measured: did not fit", "2.00 GB"),
    ),
    "memory parts": (
        ("method", "weights", "cache", "logits", "in all"),
        ("prepacked", "2.00 GB", "1.00 GB", "0.00 GB", "3.00 GB"),
        ("one_by_one", "2.00 GB", "0.00 GB", "0.50 GB", "2.50 GB"),
    ),
    "packed row": (
        ("slot", "token", "segment", "position"),
        (1, "a", "0", "0"),
        (2, "b⏎", "0", "1"),
    ),
    "paged memory": (
        ("prompt", "tokens", "its table: blocks in order", "empty slots"),
        (0, "30", "2, 3, 4, 5, 6, 7, 8, 9", 2),
        (1, "9", "0, 1, 10", 3),
    ),
    "per prompt": (
        ("milliseconds per prompt", "batches of 4", "batches of 8"),
        ("prepacked", "100.0", "100"),
        ("one_by_one", "3.0", "–"),
    ),
    "percentiles": (
        ("method", "50 % wait at most", "90 % wait at most", "99 % wait at most", "longest"),
        ("prepacked", "50.00 s", "90.00 s", "99.00 s", "100.00 s"),
        ("one_by_one", "100.00 s", "180.00 s", "198.00 s", "200.00 s"),
    ),
    "predictor": (
        ("line", "speed-up =", "R²"),
        ("fitted here", "4 -2 · r/k", "1.00"),
        ("the paper's", "3 -1 · r/k", "0.50"),
    ),
    "roofline": (
        ("prefill", "FLOP a byte", "arithmetic alone", "memory alone", "launching alone", "the limit", "measured"),
        ("full_batching", "6.0", "2,000.0 ms", "1,000.0 ms", "10.0 ms", "arithmetic", "–"),
        ("prepacked", "3.0", "1,000.0 ms", "1,000.0 ms", "10.0 ms", "arithmetic", "2,000.0 ms"),
        ("one_by_one", "8.0", "2,666.7 ms", "1,000.0 ms", "12,000.0 ms", "launching", "–"),
    ),
    "rows": (
        ("batch", "row", "prompts (tokens)", "tokens", "padding"),
        ("padded", 0, "0 (1)", "1", "2"),
        ("padded", 1, "1 (3)", "3", "0"),
        ("packed", 0, "1 (3), 0 (1)", "4", "0"),
    ),
    "schedule": (
        ("schedule", "seat", "requests (steps)", "steps empty"),
        ("continuous", 0, "0 (1 to 3)", "1"),
        ("continuous", 1, "2 (1 to 1), 1 (2 to 4)", "0"),
    ),
    "speed-ups": (
        ("prompts", "prepacked", "padding_free", "k/r", "the paper"),
        (4, "1.50×", "2.50×", "1.60×", "–"),
        (8, "2.00×", "–", "–", "–"),
        (16, "–", "–", "–", "3.00×"),
    ),
    "timing": (
        ("method", "prompts", "median", "half of the runs", "predicted", "× full_batching"),
        ("full_batching", 1, "2.000 s", "1.500 to 3.000 s", "–", "1.00×"),
        ("full_batching", 2, "4.000 s", "4.000 to 4.000 s", "–", "1.00×"),
        ("full_batching", 4, "out of memory", "–", "–", "–"),
        ("prepacked", 1, "3.000 s", "3.000 to 3.000 s", "1.000 s", "0.67×"),
        ("prepacked", 2, "2.000 s", "1.500 to 5.500 s", "2.500 s", "2.00×"),
        ("prepacked, recorded on a far GPU", 1, "0.500 s", "0.500 to 0.500 s", "–", "2.00×"),
        ("full_batching, recorded on a far GPU", 1, "1.000 s", "1.000 to 1.000 s", "–", "1.00×"),
    ),
}
"""The headings of the table below it, and its rows."""


def plain(value):
    """Lists of lists, and numbers of four digits."""
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(one) for one in value]
    return round(float(value), 4) if isinstance(value, float | np.number) else value


@cache
def figure(name):
    return EXAMPLES[name]()


@pytest.mark.parametrize(("name", "reading"), READINGS.items(), ids=[*READINGS])
def test_the_sentence_above_it_is_true(name, reading):
    assert figure(name).reading == reading


@pytest.mark.parametrize(("name", "traces"), DRAWN.items(), ids=[*DRAWN])
def test_marks_stand_where_the_numbers_say(name, traces):
    drawn = figure(name).data
    assert [{part: plain(trace[part]) for part in own} for trace, own in zip(drawn, traces, strict=True)] == traces


@pytest.mark.parametrize(("name", "words"), WORDS.items(), ids=[*WORDS])
def test_the_mouse_is_told_the_numbers(name, words):
    said = [trace.customdata if trace.customdata is not None else trace.hovertext for trace in figure(name).data]
    assert [one[-1] for one in said if one is not None and not isinstance(one, str)] == words


@pytest.mark.parametrize(("name", "axes"), AXES.items(), ids=[*AXES])
def test_axes_show_what_there_is(name, axes):
    assert {axis: plain(figure(name).layout[axis]) for axis in axes} == axes


@pytest.mark.parametrize(("name", "lines"), LINES.items(), ids=[*LINES])
def test_lines_lie_where_the_numbers_say(name, lines):
    assert [plain([one.x0, one.x1, one.y0, one.y1]) for one in figure(name).layout.shapes] == lines


@pytest.mark.parametrize(("name", "notes"), NOTES.items(), ids=[*NOTES])
def test_words_stand_beside_what_they_name(name, notes):
    assert [(one.text, plain(one.x), plain(one.y)) for one in figure(name).layout.annotations] == notes


@pytest.mark.parametrize(("name", "table"), TABLES.items(), ids=[*TABLES])
def test_the_table_says_the_same(name, table):
    twin = figure(name).twin
    assert (twin.headings, *twin.rows) == table
