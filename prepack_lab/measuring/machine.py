"""The machine under the lab: which device to use, how much memory is free, and how to name it all."""

from __future__ import annotations

import math
import os
import platform
from importlib.metadata import version
from pathlib import Path

import psutil
import torch

GB = 1e9
MB = 1e6


def list_devices() -> list[str]:
    """The kinds of device that this machine has, from the one that `choose_device` prefers."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    return [kind for kind, available in there.items() if available]


def choose_device(device: str | torch.device | None = None) -> torch.device:
    """The device asked for; left out, CUDA if there is a GPU for it, else MPS, else the CPU.

    Raises:
        ValueError: the device is unknown, or this machine has none of its kind.
    """
    available = list_devices()
    if device is None:
        return torch.device(available[0])
    try:
        chosen = torch.device(device)
    except RuntimeError:
        raise ValueError(f"there is no device {device!r}; choose cuda, cuda:1, mps or cpu") from None
    if chosen.type not in available:
        raise ValueError(f"device {str(device)!r} is not available on this machine; it has: {', '.join(available)}")
    return chosen


def choose_dtype(dtype: str | torch.dtype | None, device: torch.device) -> torch.dtype:
    """The dtype asked for; left out, bfloat16 on CUDA and float32 elsewhere.

    Raises:
        ValueError: it is not a floating-point dtype.
    """
    if dtype is None:
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    chosen = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if not isinstance(chosen, torch.dtype) or not chosen.is_floating_point:
        raise ValueError(f"dtype {dtype!r} is not a floating-point dtype; choose float32, bfloat16 or float16")
    return chosen


def free_memory(device: torch.device) -> int:
    """Bytes that can still be allocated on `device`; for a CPU, within its container's limit."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return min([psutil.virtual_memory().available, *_container_memory()])


def _container_memory() -> list[int]:
    """The bytes that a container's limit leaves free: cgroup v2, which psutil does not read; empty without a limit.

    Cached files count as used, but give way as soon as memory is needed: those not read lately are taken as free.
    """
    try:
        folder = Path("/sys/fs/cgroup")
        limit, taken = (int((folder / name).read_text()) for name in ("memory.max", "memory.current"))
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        return [limit - taken + int(stat.get("inactive_file", 0))]
    except (OSError, ValueError):  # no such file, or the word "max"
        return []


def device_name(device: torch.device) -> str:
    """The name that the device's maker gives it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU (MPS)"
    return f"{_processor()}, {cores()} core{'s' if cores() > 1 else ''}"


def cores() -> int:
    """How many processors this process may use, within its container's limit."""
    seen = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([seen, *_container_cores()])


def _container_cores() -> list[int]:
    """The processor time that a container's limit allows, in cores, rounded up: cgroup v2; empty without a limit."""
    try:
        quota, period = (Path("/sys/fs/cgroup") / "cpu.max").read_text().split()
        return [math.ceil(int(quota) / int(period))]
    except (OSError, ValueError):  # no such file, or the word "max"
        return []


def describe_machine(device: torch.device | str | None = None) -> dict[str, str]:
    """What every measurement is labelled with: device, memory, system and versions."""
    chosen = choose_device(device)
    return {
        "device": device_name(chosen),
        "free memory": f"{free_memory(chosen) / GB:.1f} GB",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": version("transformers"),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
