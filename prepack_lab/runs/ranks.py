"""The processes that `torchrun` starts: each has a number, its rank, its own device and its own copy of the model.

Every rank reads the whole file and plans the same batches, so none needs to be sent what it has to do.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist

from prepack_lab.measuring.machine import choose_device

Batch = TypeVar("Batch")
PATIENCE = timedelta(days=7)
"""How long a rank waits for the others: a slow device may be hours behind a fast one at the end of a long file."""


@contextmanager
def join_ranks(device: str | None = None) -> Iterator[torch.device]:
    """Join the processes of `torchrun`, by NCCL where there are GPUs and by gloo on CPUs; alone without `torchrun`.

    Args:
        device: as for `load_model`; left out, each process takes a GPU to itself, where there are any.

    Yields:
        The device of this process.

    Raises:
        ValueError: more processes than GPUs, or as for `choose_device`.
    """
    chosen = choose_device(device)
    if "RANK" not in os.environ:
        yield chosen
        return
    if chosen.type == "cuda":
        processes = int(os.environ["LOCAL_WORLD_SIZE"])
        if processes > torch.cuda.device_count():
            raise ValueError(
                f"{processes} processes can't share {torch.cuda.device_count()} GPUs; start one per GPU: "
                f"torchrun --nproc-per-node {torch.cuda.device_count()}, or hide the GPUs with CUDA_VISIBLE_DEVICES="
            )
        chosen = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(chosen)
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield chosen
    finally:
        dist.destroy_process_group()


def place() -> tuple[int, int]:
    """The rank of this process, and how many there are: (0, 1) for a process alone."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


def wait_for_all() -> None:
    """Go on when every rank has come here."""
    if dist.is_initialized():
        dist.barrier()


def deal(batches: Sequence[Batch], costs: Sequence[float], loads: list[float]) -> list[list[Batch]]:
    """Deal batches out, the dearest first, each to the rank that has the least to do.

    Args:
        batches: those of a window.
        costs: of each of them.
        loads: what each rank has been dealt so far; the new batches are added to it. So what one window leaves uneven
            the next evens out, and in the end no two ranks differ by more than one batch.

    Returns:
        The batches of each rank.
    """
    shares: list[list[Batch]] = [[] for _ in loads]
    for index in sorted(range(len(batches)), key=lambda index: -costs[index]):
        rank = loads.index(min(loads))
        loads[rank] += costs[index]
        shares[rank].append(batches[index])
    return shares
