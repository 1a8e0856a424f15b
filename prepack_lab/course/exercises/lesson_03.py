"""Lesson 03, masks and positions."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import torch

from prepack_lab.course.exercises.cases import few_lengths, lengths_alone
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import tensor
from prepack_lab.course.exercises.quiz import Answer, Quiz
from prepack_lab.course.inside.watched import SmallResults, Watched


def segment_ids(lengths, width):
    prompts = torch.arange(len(lengths)).repeat_interleave(torch.tensor(lengths))
    padding = torch.full((width - sum(lengths),), -1)
    return torch.cat([prompts, padding])


def _without_padding(lengths, width):
    return torch.arange(len(lengths)).repeat_interleave(torch.tensor(lengths))


def _padding_is_prompt_0(lengths, width):
    row = torch.zeros(width, dtype=torch.long)
    row[: sum(lengths)] = _without_padding(lengths, width)
    return row


def _segment_ids_from_one(lengths, width):
    row = segment_ids(lengths, width)
    return torch.where(row >= 0, row + 1, row)


def _padding_is_one_more(lengths, width):
    row = segment_ids(lengths, width)
    return torch.where(row < 0, len(lengths), row)


def _lengths_of_prompts(lengths, width):
    return torch.tensor([*(length for length in lengths for _ in range(length)), *[-1] * (width - sum(lengths))])


def _padding_first(lengths, width):
    return segment_ids(lengths, width).roll(width - sum(lengths))


def _positions(lengths, width):
    positions = torch.cat([torch.arange(length) for length in lengths])
    return torch.cat([positions, torch.full((width - sum(lengths),), -1)])


def _segment_ids_rows(draw: Random) -> Iterator[tuple[Any, ...]]:
    for lengths in few_lengths(draw, longest=8, most=6):
        yield lengths, sum(lengths)
        yield lengths, sum(lengths) + draw.randint(1, 4)


def _no_interleave(lengths, width):
    row = torch.arange(len(lengths)).repeat(max(lengths))[: sum(lengths)]
    return torch.cat([row, torch.full((width - sum(lengths),), -1)])


def _segment_ids_judge(returned: Any, expected: torch.Tensor, lengths: list[int], width: int) -> str | None:
    wrong = tensor(returned, expected)
    if wrong is None or not _comparable(returned, expected):
        return wrong
    slot = int((returned != expected).nonzero()[0])
    right = f"belongs to prompt {expected[slot]}" if expected[slot] >= 0 else "is padding"
    return f"Slot {slot} {right}, and yours holds {returned[slot]}."


SEGMENT_IDS = Exercise(
    key="03-segments",
    own_work=("prepack_lab.packed_batch",),
    title="Which prompt a slot belongs to",
    minutes=4,
    level="warm-up",
    task="A row holds prompts of these `lengths` one after the other, and then padding up to `width` slots. Return a "
    "tensor of shape [width]: for each slot the index of its prompt, and -1 on padding.",
    stub="""
        prompts = ...  # 0 0 0 1 1 …: each index as often as its prompt has tokens
        padding = torch.full((width - sum(lengths),), -1)
        return ...
    """,
    reference=segment_ids,
    cases=_segment_ids_rows,
    judge=_segment_ids_judge,
    hints=(
        "`torch.arange(len(lengths))` are the indices. Each must be repeated as often as its prompt has tokens.",
        "`x.repeat_interleave(counts)` repeats each item of x as often as `counts`, a tensor, says.",
        "`torch.cat` puts the padding behind it: `torch.full((missing,), -1)`.",
    ),
    wrong={
        "no padding": WrongAnswer(_without_padding, "The padding at the end of the row is missing: fill it with -1."),
        "padding is prompt 0": WrongAnswer(
            _padding_is_prompt_0, "Your padding counts as prompt 0. Use -1, which is no prompt."
        ),
        "from one": WrongAnswer(_segment_ids_from_one, "The first prompt is prompt 0."),
        "padding is one more": WrongAnswer(
            _padding_is_one_more, "Your padding has the index of a prompt that there is not. Use -1."
        ),
        "padding first": WrongAnswer(_padding_first, "Your padding comes first. Here it follows the prompts."),
        "lengths": WrongAnswer(
            _lengths_of_prompts, "These are the lengths of the prompts. Their indices are 0, 1, 2, …."
        ),
        "in turn": WrongAnswer(
            _no_interleave, "Your prompts take turns, slot by slot. A prompt's slots stand next to each other."
        ),
        "positions": WrongAnswer(_positions, "These are positions. A segment id is the same for a whole prompt."),
    },
)


def restart_positions(lengths):
    return torch.cat([torch.arange(length) for length in lengths])


def _run_on(lengths):
    return torch.arange(sum(lengths))


def _restart_positions_from_one(lengths):
    return restart_positions(lengths) + 1


def _one_short(lengths):
    return torch.cat([torch.arange(length - 1) for length in lengths])


def _backwards(lengths):
    return torch.cat([torch.arange(length).flip(0) for length in lengths])


def _indices_of_prompts(lengths):
    return torch.arange(len(lengths)).repeat_interleave(torch.tensor(lengths))


def _one_too_long(lengths):
    return torch.cat([torch.arange(length + 1) for length in lengths])


def _restart_positions_judge(returned: Any, expected: torch.Tensor, lengths: list[int]) -> str | None:
    wrong = tensor(returned, expected)
    if wrong is None or not _comparable(returned, expected):
        return wrong
    slot = int((returned != expected).nonzero()[0])
    prompt = _indices_of_prompts(lengths)[slot]
    return f"Slot {slot} holds token {expected[slot]} of prompt {prompt}, and yours says {returned[slot]}."


RESTART_POSITIONS = Exercise(
    key="03-positions",
    own_work=("prepack_lab.packed_batch",),
    title="Restart positions",
    minutes=4,
    level="warm-up",
    task="A row holds prompts of these `lengths` one after the other, and no padding. Return a tensor: the position of "
    "each token in its own prompt: 0, 1, 2, … and again from 0 for the next prompt.",
    stub="""
        return ...  # one expression will do
    """,
    reference=restart_positions,
    cases=lengths_alone,
    judge=_restart_positions_judge,
    hints=(
        "The positions of one prompt are `torch.arange(length)`.",
        "Make one for each prompt, and put them one behind the other: `torch.cat([… for length in lengths])`.",
    ),
    wrong={
        "positions run on": WrongAnswer(_run_on, "Your positions run on through the row. Begin again at every prompt."),
        "from one": WrongAnswer(_restart_positions_from_one, "The first token of a prompt is at position 0."),
        "the last token is lost": WrongAnswer(
            _one_short, "Your prompts lose their last token. `range(n)` and `torch.arange(n)` already stop before n."
        ),
        "one too many": WrongAnswer(_one_too_long, "Your prompts have a token too many: n tokens are at 0 to n - 1."),
        "indices": WrongAnswer(
            _indices_of_prompts, "These are the indices of the prompts. Positions count the tokens of each."
        ),
        "backwards": WrongAnswer(_backwards, "Your positions count down. The first token of a prompt is at 0."),
    },
)


def packed_mask(segment_ids, dtype):
    same_prompt = segment_ids[:, None, :, None] == segment_ids[:, None, None, :]  # [R, 1, W, W]
    W = segment_ids.shape[1]
    earlier = torch.ones(W, W, dtype=torch.bool).tril()
    hidden = torch.full(same_prompt.shape, torch.finfo(dtype).min, dtype=dtype)
    return hidden.masked_fill(same_prompt & earlier, 0)


def _from(seen, dtype):
    return torch.full(seen.shape, torch.finfo(dtype).min, dtype=dtype).masked_fill(seen, 0)


def _parts(segment_ids):
    W = segment_ids.shape[1]
    same = segment_ids[:, None, :, None] == segment_ids[:, None, None, :]
    return same, torch.ones(W, W, dtype=torch.bool).tril().expand(same.shape)


def _boolean(segment_ids, dtype):
    same, earlier = _parts(segment_ids)
    return same & earlier


def _packed_mask_both_ways(segment_ids, dtype):
    return _from(_parts(segment_ids)[0], dtype)


def _only_causal(segment_ids, dtype):
    return _from(_parts(segment_ids)[1], dtype)


def _inverted(segment_ids, dtype):
    return _from(~_boolean(segment_ids, dtype), dtype)


def _not_oneself(segment_ids, dtype):
    same, earlier = _parts(segment_ids)
    return _from(same & earlier.tril(-1), dtype)


def _ones(segment_ids, dtype):
    return _boolean(segment_ids, dtype).to(dtype)


def _infinite(segment_ids, dtype):
    same, earlier = _parts(segment_ids)
    return torch.full(same.shape, -torch.inf, dtype=dtype).masked_fill(same & earlier, 0)


def _without_heads(segment_ids, dtype):
    return packed_mask(segment_ids, dtype)[:, 0]


def _padding_sees_nothing(segment_ids, dtype):
    same, earlier = _parts(segment_ids)
    return _from(same & earlier & (segment_ids >= 0)[:, None, :, None], dtype)


def _queries_are_keys(segment_ids, dtype):
    return packed_mask(segment_ids, dtype).mT


def _a_number_of_ones_own(segment_ids, dtype):
    return packed_mask(segment_ids, torch.float32).clamp(min=-1e9).to(dtype)


def _packed_mask_rows(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield torch.tensor([[0, 1]]), torch.float32
    yield torch.tensor([[0, 0, -1]]), torch.float32
    yield torch.tensor([[0, 0, 1, -1]]), torch.bfloat16
    yield torch.tensor([[0, 0, -1, -1]]), torch.float16
    for width in range(4, 10):
        rows = [[*sorted(draw.randrange(3) for _ in range(width - 1)), -1] for _ in range(draw.randint(1, 2))]
        yield torch.tensor(rows), draw.choice([torch.float32, torch.bfloat16])


def _tiny(segment_ids, dtype):
    same, earlier = _parts(segment_ids)
    return torch.full(same.shape, torch.finfo(dtype).tiny, dtype=dtype).masked_fill(same & earlier, 0)


def _comparable(returned: Any, expected: torch.Tensor) -> bool:
    return isinstance(returned, torch.Tensor) and (returned.shape, returned.dtype) == (expected.shape, expected.dtype)


def _may_look(segments: torch.Tensor, query: int, key: int, seen: bool, window: int | None = None) -> str:
    """Whether a slot may look at another, and why, in words."""
    if key > query:
        why = "it comes later"
    elif segments[query] != segments[key]:
        why = "it belongs to another prompt"
    elif not seen:
        why = f"with itself that would be {query - key + 1} slots, and the window is {window}"
    else:
        why = "it is the slot itself" if key == query else "it comes earlier in the same prompt"
    return f"slot {query} {'may' if seen else 'must not'} look at slot {key} ({why})"


def _packed_mask_judge(
    returned: Any, expected: torch.Tensor, segment_ids: torch.Tensor, dtype: torch.dtype
) -> str | None:
    wrong = tensor(returned, expected)
    if wrong is None or not _comparable(returned, expected):
        return wrong
    row, _, query, key = (~torch.isclose(returned.double(), expected.double(), rtol=1e-4)).nonzero()[0].tolist()
    yours, right = (both[row, 0, query, key].item() for both in (returned, expected))
    rule = _may_look(segment_ids[row], query, key, seen=right == 0)
    return f"In row {row}, {rule}, and your mask has {yours:.4g} there instead of {right:.4g}."


PACKED_MASK = Exercise(
    key="03-mask",
    own_work=("prepack_lab.masks",),
    title="The packed mask",
    minutes=15,
    level="core",
    task="Given `segment_ids` of shape [R, W] and the model's `dtype`, return the packed mask of shape [R, 1, W, W]: "
    "row, head, query, key. It is 0 where a token may look (its own prompt, itself and earlier), and the "
    "smallest number of the dtype where not: `torch.finfo(dtype).min`. Treat padding (-1) as one more prompt: "
    "it sees padding only, and nobody else sees it.",
    stub="""
        same_prompt = ...  # [R, 1, W, W]
        earlier = ...  # [W, W]
        return ...
    """,
    reference=packed_mask,
    cases=_packed_mask_rows,
    judge=_packed_mask_judge,
    exact_dtype=True,
    hints=(
        "Two slots belong together where their segment ids are equal. Compare [R, 1, W, 1] with [R, 1, 1, W].",
        "`segment_ids[:, None, :, None]` has the shape of the queries, `segment_ids[:, None, None, :]` of the keys.",
        "Earlier and oneself: `torch.ones(W, W, dtype=torch.bool).tril()`. Both must hold: `&`.",
        "`torch.full(shape, torch.finfo(dtype).min, dtype=dtype).masked_fill(seen, 0)` makes it additive.",
    ),
    wrong={
        "boolean": WrongAnswer(
            _boolean, "Your mask is boolean: eager attention will add it as 0 and 1, not apply it. Make it additive."
        ),
        "ones": WrongAnswer(_ones, "Your mask is 1 where a token may look. Added to scores, that hides nothing."),
        "both ways": WrongAnswer(
            _packed_mask_both_ways, "Your tokens see later ones of their prompt, too: make it causal."
        ),
        "only causal": WrongAnswer(
            _only_causal, "Your mask is causal, but prompts see the earlier prompts of their row."
        ),
        "upside down": WrongAnswer(_inverted, "It is upside down: 0 is what may be seen, and the minimum hides."),
        "not oneself": WrongAnswer(
            _not_oneself, "A token does not see itself. The first of each prompt then sees nothing at all."
        ),
        "minus infinity": WrongAnswer(
            _infinite, "You hide with -inf. A row that is -inf throughout gives NaN; use torch.finfo(dtype).min."
        ),
        "a number of one's own": WrongAnswer(
            _a_number_of_ones_own, "You hide with -1e9. Not every dtype has that number: ask torch.finfo(dtype).min."
        ),
        "tiny": WrongAnswer(_tiny, "`tiny` is the smallest number above 0. What hides is far below it: `min`."),
        "padding sees nothing": WrongAnswer(
            _padding_sees_nothing, "Your padding sees nothing at all. It counts as one more prompt, and sees itself."
        ),
        "queries are keys": WrongAnswer(
            _queries_are_keys, "Queries and keys are exchanged: your tokens see later ones, and no earlier ones."
        ),
        "no heads": WrongAnswer(
            _without_heads, "The dimension of the heads is missing: [R, 1, W, W], the 1 stands for any head."
        ),
    },
)


def sliding_window(segment_ids, window):
    slot = torch.arange(len(segment_ids))
    distance = slot[:, None] - slot  # [W, W], how far the key lies before the query
    same_prompt = segment_ids[:, None] == segment_ids
    return same_prompt & (distance >= 0) & (distance < window)


def _distance(segment_ids):
    slot = torch.arange(len(segment_ids))
    return slot[:, None] - slot


def _across_prompts(segment_ids, window):
    distance = _distance(segment_ids)
    return (distance >= 0) & (distance < window)


def _no_window(segment_ids, window):
    return (segment_ids[:, None] == segment_ids) & (_distance(segment_ids) >= 0)


def _one_too_many(segment_ids, window):
    return sliding_window(segment_ids, window + 1)


def _sliding_window_both_ways(segment_ids, window):
    return (segment_ids[:, None] == segment_ids) & (_distance(segment_ids).abs() < window)


def _no_padding(segment_ids, window):
    return sliding_window(segment_ids, window) & (segment_ids >= 0)


def _additive(segment_ids, window):
    return torch.zeros(len(segment_ids), len(segment_ids)).masked_fill(~sliding_window(segment_ids, window), -torch.inf)


def _sliding_window_rows(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield torch.tensor([0, 0]), 1
    yield torch.tensor([0, 0, 0]), 2
    yield torch.tensor([0, 0, 1, 1]), 3
    yield torch.tensor([0, -1, -1]), 2
    for width in range(4, 12):
        segments = sorted(draw.randrange(3) for _ in range(width))
        yield torch.tensor(segments + [-1] * draw.randrange(3)), draw.randint(1, 4)


def _one_too_few(segment_ids, window):
    return sliding_window(segment_ids, window - 1)


def _sliding_window_judge(returned: Any, expected: torch.Tensor, segment_ids: torch.Tensor, window: int) -> str | None:
    wrong = tensor(returned, expected)
    if wrong is None or not _comparable(returned, expected):
        return wrong
    query, key = (returned != expected).nonzero()[0].tolist()
    rule = _may_look(segment_ids, query, key, bool(expected[query, key]), window)
    return f"{rule[0].upper()}{rule[1:]}, and yours says {bool(returned[query, key])}."


SLIDING_WINDOW = Exercise(
    key="03-window",
    own_work=("prepack_lab.masks",),
    title="A window inside each prompt",
    minutes=6,
    level="core",
    task="Given `segment_ids` of shape [W] and a `window`, return booleans of shape [W, W], query and key: True "
    "where the query may look. It sees its own prompt only, itself and earlier slots, `window` slots at most, "
    "itself included. As in the packed mask, padding (-1) is one more prompt.",
    stub="""
        slot = torch.arange(len(segment_ids))
        distance = slot[:, None] - slot  # [W, W], how far the key lies before the query
        return ...
    """,
    reference=sliding_window,
    cases=_sliding_window_rows,
    judge=_sliding_window_judge,
    hints=(
        "How far does the key lie before the query? `slot[:, None] - slot`, with `slot = torch.arange(W)`.",
        "Causal: the distance is 0 or more. Window: it is below `window`.",
        "And both slots belong to one prompt: `segment_ids[:, None] == segment_ids`.",
    ),
    wrong={
        "across prompts": WrongAnswer(_across_prompts, "Your window reaches into the prompt before. Keep them apart."),
        "no window": WrongAnswer(_no_window, "Your tokens see their whole prompt: the window is missing."),
        "one too many": WrongAnswer(_one_too_many, "One slot too many: the token itself counts among the `window`."),
        "one too few": WrongAnswer(
            _one_too_few, "One slot too few: `window` slots, and the token itself is one of them."
        ),
        "both ways": WrongAnswer(
            _sliding_window_both_ways, "Your window looks ahead, too. A token sees earlier ones and itself."
        ),
        "padding sees nothing": WrongAnswer(
            _no_padding, "Your padding sees nothing. It is one more prompt here, and sees itself and padding before it."
        ),
        "additive": WrongAnswer(_additive, "Numbers came back. Here the rule itself is asked for: True and False."),
    },
)


def cu_seqlens(lengths):
    ends = torch.tensor(lengths).cumsum(0)
    return torch.cat([torch.zeros(1, dtype=torch.long), ends])


def _without_zero(lengths):
    return torch.tensor(lengths).cumsum(0)


def _without_end(lengths):
    return cu_seqlens(lengths)[:-1]


def _lengths(lengths):
    return torch.tensor([0, *lengths])


def _last_slots(lengths):
    return torch.cat([torch.zeros(1, dtype=torch.long), torch.tensor(lengths).cumsum(0) - 1])


def _cu_seqlens_judge(returned: Any, expected: torch.Tensor, lengths: list[int]) -> str | None:
    wrong = tensor(returned, expected)
    if wrong is None or not _comparable(returned, expected):
        return wrong
    place = int((returned != expected).nonzero()[0])
    if not place:
        return f"The first boundary is where prompt 0 begins: 0. Yours is {returned[0]}."
    ends = " + ".join(map(str, lengths[:place]))
    return f"Boundary {place} is where prompt {place - 1} ends, at {ends}. Yours is {returned[place]}."


CU_SEQLENS = Exercise(
    key="03-cu-seqlens",
    title="Where segments end",
    minutes=3,
    level="warm-up",
    task="A row holds prompts of these `lengths`. Return the cumulative boundaries as a tensor of integers, one more "
    "than there are prompts: 0 first, then where each prompt ends. Lengths 2, 4, 3 give 0, 2, 6, 9. Any integer type "
    "will do here. FlashAttention's kernels take int32.",
    reference=cu_seqlens,
    cases=lengths_alone,
    judge=_cu_seqlens_judge,
    hints=(
        "`cumsum` adds up as it goes: 2, 4, 3 become 2, 6, 9.",
        "Put a 0 before it with `torch.cat`; both parts must be tensors.",
    ),
    wrong={
        "the 0 is missing": WrongAnswer(_without_zero, "The 0 is missing: the first prompt begins somewhere, too."),
        "the end is missing": WrongAnswer(
            _without_end, "The last prompt has no end. There is one boundary more than there are prompts."
        ),
        "lengths": WrongAnswer(_lengths, "These are lengths. Add them up as you go."),
        "last slots": WrongAnswer(_last_slots, "A boundary is the slot after the last, so that begin:end is a slice."),
    },
)


def segmented_attention(query, key, value, cu_seqlens):
    attended = []
    for begin, end in zip(cu_seqlens, cu_seqlens[1:], strict=False):
        own = (states[None, begin:end] for states in (query, key, value))  # [1, n, D]
        attended.append(torch.nn.functional.scaled_dot_product_attention(*own, is_causal=True)[0])
    return torch.cat(attended)


def _attend(query, key, value, causal=True):
    scores = query @ key.T * query.shape[-1] ** -0.5
    if causal:
        scores = scores.masked_fill(~torch.ones_like(scores, dtype=torch.bool).tril(), -torch.inf)
    return scores.softmax(-1) @ value


def _each(query, key, value, cu_seqlens, attend):
    spans = [*zip(cu_seqlens, cu_seqlens[1:], strict=False)]
    return torch.cat([attend(query[a:b], key[a:b], value[a:b]) for a, b in spans])


def _whole_row(query, key, value, cu_seqlens):
    return _attend(query, key, value)


def _not_causal(query, key, value, cu_seqlens):
    return _each(query, key, value, cu_seqlens, lambda q, k, v: _attend(q, k, v, causal=False))


def _not_scaled(query, key, value, cu_seqlens):
    return _each(query, key, value, cu_seqlens, lambda q, k, v: _attend(q * q.shape[-1] ** 0.5, k, v))


def _last_is_lost(query, key, value, cu_seqlens):
    return _each(query, key, value, cu_seqlens[:-1], _attend) if len(cu_seqlens) > 2 else query[:0]


def _masked_row(query, key, value, cu_seqlens):
    lengths = torch.tensor(cu_seqlens).diff()
    segments = torch.arange(len(lengths)).repeat_interleave(lengths)
    seen = (segments[:, None] == segments).tril()
    return torch.nn.functional.scaled_dot_product_attention(query[None], key[None], value[None], attn_mask=seen)[0]


def _scaled_by_width(query, key, value, cu_seqlens):
    return _each(query, key, value, cu_seqlens, lambda q, k, v: _attend(q * q.shape[-1] ** -0.5, k, v))


def _multiplied(query, key, value, cu_seqlens):
    return _each(query, key, value, cu_seqlens, lambda q, k, v: _attend(q * q.shape[-1], k, v))


def _scaled_by_tokens(query, key, value, cu_seqlens):
    return _each(query, key, value, cu_seqlens, lambda q, k, v: _attend(q * (q.shape[-1] / len(q)) ** 0.5, k, v))


def _exchanged(query, key, value, cu_seqlens):
    return _each(key, query, value, cu_seqlens, _attend)


def _over_queries(query, key, value, cu_seqlens):
    def attend(q, k, v):
        scores = (q @ k.T * q.shape[-1] ** -0.5).masked_fill(torch.ones(len(q), len(q)).tril() == 0, -torch.inf)
        return scores.softmax(0) @ v

    return _each(query, key, value, cu_seqlens, attend)


def _segmented_attention_rows(draw: Random) -> Iterator[tuple[Any, ...]]:
    for count, lengths in enumerate(few_lengths(draw, longest=6, most=5)):
        yield *_states(lengths, 3 + count % 3, count), _ends(lengths)
    lengths = [2, 3, 2]
    poisoned = _states(lengths, 4, 0)
    for states in poisoned:
        states[2:5] = torch.nan
    yield *poisoned, _ends(lengths)
    lengths = [5, 8, 6, 8, 7, 8]
    instead = "A segment has 8 tokens at most, so 64 scores: slice query, key and value, and attend each one alone."
    yield *(Watched.of(states, SmallResults(1600, instead)) for states in _states(lengths, 4, 1)), _ends(lengths)


def _states(lengths: list[int], D: int, seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(sum(lengths), D, generator=generator).mul(100).round() / 100 for _ in range(3)]


def _ends(lengths: list[int]) -> list[int]:
    return [sum(lengths[:place]) for place in range(len(lengths) + 1)]


def _segmented_attention_judge(
    returned: Any, expected: torch.Tensor, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, ends: list[int]
) -> str | None:
    if isinstance(returned, torch.Tensor) and returned.shape == expected.shape and returned.is_floating_point():
        spoilt = (returned.isnan() & ~expected.isnan()).any(1).nonzero().flatten().tolist()
        segment = next((index for index, begin in enumerate(ends[:-1]) if expected[begin].isnan().any()), None)
        if spoilt and segment is not None:
            return (
                f"Segment {segment} is NaN here, and so is what you return for slot {spoilt[0]}, which is in another: "
                f"even with weight 0 its values took part, as 0 · NaN is NaN. Attend each segment alone."
            )
        returned = returned.to(expected.dtype)  # numpy likes float64
        for begin in ends[:-1]:
            if not torch.isclose(returned[begin], expected[begin], rtol=1e-4, atol=1e-6, equal_nan=True).all():
                weight = _as_weight(returned, value, begin)
                return (
                    f"Slot {begin} is the first of its segment, so it sees itself only, and its result is its own "
                    f"value: {_numbers(value[begin])}. Yours is {_numbers(returned[begin])}{weight}."
                )
        wrong_weights = _other_weights(returned, expected, value, ends)
        if wrong_weights:
            return f"{tensor(returned, expected)}\n{wrong_weights}"
    return tensor(returned, expected)


def _as_weight(returned: torch.Tensor, value: torch.Tensor, slot: int) -> str:
    """The first slot of a segment has one key: what weight of it came back, or why it is NaN."""
    if returned[slot].isnan().all():
        return ", as from a softmax over scores that are all hidden"
    weights = _weights(returned[slot], value[slot : slot + 1])
    return f", which is its value with weight {weights[0]:.4g}, and right is 1" if weights else ""


def _other_weights(returned: torch.Tensor, expected: torch.Tensor, value: torch.Tensor, ends: list[int]) -> str:
    """The weights behind the first slot that differs; empty where no weights of what it may see give it."""
    slot = int((~torch.isclose(returned, expected, rtol=1e-4, atol=1e-6, equal_nan=True)).any(1).int().argmax())
    begin = max(end for end in ends if end <= slot)
    both = [_weights(rows[slot], value[begin : slot + 1]) for rows in (returned, expected)]
    if not all(both) or both[0] == both[1]:
        return ""
    yours, right = (", ".join(f"{round(weight, 3) + 0:.3f}" for weight in weights) for weights in both)
    return f"Slot {slot} sees slots {begin} to {slot}, with the weights {right}. Yours is what {yours} give."


def _weights(row: torch.Tensor, value: torch.Tensor) -> list[float]:
    """With which weights a row is a sum of values; empty where it is none, or of more ways than one."""
    if len(value) > value.shape[1] or row.isnan().any() or value.isnan().any():
        return []
    weights = torch.linalg.lstsq(value.double().T, row.double()[:, None]).solution[:, 0]
    return weights.tolist() if torch.allclose(value.double().T @ weights, row.double(), atol=1e-4) else []


def _numbers(row: torch.Tensor) -> str:
    return f"[{', '.join(f'{number:.4g}' for number in row.tolist())}]"


SEGMENTED_ATTENTION = Exercise(
    key="03-attention",
    title="Attention without a mask",
    minutes=12,
    level="challenge",
    task="Given `query`, `key` and `value` of shape [W, D] for one head, and the boundaries `cu_seqlens` as a list, "
    "return the causal attention of each segment by itself, of shape [W, D]. Attention is softmax(query · keyᵀ / √D) · "
    "value. No mask over the row: scores between two segments are not computed, not even to be hidden. The check "
    "watches.",
    stub="""
        attended = []
        for begin, end in zip(cu_seqlens, cu_seqlens[1:], strict=False):
            ...  # attend to this segment, and append what comes out: [n, D]
        return torch.cat(attended) if attended else ...
    """,
    reference=segmented_attention,
    cases=_segmented_attention_rows,
    judge=_segmented_attention_judge,
    hints=(
        "`zip(cu_seqlens, cu_seqlens[1:])` gives where each segment begins and ends.",
        "A slice of a segment is `query[begin:end]`. Attend it with its own keys and values.",
        "`torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)` takes [1, n, D]: add `[None]`.",
    ),
    wrong={
        "the whole row": WrongAnswer(
            _whole_row, "Later prompts read earlier ones: this is what attention over the whole row gives."
        ),
        "not causal": WrongAnswer(_not_causal, "Your tokens see later ones: attention must be causal."),
        "a mask over the row": WrongAnswer(
            _masked_row, "A mask over the row hides scores after they were computed. Compute only those of a segment."
        ),
        "not scaled": WrongAnswer(
            _not_scaled, "This is what scores give that are not divided by the square root of D."
        ),
        "scaled by D": WrongAnswer(
            _scaled_by_width, "This is what scores give that are divided by D. Divide them by its square root."
        ),
        "multiplied": WrongAnswer(
            _multiplied, "This is what scores give that are multiplied by the square root of D. Divide them."
        ),
        "scaled by tokens": WrongAnswer(
            _scaled_by_tokens,
            "This is what scores give that are divided by the root of the segment's length. D is the width of a query.",
        ),
        "exchanged": WrongAnswer(_exchanged, "Queries and keys are exchanged: a row of scores belongs to one query."),
        "over queries": WrongAnswer(
            _over_queries,
            "This is what a softmax over queries gives. The weights of a query, over its keys, add up to 1.",
        ),
        "the last is lost": WrongAnswer(_last_is_lost, "The last segment is missing: B + 1 boundaries, B segments."),
    },
)


QUIZZES = (
    Quiz(
        "03-leak",
        "A row holds prompt 2, then prompt 0, then prompt 1. The mask is causal, and no more. Whose answer is right?",
        (
            Answer("That of prompt 0", False, "It lies second in the row, and reads prompt 2. Its number is no place."),
            Answer("That of prompt 2", True, "It lies first in the row: nothing comes before it that it could read."),
            Answer("Nobody's", False, "Whoever lies first in the row sees itself only."),
        ),
    ),
    Quiz(
        "03-rotary",
        "All positions begin at 100 instead of 0, in prefill and in decoding. With a rotary model …",
        (
            Answer("every answer changes", False, "Rotary positions act by distance, and every distance is as before."),
            Answer(
                "nothing changes but rounding",
                True,
                "All positions shift by one number, so distances stay, also those from decoded tokens to the cache.",
            ),
            Answer(
                "decoding goes wrong",
                False,
                "It would if only the prefill were shifted. Here the decoded token is shifted with its cache.",
            ),
        ),
    ),
    Quiz(
        "03-boolean",
        "A boolean mask is right with one attention and silently wrong with another. Because …",
        (
            Answer("it is not causal", False, "It may well be. What matters is how it is used."),
            Answer(
                "one applies it and the other adds it",
                True,
                "Eager attention adds the mask to the scores. True becomes 1, False 0, and nothing is hidden.",
            ),
            Answer("booleans take too much memory", False, "They take less than numbers, and that changes no result."),
        ),
    ),
)
