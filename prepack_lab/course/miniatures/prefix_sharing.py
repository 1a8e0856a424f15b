"""Prefix sharing: a beginning that was read before is found in the cache, and only the rest is computed.

What was read is kept in a tree, a block of tokens a step. "ab cd ef" and "ab cd xy" share the way to "cd", then part:

    ab ─ cd ─ ef
            └ xy

Causal attention allows it: what a token leaves in the cache depends on the tokens before it, and on none that follow.
The last token of a prompt is always computed, because the answer begins with its logits.

Source: Zheng et al., SGLang, NeurIPS 2024, "RadixAttention"; in blocks, as here, vLLM's automatic prefix caching.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import DynamicCache, PreTrainedModel

from prepack_lab.course.miniatures.chunked_prefill import read_on

LayerStates = list[tuple[torch.Tensor, torch.Tensor]]
"""For each layer keys and values of some tokens, [1, H, n, D] each."""


class PrefixTree:
    """Beginnings that were read, and whatever is kept of each of their blocks.

    Args:
        block_size: tokens in a block; with 1 every common token is found.
    """

    def __init__(self, block_size: int = 16) -> None:
        if block_size < 1:
            raise ValueError(f"blocks of {block_size} tokens; a block holds at least one")
        self.block_size = block_size
        self._root: dict[tuple[int, ...], tuple[Any, dict]] = {}

    def find(self, prompt: Sequence[int]) -> list[Any]:
        """What is kept of its longest known beginning, block by block; its last token is never in it."""
        found, here = [], self._root
        for block in self._blocks(prompt[:-1]):
            if block not in here:
                break
            kept, here = here[block]
            found.append(kept)
        return found

    def keep(self, prompt: Sequence[int], kept: Sequence[Any]) -> None:
        """Remember a prompt that was read, and something for each of its whole blocks."""
        here = self._root
        for block, one in zip(self._blocks(prompt), kept, strict=True):
            _, here = here.setdefault(block, (one, {}))

    def _blocks(self, tokens: Sequence[int]) -> list[tuple[int, ...]]:
        size = self.block_size
        return [tuple(tokens[start : start + size]) for start in range(0, len(tokens) - size + 1, size)]


def prefill_sharing(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], block_size: int = 16
) -> tuple[torch.Tensor, list[int]]:
    """Read prompts one after another, each over the cache of the beginning that is known already.

    Returns:
        The logits after each prompt, [B, V], and the tokens that were computed for each.
    """
    tree, logits, computed = PrefixTree(block_size), [], []
    for prompt in prompts:
        cache = _joined(tree.find(prompt))
        known = cache.get_seq_length()
        logits.append(read_on(model, prompt[known:], cache))
        starts = range(0, len(prompt) - block_size + 1, block_size)
        tree.keep(prompt, [_cut(cache, start, start + block_size) for start in starts])
        computed.append(len(prompt) - known)
    return torch.cat(logits), computed


def _joined(blocks: Sequence[LayerStates]) -> DynamicCache:
    """One cache of blocks that follow each other."""
    cache = DynamicCache()
    for layer, states in enumerate(zip(*blocks, strict=True)):
        keys, values = (torch.cat(kind, dim=2) for kind in zip(*states, strict=True))
        cache.update(keys, values, layer)
    return cache


def _cut(cache: DynamicCache, start: int, stop: int) -> LayerStates:
    """Some tokens of a cache."""
    layers: Sequence[Any] = cache.layers
    return [(layer.keys[:, :, start:stop], layer.values[:, :, start:stop]) for layer in layers]
