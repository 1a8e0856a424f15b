"""Exercises of lessons 03 and 04: what a statement leaves open passes in any way, and what it rules out is seen."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention as attend
from torch.nn.utils.rnn import pad_sequence

from prepack_lab.course.exercises import check


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def segments(cu_seqlens):
    lengths = torch.tensor(cu_seqlens).diff()
    return torch.arange(len(lengths)).repeat_interleave(lengths)


def padded_segments(query, key, value, cu_seqlens):
    lengths = torch.tensor(cu_seqlens).diff().tolist()
    own = (pad_sequence(states.split(lengths), batch_first=True) for states in (query, key, value))
    return torch.cat([row[:length] for row, length in zip(attend(*own, is_causal=True), lengths, strict=True)])


def token_by_token(query, key, value, cu_seqlens):
    begins = [max(end for end in cu_seqlens if end <= slot) for slot in range(len(query))]
    return torch.cat(
        [attend(query[s : s + 1], key[b : s + 1], value[b : s + 1]) for s, b in enumerate(begins)]
    )  # fmt: skip


def masked_row(query, key, value, cu_seqlens):
    own = segments(cu_seqlens)
    scores = query @ key.T / query.shape[1] ** 0.5
    return scores.masked_fill(~(own[:, None] == own).tril(), -torch.inf).softmax(-1) @ value


def masked_row_in_numpy(query, key, value, cu_seqlens):
    own = segments(cu_seqlens).numpy()
    scores = np.where(np.tril(own[:, None] == own), query.numpy() @ key.numpy().T / query.shape[1] ** 0.5, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return torch.from_numpy(weights / weights.sum(-1, keepdims=True) @ value.numpy())


def scores_of_the_row_in_slices(query, key, value, cu_seqlens):
    scores = query @ key.T / query.shape[1] ** 0.5
    hidden = torch.full_like(scores, -torch.inf).triu(1)
    own = [slice(*span) for span in pairwise(cu_seqlens)]
    return torch.cat([(scores + hidden)[at, at].softmax(-1) @ value[at] for at in own])


@pytest.mark.parametrize("way", [padded_segments, token_by_token])
def test_segments_may_be_attended_in_any_way(way):
    assert check("03-attention", way).solved


@pytest.mark.parametrize(
    ("way", "words"),
    [
        (masked_row, "Segment 1 is NaN here, and so is what you return for slot 0"),
        (masked_row_in_numpy, "0 · NaN is NaN"),
        (scores_of_the_row_in_slices, "makes 1764 numbers at once"),
    ],
)
def test_scores_between_segments_are_noticed(way, words):
    verdict = check("03-attention", way)
    assert not verdict.solved and words in verdict.words


def places(lengths):
    return torch.arange(int(lengths.max())) - (lengths.max() - lengths)[:, None]


def gathered(keys, first_token, lengths):
    place = places(lengths)
    slot = (first_token[:, 1:] + place).clamp(min=0)[:, None, :, None]
    return torch.take_along_dim(keys[first_token[:, 0]], slot, 2).masked_fill((place < 0)[:, None, :, None], 0)


def scattered(keys, first_token, lengths):
    place = places(lengths)
    prompt, to_slot = (place >= 0).nonzero(as_tuple=True)
    unpacked = keys.new_zeros(len(lengths), keys.shape[1], place.shape[1], keys.shape[3])
    own = place[prompt, to_slot]
    unpacked[prompt, :, to_slot] = keys[first_token[prompt, 0], :, first_token[prompt, 1] + own]
    return unpacked


def slot_by_slot(keys, first_token, lengths):
    place = places(lengths)
    slots = (first_token[:, 1:] + place).clamp(min=0)
    taken = [keys[first_token[:, 0], :, slots[:, at]] for at in range(place.shape[1])]
    return torch.stack(taken, 2) * (place >= 0)[:, None, :, None]


def prompt_by_prompt_in_numpy(keys, first_token, lengths):
    longest, packed = int(lengths.max()), keys.numpy()
    padding = [((0, 0), (longest - int(length), 0), (0, 0)) for length in lengths]
    spans = zip(first_token.tolist(), lengths.tolist(), padding, strict=True)
    return torch.from_numpy(np.stack([np.pad(packed[r, :, s : s + n], before) for (r, s), n, before in spans]))


@pytest.mark.parametrize("way", [gathered, scattered])
def test_a_cache_may_be_unpacked_in_any_way_without_a_loop(way):
    assert check("04-unpack", way).solved


@pytest.mark.parametrize("way", [slot_by_slot, prompt_by_prompt_in_numpy])
def test_a_loop_is_noticed(way):
    verdict = check("04-unpack", way)
    assert not verdict.solved and "`keys` is read for the 15th time" in verdict.words


@pytest.mark.parametrize("padding", [-1, -100])
def test_any_number_below_0_is_padding(padding):
    def filled(lengths):
        place = places(torch.tensor(lengths))
        return torch.where(place < 0, padding, place)

    assert check("04-places", filled).solved
    assert not check("04-places", lambda lengths: filled(lengths).clamp(min=0)).solved


@pytest.mark.parametrize(
    ("same", "right"),
    [
        (lambda ours, theirs, tolerance: torch.allclose(ours, theirs, rtol=0, atol=tolerance * theirs.std()), True),
        (lambda ours, theirs, tolerance: bool(((ours - theirs).abs() <= tolerance * theirs.std()).all()), True),
        (lambda ours, theirs, tolerance: bool(abs(ours - theirs).max() / theirs.std(correction=0) <= tolerance), True),
        (lambda ours, theirs, tolerance: torch.allclose(ours, theirs, rtol=tolerance), False),
        (lambda ours, theirs, tolerance: torch.allclose(ours, theirs, atol=tolerance * theirs.std()), False),
        (lambda ours, theirs, tolerance: bool(abs(ours - theirs).max() / theirs.std() < tolerance), False),
        (lambda ours, theirs, tolerance: bool(abs(ours - theirs).max() / ours.std() <= tolerance), False),
        (lambda ours, theirs, limit: bool((ours - theirs).nan_to_num().abs().max() / theirs.std() <= limit), False),
    ],
)  # fmt: skip
def test_sameness_is_what_the_statement_says(same, right):
    assert check("04-same", same).solved is right


def only_the_prompt(segment_ids, dtype):
    same = segment_ids[:, None, :, None] == segment_ids[:, None, None]
    return torch.zeros(same.shape, dtype=dtype).masked_fill(~same.triu(), torch.finfo(dtype).min)


def from_the_first_slot(keys, first_token, lengths):
    place = places(lengths)
    return keys[first_token[:, :1], :, place.clamp(min=0)].transpose(1, 2) * (place >= 0)[:, None, :, None]


@pytest.mark.parametrize(
    ("key", "function", "words"),
    [
        ("03-mask", only_the_prompt, "In row 0, slot 0 must not look at slot 1 (it comes later), and your mask has 0"),
        (
            "03-window",
            lambda segment_ids, window: (segment_ids[:, None] == segment_ids).tril(),
            "Slot 1 must not look at slot 0 (with itself that would be 2 slots, and the window is 1)",
        ),
        (
            "03-attention",
            lambda query, key, value, cu_seqlens: key,
            "Slot 0 is the first of its segment, so it sees itself only, and its result is its own value",
        ),
        (
            "04-last",
            lambda logits, last_token: logits[last_token[:, 0], -1],
            "For prompt 0 these are the logits of row 1, slot 1; its last token is in row 1, slot 0.",
        ),
        (
            "04-unpack",
            from_the_first_slot,
            "slot 1 should hold the key of row 0, head 0, slot 2, and holds the key of row 0, head 0, slot 0",
        ),
    ],
)
def test_a_comment_names_the_place_and_the_reason(key, function, words):
    assert words in check(key, function).words


@pytest.mark.parametrize("key", ["03-mask", "03-window", "03-attention", "04-last", "04-places", "04-unpack"])
@pytest.mark.parametrize("returned", [[torch.zeros(1)], torch.zeros(3), torch.zeros(()), "a mask"], ids=str)
def test_what_is_no_such_tensor_is_compared_all_the_same(key, returned):
    verdict = check(key, lambda *arguments: returned)
    assert not verdict.solved and "can't be compared" not in verdict.words
