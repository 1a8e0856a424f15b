"""The site without Python: every control answers to the keyboard, with a picture and with words, on any screen."""

from itertools import count

import pytest

from tests.lessons.test_site import site, write

WIDGETS = (
    "PaddingExplorer([30, 5, 9, 12])",
    "PackingRace([9, 2, 7, 4])",
    "MaskExplorer(['a b', 'c d e'])",
    "BugHunt()",
    "MemoryWall()",
    "Serving()",
    "YourPrompts([30, 5, 9, 12])",
)
FIGURE = """from prepack_lab.figures import draw_memory
draw_memory({"prepacked": {1: 1e9, 2: 1.5e9}, "full_batching": {1: 1e9, 2: 3e9}}, 2e9)"""
"""A picture that has no controls."""
CELLS = [
    f"import prepack_lab as lab\nlab.widgets.{widget}" for widget in (*WIDGETS, "PackingContest()", "Quiz('01-grows')")
]
WIDE = "\n".join(["| a_long_heading " * 9 + "|", "|---" * 9 + "|", "| `a_long_name_of_code` " * 9 + "|"])
"""A table that is wider than a phone."""
KEYS = {"range": ("ArrowLeft", "ArrowRight"), "select-one": ("ArrowDown", "ArrowUp"), "checkbox": ("Space",)}

SEEN = """live => JSON.stringify([...live.querySelectorAll('svg [data-part]')].map(part => part.getAttribute('d'))
    .concat([...live.querySelectorAll('[data-mark]')].map(part => part.dataset.mark + part.textContent))
    .concat([...live.querySelectorAll('.picture')].map(picture => JSON.stringify([picture.data, picture.layout]))))"""
SAID = """live => [...live.querySelectorAll('.words, .picture')]
    .map(said => said.getAttribute('aria-label') ?? said.textContent).join()"""
CUT = """() => [...document.querySelectorAll('.js-plotly-plot')].map(plot =>
    plot.querySelector('.gtitle').getBoundingClientRect().right > plot.getBoundingClientRect().right)"""
STICKS_OUT = "() => document.documentElement.scrollWidth - innerWidth"


@pytest.fixture(scope="module")
def alive(tmp_path_factory):
    """A site of the first page, and of a lesson with every widget that answers."""
    source, out = tmp_path_factory.mktemp("solutions"), tmp_path_factory.mktemp("built") / "site"
    write(source, "01_padding_waste", "# 01 · Padding waste", WIDE, *CELLS, FIGURE)
    site.build_site(source, out, progress=False, only=["index", "01_padding_waste"])
    return out


@pytest.fixture
def open_page(browser):
    """Open a page of the site from disk, without a network; in the end nothing was asked for, and nothing failed."""
    pages, wrong = [], []

    def open_one(file, width=1280, scheme="light", **more):
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme, **more)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda line: line.type in ("error", "warning") and wrong.append(line.text))
        page.on("request", lambda request: request.url.startswith("file:") or wrong.append(request.url))
        page.context.set_offline(True)
        page.goto(file.as_uri())
        pages.append(page)
        if more.get("java_script_enabled", True):
            page.wait_for_function("() => [...document.querySelectorAll('.live')].every(live => live.dataset.alive)")
        return page

    yield open_one
    for page in pages:
        page.close()
    assert wrong == []


def each_control_answers(page, lives):
    """Move every control by a key, and see the picture and the words change; returns how many there were."""
    moved = 0
    for live in page.locator(".live").all():
        controls = live.locator("input:not([type=radio]), select, input[type=radio]:checked")
        for control in controls.all():
            kind, name = control.evaluate("control => [control.type, control.parentElement.textContent]")
            before = live.evaluate(SEEN), live.evaluate(SAID)
            for key in KEYS.get(kind, ("ArrowRight",)):
                control.focus()
                page.keyboard.press(key)
                page.wait_for_timeout(50)
                after = live.evaluate(SEEN), live.evaluate(SAID)
                if after[0] != before[0]:
                    break
            assert after[0] != before[0], f"the picture stays: {name}"
            assert after[1] != before[1], f"the words stay: {name}"
            moved += 1
    assert page.locator(".live").count() == lives
    return moved


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_page_answers_to_the_keyboard(alive, open_page, scheme):
    page = open_page(alive / "index.html", scheme=scheme)
    assert each_control_answers(page, lives=3) == 6
    live = page.locator("#mask .live")
    live.get_by_role("checkbox", name="Keep the prompts apart").set_checked(False)
    live.get_by_text("at 2").or_(live.locator("[data-part=token-12]")).last.hover()
    assert "of another prompt: its answer is spoiled" in live.locator(".words").inner_text()
    assert live.locator("[data-mark=leak]").count() == 10


def test_the_race_runs_by_itself_and_stands_still_on_a_key(alive, open_page):
    page = open_page(alive / "index.html")
    race = page.locator("#packing .live")
    race.get_by_role("button", name="Play").press("Enter")
    assert race.locator("output").inner_text() == "0"
    page.wait_for_function("() => document.querySelector('#packing output').textContent === '2'")
    race.get_by_role("button", name="Pause").press("Enter")
    stands = race.locator("output").inner_text()
    page.wait_for_timeout(900)
    assert race.locator("output").inner_text() == stands
    assert race.get_by_role("slider", name="Prompts placed").get_attribute("aria-valuetext") == stands


def test_every_widget_of_a_lesson_answers_to_the_keyboard(alive, open_page):
    page = open_page(alive / "01_padding_waste.html")
    assert each_control_answers(page, lives=len(WIDGETS)) >= 18
    table = page.locator(".live details").first
    table.locator("summary").press("Enter")
    page.locator(".live").first.get_by_role("slider").press("Home")
    assert table.locator("tbody tr").count() == 2, "a batch of one, padded and packed"
    assert table.get_attribute("open") is not None, "it stays open"


def test_a_quiz_says_why(alive, open_page):
    quiz = open_page(alive / "01_padding_waste.html").locator(".quiz")
    quiz.get_by_role("button", name="shrinks").press("Enter")
    assert quiz.get_by_role("status").inner_text().startswith("✗ No. A larger batch has more tokens")
    quiz.get_by_role("button", name="grows").press("Space")
    assert quiz.get_by_role("status").inner_text().startswith("✓ Right.")
    assert quiz.locator("[aria-pressed=true]").all_inner_texts() == ["grows"]


def test_a_contest_is_played_by_hand(alive, open_page):
    page = open_page(alive / "01_padding_waste.html")
    contest = page.locator(".contest")
    said = contest.get_by_role("status")
    assert said.inner_text().startswith("12 prompts to place") and "No packing has fewer than" in said.inner_text()
    prompts = contest.get_by_role("group", name="Prompts to place").get_by_role("button")
    contest.get_by_role("button", name="A new bin").press("Enter")
    assert prompts.count() == 11
    for placed in count(1):
        room = contest.get_by_role("button", name="Bin 0").inner_text()
        contest.get_by_role("button", name="Bin 0").press("Enter")
        if "do not fit" in said.inner_text():
            break
        assert contest.get_by_role("button", name="Bin 0").inner_text() != room and placed < 12
    while prompts.count():
        contest.get_by_role("button", name="A new bin").press("Enter")
    assert "You lost" in said.inner_text()
    contest.get_by_role("button", name="Undo").press("Enter")
    assert prompts.count() == 1
    contest.get_by_role("combobox", name="Game").focus()
    page.keyboard.press("ArrowDown")
    assert said.inner_text().startswith("12 prompts to place")


@pytest.mark.parametrize("name", ["index", "01_padding_waste"])
@pytest.mark.parametrize("width", [360, 1280, 1920])
def test_it_fits_a_phone_and_a_projector(alive, open_page, name, width):
    page = open_page(alive / f"{name}.html", width)
    assert page.evaluate(STICKS_OUT) <= 0
    page.wait_for_function("() => [...document.querySelectorAll('[id^=figure-]')].every(one => one.data)")
    cut = page.evaluate(CUT)
    assert bool(cut) == (name != "index") and not any(cut), "no title is wider than its figure"


def test_without_javascript_the_first_state_stands(alive, open_page):
    page = open_page(alive / "index.html", java_script_enabled=False)
    assert "16 prompts, 1,091 tokens" in page.locator("#padding .words").inner_text()
    assert page.locator("#padding [data-part=padded-0]").get_attribute("d").startswith("M")


def test_it_is_small(alive):
    assert (alive / "index.html").stat().st_size < 3_000_000
    assert sum(file.stat().st_size for file in alive.rglob("*") if file.is_file()) < 10_000_000
