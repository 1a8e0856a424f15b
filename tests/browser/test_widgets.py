"""Every widget in a real JupyterLab: it draws, obeys keyboard and mouse, says the same in words, and comes back."""

import json
import re

import pytest

from prepack_lab.bench.widgets import time_widget, widgets_table

TINY = "import prepack_lab as lab\nmodel, tokenizer = lab.load_model('tiny-llama', device='cpu')\n"
SLIDER, BUTTON, CHECKBOX, MENU = "slider", "button", "checkbox", "combobox"

PLAIN = {
    "PaddingExplorer": ((SLIDER, "Batch size", "ArrowRight"), (SLIDER, "Batch size", 0.9)),
    "PackingRace": ((SLIDER, "Prompts", "ArrowLeft"), (SLIDER, "Capacity", 0.9)),
    "PackingContest": ((BUTTON, "Place", "Enter"), (BUTTON, "Place", None)),
    "MaskExplorer": ((CHECKBOX, "Independent mask", "Space"), (BUTTON, "Add a prompt", None)),
    "BugHunt": ((MENU, "Implementation", "ArrowDown"), (MENU, "Implementation", "coral")),
    "MemoryWall": ((SLIDER, "Memory in GB", "ArrowRight"), (SLIDER, "Memory in GB", 0.2)),
    "YourPrompts": ((SLIDER, "Batch size", "ArrowRight"), (SLIDER, "Batch size", 0.9)),
    "Serving": ((SLIDER, "Prompts per second", "ArrowRight"), (SLIDER, "Prompts per second", 0.9)),
}
"""Widgets that answer at once: what to do by keyboard, and what by mouse."""
RUNNING = {
    "BreakIt": "lab.widgets.BreakIt()",
    "LiveTiming": "lab.widgets.LiveTiming(model, [30, 5, 9, 12])",
    "GenerationRace": "lab.widgets.GenerationRace(['One prompt', 'two'], model, tokenizer, max_new_tokens=8)",
}
"""Widgets that run a model."""

DRAWN = """() => JSON.stringify([...document.querySelectorAll('.jupyter-widgets .js-plotly-plot')].map(figure =>
    [figure._fullLayout.title.text, figure.data, figure.layout.xaxis, figure.layout.shapes]))"""


@pytest.fixture
def show(open_notebook):
    """Open a notebook that shows a widget."""

    def show_one(code):
        notebook = open_notebook(cells=[TINY + code])
        notebook.run_all()
        notebook.wait_until_still()
        return notebook

    return show_one


def control(notebook, role, name):
    if role == BUTTON:  # its name begins with an icon
        return notebook.page.locator(".jupyter-button").filter(has_text=re.compile(rf"^\s*{name}$")).first
    return notebook.page.get_by_role(role, name=name).first


def drawn(notebook):
    return notebook.page.evaluate(DRAWN)


def status(notebook):
    return notebook.page.locator(".prepack-lab-status").first.inner_text()


def by_key(notebook, role, name, key):
    control(notebook, role, name).focus()
    notebook.page.keyboard.press(key)
    notebook.wait_until_still()


def by_mouse(notebook, role, name, at):
    if role == SLIDER:
        line = control(notebook, role, name).locator("xpath=ancestor::*[contains(@class, 'noUi-base')]")
        line.scroll_into_view_if_needed()
        box = line.bounding_box()
        notebook.page.mouse.click(box["x"] + at * box["width"], box["y"] + box["height"] / 2)
    elif role == MENU:  # the browser draws an open menu outside the page
        control(notebook, role, name).select_option(at)
    else:
        control(notebook, role, name).click()
    notebook.wait_until_still()


def the_twin_says_the_same(notebook):
    """The table opens, and begins with the figure's own reading."""
    summary = notebook.page.locator(".jupyter-widgets summary").first
    summary.click()
    caption = notebook.page.locator(".jupyter-widgets details caption").first.inner_text()
    title = notebook.page.evaluate("() => document.querySelector('.jupyter-widgets .js-plotly-plot').layout.title.text")
    return caption.startswith(title)


def every_control_has_a_name(notebook):
    page = notebook.page
    found = page.locator(".jupyter-widgets :is(input, select, textarea, button, .noUi-handle):visible")
    names = found.evaluate_all(
        """controls => controls.map(control => control.getAttribute('aria-label') || control.innerText
            || control.title || control.placeholder || [...(control.labels ?? [])].map(label => label.innerText).join()
            || document.getElementById(control.getAttribute('aria-labelledby'))?.innerText
            || control.closest('.jupyter-widgets')?.querySelector('.widget-label')?.innerText || '')"""
    )
    return names and all(name.strip() for name in names)


def run_and_wait(notebook, start, words="Done."):
    start()
    notebook.page.locator(".prepack-lab-progress").filter(has_text=words).wait_for(timeout=120_000)
    notebook.wait_until_still()


@pytest.mark.parametrize("name", PLAIN)
def test_it_obeys_keyboard_and_mouse_and_comes_back_when_the_page_is_loaded_again(show, name):
    notebook = show(f"lab.widgets.{name}()")
    keyboard, mouse = PLAIN[name]
    seen, said = drawn(notebook), status(notebook)
    assert "can't be drawn" not in said and len(seen) > 200
    assert every_control_has_a_name(notebook)

    by_key(notebook, *keyboard)
    assert drawn(notebook) != seen
    assert status(notebook) != said or name == "MemoryWall", "a gigabyte more may fit no further prompt"
    seen = drawn(notebook)
    by_mouse(notebook, *mouse)
    assert drawn(notebook) != seen
    assert the_twin_says_the_same(notebook)

    seen, said = drawn(notebook), status(notebook)
    notebook.save()
    notebook.reload()
    notebook.page.locator(".prepack-lab-status").first.wait_for()
    notebook.wait_until_still()
    assert status(notebook) == said
    assert titles(drawn(notebook)) == titles(seen), "the figure of before, not the one of the beginning"
    by_key(notebook, *keyboard)
    assert drawn(notebook) != seen
    assert notebook.errors == []


def titles(seen):
    return [figure[0] for figure in json.loads(seen)]


@pytest.mark.parametrize("name", RUNNING)
def test_it_runs_by_mouse_and_by_keyboard_and_draws_what_it_finds(show, name):
    notebook = show(RUNNING[name])
    assert every_control_has_a_name(notebook)
    if name == "BreakIt":
        by_mouse(notebook, BUTTON, "Run", None)
        notebook.page.get_by_text("Predict first: 16 cells").wait_for()
        by_key(notebook, CHECKBOX, "Run without predicting", "Space")
    before = drawn(notebook)
    run_and_wait(notebook, lambda: control(notebook, BUTTON, "Run").click())
    seen = drawn(notebook)
    assert seen != before
    assert the_twin_says_the_same(notebook)
    assert control(notebook, BUTTON, "Stop").is_disabled()

    def by_keyboard():
        control(notebook, BUTTON, "Run").focus()
        notebook.page.keyboard.press("Enter")
        notebook.page.locator(".prepack-lab-progress").filter(has_not_text="Done.").wait_for()

    run_and_wait(notebook, by_keyboard)
    assert notebook.errors == []


def test_long_work_can_be_stopped_and_the_notebook_answers_meanwhile(open_notebook):
    long = "live = lab.widgets.LiveTiming(model, [300] * 64, batch_size=64)\nlive.repeats.value = 20\nlive"
    notebook = open_notebook(cells=[TINY + long, "print('running:', live.running)"])
    notebook.run_all()
    notebook.wait_until_still()
    control(notebook, BUTTON, "Run").click()
    notebook.page.locator(".prepack-lab-progress").filter(has_text="a batch of").wait_for(timeout=60_000)
    methods = notebook.page.get_by_role("group", name="Methods").locator("input")
    assert control(notebook, BUTTON, "Run").is_disabled()
    assert methods.count() == 5 and all(box.is_disabled() for box in methods.all())
    bar = notebook.page.locator(".jupyter-widgets").get_by_role("progressbar", name="progress").first
    assert 0 <= int(bar.get_attribute("aria-valuenow")) < 100
    notebook.page.locator(".jp-Cell .jp-InputArea-editor").last.click()
    notebook.page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-cell')")
    notebook.page.get_by_text("running: True").wait_for()
    run_and_wait(notebook, lambda: control(notebook, BUTTON, "Stop").click(), "Stopped")
    assert not control(notebook, BUTTON, "Run").is_disabled()
    assert notebook.errors == []


def test_a_file_is_loaded_by_the_browser(show, tmp_path):
    notebook = show("lab.widgets.YourPrompts()")
    (tmp_path / "mine.txt").write_text("one two three four\nfive\n")

    def choose(file):
        with notebook.page.expect_file_chooser() as chooser:
            notebook.page.locator(".jupyter-button", has_text="Load a file").click()
        chooser.value.set_files(tmp_path / file)

    choose("mine.txt")
    notebook.page.locator(".prepack-lab-status", has_text="2 prompts, 5 tokens").wait_for()
    (tmp_path / "broken.jsonl").write_text("{")
    choose("broken.jsonl")
    notebook.page.locator(".prepack-lab-status", has_text="broken.jsonl, line 1 is not readable JSON").wait_for()
    assert notebook.errors == []


def test_run_all_twice_and_a_kernel_that_is_restarted_leave_no_widget_behind(open_notebook):
    notebook = open_notebook(cells=["import prepack_lab as lab\nlab.widgets.PaddingExplorer()"])
    for _ in range(2):
        notebook.run_all()
        notebook.wait_until_still()
        assert notebook.page.locator(".js-plotly-plot").count() == 1
    notebook.restart_kernel()
    notebook.run_all()
    notebook.wait_until_still()
    assert notebook.page.locator(".js-plotly-plot").count() == 1
    by_key(notebook, SLIDER, "Batch size", "ArrowRight")
    assert status(notebook).startswith("17 prompts")
    assert notebook.errors == []


def test_a_saved_notebook_that_is_opened_again_says_how_to_bring_the_widget_back(open_notebook):
    notebook = open_notebook(cells=["import prepack_lab as lab\nlab.widgets.PaddingExplorer()"])
    notebook.run_all()
    notebook.wait_until_still()
    notice = notebook.page.get_by_text("This widget lives as long as its kernel")
    assert notice.count() == 1 and not notice.is_visible()
    notebook.save()
    notebook.shut_down_kernel()
    notebook.reload()
    notice.wait_for()
    missing = notebook.page.get_by_text("Error displaying widget")
    assert not any(one.is_visible() for one in missing.all())
    assert notebook.page.locator(".js-plotly-plot").count() == 0, "no stale picture"
    notebook.run_all()
    notebook.wait_until_still()
    assert not notice.is_visible()
    assert notebook.page.locator(".js-plotly-plot").count() == 1


def test_it_works_in_notebook_7(open_notebook):
    pytest.importorskip("notebook")
    cells = [TINY + "lab.widgets.PaddingExplorer()", "lab.figures.draw_rows({'a': lab.pack([3, 4, 5])})"]
    notebook = open_notebook(cells=[*cells, RUNNING["GenerationRace"]], interface="notebooks", alone=True)
    notebook.page.wait_for_timeout(1000)
    its_own = {*notebook.errors}  # Notebook 7.6 starts with errors of its own
    notebook.run_all()
    notebook.wait_until_still()
    assert notebook.page.locator(".js-plotly-plot").count() == 3
    by_key(notebook, SLIDER, "Batch size", "ArrowRight")
    assert status(notebook).startswith("17 prompts")
    run_and_wait(notebook, lambda: control(notebook, BUTTON, "Run").click())
    assert [error for error in notebook.errors if error not in its_own] == []


def test_the_benchmark_presses_keys_and_sees_figures(browser, server):
    row = time_widget(browser, server, "MaskExplorer", "Padding", repeats=3)
    assert len(row["seconds"]) == 3 and min(row["seconds"]) > 0.001 and max(row["seconds"]) < 60
    assert "MaskExplorer" in str(widgets_table([row]))
