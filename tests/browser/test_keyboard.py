"""Every control of a widget can be reached with the tab key alone, in order, and shows that it has been."""

CONTROLS = ".jupyter-widgets :is(.noUi-handle, button, input, select, textarea, summary)"
MARK = f"""() => [...document.querySelectorAll('{CONTROLS}')]
    .filter(control => control.offsetParent && !control.disabled && control.type !== 'file')
    .map((control, place) => control.dataset.place = String(place))"""
HERE = """() => {
    const control = document.activeElement;
    return [control.dataset.place ?? '', control.getAttribute('aria-label') ?? control.textContent.trim(),
        getComputedStyle(control).outlineStyle];
}"""
WIDGETS = """from IPython.display import display
from prepack_lab.widgets import MaskExplorer, PackingContest, PackingRace, Quiz
display(PackingRace([9, 2, 7, 4]), PackingContest([9, 2, 7, 4]), MaskExplorer(), Quiz("01-grows"))"""


def test_the_tab_key_leads_through_all_controls(open_notebook):
    notebook = open_notebook(cells=[WIDGETS])
    notebook.run_all()
    notebook.wait_until_still()
    page = notebook.page
    there = page.evaluate(MARK)
    assert len(there) > 20
    page.locator("[data-place='0']").focus()
    reached, outlines = ["0"], set()
    for _ in range(2 * len(there)):
        page.keyboard.press("Tab")
        place, name, outline = page.evaluate(HERE)
        if place and place not in reached:
            reached.append(place)
            outlines.add((name, outline))
    assert reached == there, "in the order in which they stand"
    assert not [name for name, outline in outlines if outline == "none"], "the keyboard's place is not shown"
    assert notebook.errors == []
