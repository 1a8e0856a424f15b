"""The page of a class opens from disk: students are found and sorted, and a long name widens nothing."""

import pytest

from prepack_lab.course.grading.grades import Grade
from prepack_lab.course.grading.reports.pages import write_class_page, write_student_pages
from prepack_lab.course.grading.reports.points import class_results

NAMES = ["Ada", "Bob", "W" * 200, *(f"student {n}" for n in range(60))]
POINTS = {"Ada": 2, "Bob": 1}
KEYS = ("01-waste", "01-order")


@pytest.fixture
def pages(tmp_path):
    grades = [
        Grade(name, "a.ipynb", key, "solved" if place < POINTS.get(name, 0) else "wrong", "W" * 300, code="W" * 300)
        for name in NAMES for place, key in enumerate(KEYS)
    ]  # fmt: skip
    found = class_results(grades)
    write_class_page(found, tmp_path / "grades.html")
    write_student_pages(found, tmp_path / "feedback")
    return tmp_path


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_students_are_found_and_sorted_at_any_width(browser, pages, width, scheme):
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    asked, errors = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto((pages / "grades.html").as_uri())

    def is_wide():
        return page.evaluate("() => document.documentElement.scrollWidth > window.innerWidth")

    points, first = page.locator("#points"), page.locator("#points tbody tr:visible th").first
    assert points.get_attribute("open") is None, "many students are folded"
    page.get_by_role("searchbox", name="Find a student").fill("bo")
    assert page.locator("output").inner_text() == f"1 of {len(NAMES)}" and first.inner_text() == "Bob"
    page.get_by_role("searchbox").fill("")
    page.evaluate("() => document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert not is_wide()
    for order, name in (("ascending", "student 0"), ("descending", "Ada")):
        points.get_by_role("button", name="points").press("Enter")
        assert points.get_by_role("columnheader", name="points").get_attribute("aria-sort") == order
        assert first.inner_text() == name

    first.get_by_role("link").click()
    page.get_by_role("heading", name="Ada").wait_for()
    page.evaluate("() => document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert not is_wide()
    assert errors == [] and all(url.startswith(pages.as_uri()) for url in asked)
    page.close()


def test_the_page_is_readable_without_its_script(browser, pages):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((pages / "grades.html").as_uri())
    assert not page.get_by_label("Find a student").is_visible() and not page.get_by_role("button").count()
    page.get_by_text("Students: points").click()
    assert page.get_by_role("link", name="Ada").is_visible()
    context.close()
