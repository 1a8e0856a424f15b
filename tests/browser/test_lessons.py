"""Every lesson as a learner meets it: opened, run to its end, its first widget moved, its quizzes answered."""

from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
LESSONS = sorted(path.name for path in NOTEBOOKS.glob("[0-9]*.ipynb") if not path.name.startswith("00"))

EMPTY = """() => [...document.querySelectorAll('.js-plotly-plot')]
    .filter(figure => !figure.querySelector('.main-svg').getBoundingClientRect().width)
    .map(figure => figure._fullLayout?.title.text ?? 'a figure without a title')"""
DRAWN = "() => [...document.querySelectorAll('.jupyter-widgets .js-plotly-plot')].map(figure => figure.innerHTML)"
CUT = """() => [...document.querySelectorAll('.jupyter-widgets :is(.widget-label, .jupyter-button)')]
    .filter(label => label.offsetParent && label.scrollWidth > label.clientWidth + 1).map(label => label.textContent)"""


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_runs_draws_and_answers(open_notebook, lesson):
    notebook = open_notebook(lesson)
    notebook.run_all()
    notebook.wait_until_still()
    page = notebook.page
    assert notebook.errors == []
    assert page.evaluate(EMPTY) == []
    assert page.evaluate(CUT) == [], "labels that are cut"

    before = page.evaluate(DRAWN)
    assert before, "a lesson has a widget"
    sliders = page.locator(".jupyter-widgets .noUi-handle:visible")
    if sliders.count():
        sliders.first.focus()
        value = sliders.first.get_attribute("aria-valuenow")
        page.keyboard.press("ArrowRight" if value != sliders.first.get_attribute("aria-valuemax") else "ArrowLeft")
        notebook.wait_until_still()
        assert page.evaluate(DRAWN) != before, "the slider moves the figure"

    for answer in page.locator(".prepack-lab-quiz .jupyter-button:first-child").all():
        answer.click()
    notebook.wait_until_still()
    quizzes = page.locator(".prepack-lab-quiz")
    said = quizzes.locator("[role=status]").all_inner_texts()
    assert len(said) == quizzes.count() > 0 and all(words[0] in "✓✗" for words in said)
    assert notebook.errors == []
