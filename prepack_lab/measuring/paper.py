"""What the paper measured, to lay beside your own: Zhao, Israel, Van den Broeck and Grover, arXiv 2404.09529.

Figures come from the authors' README and were read off the vector figures of their repository. Their machine is one
A6000 GPU with 48 GB; their baseline is full batching with eager attention.
"""

from __future__ import annotations

from prepack_lab.measuring.predictors import Line

MODELS = ("sheared-llama-1.3b", "llama-2-7b", "mistral-7b", "llama-2-13b")

PREFILL_SECONDS: dict[str, dict[str, tuple[float, float]]] = {
    "wikitext256": dict(zip(MODELS, ((0.328, 0.635), (1.554, 3.048), (1.642, 3.232), (2.968, 5.751)), strict=True)),
    "wikitext512": dict(zip(MODELS, ((0.361, 0.883), (1.708, 4.224), (1.804, 4.416), (3.290, 8.075)), strict=True)),
    "mmlu": dict(zip(MODELS, ((0.209, 0.696), (0.961, 3.324), (1.011, 3.429), (1.888, 6.390)), strict=True)),
    "alpaca": dict(zip(MODELS, ((0.372, 0.697), (1.781, 3.333), (1.805, 3.367), (3.403, 6.380)), strict=True)),
    "samsum": dict(zip(MODELS, ((0.488, 1.090), (2.324, 5.149), (2.436, 5.415)), strict=False)),
    "hh_rlhf": dict(zip(MODELS, ((0.729, 1.727), (3.435, 8.103), (3.561, 8.317)), strict=False)),
}
"""Workload → model → seconds of a batch of 16: prepacked, full batching."""

TTFT_SPEED_UP: dict[str, dict[str, float]] = {
    "wikitext256": dict(zip(MODELS, (1.66, 1.76, 1.78, 1.76), strict=True)),
    "wikitext512": dict(zip(MODELS, (2.12, 2.22, 2.22, 2.23), strict=True)),
    "mmlu": dict(zip(MODELS, (2.64, 2.92, 2.88, 2.90), strict=True)),
    "alpaca": dict(zip(MODELS, (1.64, 1.71, 1.70, 1.72), strict=True)),
    "samsum": dict(zip(MODELS, (2.00, 2.05, 2.05), strict=False)),
    "hh_rlhf": dict(zip(MODELS, (2.16, 2.21, 2.21), strict=False)),
}
"""Workload → model → how many times sooner prepacking gives the first token, at a batch of 16."""

SPEED_UP_BY_BATCH: dict[str, dict[int, float]] = {
    "mmlu": {4: 1.47, 8: 2.30, 16: 3.33, 32: 4.69, 64: 6.22},
    "wikitext512": {4: 1.48, 8: 1.91, 16: 2.45, 32: 2.98, 64: 3.50},
    "alpaca": {4: 1.21, 8: 1.47, 16: 1.87, 32: 2.32, 64: 2.85},
    "wikitext256": {4: 1.39, 8: 1.70, 16: 1.94, 32: 2.07, 64: 2.16},
    "hh_rlhf": {4: 1.41, 8: 1.81, 16: 2.37, 32: 2.87},
    "samsum": {4: 1.34, 8: 1.72, 16: 2.24, 32: 2.76},
}
"""Workload → batch size → how many times as fast prepacking prefills as full batching; the 1.3B model."""

DATASET_MILLISECONDS: dict[str, dict[str, dict[int, float]]] = {
    "mmlu": {
        "full_batching": {8: 18.08, 16: 18.66, 32: 22.77},
        "length_ordered": {8: 13.75, 16: 8.96, 32: 7.07},
        "prepacked": {8: 12.87, 16: 7.57, 32: 5.59},
        "dataset_prepacked": {8: 5.36, 16: 5.18, 32: 5.13},
    },
    "alpaca": {
        "full_batching": {8: 19.11, 16: 19.16, 32: 21.39},
        "length_ordered": {8: 15.37, 16: 12.08, 32: 11.74},
        "prepacked": {8: 14.91, 16: 10.88, 32: 9.63},
        "dataset_prepacked": {8: 9.42, 16: 8.98, 32: 8.67},
    },
    "hh_rlhf": {
        "full_batching": {8: 41.17, 16: 47.65, 32: 55.99},
        "length_ordered": {8: 23.85, 16: 21.69, 32: 21.79},
        "prepacked": {8: 23.76, 16: 20.75, 32: 19.85},
        "dataset_prepacked": {8: 21.73, 16: 21.53, 32: 21.55},
    },
}
"""Workload → method → batch size → milliseconds per prompt of a whole dataset; the 1.3B model."""

BATCH_SECONDS: dict[int, dict[int, float]] = {
    length: dict(zip((1, 2, 4, 8, 16, 32, 64), seconds, strict=True))
    for length, seconds in {
        50: (0.052, 0.034, 0.035, 0.046, 0.076, 0.138, 0.256),
        100: (0.032, 0.033, 0.045, 0.076, 0.136, 0.251, 0.506),
        200: (0.032, 0.046, 0.076, 0.136, 0.253, 0.508, 0.933),
        400: (0.046, 0.078, 0.140, 0.259, 0.520, 0.954, 1.907),
    }.items()
}
"""Tokens of every prompt → prompts in the batch → seconds; the 1.3B model. Flat while the GPU is not full."""

MMLU_64: dict[str, dict[str, float]] = {
    "prepacked": {"seconds": 0.441, "spread": 0.347, "peak MiB": 4_578, "GPU utilisation %": 91.2},
    "full_batching": {"seconds": 2.299, "spread": 1.741, "peak MiB": 34_600, "GPU utilisation %": 99.7},
    "length_ordered": {"seconds": 0.658, "spread": 0.815, "peak MiB": 22_950, "GPU utilisation %": 97.9},
}
"""The table in the authors' README: MMLU, the 1.3B model, batches of 64. Their script takes the mean and the standard
deviation of the seconds over all batches, and the largest peak of any batch, weights included, which it loads in 4 bits
unless asked for more. What it calls MB are 1024² bytes. The utilisation is a mean, looked at ten times a second."""

LINES: dict[str, Line] = {
    "r/k": Line(3.155, -2.527, 0.925),
    "m - L/k": Line(0.371, 0.0035, 0.72),
    "k/r": Line(0.14, 0.88, 0.987),
}
"""Predictor → the line through the 313 batches of 16 that the paper plots; that in k/r is a refit of ours."""
