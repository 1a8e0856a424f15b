"""A question with several answers; each says why it is right or not. What was chosen is kept in progress.json."""

from __future__ import annotations

from html import escape

import ipywidgets as ipw

from prepack_lab.course.exercises.catalogue import quiz
from prepack_lab.course.exercises.progress import UNSAVED, Progress
from prepack_lab.course.exercises.quiz import Answer
from prepack_lab.widgets.fit_page import FitPage
from prepack_lab.widgets.lab_widget import Spoken, WholeWidget, display_widget


class Quiz(WholeWidget):
    """A question of a lesson.

    Args:
        key: of the question, such as "01-grows".

    Raises:
        ValueError: there is no such quiz.
    """

    def __init__(self, key: str) -> None:
        self.quiz = quiz(key)
        self.question = ipw.HTML(f"<b>{escape(self.quiz.question)}</b>")
        self.answers = [
            ipw.ToggleButton(description=answer.text, tooltip="Choose this answer", layout=ipw.Layout(width="auto"))
            for answer in self.quiz.answers
        ]
        self.status = Spoken("status")
        for place, button in enumerate(self.answers):
            button.observe(lambda change, place=place: self._choose(place, change["new"]), names="value")
        row = ipw.HBox(self.answers, layout=ipw.Layout(flex_flow="row wrap", width="100%"))
        super().__init__([FitPage(), self.question, row, self.status])
        self.add_class("prepack-lab-quiz")

    def _choose(self, place: int, chosen: bool) -> None:
        if not chosen:
            return
        for other, button in enumerate(self.answers):
            if other != place:
                button.value = False
        answer = self.quiz.answers[place]
        saved = Progress.chose(self.quiz.key, answer.text)
        self.status.say(escape(_said(answer) if saved else f"{_said(answer)} {UNSAVED}"))

    def _ipython_display_(self) -> None:
        answers = "".join(
            f"<details><summary>{escape(answer.text)}</summary>{escape(_said(answer))}</details>"
            for answer in self.quiz.answers
        )
        display_widget(self, f"<div class='quiz'><p>{self.question.value}</p>{answers}</div>")


def _said(answer: Answer) -> str:
    return f"{'✓ Right.' if answer.right else '✗ No.'} {answer.why}"
