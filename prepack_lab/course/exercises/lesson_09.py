"""Lesson 09, generation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from numbers import Real
from random import Random
from typing import Any

import torch

from prepack_lab.course.exercises.cases import few_lengths
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import number, numbers, tensor
from prepack_lab.course.exercises.quiz import Answer, Quiz
from prepack_lab.forward import left_padded_mask
from prepack_lab.packing import pack


def greedy(step, token, end, most):
    new = []
    while len(new) < most:
        scores = step(token)
        token = scores.index(max(scores))
        new.append(token)
        if token == end:
            break
    return new


def _drops_the_end(step, token, end, most):
    new = greedy(step, token, end, most)
    return new[:-1] if new[-1] == end else new


def _never_stops(step, token, end, most):
    return greedy(step, token, -1, most)


def _one_too_many(step, token, end, most):
    return greedy(step, token, end, most + 1)


def _with_the_prompt(step, token, end, most):
    return [token, *greedy(step, token, end, most)]


def _least(step, token, end, most):
    return greedy(lambda given: [-score for score in step(given)], token, end, most)


def _same_token_again(step, token, end, most):
    new = greedy(step, token, end, 1)
    return new if new[-1] == end else new * most


def _asks_before_it_starts(step, token, end, most):
    return [] if token == end else greedy(step, token, end, most)


def _scores_kept(step, token, end, most):
    new = [token, *greedy(step, token, end, most)][:-1]
    return [max(step(given)) for given in new]


def _score_as_token(step, token, end, most):
    new = []
    while len(new) < most and end not in new:
        token = max(step(token))
        new.append(token)
    return new


class Step:
    """A model of few tokens that looks at the last one only: token → a score for each that may follow."""

    def __init__(self, scores: list[list[int]]) -> None:
        self._scores = scores

    def __call__(self, token: int) -> list[int]:
        return [*self._scores[token]]

    def __repr__(self) -> str:
        return f"<scores {self._scores}>"


def _greedy_judge(returned: Any, expected: list[int], step: Step, token: int, end: int, most: int) -> str | None:
    if not isinstance(returned, list) or not all(type(one) is int for one in returned):
        return "A list of tokens is asked for: whole numbers."
    if returned == expected:
        return None
    if len(returned) > most:
        return f"The list has length {len(returned)}, and `most` is {most}."
    same = next(
        (place for place, (one, right) in enumerate(zip(returned, expected, strict=False)) if one != right), None
    )
    if same is None:
        missing = len(expected) - len(returned)
        why = f"the end token {end} came" if expected[-1] == end else f"there are {most}"
        if missing > 0:
            return f"As far as it goes, your list is right, but it stops {missing} too early."
        return f"The list goes on after {why}."
    before = [token, *expected][same]
    return (
        f"The first that differs is at place {same}: after {before} come the scores {step(before)}. "
        f"The highest has index {expected[same]}, and {returned[same]} came back."
    )


def _models(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield Step([[3, 7], [6, 2]]), 0, 1, 1
    yield Step([[3, 7], [6, 2]]), 0, 1, 3
    yield Step([[3, 7], [6, 2]]), 1, 1, 4
    yield Step([[1, 9, 4], [2, 1, 8], [7, 3, 5]]), 0, 2, 5
    yield Step([[1, 9, 4], [8, 1, 2], [7, 3, 5]]), 0, 2, 5
    for size in range(3, 8):
        for _ in range(6):
            step = Step([draw.sample(range(10, 40), size) for _ in range(size)])
            yield step, draw.randrange(size), draw.randrange(size), draw.randint(2, 9)


GREEDY = Exercise(
    key="09-greedy",
    title="The decoding loop",
    minutes=8,
    level="core",
    task="`step(token)` is one forward pass over the last token: a list comes back, with a score for each token that "
    "may follow. Begin with `token`, the last of the prompt. Take the token with the highest score, feed it to "
    "`step`, and so on. No two scores are equal. Stop after the token `end`, or after `most` new tokens. Return the "
    "new tokens as a list, with `end` in it if it came.",
    stub="""
        new = []
        ...  # score, choose, append; stop at the end
        return new
    """,
    reference=greedy,
    cases=_models,
    judge=_greedy_judge,
    hints=(
        "Keep a list of new tokens, and go on while it is shorter than `most`.",
        "The place of the highest score: `scores.index(max(scores))`.",
        "The token that you have chosen is the one to feed next: call it `token`, too.",
        "Append first, then look whether it was `end`, and leave the loop with `break`.",
    ),
    wrong={
        "drops the end": WrongAnswer(
            _drops_the_end, "The end token is missing. It was generated, so it belongs to them."
        ),
        "never stops": WrongAnswer(_never_stops, "You go on after the end token. Stop there."),
        "one too many": WrongAnswer(_one_too_many, "One token too many: stop as soon as there are `most`."),
        "with the prompt": WrongAnswer(
            _with_the_prompt, "The first one belongs to the prompt. Return the new ones only."
        ),
        "the least": WrongAnswer(_least, "You take the lowest score. The next token is the one with the highest."),
        "the same again": WrongAnswer(
            _same_token_again, "You feed the prompt's token again and again. Feed the one that was chosen last."
        ),
        "asks before it starts": WrongAnswer(
            _asks_before_it_starts,
            "You stop before you begin, where the prompt ends in the end token. Only new ones count.",
        ),
        "a score as the next token": WrongAnswer(
            _score_as_token, "This takes the highest score for the token. The token is the place of that score."
        ),
        "scores": WrongAnswer(_scores_kept, "These are scores. Return the tokens: the places of the highest scores."),
    },
)


def next_positions(lengths, generated):
    return [length + generated for length in lengths]


def _counted_from_one(lengths, generated):
    return [length + generated + 1 for length in lengths]


def _of_the_last_token(lengths, generated):
    return [length + generated - 1 for length in lengths]


def _of_the_longest(lengths, generated):
    return [max(lengths) + generated for _ in lengths]


def _on_through_the_row(lengths, generated):
    return [end + generated for end in accumulate(lengths)]


def _prompt_only(lengths, generated):
    return [*lengths]


def _next_positions_judge(returned: Any, expected: list[int], lengths: Sequence[int], generated: int) -> str | None:
    if not isinstance(returned, list | tuple) or not all(isinstance(position, Real) for position in returned):
        return "A list of positions is asked for: whole numbers."
    if len(returned) != len(lengths):
        return f"Prompts: {len(lengths)}; positions that came back: {len(returned)}."
    if [*returned] == expected:
        return None
    prompt = next(place for place, (one, right) in enumerate(zip(returned, expected, strict=True)) if one != right)
    last = expected[prompt] - 1
    return (
        f"Prompt {prompt} holds {lengths[prompt]} + {generated} tokens, at positions 0 to {last}. "
        f"The next one can't stand at {returned[prompt]}."
    )


def _after_some_steps(draw: Random) -> Iterator[tuple[Any, ...]]:
    for lengths in few_lengths(draw):
        yield lengths, 0
        yield lengths, draw.randint(1, 9)


NEXT_POSITIONS = Exercise(
    key="09-position",
    title="The position of the next token",
    minutes=3,
    level="warm-up",
    task="`lengths` are the tokens of each prompt, and to each of them `generated` new tokens were added. Positions "
    "are counted from 0 in each prompt. Return a list with the position that the next token of each prompt "
    "gets.",
    reference=next_positions,
    cases=_after_some_steps,
    judge=_next_positions_judge,
    hints=(
        "A prompt of 3 tokens has positions 0, 1 and 2. Which comes next?",
        "With one new token, at position 3, the next one stands at 4.",
    ),
    wrong={
        "counted from one": WrongAnswer(_counted_from_one, "One too many: positions are counted from 0."),
        "of the last token": WrongAnswer(
            _of_the_last_token, "This is where the last token stands. The next is one on."
        ),
        "of the longest": WrongAnswer(
            _of_the_longest, "You give all prompts the position of the longest. Padding has no position."
        ),
        "on through the row": WrongAnswer(
            _on_through_the_row, "You count on from prompt to prompt. Each has positions of its own, from 0."
        ),
        "the prompt only": WrongAnswer(_prompt_only, "The new tokens have positions, too: add them."),
    },
)


def grow_mask(attention_mask):
    ones = attention_mask.new_ones(len(attention_mask), 1)
    return torch.cat([attention_mask, ones], dim=1)


def _hidden(attention_mask):
    return torch.cat([attention_mask, torch.zeros_like(attention_mask[:, :1])], dim=1)


def _on_the_left(attention_mask):
    return torch.cat([torch.ones_like(attention_mask[:, :1]), attention_mask], dim=1)


def _one_more_row(attention_mask):
    return torch.cat([attention_mask, torch.ones_like(attention_mask[:1])], dim=0)


def _floats(attention_mask):
    return grow_mask(attention_mask).float()


def _always_int64(attention_mask):
    return grow_mask(attention_mask).long()


def _always_bool(attention_mask):
    return grow_mask(attention_mask).bool()


def _unchanged(attention_mask):
    return attention_mask


def _padding_shown(attention_mask):
    return torch.ones_like(grow_mask(attention_mask))


def _masks(draw: Random) -> Iterator[tuple[Any, ...]]:
    for place, lengths in enumerate(few_lengths(draw, longest=6, most=8)):
        yield (left_padded_mask(lengths).to((torch.int64, torch.bool, torch.float32)[place % 3]),)


GROW_MASK = Exercise(
    key="09-mask",
    title="The mask grows",
    minutes=4,
    level="core",
    task="`attention_mask` [B, L] holds 1 for the tokens of each prompt and 0 for the padding on their left: as whole "
    "numbers, as truth values or as floats. Every prompt gets one more token, on the right. Return the mask of the "
    "batch after that, [B, L + 1], as a tensor of the same kind of numbers.",
    reference=grow_mask,
    cases=_masks,
    judge=tensor,
    hints=(
        "The new tokens are a column: one for each prompt, all of them to be seen.",
        "`attention_mask.new_ones(rows, columns)` makes ones of the same dtype, on the same device.",
        "`torch.cat([left, right], dim=1)` puts two tensors side by side.",
    ),
    wrong={
        "hidden": WrongAnswer(_hidden, "Your new column is 0: the new token would be hidden like padding."),
        "on the left": WrongAnswer(
            _on_the_left, "The new column is on the left, before the padding. It goes to the right."
        ),
        "one more row": WrongAnswer(_one_more_row, "You add a row, as if a prompt had come. dim=1 adds a column."),
        "floats": WrongAnswer(_floats, "This is always a mask of floats. Take ones of the dtype that came in."),
        "int64": WrongAnswer(_always_int64, "This is always int64. Take ones of the dtype that came in."),
        "bools": WrongAnswer(
            _always_bool, "This is always a mask of truth values. Take ones of the dtype that came in."
        ),
        "unchanged": WrongAnswer(_unchanged, "This is the mask as it was. The new tokens need a column, too."),
        "padding shown": WrongAnswer(_padding_shown, "All is 1 now, and padding would be seen. Keep the old columns."),
    },
)


def token_times(asked, came):
    first = came[0] - asked
    if len(came) == 1:
        return first, 0
    return first, (came[-1] - came[0]) / (len(came) - 1)


def _one_token_crashes(asked, came):
    return came[0] - asked, (came[-1] - came[0]) / (len(came) - 1)


def _divided_by_all(asked, came):
    return came[0] - asked, (came[-1] - came[0]) / len(came)


def _with_the_first(asked, came):
    return came[0] - asked, (came[-1] - asked) / len(came)


def _clock_time(asked, came):
    return came[0], token_times(asked, came)[1]


def _other_way_round(asked, came):
    return token_times(asked, came)[::-1]


def _all_of_them(asked, came):
    return came[0] - asked, came[-1] - came[0]


def _streams(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield 0, [2]
    yield 1, [4]
    yield 0, [2, 3]
    yield 5, [9, 10, 12]
    for size in range(1, 9):
        for _ in range(4):
            now = asked = draw.randint(1, 50)
            came = [now := now + draw.randint(1, 20) for _ in range(size)]
            yield asked, came


def _times_judge(returned: Any, expected: Any, asked: int, came: Sequence[int]) -> str | None:
    wrong = numbers(returned, expected)
    if wrong is None:
        return None
    after = len(came) - 1
    rest = f"then {after} more in {came[-1] - came[0]}" if after else "and no other"
    return f"{wrong} The first token came {came[0] - asked} after the prompt was sent, {rest}."


TOKEN_TIMES = Exercise(
    key="09-times",
    title="First token, and the rest",
    minutes=5,
    level="core",
    task="At the time `asked` a prompt was sent; `came` lists the times at which its tokens came, rising. Return the "
    "time to first token, and the mean time of each token after it. Where there is one token only, the second "
    "is 0.",
    stub="""
        first = ...
        return first, ...
    """,
    reference=token_times,
    cases=_streams,
    judge=_times_judge,
    hints=(
        "The time to first token: how long after `asked` did `came[0]` come?",
        "After the first there are `len(came) - 1` tokens. How long did they take together?",
        "With one token nothing follows, and the division has a 0 below: return 0 for it.",
    ),
    wrong={
        "one token": WrongAnswer(_one_token_crashes, "Where there is one token only, you divide by 0. Return 0 there."),
        "divided by all": WrongAnswer(
            _divided_by_all, "You divide by all tokens. The first is left out of this time: one less."
        ),
        "with the first": WrongAnswer(
            _with_the_first, "The wait for the first token is in your second number. Count from the first token on."
        ),
        "clock time": WrongAnswer(_clock_time, "The first token's time is counted from when the prompt was sent."),
        "the other way round": WrongAnswer(
            _other_way_round, "The other way round: the time to first token comes first."
        ),
        "all of them": WrongAnswer(
            _all_of_them, "This is how long the others took together. Divide by how many they are."
        ),
    },
)


def packed_slots(lengths, bins, steps):
    width = max(sum(lengths[prompt] for prompt in members) for members in bins)
    most = max(len(members) for members in bins)
    return len(bins) * (width + most * steps)


def _no_padding(lengths, bins, steps):
    return sum(lengths) + len(lengths) * steps


def _new_slots_fit(lengths, bins, steps):
    width = max(sum(lengths[prompt] for prompt in members) for members in bins)
    return len(bins) * width + len(lengths) * steps


def _one_a_row(lengths, bins, steps):
    width = max(sum(lengths[prompt] for prompt in members) for members in bins)
    return len(bins) * (width + steps)


def _longest_prompt(lengths, bins, steps):
    return len(bins) * (max(lengths) + max(len(members) for members in bins) * steps)


def _unpacked(lengths, bins, steps):
    return len(lengths) * (max(lengths) + steps)


def _packings(draw: Random) -> Iterator[tuple[Any, ...]]:
    for lengths in few_lengths(draw):
        capacity = max(lengths) + draw.randint(0, 8)
        bins = [[*members] for members in pack(lengths, capacity).bins]
        yield lengths, bins, 0
        yield lengths, bins, draw.randint(1, 9)


def _rows_as_they_were(lengths, bins, steps):
    return packed_slots(lengths, bins, 0)


def _one_row(lengths, bins, steps):
    return packed_slots(lengths, bins, steps) // len(bins)


def _widest_in_the_end(lengths, bins, steps):
    return len(bins) * max(sum(lengths[prompt] + steps for prompt in members) for members in bins)


def _all_prompts_in_a_row(lengths, bins, steps):
    return packed_slots(lengths, bins, 0) + len(bins) * len(lengths) * steps


def _slots_judge(
    returned: Any, expected: int, lengths: Sequence[int], bins: Sequence[Sequence[int]], steps: int
) -> str | None:
    wrong = number(returned, expected)
    if wrong is None:
        return None
    width = max(sum(lengths[prompt] for prompt in members) for members in bins)
    held = [*map(len, bins)]
    return (
        f"{wrong} At first, rows: {len(bins)}; slots in each: {width}. The rows hold {held} prompts, "
        f"so each row grows by {max(held)} in each step. Steps: {steps}."
    )


PACKED_SLOTS = Exercise(
    key="09-slots",
    title="The slots of packed decoding",
    minutes=10,
    level="challenge",
    task="`bins` lists for each row the indices of its prompts, and `lengths` their tokens. All rows are as wide as "
    "the fullest one. In each of `steps` steps every row grows by as many slots as the row with the most "
    "prompts needs. Return how many slots there are in the end.",
    stub="""
        width = ...
        return ...
    """,
    reference=packed_slots,
    cases=_packings,
    judge=_slots_judge,
    hints=(
        "The tokens of a row: `sum(lengths[prompt] for prompt in members)`. The width is the largest of these.",
        "A step adds one slot for each prompt of a row, and rows stay equally wide: the row with the most "
        "prompts decides.",
        "So each row has width + most prompts in a row × steps slots, and there are `len(bins)` rows.",
    ),
    wrong={
        "no padding": WrongAnswer(
            _no_padding, "You count tokens. Rows are equally wide, so there are slots without a token, too."
        ),
        "new slots fit": WrongAnswer(
            _new_slots_fit, "The new slots are padded, too: every row grows as much as the one with the most prompts."
        ),
        "one a row": WrongAnswer(_one_a_row, "You add one slot a row. Every prompt of a row needs one of its own."),
        "the longest prompt": WrongAnswer(
            _longest_prompt, "You take the longest prompt for the width. A row may be fuller: add up its prompts."
        ),
        "one row": WrongAnswer(_one_row, "This is one row. There are as many as there are bins."),
        "the widest in the end": WrongAnswer(
            _widest_in_the_end,
            "This lets each row grow by its own prompts, and takes the widest in the end. In every step all rows grow "
            "by as many slots as the one with the most prompts.",
        ),
        "all prompts in a row": WrongAnswer(
            _all_prompts_in_a_row, "Here every row grows by all prompts of the batch. It holds only some of them."
        ),
        "as they were": WrongAnswer(
            _rows_as_they_were, "These are the slots before the first step. Every step adds some to each row."
        ),
        "a cache for each": WrongAnswer(_unpacked, "This is the unpacked cache: a row for each prompt."),
    },
)


QUIZZES = (
    Quiz(
        "09-restart",
        "The same with GPT-2, whose positions are learned: the mask is right, and positions run on through the row. "
        "When does it show?",
        (
            Answer(
                "In the logits after the prompts",
                True,
                "Each learned position counts by itself. All prompts but the first are read at the wrong ones.",
            ),
            Answer(
                "From the first decoded token on",
                False,
                "That is Llama, where only distances count. Inside a prompt they are right in any case.",
            ),
            Answer("Never", False, "The mask keeps prompts apart. It does not say where their tokens stand."),
        ),
    ),
    Quiz(
        "09-gain",
        "Prompts of 500 tokens and answers of 2 tokens, or prompts of 5 tokens and answers of 500: where does "
        "prepacking save a larger share of the time?",
        (
            Answer(
                "Long prompts, short answers", True, "Nearly all of the time is prefill, and packing speeds that up."
            ),
            Answer("Short prompts, long answers", False, "Nearly all of the time is decoding, which stays as it was."),
            Answer("The same share in both", False, "It saves at the prefill only, and that is a different share."),
        ),
    ),
    Quiz(
        "09-memory",
        "Eight prompts lie in two rows: one long prompt in the first, seven short ones in the second. A hundred "
        "tokens are decoded for each, in the rows. What happens to the first row?",
        (
            Answer("It grows by 100 slots", False, "Rows are equally wide, and the second one needs seven a step."),
            Answer("It grows by 700 slots", True, "As many as the second row needs. Six of seven are padding."),
            Answer("It stays", False, "Its prompt gets new tokens, too, and their keys and values are kept."),
        ),
    ),
)
