"""Caches in blocks, in pieces and shared: the same numbers as in one piece."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from prepack_lab.course.miniatures.attention_ways import attend_three_ways
from prepack_lab.course.miniatures.block_masks import LEFT_OUT, PARTLY, WHOLE, attend, block_kinds, computed_pairs
from prepack_lab.course.miniatures.chunked_prefill import prefill_in_chunks
from prepack_lab.course.miniatures.paged_cache import PagedCache, blocks_needed
from prepack_lab.course.miniatures.prefix_sharing import PrefixTree, prefill_sharing
from prepack_lab.course.miniatures.varlen_attention import attend_by_mask, attend_by_segment
from prepack_lab.forward import forward_alone
from prepack_lab.masks import packed_block_mask, packed_mask
from tests.conftest import random_prompts


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 7)), min_size=1, max_size=12), st.integers(1, 5))
def test_a_paged_cache_gives_back_what_it_was_given(appends, block_size):
    cache, given_keys = PagedCache(blocks=100, block_size=block_size, heads=2, width=3), {}
    for prompt, many in appends:
        keys = torch.randn(2, many, 3)
        cache.append(prompt, keys)
        given_keys[prompt] = torch.cat([given_keys[prompt], keys], dim=1) if prompt in given_keys else keys
    for prompt, keys in given_keys.items():
        assert torch.equal(cache.keys(prompt), keys)
        assert cache.slots_taken - sum(cache.lengths.values()) < block_size * len(given_keys)
    blocks = [block for table in cache.tables.values() for block in table]
    assert len(blocks) == len(set(blocks)), "a block belongs to one prompt"


def test_blocks_are_given_back_and_run_out():
    cache = PagedCache(blocks=2, block_size=4)
    cache.append(0, torch.ones(1, 5, 1))
    before = dict(cache.tables)
    with pytest.raises(RuntimeError, match="prompt 1 needs 1 more blocks, and 0 are free"):
        cache.append(1, torch.ones(1, 1, 1))
    assert dict(cache.tables) == before, "a prompt that found no room leaves nothing behind"
    cache.release(0)
    cache.append(1, torch.full((1, 8, 1), 2.0))
    assert cache.slots_taken == 8 and 0 not in cache.tables
    assert [blocks_needed(tokens, 4) for tokens in (1, 4, 5)] == [1, 1, 2]


@pytest.mark.parametrize("chunk", [1, 3, 7, 20])
def test_a_prompt_read_in_pieces_is_the_prompt_read_at_once(tiny_model, chunk):
    (prompt,) = random_prompts([13])
    whole, (logits, cache) = forward_alone(tiny_model, prompt), prefill_in_chunks(tiny_model, prompt, chunk)
    torch.testing.assert_close(logits, whole.next_token_logits, atol=1e-5, rtol=1e-4)
    assert cache.get_seq_length() == 13
    torch.testing.assert_close(cache.layers[-1].keys, whole.cache.layers[-1].keys, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("prompt", "chunk"), [([], 3), ([1], 0)])
def test_no_prompt_and_no_chunk_are_refused(tiny_model, prompt, chunk):
    with pytest.raises(ValueError, match="both are at least 1"):
        prefill_in_chunks(tiny_model, prompt, chunk)


def shared_tokens(prompts, block_size):
    """For each prompt, the tokens of its beginning that an earlier one has brought into the tree."""
    tree, shared = PrefixTree(block_size), []
    for prompt in prompts:
        shared.append(len(tree.find(prompt)) * block_size)
        tree.keep(prompt, [None] * (len(prompt) // block_size))
    return shared


@pytest.mark.parametrize("block_size", [1, 4])
def test_shared_prefixes_change_nothing_but_the_work(tiny_model, block_size):
    begin, other = random_prompts([9, 6], seed=1)
    prompts = [[*begin, 1, 2], [*begin, 3], begin, other, [*begin, 1, 2, 7, 7]]
    logits, computed = prefill_sharing(tiny_model, prompts, block_size)
    alone = torch.cat([forward_alone(tiny_model, prompt).next_token_logits for prompt in prompts])
    torch.testing.assert_close(logits, alone, atol=1e-5, rtol=1e-4)
    shared = shared_tokens(prompts, block_size)
    assert computed == [len(prompt) - known for prompt, known in zip(prompts, shared, strict=True)]
    assert shared[0] == 0 and shared[1] == 9 // block_size * block_size
    assert all(many >= 1 for many in computed), "the last token is always computed"


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), min_size=1, max_size=6))
def test_what_is_shared_was_there_before(prompts):
    for place, (prompt, known) in enumerate(zip(prompts, shared_tokens(prompts, 1), strict=True)):
        longest = max(
            (next((i for i, (a, b) in enumerate(zip(prompt, one)) if a != b), min(len(prompt), len(one)))  # noqa: B905
             for one in prompts[:place]), default=0,
        )  # fmt: skip
        assert known == min(longest, len(prompt) - 1)


def test_a_block_holds_at_least_a_token():
    with pytest.raises(ValueError, match="at least one"):
        PrefixTree(0)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_attention_by_segment_is_attention_under_the_mask(lengths):
    states = [torch.randn(2, sum(lengths), 4) for _ in range(3)]
    segments = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))[None]
    ends = [0, *torch.tensor(lengths).cumsum(0).tolist()]
    masked = attend_by_mask(*(one[None] for one in states), segments)[0]
    torch.testing.assert_close(attend_by_segment(*states, ends), masked, atol=1e-5, rtol=1e-4)


@pytest.mark.long
def test_blocks_that_are_hidden_are_left_out_and_the_numbers_stay():
    segments = torch.arange(3).repeat_interleave(torch.tensor([200, 56, 128]))[None]  # [1, 384]
    mask = packed_block_mask(segments)
    kinds = block_kinds(mask)
    assert kinds.tolist() == [[[PARTLY, LEFT_OUT, LEFT_OUT], [PARTLY, PARTLY, LEFT_OUT], [LEFT_OUT, LEFT_OUT, PARTLY]]]
    assert computed_pairs(mask) == 4 * 128 * 128
    assert WHOLE in block_kinds(packed_block_mask(torch.zeros(1, 384, dtype=torch.long)))
    states = [torch.randn(1, 2, 384, 8) for _ in range(3)]
    dense = torch.nn.functional.scaled_dot_product_attention(*states, attn_mask=packed_mask(segments, torch.float32))
    torch.testing.assert_close(attend(*states, mask), dense, atol=1e-5, rtol=1e-4)


@pytest.mark.long
def test_three_ways_of_attention_compute_what_they_must_and_agree():
    masked, blocks, alone = attend_three_ways([30, 10, 15, 25], width=4, repeats=1).values()
    assert masked.pairs == 3 * 30**2, "three rows of thirty"
    assert blocks.pairs == 3 * 128**2 and blocks.time is None, "a block is the least that can be left out"
    assert alone.pairs == sum(n * (n + 1) // 2 for n in (30, 10, 15, 25))
    assert max(masked.off, blocks.off) < 1e-5 and alone.off == 0
    assert len(masked.time.seconds) == len(alone.time.seconds) == 1
