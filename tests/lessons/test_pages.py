"""The pages themselves: pictures in words, headings in order, links that lead somewhere, short sentences, all parts.

Nothing is run here. A fault names the page, and the words or the cell.
"""

import ast
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import prepack_lab as lab
from prepack_lab.course.exercises.catalogue import EXERCISES, QUIZZES
from prepack_lab.course.lessons import LESSONS
from tests.lessons.sources import SOURCES, cells

ROOT = Path(__file__).parents[2]
WRITTEN = [name for name in SOURCES if name != "glossary"]
TAUGHT = [name for name in WRITTEN if name != "00_start_here"]  # it leads to the others, and has no exercises

LONGEST, MEAN, MEAN_OF_README = 35, 14, 18
"""Words in a sentence; of the first lessons the longest has 32, and their means lie between 10 and 13."""
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
IN_WORDS = {10: "ten"} | {
    10 * ten + five: word + "-five" * (five > 0) for ten, word in enumerate(TENS, 2) for five in (0, 5)
}
LINES = 12
"""Of a cell, without its texts and blank lines; what learners write may be longer."""


def text(page):
    """What a page says, without its code."""
    whole = (ROOT / "README.md").read_text() if page == "README" else "\n\n".join(map(_source, cells(page, "markdown")))
    return re.sub(r"^```.*?^```", "", whole, flags=re.S | re.M)


def _source(cell):
    return cell.source


def headings(page):
    """(level, words) of each."""
    return [(len(level), words.strip()) for level, words in re.findall(r"^(#+) (.+)$", text(page), re.M)]


def anchors(page):
    """What a link can lead to: the headings, as Jupyter names them."""
    return {re.sub(r"[`*]", "", words).replace(" ", "-") for _, words in headings(page)}


def links(page):
    """(words, where to) of each link that is no picture."""
    return re.findall(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)", text(page))


def sentences(page):
    """The sentences of paragraphs and lists; a code or a link counts as the words that it shows."""
    prose = re.sub(r"^#.*$|^\|.*$", "", text(page), flags=re.M)
    prose = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"`[^`]*`", "code", prose))
    blocks = re.split(r"\n\s*\n|\n\s*(?=[-*] |\d+\. )", prose)
    found = [one for block in blocks for one in re.split(r"(?<=[.!?])\s+", " ".join(block.split()))]
    return [re.findall(r"[\w'’×-]+", one) for one in found if re.search("[a-z]", one)]


@pytest.mark.parametrize("page", ["README", *SOURCES])
def test_every_picture_has_words(page):
    for words in re.findall(r"!\[(.*?)\]\(", text(page), re.S):
        assert len(words.split()) > 5, f"{page}: a picture is described as {words!r}"
    assert all("alt=" in tag for tag in re.findall(r"<img[^>]*>", text(page)))


@pytest.mark.parametrize("page", ["README", *SOURCES])
def test_there_is_one_title_and_no_level_is_skipped(page):
    levels = [level for level, _ in headings(page)]
    assert levels[0] == 1 and levels.count(1) == 1
    for (level, words), before in zip(headings(page)[1:], levels, strict=False):
        assert level <= before + 1, f"{page}: {words!r} is {level} deep, below a heading that is {before} deep"
    assert len(headings(page)) == len({words for _, words in headings(page)}), "two headings alike"


@pytest.mark.parametrize("name", WRITTEN)
def test_the_title_is_that_of_the_list_of_lessons(name):
    number = int(name[:2])
    assert LESSONS[number].name == name
    assert headings(name)[0] == (1, f"{number:02} · {LESSONS[number].title}")


@pytest.mark.parametrize("page", ["README", *SOURCES])
def test_every_link_leads_somewhere_and_says_where(page):
    folder = ROOT if page == "README" else ROOT / "notebooks"
    for words, target in links(page):
        assert words.lower() not in ("here", "this", "link", "click here"), f"{page}: a link reads {words!r}"
        if target.startswith("http"):
            continue
        file, _, place = target.partition("#")
        assert not file or (folder / file).exists(), f"{page}: there is no {file}"
        if place:
            there = anchors(Path(file).stem if file else page)
            assert place in there, f"{page}: {target} names no heading; there are: {', '.join(sorted(there))}"


@pytest.mark.parametrize("name", WRITTEN)
def test_words_lead_to_the_glossary(name):
    assert sum(target.startswith("glossary.ipynb#") for _, target in links(name)) >= 2


def test_every_term_of_the_glossary_is_explained():
    parts = re.split(r"^### ", text("glossary"), flags=re.M)[1:]
    assert len(parts) > 40
    for part in parts:
        term, _, words = part.partition("\n")
        assert len(words.split()) >= 4, f"{term} is not explained"


@pytest.mark.parametrize("page", ["README", *SOURCES])
def test_sentences_are_short(page):
    found = sentences(page)
    for words in found:
        assert len(words) <= LONGEST, f"{page}: {len(words)} words: {' '.join(words)}"
    assert sum(map(len, found)) / len(found) <= (MEAN_OF_README if page == "README" else MEAN)


@pytest.mark.parametrize("page", SOURCES)
def test_nothing_needs_a_typesetter_or_a_colour(page):
    prose = re.sub(r"`[^`]*`", "", text(page))
    assert not re.search(r"\$[^$\n]+\$", prose), "formulas are not drawn where the page is read without internet"
    assert not re.search(r"<font|color:", prose)


@pytest.mark.parametrize("name", WRITTEN)
def test_code_cells_are_short(name):
    for cell in cells(name, "code"):
        if not {"stub", "solution"} & {*cell.metadata.get("tags", [])}:
            lines = [line for line in cell.source.splitlines() if line.strip() and line.strip()[0] not in "\"'"]
            assert len(lines) <= LINES, f"{name}: {len(lines)} lines: {lines[0]} …"


@pytest.mark.parametrize("name", TAUGHT)
def test_no_part_of_a_lesson_is_missing(name):
    said, code = text(name), "\n".join(map(_source, cells(name, "code")))
    for part in ("**Predict first:**", "## In the real world", "## What you have seen", "The paper:", "### Exercise 1"):
        assert part in said, f"{name} has no {part!r}"
    assert re.search(r"lab\.widgets\.(?!Quiz)", code), f"{name} has no widget"
    first, *_, last = cells(name, "code")
    assert f'lab.progress("{name[:2]}")' in first.source and last.source == f'lab.progress("{name[:2]}")'


@pytest.mark.parametrize("name", TAUGHT)
def test_a_lesson_has_all_its_exercises_and_quizzes_and_no_others(name):
    code = "\n".join(map(_source, cells(name, "code")))
    for call, known in ((r"lab\.check", EXERCISES), (r"lab\.widgets\.Quiz", QUIZZES)):
        asked = re.findall(rf'{call}\("([^"]+)"', code)
        assert sorted(asked) == sorted(key for key in known if key.startswith(name[:2]))
    for key in re.findall(r'lab\.(?:hint|solution|check)\("([^"]+)"', text(name)):
        assert key in EXERCISES


@pytest.mark.parametrize("name", WRITTEN)
def test_every_name_of_the_package_that_a_page_uses_exists(name):
    """A figure, table or widget that was renamed is found here, without running the page."""
    tree = ast.parse("\n".join(map(_source, cells(name, "code"))))
    known = {"lab": lab}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("prepack_lab"):
            for one in node.names:
                known[one.asname or one.name] = found(import_module(node.module), one.name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.fullmatch(r"[\w.]+", ast.unparse(node)):
            first, *attributes = ast.unparse(node).split(".")
            value = known.get(first)
            for attribute in attributes:
                if isinstance(value, ModuleType):
                    value = found(value, attribute)


def found(module, name):
    """A name of a module, or a module of a package."""
    return getattr(module, name) if hasattr(module, name) else import_module(f"{module.__name__}.{name}")


@pytest.mark.parametrize("number", range(len(LESSONS)))
def test_a_page_promises_the_minutes_of_the_list(number):
    lesson = LESSONS[number]
    assert f"**In {IN_WORDS[lesson.minutes]} minutes you will" in text(lesson.name)
