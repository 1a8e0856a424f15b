"""Lessons 01 to 05: answers in other forms pass, and comments name the place, or the mistake, of a wrong one."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import torch

from prepack_lab.course.exercises.checking import check
from prepack_lab.course.exercises.lesson_01 import slots_in_batches
from prepack_lab.course.exercises.lesson_02 import next_fit
from prepack_lab.course.exercises.lesson_03 import cu_seqlens, restart_positions, segment_ids, segmented_attention
from prepack_lab.course.exercises.lesson_04 import places, planted_bugs, unpack_keys
from prepack_lab.course.exercises.lesson_05 import measure_together, time_work


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def bins_and_room(lengths, capacity):
    return next_fit(lengths, capacity), [capacity]


def each_segment(attend):
    def segmented(query, key, value, ends):
        spans = pairwise(ends)
        return torch.cat([attend(query[a:b], key[a:b], value[a:b]) for a, b in spans])

    return segmented


def attention(divide_by, *, hidden=-torch.inf, above=1, softmax=True):
    def attend(query, key, value):
        later = torch.ones(len(query), len(query), dtype=torch.bool).triu(above)
        scores = (query @ key.T / divide_by(query)).masked_fill(later, hidden)
        return (scores.softmax(-1) if softmax else scores) @ value

    return each_segment(attend)


def by_exponentials(query, key, value):
    scores = torch.exp(query @ key.mT / np.sqrt(query.shape[1])).tril()
    return scores / scores.sum(-1, keepdim=True) @ value


def last_round(functions, device, warmup, repeats):
    return {name: 1 for name in measure_together(functions, device, warmup, repeats)}


RIGHT = (
    ("01-waste", lambda lengths: Fraction(len(lengths) * max(lengths) - sum(lengths), len(lengths) * max(lengths))),
    ("01-order", lambda lengths: torch.argsort(torch.tensor(lengths), descending=True).int()),
    ("02-next-fit", lambda lengths, capacity: [torch.tensor(one) for one in next_fit(lengths, capacity)]),
    ("03-segments", lambda lengths, width: segment_ids(lengths, width).to(torch.int8)),
    ("03-cu-seqlens", lambda lengths: np.cumsum([0, *lengths]).astype(np.int32)),
    ("03-attention", each_segment(by_exponentials)),
    ("03-attention", attention(lambda query: query.shape[1] ** 0.5, hidden=torch.finfo(torch.float32).min)),
    ("04-places", lambda lengths: torch.where(places(lengths) < 0, -100, places(lengths)).int()),
)


@pytest.mark.parametrize(("key", "function"), RIGHT, ids=[key for key, _ in RIGHT])
def test_another_form_passes(key, function):
    verdict = check(key, function)
    assert verdict.solved, verdict.words


WRONG = (
    # what the value shows
    ("01-waste", lambda lengths: int(1 - sum(lengths) / len(lengths) / max(lengths)), "right number, rounded down"),
    (
        "05-ttft",
        lambda pack, prefill, unpack, steps: round(pack + prefill + unpack + steps[0], 1),
        "rounded to 1 digit",
    ),
    ("01-order", print, "print() only shows a value"),
    ("02-next-fit", bins_and_room, "one level too deep"),
    ("02-rows", lambda packings: 1.0 * len(packings[0]), "k is 2, and r is 1 and 2: 1.5 on average"),
    ("03-cu-seqlens", lambda lengths: cu_seqlens(lengths).float(), "torch.float32, and whole numbers are asked for"),
    ("03-positions", lambda lengths: restart_positions(lengths)[None], "only the shape is another"),
    ("04-bugs", lambda: planted_bugs() | {"olive": "leak"}, "'olive' is no colour here"),
    ("04-bugs", lambda: dict.fromkeys(planted_bugs(), "leak"), "1 of 5 is right"),
    # where it goes wrong
    ("03-segments", lambda lengths, width: segment_ids(lengths[::-1], width), "Slot 1 belongs to prompt 1, and yours"),
    ("03-segments", lambda lengths, width: segment_ids(lengths, width) * 0, "Slot 1 is padding, and yours holds 0"),
    ("03-positions", lambda lengths: torch.arange(sum(lengths)), "Slot 2 holds token 0 of prompt 1, and yours says 2"),
    ("03-cu-seqlens", lambda lengths: cu_seqlens(lengths[::-1]), "Boundary 1 is where prompt 0 ends, at 1. Yours is 4"),
    ("03-cu-seqlens", lambda lengths: cu_seqlens(lengths) + 1, "The first boundary is where prompt 0 begins: 0"),
    ("03-attention", attention(lambda query: 1, softmax=False, hidden=0), "with weight 4.243, and right is 1"),
    ("03-attention", attention(lambda query: 1, above=0), "a softmax over scores that are all hidden"),
    ("03-attention", attention(lambda query: 1e9), "with the weights 0.190, 0.810. Yours is what 0.500, 0.500 give"),
    ("04-places", lambda lengths: places(lengths).abs(), "Prompt 0 has 1 token behind 3 slots of padding: slot 0 is"),
    ("04-places", lambda lengths: places(lengths) - 1, "1 token and no padding: slot 0 holds its token 0, and yours"),
    ("05-together", last_round, "The call that counts takes 6 ms"),
    ("05-ttft", lambda pack, prefill, unpack, steps: prefill + steps[0], "as long as `prefill` + `steps[0]`"),
    # what is behind it
    ("01-batches", lambda lengths, size: slots_in_batches(lengths[:size], size), "slots of the first batch"),
    ("03-attention", attention(lambda query: query.shape[1]), "divided by D. Divide them by its square root"),
    ("03-attention", attention(lambda query: query.shape[1] ** -0.5), "multiplied by the square root of D"),
    ("03-attention", attention(lambda query: len(query) ** 0.5), "divided by the root of the segment's length"),
    (
        "03-attention",
        lambda query, key, value, ends: segmented_attention(key, query, value, ends),
        "Queries and keys are exchanged",
    ),
    ("04-unpack", lambda *given: unpack_keys(*given).transpose(1, 2), "Exchange heads and slots"),
    ("05-ttft", lambda pack, prefill, unpack, steps: pack + prefill + unpack + max(steps), "takes the longest step"),
)


@pytest.mark.parametrize(("key", "function", "words"), WRONG, ids=[f"{key}: {words}" for key, _, words in WRONG])
def test_a_comment_names_the_place_or_the_mistake(key, function, words):
    verdict = check(key, function)
    assert not verdict.solved
    assert words in verdict.words, verdict.words


def test_a_comment_says_nothing_twice():
    assert check("05-sync", lambda device: -time_work(device)).words.count("sign is turned round") == 1


@pytest.mark.parametrize(
    ("key", "function"),
    [
        ("01-order", lambda lengths: [*range(len(lengths))][::-1]),
        ("02-next-fit", lambda lengths, capacity: [[place] for place in range(len(lengths))]),
    ],
)
def test_where_the_judge_names_the_place_lists_are_not_compared_again(key, function):
    words = check(key, function).words
    assert "in another order" not in words and "Your list has" not in words
