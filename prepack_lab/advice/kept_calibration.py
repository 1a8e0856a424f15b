"""Calibrations of this machine, kept between runs: a minute is spent once for each model, dtype and device."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict
from datetime import date
from pathlib import Path

import torch

from prepack_lab.measuring.calibration import Calibration
from prepack_lab.measuring.machine import device_name
from prepack_lab.measuring.model_sizes import ModelSizes
from prepack_lab.models.embedded_model import cache_folder


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


def _path(sizes: ModelSizes, dtype: torch.dtype, device: torch.device) -> Path:
    known = (sizes, dtype, device_name(device), torch.__version__, torch.get_num_threads())
    return cache_folder() / "calibrations" / f"{hashlib.sha256(repr(known).encode()).hexdigest()[:16]}.json"
