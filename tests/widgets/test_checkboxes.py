"""Checkboxes: the boxes and the value say the same, whoever moves."""

import pytest
from traitlets import TraitError

from prepack_lab.widgets.checkboxes import Checkboxes

OPTIONS = ("first", "second", "third")


def ticked(boxes):
    return tuple(option for option, box in boxes.boxes.items() if box.value)


def test_the_value_follows_the_boxes():
    boxes, seen = Checkboxes(OPTIONS, ["second"], "Which"), []
    boxes.observe(lambda change: seen.append(change["new"]), names="value")
    boxes.boxes["first"].value = True
    boxes.boxes["second"].value = False
    assert seen == [("first", "second"), ("first",)]


def test_the_boxes_follow_the_value_and_it_is_told_once():
    boxes, seen = Checkboxes(OPTIONS, ["second"], "Which"), []
    boxes.observe(lambda change: seen.append(change["new"]), names="value")
    boxes.value = ("third", "first")
    assert ticked(boxes) == boxes.value == ("first", "third")
    assert seen == [("first", "third")]


def test_none_can_be_chosen_and_all_are_locked_together():
    boxes = Checkboxes(OPTIONS, OPTIONS, "Which")
    boxes.value = ()
    boxes.disabled = True
    assert ticked(boxes) == () and all(box.disabled for box in boxes.boxes.values())


def test_an_unknown_option_is_named():
    with pytest.raises(TraitError, match=r"'fourth'.*first, second, third"):
        Checkboxes(OPTIONS, ["fourth"], "Which")
