"""The harness itself: it finds what goes wrong, each way that it can, and only that."""

import time

import pytest


def test_a_notebook_in_order_has_no_errors(open_notebook):
    notebook = open_notebook(cells=["print('hello')", "import ipywidgets; ipywidgets.IntSlider()", ""])
    notebook.run_all()
    assert notebook.errors == []
    assert notebook.page.locator(".widget-slider").count() == 1


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["1 / 0"], "cell 0: ZeroDivisionError"),
        (["import time; time.sleep(1); 1 / 0", "print('after')"], "cell 1 did not run"),  # it waits when cell 0 fails
        (["import sys; print('odd', file=sys.stderr)"], "cell 0 wrote to stderr: odd"),
        (["import threading; t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()"], "ZeroDivisionError"),
        (["from IPython.display import Javascript; Javascript('console.error(\"broken\")')"], "console: broken"),
        (["from IPython.display import HTML; HTML('<img src=\"http://192.0.2.1/x.png\">')"], "asked for http://192.0.2.1"),
    ],
    ids=["a cell", "a cell that did not run", "stderr", "a thread", "the console", "the internet"],
)  # fmt: skip
def test_a_deliberate_failure_is_found(open_notebook, cells, words):
    notebook = open_notebook(cells=cells)
    notebook.run_all()
    assert any(words in error for error in errors_within(notebook, 5)), notebook.errors


def errors_within(notebook, seconds):
    """The errors of a notebook, as soon as there are any: some come after the cells have run."""
    until = time.monotonic() + seconds
    while not notebook.errors and time.monotonic() < until:
        notebook.page.wait_for_timeout(50)
    return notebook.errors


def test_an_exception_in_a_callback_is_found(open_notebook):
    notebook = open_notebook(
        cells=["import ipywidgets\nslider = ipywidgets.IntSlider()\nslider.observe(lambda _: 1 / 0, 'value')\nslider"]
    )
    notebook.run_all()
    assert notebook.errors == []
    notebook.press(".noUi-handle", "ArrowRight")
    assert any("ZeroDivisionError" in error for error in notebook.errors), notebook.errors


def test_a_notebook_knows_nothing_of_the_one_before(open_notebook):
    before = open_notebook(cells=["import ipywidgets\nkept = ipywidgets.IntSlider()\nkept", "1 / 0"])
    before.run_all()
    assert before.errors
    after = open_notebook(
        cells=["import ipywidgets\nsorted({'kept'} & {*globals()}), len(ipywidgets.widgets.widget._instances)"]
    )
    after.run_all()
    after.page.get_by_text("([], 0)").wait_for()
    assert after.page.locator(".widget-slider").count() == 0
    assert after.errors == []


def test_a_missing_widget_model_is_found(open_notebook):
    view = "'application/vnd.jupyter.widget-view+json': {'model_id': 'gone', 'version_major': 2, 'version_minor': 0}"
    notebook = open_notebook(cells=[f"from IPython.display import display\ndisplay({{{view}}}, raw=True)"])
    notebook.run_all()
    notebook.page.get_by_text("Error displaying widget").wait_for()
    assert any("without a model" in error for error in notebook.errors), notebook.errors
