"""Exercise 04-bugs: five broken implementations, and which mistake each makes."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from prepack_lab.course.broken_ways import CAUSES, COLOURS, SYMPTOMS
from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer


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


def _judge(returned: Any, expected: dict[str, str]) -> str | None:
    if not isinstance(returned, dict):
        return f"A dictionary is asked for, colour → cause, and a {type(returned).__name__} came back."
    missing = [colour for colour in COLOURS if returned.get(colour, ...) is ...]
    if missing:
        return f"There is no cause for {', '.join(missing)} yet."
    unknown = [cause for cause in returned.values() if cause not in CAUSES]
    if unknown:
        return f"{unknown[0]!r} is no cause; there are: {', '.join(CAUSES)}."
    wrong = [colour for colour, cause in expected.items() if returned[colour] != cause]
    if not wrong:
        return None
    named = returned[wrong[0]]
    return (
        f"{len(expected) - len(wrong)} of {len(expected)} are right. {wrong[0].capitalize()} is not {named!r}, which "
        f"{SYMPTOMS[named]}: look at its two lines again."
    )


PLANTED_BUGS = Exercise(
    key="04-bugs",
    title="Find the planted bug",
    minutes=10,
    level="core",
    task="Five implementations are broken, each by one mistake. Look at their symptoms, and return a dictionary from "
    "each colour to the name of its cause. Write a function without arguments.",
    reference=planted_bugs,
    cases=_without_arguments,
    judge=_judge,
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
