"""The widgets of every lesson on a page: drawn, whole, moved, its quizzes answered.

That the lessons run to their end is tested without a browser, which is faster. Here are the cells that show a widget,
and those that make what it needs.
"""

import ast
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
LESSONS = sorted(path.stem for path in NOTEBOOKS.glob("[0-9]*.ipynb") if not path.name.startswith("00"))

EMPTY = """() => [...document.querySelectorAll('.js-plotly-plot')]
    .filter(figure => !figure.querySelector('.main-svg').getBoundingClientRect().width)
    .map(figure => figure._fullLayout?.title.text ?? 'a figure without a title')"""
DRAWN = "() => [...document.querySelectorAll('.jupyter-widgets .js-plotly-plot')].map(figure => figure.innerHTML)"
WAITS_FOR_RUN = """handle => [...handle.closest('.jp-OutputArea-output').querySelectorAll('.jupyter-button')]
    .some(button => button.textContent.trim() === 'Run')"""
CUT = """() => [...document.querySelectorAll('.jupyter-widgets :is(.widget-label, .jupyter-button)')]
    .filter(label => label.offsetParent && label.scrollWidth > label.clientWidth + 1).map(label => label.textContent)"""


def widget_cells(lesson):
    """The cells that show a widget, and the cells that define what these use, from the last to the first."""
    chosen, needed = [], set()
    for cell in reversed(nbformat.read(NOTEBOOKS / f"{lesson}.ipynb", as_version=4).cells):
        if cell.cell_type != "code":
            continue
        nodes = [*ast.walk(ast.parse(cell.source))]
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        made = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        made |= {(one.asname or one.name) for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)
                 for one in node.names}  # fmt: skip
        if "lab.widgets." in cell.source or made & needed:
            chosen.insert(0, cell.source)
            needed = (needed - made) | (names - made)
    return chosen


def test_cells_bring_what_a_widget_needs():
    cells = widget_cells("03_masks_and_positions")
    assert "import prepack_lab as lab" in cells[0]
    assert any("tokenizer = lab.load_model" in cell for cell in cells), "the mask explorer takes a tokenizer"
    assert not any("lab.check" in cell for cell in cells)


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_widgets_of_a_lesson_draw_and_answer(open_notebook, lesson):
    notebook = open_notebook(cells=widget_cells(lesson))
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
        assert sliders.first.get_attribute("aria-valuenow") != value
        if not sliders.first.evaluate(WAITS_FOR_RUN):
            assert page.evaluate(DRAWN) != before, "the slider moves the figure"

    for answer in page.locator(".prepack-lab-quiz .jupyter-button:first-child").all():
        answer.click()
    notebook.wait_until_still()
    quizzes = page.locator(".prepack-lab-quiz")
    said = quizzes.locator("[role=status]").all_inner_texts()
    assert len(said) == quizzes.count() > 0 and all(words[0] in "✓✗" for words in said)
    assert notebook.errors == []
