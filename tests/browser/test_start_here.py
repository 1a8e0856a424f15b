"""Lesson 00 as a learner meets it: opened, run, and its slider moved."""

import pytest


@pytest.fixture
def lesson(open_notebook):
    notebook = open_notebook("00_start_here.ipynb", alone=True)
    notebook.run_all()
    return notebook


def test_lesson_00_runs_and_its_slider_moves_the_picture(lesson):
    assert lesson.errors == []
    assert lesson.page.get_by_text("9 of 9 continuations are the same").count() == 1

    status, bars = lesson.page.locator(".prepack-lab-status"), ".jupyter-widgets .js-plotly-plot .bars path"
    said, drawn = status.inner_text(), lesson.paths(bars)
    assert said.startswith("16 prompts")

    lesson.press(".jupyter-widgets .noUi-handle", "ArrowRight")  # by keyboard
    assert status.inner_text().startswith("17 prompts")
    by_key = lesson.paths(bars)
    assert by_key != drawn

    lesson.click_slider(".jupyter-widgets .noUi-base", at=0.9)  # by mouse
    by_mouse = int(status.inner_text().split()[0])
    assert by_mouse > 50
    assert lesson.paths(bars) != by_key

    lesson.page.get_by_role("combobox", name="Workload").select_option("SAMSum dialogues")
    lesson.wait_until_still()
    assert f"{by_mouse} prompts" in status.inner_text()
    before = status.inner_text()
    lesson.page.get_by_role("button", name="Draw others").click()
    lesson.wait_until_still()
    assert status.inner_text() != before
    assert lesson.errors == []


def test_the_widget_can_be_reached_by_name_and_fills_the_page(open_notebook):
    notebook = open_notebook(cells=["import prepack_lab as lab\nlab.widgets.PaddingExplorer()"])
    notebook.run_all()
    notebook.wait_until_still()
    page = notebook.page
    assert page.get_by_role("slider", name="Batch size").count() == 1
    assert page.get_by_role("combobox", name="Workload").count() == 1
    assert page.get_by_role("status").filter(has_text="16 prompts").count() == 1

    def gap():
        room = page.locator(".widget-vbox").first.bounding_box()["width"]
        return room - page.locator(".js-plotly-plot .main-svg").first.bounding_box()["width"]

    assert 0 <= gap() < 20
    for _ in range(2):  # and back, for those who come after
        page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
        page.wait_for_timeout(800)
        assert 0 <= gap() < 20
    assert page.get_by_title("Share chart").count() == 0
    assert notebook.errors == []


def test_two_widgets_do_not_disturb_each_other(open_notebook):
    notebook = open_notebook(
        cells=["import prepack_lab as lab\nlab.widgets.PaddingExplorer()", "lab.widgets.PaddingExplorer()"]
    )
    notebook.run_all()
    notebook.wait_until_still()
    statuses = notebook.page.locator(".prepack-lab-status")
    first, second = statuses.all_inner_texts()
    notebook.press(".noUi-handle", "ArrowLeft")
    assert statuses.all_inner_texts()[0] != first
    assert statuses.all_inner_texts()[1] == second


def test_a_page_that_is_loaded_again_shows_the_widget_and_obeys_it(open_notebook):
    notebook = open_notebook(cells=["import prepack_lab as lab\nlab.widgets.PaddingExplorer()"])
    notebook.run_all()
    notebook.press(".noUi-handle", "ArrowRight")
    notebook.save()
    notebook.reload()
    status = notebook.page.locator(".prepack-lab-status")
    status.wait_for()
    assert status.inner_text().startswith("17 prompts")
    notebook.press(".noUi-handle", "ArrowRight")
    assert status.inner_text().startswith("18 prompts")
    assert notebook.errors == []
