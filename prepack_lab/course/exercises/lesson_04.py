"""Lesson 04, packed equals unpacked."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import torch

from prepack_lab.course.broken_ways import CAUSES, COLOURS, SYMPTOMS
from prepack_lab.course.exercises.cases import lengths_alone
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import tensor
from prepack_lab.course.exercises.quiz import Answer, Quiz
from prepack_lab.course.inside.watched import FewReads, Watched
from prepack_lab.packed_batch import PackedBatch
from prepack_lab.packing import pack


def same_results(ours, theirs, tolerance):
    off = (ours - theirs).abs().max() / theirs.std()
    return bool(off <= tolerance)


def _to_the_bit(ours, theirs, tolerance):
    return bool(torch.equal(ours, theirs))


def _signed(ours, theirs, tolerance):
    return bool((ours - theirs).max() / theirs.std() <= tolerance)


def _mean(ours, theirs, tolerance):
    return bool((ours - theirs).abs().mean() / theirs.std() <= tolerance)


def _not_a_share(ours, theirs, tolerance):
    return bool((ours - theirs).abs().max() <= tolerance)


def _nan_passes(ours, theirs, tolerance):
    return not bool((ours - theirs).abs().max() / theirs.std() > tolerance)


def _relative(ours, theirs, tolerance):
    return bool(torch.allclose(ours, theirs, rtol=tolerance))


def _share_of_ours(ours, theirs, tolerance):
    return bool((ours - theirs).abs().max() / ours.std() <= tolerance)


def _strict(ours, theirs, tolerance):
    return bool((ours - theirs).abs().max() / theirs.std() < tolerance)


def _nan_is_zero(ours, theirs, tolerance):
    return same_results(ours.nan_to_num(), theirs.nan_to_num(), tolerance)


def _difference_without_nan(ours, theirs, tolerance):
    return bool((ours - theirs).nan_to_num().abs().max() / theirs.nan_to_num().std() <= tolerance)


def _share_of_largest(ours, theirs, tolerance):
    return bool((ours - theirs).abs().max() / theirs.abs().max() <= tolerance)


def _pairs(draw: Random) -> Iterator[tuple[Any, ...]]:
    """Off by well more or well less than the tolerance, so that either formula of the deviation will do."""
    nan = torch.nan
    for numbers, right, tolerance in (
        ([0.0, 1.0], [0.0, 1.0], 0.1),
        ([0.0, 9.0], [0.0, 4.0], 0.001),
        ([0.0, 4.0], [0.0, 9.0], 0.001),
        ([0.0, 4.0], [0.0, 4.0], 0.0),
        ([0.0, 80.02], [0.0, 80.0], 0.001),
        ([0.02, 80.0], [0.0, 80.0], 0.001),
        ([500.0, 501.2], [500.0, 501.0], 0.001),
        ([0.0, 0.0, 9.0, 1.0], [0.0, 1.0, 0.0, 1.0], 2.5),
        ([0.0, 0.0, 9.0, 1.0], [0.0, 1.0, 0.0, 1.0], 4.0),
        ([nan, 80.0], [0.0, 80.0], 0.001),
        ([0.0, nan], [0.0, 80.0], 0.001),
        ([nan, 85.0], [0.0, 80.0], 0.001),
    ):
        yield torch.tensor([numbers]), torch.tensor([right]), tolerance
    for seed in range(32):
        theirs = torch.randn(2, 3, generator=torch.Generator().manual_seed(seed)) * torch.tensor([[1.0], [20.0]])
        theirs = draw.choice([0.01, 1.0, 10.0]) * theirs + draw.choice([0.0, 50.0])
        tolerance = draw.choice([0.001, 0.1])
        ours, off = theirs.clone(), draw.choice([-1, 1]) * draw.choice([0.05, 0.5, 2, 4, 40]) * tolerance * theirs.std()
        ours[draw.randrange(2), draw.randrange(3)] += off
        yield ours, theirs, tolerance


def _same_results_judge(
    returned: Any, expected: bool, ours: torch.Tensor, theirs: torch.Tensor, tolerance: float
) -> str | None:
    if not isinstance(returned, bool):
        return f"True or False is asked for, and a {type(returned).__name__} came back."
    if returned == expected:
        return None
    if (ours - theirs).isnan().any():
        return "There is a NaN in ours, and NaN is never the same as anything."
    largest, spread = (ours - theirs).abs().max().item(), theirs.std().item()
    within = "within" if expected else "more than"
    return (
        f"The largest difference is {largest:.4g} and the standard deviation of theirs {spread:.4g}: a share of "
        f"{largest / spread:.4g}, {within} the tolerance of {tolerance:g}."
    )


SAME_RESULTS = Exercise(
    key="04-same",
    title="What counts as equal",
    minutes=6,
    level="core",
    task="Given the logits `ours` and `theirs` and a `tolerance`, return whether they are the same up to rounding. "
    "They are if the largest difference, as a share of the standard deviation of `theirs`, is at most the "
    "tolerance. The deviation is that of all its numbers together, by any formula. A NaN in `ours` is never "
    "the same; there is none in `theirs`.",
    stub="""
        off = ...  # the largest difference, as a share
        return ...
    """,
    reference=same_results,
    cases=_pairs,
    judge=_same_results_judge,
    hints=(
        "The largest difference is `(ours - theirs).abs().max()`.",
        "Divide by `theirs.std()`, so that large numbers may differ by more.",
        "Every comparison with NaN is False. Ask `off <= tolerance`, not whether it is above. End with `bool(…)`.",
    ),
    wrong={
        "to the bit": WrongAnswer(_to_the_bit, "Only the same bits pass. But sums in another order round differently."),
        "signed": WrongAnswer(
            _signed, "Where ours is far below theirs, nothing is noticed: take the difference without its sign."
        ),
        "mean": WrongAnswer(
            _mean, "This is what the mean difference gives. One logit that is far off is enough for another answer."
        ),
        "no share": WrongAnswer(
            _not_a_share, "This is what the difference itself gives. Take it as a share of the spread."
        ),
        "relative": WrongAnswer(
            _relative, "This is what a share of each logit gives. Take a share of how far they spread."
        ),
        "share of the largest": WrongAnswer(
            _share_of_largest,
            "This is what a share of the largest logit gives. The spread is how far logits lie from each other.",
        ),
        "share of ours": WrongAnswer(
            _share_of_ours, "This is what the deviation of ours gives. One wild logit widens it, and so hides itself."
        ),
        "strict": WrongAnswer(_strict, "Just as far as the tolerance is still the same: it says at most."),
        "NaN is 0": WrongAnswer(
            _nan_is_zero, "This is what NaN as 0 gives. A broken result may then pass for a right one."
        ),
        "no difference at NaN": WrongAnswer(
            _difference_without_nan, "This is what no difference at a NaN gives. NaN is never the same."
        ),
        "NaN passes": WrongAnswer(
            _nan_passes, "NaN passes, as it is not above the tolerance. Ask whether it is within."
        ),
    },
)


def last_token_logits(logits, last_token):
    row, slot = last_token.unbind(1)
    return logits[row, slot]


def _all_pairs(logits, last_token):
    return logits[last_token[:, 0]][:, last_token[:, 1]]


def _end_of_the_row(logits, last_token):
    return logits[last_token[:, 0], -1]


def _one_before(logits, last_token):
    return logits[last_token[:, 0], last_token[:, 1] - 1]


def _columns_first(logits, last_token):
    order = (last_token[:, 0] * logits.shape[1] + last_token[:, 1]).argsort()
    return last_token_logits(logits, last_token[order])


def _probabilities(logits, last_token):
    return last_token_logits(logits, last_token).softmax(-1)


def _packed_batches(draw: Random) -> Iterator[PackedBatch]:
    """Small batches of several rows, the prompts not in the order of the rows, which may be wider than the longest."""
    for lengths, capacity in (([1], 1), ([1, 2], 2), ([2, 1, 1], 3), ([2, 4, 3], 6), ([1, 3, 2, 3], 3)):
        yield _batch(lengths, capacity)
    for size in range(4, 8):
        yield _batch([draw.randint(1, 5) for _ in range(size)], draw.randint(5, 9))


def _batch(lengths: list[int], capacity: int) -> PackedBatch:
    return PackedBatch.from_prompts([[0] * length for length in lengths], pack(lengths, capacity))


def _last_token_logits_cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    for batch in _packed_batches(draw):
        R, W = batch.shape
        yield torch.arange(R * W * 2.0).view(R, W, 2), batch.last_token


def _last_token_logits_judge(
    returned: Any, expected: torch.Tensor, logits: torch.Tensor, last_token: torch.Tensor
) -> str | None:
    wrong = tensor(returned, expected)
    if wrong is None or not isinstance(returned, torch.Tensor) or returned.shape != expected.shape:
        return wrong
    prompt = int((returned != expected).any(1).nonzero()[0])
    came_from = (logits == returned[prompt]).all(-1).nonzero().tolist()
    if not came_from:
        return wrong
    (row, slot), (right_row, right_slot) = came_from[0], last_token[prompt].tolist()
    return (
        f"For prompt {prompt} these are the logits of row {row}, slot {slot}; its last token is in row {right_row}, "
        f"slot {right_slot}."
    )


LAST_TOKEN_LOGITS = Exercise(
    key="04-last",
    title="The logits after each prompt",
    minutes=4,
    level="warm-up",
    task="A packed pass gave `logits` of shape [R, W, V]. `last_token`, of shape [B, 2], names the row and the slot "
    "of each prompt's last token. Return the logits after each prompt, of shape [B, V], in the order of the "
    "prompts.",
    reference=last_token_logits,
    cases=_last_token_logits_cases,
    judge=_last_token_logits_judge,
    hints=(
        "`last_token[:, 0]` are the rows, `last_token[:, 1]` the slots.",
        "Index with both at once: `logits[rows, slots]` takes one place for each pair.",
    ),
    wrong={
        "all pairs": WrongAnswer(_all_pairs, "This is every row with every slot. Index with both in one bracket."),
        "the end of the row": WrongAnswer(
            _end_of_the_row, "These are the logits in the last slot of the row. Most prompts end before it."
        ),
        "one before": WrongAnswer(_one_before, "These are the logits one slot before: they predict the last token."),
        "probabilities": WrongAnswer(_probabilities, "These are probabilities. Return the logits as they are."),
        "row by row": WrongAnswer(
            _columns_first, "These come in the order of the rows. Give them in the order of the prompts."
        ),
    },
)


def places(lengths):
    longest = max(lengths)
    padding = longest - torch.tensor(lengths)  # [B]
    return torch.arange(longest) - padding[:, None]


def _places_right_padded(lengths):
    return torch.arange(max(lengths)).expand(len(lengths), -1).clone()


def _off_by_one(lengths):
    return places(lengths) + 1


def _clamped(lengths):
    return places(lengths).clamp(min=0)


def _transposed(lengths):
    return places(lengths).T.contiguous()


def _left_with_padding(lengths):
    row = torch.arange(max(lengths)).expand(len(lengths), -1)
    return torch.where(row < torch.tensor(lengths)[:, None], row, -1)


def _backwards(lengths):
    right = places(lengths)
    return torch.where(right >= 0, torch.tensor(lengths)[:, None] - 1 - right, right)


def _slots(lengths):
    right = places(lengths)
    return torch.where(right >= 0, torch.arange(max(lengths)), right)


def _places_judge(returned: Any, expected: torch.Tensor, lengths: list[int]) -> str | None:
    if isinstance(returned, torch.Tensor) and returned.shape == expected.shape:
        padding = (expected < 0) & (returned < 0)  # any number below 0 will do
        returned = torch.where(padding, expected.to(returned.dtype), returned)
    wrong = tensor(returned, expected)
    if (
        wrong is None
        or not isinstance(returned, torch.Tensor)
        or (returned.shape, returned.dtype) != (expected.shape, expected.dtype)
    ):
        return wrong
    prompt, slot = (returned != expected).nonzero()[0].tolist()
    padding, place = max(lengths) - lengths[prompt], int(expected[prompt, slot])
    behind = f"behind {padding} slot{'s' * (padding != 1)} of padding" if padding else "and no padding"
    tokens = f"{lengths[prompt]} token{'s' * (lengths[prompt] != 1)} {behind}"
    right = "is padding, a number below 0" if place < 0 else f"holds its token {place}"
    return f"Prompt {prompt} has {tokens}: slot {slot} {right}, and yours says {returned[prompt, slot]}."


PLACES = Exercise(
    key="04-places",
    own_work=("prepack_lab.packed_batch",),
    title="Which token a slot of the cache holds",
    minutes=8,
    level="warm-up",
    task="Caches are aligned at the right: the last tokens of all prompts stand below each other. For prompts of "
    "these `lengths`, return a tensor of shape [B, L], with L the longest. It gives the place of each slot's "
    "token in its own prompt. Padding gets a number below 0, any that you like. Lengths 3 and 1 may give "
    "[[0, 1, 2], [-2, -1, 0]].",
    stub="""
        longest = max(lengths)
        return ...
    """,
    reference=places,
    cases=lengths_alone,
    judge=_places_judge,
    hints=(
        "Without padding a row counts 0, 1, 2, …: `torch.arange(L)`.",
        "A prompt that is shorter by p begins p slots later: subtract p from its row.",
        "`padding[:, None]` has the shape [B, 1], and is subtracted from every slot of its row.",
    ),
    wrong={
        "right-padded": WrongAnswer(
            _places_right_padded, "Your prompts begin at the left. They must end at the right."
        ),
        "left, with padding": WrongAnswer(
            _left_with_padding, "Your prompts begin at the left. They must end at the right."
        ),
        "backwards": WrongAnswer(_backwards, "Your places count down. The first token of a prompt has place 0."),
        "slots": WrongAnswer(_slots, "These are the numbers of the slots. Asked for are the places in each prompt."),
        "off by one": WrongAnswer(_off_by_one, "One too many: the first token of a prompt has place 0."),
        "padding is token 0": WrongAnswer(_clamped, "Your padding is place 0, which is a token. Keep it below 0."),
        "columns": WrongAnswer(_transposed, "Rows and columns are exchanged: a row for each prompt."),
    },
)


def unpack_keys(keys, first_token, lengths):
    longest = int(lengths.max())
    place = torch.arange(longest) - (longest - lengths)[:, None]  # [B, L], below 0 on padding
    row = first_token[:, :1].expand_as(place)
    slot = (first_token[:, 1:] + place).clamp(min=0)
    gathered = keys[row, :, slot].transpose(1, 2)  # [B, L, H, D] → [B, H, L, D]
    return gathered * (place >= 0)[:, None, :, None]


def _gathered(keys, first_token, lengths):
    longest = int(lengths.max())
    place = torch.arange(longest) - (longest - lengths)[:, None]
    slot = (first_token[:, 1:] + place).clamp(min=0)
    return keys[first_token[:, :1].expand_as(place), :, slot], place


def _neighbours(keys, first_token, lengths):
    return _gathered(keys, first_token, lengths)[0].transpose(1, 2)


def _unpack_keys_right_padded(keys, first_token, lengths):
    left = unpack_keys(keys, first_token, lengths)
    rows = zip(left, (int(lengths.max()) - lengths).tolist(), strict=True)
    return torch.stack([row.roll(-padding, dims=1) for row, padding in rows])


def _first_row_only(keys, first_token, lengths):
    return unpack_keys(keys, torch.stack([torch.zeros_like(lengths), first_token[:, 1]], 1), lengths)


def _reshaped(keys, first_token, lengths):
    gathered, place = _gathered(keys, first_token, lengths)
    B, L, H, D = gathered.shape
    return gathered.reshape(B, H, L, D) * (place >= 0)[:, None, :, None]


def _slots_before_heads(keys, first_token, lengths):
    return unpack_keys(keys, first_token, lengths).transpose(1, 2)


def _one_late(keys, first_token, lengths):
    W = keys.shape[2]
    late = torch.stack([first_token[:, 0], (first_token[:, 1] + 1).clamp(max=W - 1)], 1)
    fits = (late[:, 1] + lengths) <= W
    late[:, 1] = torch.where(fits, late[:, 1], first_token[:, 1])
    return unpack_keys(keys, late, lengths)


def _width_of_the_row(keys, first_token, lengths):
    return torch.nn.functional.pad(
        unpack_keys(keys, first_token, lengths), (0, 0, keys.shape[2] - int(lengths.max()), 0)
    )


def _a_slice_for_each(keys, first_token, lengths):
    unpacked = keys.new_zeros(len(lengths), keys.shape[1], int(lengths.max()), keys.shape[3])
    for prompt, ((row, slot), length) in enumerate(zip(first_token.tolist(), lengths.tolist(), strict=True)):
        unpacked[prompt, :, -length:] = keys[row, :, slot : slot + length]
    return unpacked


def _row_by_row(keys, first_token, lengths):
    order = (first_token[:, 0] * keys.shape[2] + first_token[:, 1]).argsort()
    return unpack_keys(keys, first_token[order], lengths[order])


def _unpack_keys_cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    for batch in _packed_batches(draw):
        yield _keys(batch), batch.first_token, batch.lengths
    many = _batch([draw.randint(12, 24) for _ in range(24)], 30)
    instead = "Take the tokens of all prompts at once, by an index of rows and one of slots."
    yield Watched.of(_keys(many), FewReads("keys", 14, instead)), many.first_token, many.lengths


def _keys(batch: PackedBatch, H: int = 2, D: int = 2) -> torch.Tensor:
    R, W = batch.shape
    return 1 + torch.arange(float(R * H * W * D)).view(R, H, W, D)


def _unpack_keys_judge(
    returned: Any, expected: torch.Tensor, keys: torch.Tensor, first_token: torch.Tensor, lengths: torch.Tensor
) -> str | None:
    wrong = tensor(returned, expected)
    if wrong is None or not isinstance(returned, torch.Tensor) or returned.shape != expected.shape:
        return wrong
    prompt, head, slot, number = (returned != expected).nonzero()[0].tolist()
    found, right = (_origin(keys, both[prompt, head, slot, number].item()) for both in (returned, expected))
    padding = ", as it is padding" if right == "0" else ""
    return f"In the cache of prompt {prompt}, head {head}, slot {slot} should hold {right}{padding}, and holds {found}."


def _origin(keys: torch.Tensor, number: float) -> str:
    """Where a number is from: they are all different."""
    place = (keys.as_subclass(torch.Tensor) == number).nonzero().tolist()
    if place:
        return "the key of row {}, head {}, slot {}".format(*place[0][:3])
    return "0" if number == 0 else f"{number:g}, which is no key"


UNPACK_KEYS = Exercise(
    key="04-unpack",
    own_work=("prepack_lab.cache",),
    title="Unpack the cache without a loop",
    minutes=30,
    level="challenge",
    task="A layer of a packed pass left `keys` of shape [R, H, W, D]. `first_token`, of shape [B, 2], names the row "
    "and the slot of each prompt's first token, and `lengths`, of shape [B], how many tokens it has. Return each "
    "prompt's own keys, of shape [B, H, L, D], aligned at the right, and 0 on padding. L is the longest prompt; the "
    "rows may be wider.\n\nTake them without a loop over prompts, rows or slots: the check counts how often you read "
    "from `keys`.",
    stub="""
        place = ...  # [B, L], as in the exercise before
        row, slot = ..., ...  # [B, L] each: where in the packed keys every token lies
        return ...
    """,
    reference=unpack_keys,
    cases=_unpack_keys_cases,
    judge=_unpack_keys_judge,
    hints=(
        "Take the places of the exercise before: [B, L], below 0 on padding.",
        "The slot of a token is its prompt's first slot plus its place. Clamp it at 0 where it is padding.",
        "`keys[row, :, slot]` with row and slot of shape [B, L] gives [B, L, H, D]; transpose it.",
        "Multiply by `(place >= 0)[:, None, :, None]`, so that padding becomes 0.",
    ),
    wrong={
        "neighbours on padding": WrongAnswer(
            _neighbours, "Your padding holds keys of other prompts. Set it to 0, or a later mistake will read them."
        ),
        "right-padded": WrongAnswer(
            _unpack_keys_right_padded, "Your prompts are aligned at the left. Decoding goes on at the right end."
        ),
        "row 0 only": WrongAnswer(
            _first_row_only, "All these keys are from row 0. `first_token` names the row of each prompt."
        ),
        "reshaped": WrongAnswer(
            _reshaped, "Heads and slots are mixed, as by a reshape. To exchange dimensions, use transpose."
        ),
        "slots before heads": WrongAnswer(
            _slots_before_heads, "These are [B, L, H, D]. Exchange heads and slots, with transpose."
        ),
        "the width of the row": WrongAnswer(
            _width_of_the_row, "It is as wide as the row. The longest prompt decides: L is the largest of `lengths`."
        ),
        "a slice for each prompt": WrongAnswer(
            _a_slice_for_each,
            "A loop gives the right keys, and is slow. Take those of all prompts at once.",
        ),
        "row by row": WrongAnswer(
            _row_by_row, "These come in the order of the rows. Give them in the order of the prompts."
        ),
        "one slot late": WrongAnswer(_one_late, "You begin one slot late, and read the next prompt at the end."),
    },
)


def planted_bugs():
    return {
        "amber": "order",  # prompts that keep their place are right, and so is decoding
        "blue": "positions",  # rotary logits need no restart, decoding does
        "coral": "slot",  # every logit is wrong, decoding is right
        "denim": "cache",  # every logit is right, decoding is wrong for all
        "ebony": "leak",  # whoever comes first in its row is right
    }


def _positions_and_cache():
    return planted_bugs() | {"blue": "cache", "denim": "positions"}


def _order_and_slot():
    return planted_bugs() | {"amber": "slot", "coral": "order"}


def _leak_and_order():
    return planted_bugs() | {"amber": "leak", "ebony": "order"}


def _leak_and_positions():
    return planted_bugs() | {"blue": "leak", "ebony": "positions"}


def _without_arguments(draw: Random) -> Iterator[tuple[()]]:
    yield ()


def _planted_bugs_judge(returned: Any, expected: dict[str, str]) -> str | None:
    if not isinstance(returned, dict):
        return f"A dictionary is asked for, colour → cause, and a {type(returned).__name__} came back."
    if returned and {*returned} <= {*CAUSES}:
        return "This leads from causes to colours. It is asked for the other way round: colour → cause."
    missing = [colour for colour in COLOURS if returned.get(colour, ...) is ...]
    if missing:
        return f"There is no cause for {', '.join(missing)} yet."
    extra = [colour for colour in returned if colour not in COLOURS]
    if extra:
        return f"{extra[0]!r} is no colour here; there are: {', '.join(COLOURS)}."
    unknown = [cause for cause in returned.values() if cause not in [*CAUSES]]
    if unknown:
        return f"{unknown[0]!r} is no cause; there are: {', '.join(CAUSES)}."
    wrong = [colour for colour, cause in expected.items() if returned[colour] != cause]
    if not wrong:
        return None
    named, right = returned[wrong[0]], len(expected) - len(wrong)
    return (
        f"{right} of {len(expected)} {'is' if right == 1 else 'are'} right. {wrong[0].capitalize()} is not {named!r}, "
        f"which {SYMPTOMS[named]}: look at its two lines again."
    )


PLANTED_BUGS = Exercise(
    key="04-bugs",
    title="Find the planted bug",
    minutes=10,
    level="core",
    task="Look at the symptoms, and return a dictionary from each colour to the name of its cause. Write a function "
    "without arguments.",
    stub="""
        return {"amber": ..., "blue": ..., "coral": ..., "denim": ..., "ebony": ...}
    """,
    reference=planted_bugs,
    cases=_without_arguments,
    judge=_planted_bugs_judge,
    hints=(
        "Ask first: are the logits wrong, or what is decoded from the cache, or both? Some mistakes touch one only.",
        "Then: is every prompt wrong, or is the first of each row right? A leak and a restart spare the first.",
        "A rotary model needs no restart for its logits. A cache that is cut hurts every prompt, also the first.",
    ),
    wrong={
        "positions and cache": WrongAnswer(
            _positions_and_cache,
            "Blue and denim are exchanged: a missing restart spares the first of a row, a cut cache spares none.",
        ),
        "order and slot": WrongAnswer(
            _order_and_slot,
            "Amber and coral are exchanged: a wrong slot hurts every prompt, a wrong order only those that move.",
        ),
        "leak and order": WrongAnswer(
            _leak_and_order,
            "Amber and ebony are exchanged: a leak gets into the cache, and spoils decoding too.",
        ),
        "leak and positions": WrongAnswer(
            _leak_and_positions,
            "Blue and ebony are exchanged: a leak changes the logits of a rotary model, a missing restart does not.",
        ),
    },
)


QUIZZES = (
    Quiz(
        "04-rounding",
        "Packed float32 logits are not to the last bit those of each prompt alone. Why?",
        (
            Answer("Packing is an approximation", False, "Every prompt sees the same tokens at the same positions."),
            Answer("Sums are rounded in another order", True, "A batch of another shape adds in another order."),
            Answer("Prompts leak a little", False, "A leak is never this small: see below how large it is."),
        ),
    ),
    Quiz(
        "04-padded",
        "In bfloat16 a padded batch gives some prompts another next token than alone. Packing …",
        (
            Answer("must be worse", False, "Nothing makes it worse: it rounds as often as the padded batch does."),
            Answer("has the same trouble, no more", True, "Every batch rounds in its own order, padded or not."),
            Answer("never does", False, "It may: where two tokens are nearly as likely, rounding decides."),
        ),
    ),
    Quiz(
        "04-trap",
        "You pass restarted position ids to a model that runs sdpa, with its usual cache. What happens?",
        (
            Answer("It keeps the prompts apart", False, "Only without a cache and a mask does it look for restarts."),
            Answer("It raises an error", False, "That would be kind. It runs, and returns logits."),
            Answer("Prompts leak without a word", True, "With a cache, transformers builds the plain causal mask."),
        ),
    ),
)
