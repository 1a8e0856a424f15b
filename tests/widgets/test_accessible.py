"""What holds for every widget: controls with names, words that are spoken, and the same as a table."""

import json
from html import escape, unescape

import ipywidgets as ipw
import pytest

import prepack_lab as lab
from prepack_lab.course.grading.quizzes import quiz_grades
from prepack_lab.widgets.lab_widget import SPOKEN

LENGTHS = [9, 2, 7, 4]
WIDGETS = {
    "PaddingExplorer": (LENGTHS,),
    "PackingRace": (LENGTHS,),
    "PackingContest": (LENGTHS,),
    "MaskExplorer": (),
    "BreakIt": (),
    "BugHunt": (),
    "LiveTiming": (),
    "MemoryWall": (),
    "YourPrompts": (LENGTHS,),
    "GenerationRace": (),
    "Serving": (),
    "Quiz": ("01-grows",),
}
"""Each widget of the package, and what it is made of."""
CONTROLS = (ipw.ValueWidget, ipw.Button)
SHOWN = (ipw.HTML, ipw.HTMLMath, ipw.Label, ipw.Output, ipw.IntProgress, ipw.FloatProgress)


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """A folder for progress.json, which keeps what was chosen in a quiz."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(params=WIDGETS)
def widget(request):
    return getattr(lab.widgets, request.param)(*WIDGETS[request.param])


def parts(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from parts(child)


def test_every_widget_of_the_package_is_here():
    assert {*WIDGETS} == {name for name in lab.widgets.__all__ if name[0].isupper()}


def test_every_control_has_a_name_of_its_own(widget):
    controls = [part for part in parts(widget) if isinstance(part, CONTROLS) and not isinstance(part, SHOWN)]
    assert controls
    names = [control.description or control.tooltip for control in controls]
    assert all(names), "a control without a label or a tooltip"
    assert len({*names}) == len(names), f"two controls of one name: {names}"


def test_every_control_can_be_reached_by_keyboard(widget):
    assert all(getattr(part, "tabbable", None) is not False for part in parts(widget))


def test_what_it_shows_is_spoken_and_is_there_as_a_table(widget):
    assert SPOKEN in widget.status._dom_classes
    if isinstance(widget, lab.widgets.Quiz):
        widget.answers[0].value = True
        assert widget.status.value.count("✓") == 1
        return
    assert "<table>" in widget.twin.value and "The same as a table" in widget.twin.value


def test_a_quiz_keeps_what_was_chosen(tmp_path):
    quiz = lab.widgets.Quiz("01-grows")
    for place in (1, 0, 1):
        quiz.answers[place].value = True
    texts = [answer.text for answer in quiz.quiz.answers]
    kept = json.loads((tmp_path / "progress.json").read_text())
    assert kept["answers"] == {"01-grows": [texts[1], texts[0], texts[1]]}
    (grade,) = quiz_grades("ada", "", kept)
    assert (grade.exercise, grade.solved, grade.attempts) == ("01-quiz-grows", quiz.quiz.answers[1].right, 3)


def test_a_quiz_answers_where_nothing_can_be_kept(monkeypatch):
    def refuse(*_, **__):
        raise PermissionError

    monkeypatch.setattr("pathlib.Path.write_text", refuse)
    quiz = lab.widgets.Quiz("01-grows")
    quiz.answers[0].value = True
    assert "Progress could not be kept" in quiz.status.value and quiz.quiz.answers[0].why in unescape(quiz.status.value)


def test_a_quiz_that_was_exported_answers_on_a_click(monkeypatch):
    shown = []
    monkeypatch.setattr("prepack_lab.widgets.quiz.display_widget", lambda widget, static: shown.append(static))
    quiz = lab.widgets.Quiz("01-grows")
    quiz._ipython_display_()
    for answer in quiz.quiz.answers:
        said = f"{'✓ Right.' if answer.right else '✗ No.'} {answer.why}"
        assert f"<details><summary>{escape(answer.text)}</summary>{escape(said)}</details>" in shown[0]
