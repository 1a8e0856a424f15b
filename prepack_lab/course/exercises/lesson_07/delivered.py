"""Exercise 07-deliver: how many answers can be handed out in order, batch after batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer


def delivered(batches):
    done, turn, handed_out = set(), 0, []
    for prompts in batches:
        done.update(prompts)
        while turn in done:
            turn += 1
        handed_out.append(turn)
    return handed_out


def _all_that_are_done(batches):
    done, handed_out = 0, []
    for prompts in batches:
        done += len(prompts)
        handed_out.append(done)
    return handed_out


def _one_at_a_time(batches):
    done, turn, handed_out = set(), 0, []
    for prompts in batches:
        done.update(prompts)
        if turn in done:
            turn += 1
        handed_out.append(turn)
    return handed_out


def _forgets_who_waits(batches):
    turn, handed_out = 0, []
    for prompts in batches:
        while turn in prompts:
            turn += 1
        handed_out.append(turn)
    return handed_out


def _each_batch_alone(batches):
    counts = [0, *delivered(batches)]
    return [after - before for before, after in zip(counts, counts[1:], strict=False)]


def _whose_turn(batches):
    return [count - 1 for count in delivered(batches)]


def _cases(draw: Random) -> Iterator[tuple[Any, ...]]:
    yield ([[0]],)
    yield ([[1], [0]],)
    yield ([[0, 1], [2]],)
    yield ([[2, 3], [0, 1]],)
    yield ([[1, 3], [0, 4], [2]],)
    for size in (6, 8, 9, 12, 15):
        order = draw.sample(range(size), size)
        take = draw.randint(2, 4)
        yield ([order[start : start + take] for start in range(0, size, take)],)


def _judge(returned: Any, expected: list[int], batches: Sequence[Sequence[int]]) -> str | None:
    if not isinstance(returned, list) or len(returned) != len(expected):
        return f"A list of {len(expected)} numbers is asked for, one for each batch."
    for place, (one, right) in enumerate(zip(returned, expected, strict=True)):
        if one != right:
            return f"After batch {place} the number is another one than {one!r}."
    return None


DELIVERED = Exercise(
    key="07-deliver",
    title="Answers in order",
    minutes=8,
    level="core",
    task="`batches` lists the prompts of each batch, in the order in which the batches are done. An answer is handed "
    "out when its prompt is done and all prompts before it are. Return a list: after each batch, how many answers have "
    "been handed out in all.",
    reference=delivered,
    cases=_cases,
    judge=_judge,
    hints=(
        "Keep a set of the prompts that are done, and `turn`, the prompt whose answer goes out next.",
        "After each batch: while `turn` is among those that are done, hand it out, and `turn += 1`.",
        "How many have been handed out is just `turn`.",
    ),
    wrong={
        "all that are done": WrongAnswer(
            _all_that_are_done, "You count what is done. An answer waits while one before it is missing."
        ),
        "one at a time": WrongAnswer(
            _one_at_a_time, "One batch may free many answers: go on while the next one is there, not just once."
        ),
        "forgets who waits": WrongAnswer(
            _forgets_who_waits, "You look at the last batch only. Answers of earlier batches may still be waiting."
        ),
        "each batch alone": WrongAnswer(_each_batch_alone, "You return what each batch adds. Add them up."),
        "whose turn": WrongAnswer(_whose_turn, "This is the last one handed out. Prompts count from 0: one more."),
    },
)
