"""A dataset over several processes or devices: bins are shared out so that all finish at about the same time.

`torchrun` starts the processes; each has a number, its rank, and its own copy of the model. All ranks work out the same
shares, so they need not exchange them. The next token's logits, or what is made of them, are collected on rank 0:

    with join_ranks() as device:
        model, tokenizer = lab.load_model(device=device)
        tokens = prefill_over_ranks(model, prompts, lambda batch: batch.next_token_logits.argmax(-1).tolist())
        if tokens is not None:  # on rank 0
            print(tokenizer.batch_decode(tokens))
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from transformers import PreTrainedModel

from prepack_lab.gate import admit
from prepack_lab.packing import DEFAULT_STRATEGY, pack
from prepack_lab.prefilling import Prefill, in_order, prefill_dataset

Kept = TypeVar("Kept")


def shard(
    lengths: Sequence[int], ranks: int, capacity: int | None = None, strategy: str = DEFAULT_STRATEGY
) -> list[list[int]]:
    """Which prompts each rank runs: the prompts are packed, and whole bins are dealt out, so that no row is split.

    The fullest bin that is left goes to the rank that has the fewest tokens so far (`to_constant_bin_number` of the
    library `binpacking`). So no two ranks differ by more than the tokens of one bin. A rank that packs its
    share by the same rule and capacity gets these very bins again; with `next_fit`, `next_fit_decreasing` and
    `optimal` it may get others.

    Args:
        lengths: tokens of each prompt.
        ranks: how many processes share the prompts.
        capacity, strategy: of the bins (see `pack`).

    Returns:
        For each rank its prompts, as rising indices; for some ranks none, if there are more ranks than bins.

    Raises:
        ValueError: fewer ranks than 1, or as for `pack`.
    """
    from binpacking import to_constant_bin_number

    if ranks < 1:
        raise ValueError(f"ranks is {ranks}; give at least 1")
    packing = pack(lengths, capacity, strategy)
    shares = to_constant_bin_number(dict(enumerate(packing.bin_lengths)), ranks)
    return [sorted(prompt for index in share for prompt in packing.bins[index]) for share in shares]


def prefill_over_ranks(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    keep: Callable[[Prefill], Sequence[Kept]],
    batch_size: int = 16,
) -> list[Kept] | None:
    """Run this rank's share of the prompts, and collect what is kept of all shares on rank 0.

    Args:
        model: the same on every rank.
        prompts: all of them, the same on every rank.
        keep: what to keep of a batch, a value per prompt, as for `in_order`; tensors must be on the CPU, since rank 0
            can't use them on the device of another rank.
        batch_size: rows per forward pass.

    Returns:
        On rank 0 a value per prompt, in the order of the prompts; None on the others.

    Raises:
        InvalidPromptsError, UnsupportedModelError, ValueError: before anything is run; `torchrun` then ends all ranks.
    """
    prompts = admit(model, prompts, "dataset_prepacked").prompts
    lengths = [len(prompt) for prompt in prompts]
    rank, ranks = dist.get_rank(), dist.get_world_size()
    share = shard(lengths, ranks)[rank]
    kept: list[Kept] = []
    if share:
        own = [prompts[index] for index in share]
        options: dict[str, Any] = {"cache": False, "progress": rank == 0, "capacity": max(lengths)}
        kept = [*in_order(prefill_dataset(model, own, batch_size, "dataset_prepacked", **options), keep)]
    everyone: list[Any] | None = [None] * ranks if rank == 0 else None
    dist.gather_object((share, kept), everyone)
    if everyone is None:
        return None
    found = {index: value for share, kept in everyone for index, value in zip(share, kept, strict=True)}
    return [found[index] for index in range(len(prompts))]


@contextmanager
def join_ranks() -> Iterator[torch.device]:
    """Join the processes of `torchrun`, by NCCL where there are GPUs and by gloo on CPUs; alone without `torchrun`.

    Yields:
        The device of this process: a GPU to itself, or the CPU.

    Raises:
        ValueError: more processes than GPUs.
    """
    place, processes = (int(os.environ.get(name, default)) for name, default in _OF_TORCHRUN.items())
    device = torch.device("cpu")
    if torch.cuda.is_available():
        if processes > torch.cuda.device_count():
            raise ValueError(
                f"{processes} processes can't share {torch.cuda.device_count()} GPUs; start one per GPU: "
                f"torchrun --nproc-per-node {torch.cuda.device_count()}, or hide the GPUs with CUDA_VISIBLE_DEVICES="
            )
        device = torch.device("cuda", place)
        torch.cuda.set_device(device)
    alone: dict[str, Any] = {} if "RANK" in os.environ else {"store": dist.HashStore(), "rank": 0, "world_size": 1}
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", **alone)
    try:
        yield device
    finally:
        dist.destroy_process_group()


_OF_TORCHRUN = {"LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
"""Variables that `torchrun` sets for a process: its place on this machine, and how many there are; and defaults."""
