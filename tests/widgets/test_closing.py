"""A widget that is closed leaves nothing behind: no part of it, and not the model that it was given."""

import gc
import weakref

import pytest
from ipywidgets.widgets.widget import _instances

import prepack_lab as lab
from prepack_lab.widgets import job
from tests.widgets.test_accessible import WIDGETS

pytestmark = pytest.mark.long

PATIENCE = 120
HOLDING = {
    "LiveTiming": lambda model, tokenizer: lab.widgets.LiveTiming(model, [5, 9], batch_size=2),
    "GenerationRace": lambda model, tokenizer: lab.widgets.GenerationRace(["ab", "c"], model, tokenizer, 2),
    "MaskExplorer": lambda model, tokenizer: lab.widgets.MaskExplorer(["ab", "c"], tokenizer),
    "YourPrompts": lambda model, tokenizer: lab.widgets.YourPrompts(None, tokenizer),
}
"""Widgets that are given a model or its tokenizer."""
WORKING = ("LiveTiming", "GenerationRace")


@pytest.fixture(autouse=True)
def no_settling(monkeypatch):
    monkeypatch.setattr(job, "SETTLE_SECONDS", 0)


def gone(*references):
    gc.collect()
    return [reference() is None for reference in references] == [True] * len(references)


@pytest.mark.parametrize("name", WIDGETS)
def test_every_widget_takes_its_parts_along(name):
    for _ in range(2):  # its cell is run, and run again
        before = {*_instances}
        widget = getattr(lab.widgets, name)(*WIDGETS[name])
        assert len({*_instances} - before) > 10
        held = [weakref.ref(part) for part in (widget, getattr(widget, "_model", None)) if part is not None]
        widget.close()
        assert {*_instances} - before == set()
        del widget
        assert gone(*held)


@pytest.mark.parametrize("name", HOLDING)
def test_what_it_was_given_leaves_the_memory(name):
    model, tokenizer = lab.load_model("tiny-llama", device="cpu")
    held = weakref.ref(model), weakref.ref(tokenizer)
    widget = HOLDING[name](model, tokenizer)
    del model, tokenizer
    widget.close()
    widget.close()  # twice does no harm
    del widget
    assert gone(*held)


@pytest.mark.parametrize("name", WORKING)
def test_so_does_the_model_that_it_has_run(name):
    model, tokenizer = lab.load_model("tiny-llama", device="cpu")
    held = weakref.ref(model), weakref.ref(tokenizer)
    widget = HOLDING[name](model, tokenizer)
    del model, tokenizer
    widget.start()
    widget.wait(PATIENCE)
    assert "Done." in widget.words.value
    widget.close()
    del widget
    assert gone(*held)


@pytest.mark.parametrize("name", WORKING)
def test_so_does_the_model_that_it_is_running(name):
    model, tokenizer = lab.load_model("tiny-llama", device="cpu")
    held = weakref.ref(model), weakref.ref(tokenizer)
    widget = HOLDING[name](model, tokenizer)
    del model, tokenizer
    widget.start()
    widget.close()
    widget.wait(PATIENCE)
    assert "Stopped" in widget.words.value
    del widget
    assert gone(*held)


def test_one_that_was_refused_its_arguments_is_closed_without_a_word(capsys):
    for make in (
        lambda: lab.widgets.GenerationRace("one text"),
        lambda: lab.widgets.LiveTiming(None, workload="nonsense"),
        lambda: lab.widgets.Quiz("no such quiz"),
    ):
        with pytest.raises(ValueError):
            make()
    gc.collect()
    assert capsys.readouterr().err == ""
