"""Calibrations of this machine, kept between runs: a minute is spent once for each model, dtype and device."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import torch
from transformers import PreTrainedModel

from prepack_lab.measuring.calibration import Calibration, calibrate, recorded_calibration
from prepack_lab.measuring.machine import device_name
from prepack_lab.measuring.model_sizes import ModelSizes
from prepack_lab.models.embedded_model import cache_folder
from prepack_lab.models.loading import DEFAULT_MODEL, load_model


def kept_calibration(sizes: ModelSizes, dtype: torch.dtype, device: torch.device) -> Calibration | None:
    """What was kept for a model of these sizes; None where nothing was, or what was kept can't be read."""
    with suppress(OSError, ValueError, TypeError):
        return Calibration(**json.loads(_path(sizes, dtype, device).read_text(encoding="utf-8")))
    return None


def keep_calibration(calibration: Calibration, sizes: ModelSizes, dtype: torch.dtype, device: torch.device) -> None:
    """Keep it until torch, the device or the number of its threads is another. Where nothing can be written, it is not
    kept."""
    path = _path(sizes, dtype, device)
    kept = {**asdict(calibration), "taken": f"measured {date.today()}"}
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(kept, indent=1), encoding="utf-8")


def known_calibration(
    name: str,
    sizes: ModelSizes,
    dtype: torch.dtype,
    device: torch.device,
    calibrating: Callable[[str], bool],
    model: PreTrainedModel | None = None,
) -> Calibration | None:
    """Of this machine where it is kept or may be measured; else as it was recorded for the default model; else None.

    Args:
        name: of the model, as for `load_model`.
        sizes, dtype, device: of the model and where it is to run.
        calibrating: is asked whether to measure where nothing is kept; gets the question.
        model: the model itself where it is loaded already.
    """
    kept = kept_calibration(sizes, dtype, device)
    if kept is not None:
        return kept
    if not calibrating(f"Measure how fast {name} is on this machine? It takes a minute, once."):
        return recorded_calibration() if name == DEFAULT_MODEL and device.type == "cpu" else None
    print(f"measuring {name} on {device_name(device)} …", file=sys.stderr)
    rates = calibrate(model or load_model(name, dtype, device)[0])
    keep_calibration(rates, sizes, dtype, device)
    return rates


def _path(sizes: ModelSizes, dtype: torch.dtype, device: torch.device) -> Path:
    known = (replace(sizes, dtype=dtype), dtype, device_name(device), torch.__version__, torch.get_num_threads())
    return cache_folder() / "calibrations" / f"{hashlib.sha256(repr(known).encode()).hexdigest()[:16]}.json"
