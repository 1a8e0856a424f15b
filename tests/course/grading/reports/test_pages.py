"""Pages: nothing in them runs, and nothing on a student's page is about anybody else."""

import re
from decimal import Decimal
from html import unescape
from html.parser import HTMLParser

import pytest

from prepack_lab.course.exercises.catalogue import EXERCISES
from prepack_lab.course.grading.grades import Grade
from prepack_lab.course.grading.reports.course import Course
from prepack_lab.course.grading.reports.overrides import Override
from prepack_lab.course.grading.reports.pages import file_of, write_class_page, write_student_pages
from prepack_lab.course.grading.reports.points import class_results

NASTY = "</b><script>alert(1)</script>\u202e\n'\""
GRADES = [
    Grade(NASTY, NASTY, "01-waste", "wrong", f"You returned {NASTY}", 1, 4, 2, 1, (NASTY,), NASTY, NASTY),
    Grade("ada", "ada/01.ipynb", "01-waste", "solved", "4 cases, all right.", 4, 4, flags=("the same as bob",)),
    Grade("bob", "bob/x.ipynb", "", "unreadable", "the file is empty"),
    Grade("bob", "bob/y.ipynb", "01-order", "wrong", "you returned 1", 2, 4, code="def f():\n  1", picture="■ □"),
]
OVERRIDES = [
    Override("bob", "01-order", Decimal("0.75"), "nearly", 2),
    Override("bob", "", None, "well done", 3),
    Override("dan", "01-order", None, "", 4),
]


@pytest.fixture
def pages(tmp_path):
    """The page of the class, and those of the students by their names."""
    found = class_results(GRADES, Course(partial={"default": True}), overrides=OVERRIDES)
    write_class_page(found, tmp_path / "grades.html")
    assert write_student_pages(found, tmp_path / "feedback") == []
    students = {result.student.name: tmp_path / "feedback" / file_of(result.student.name) for result in found.results}
    read = {name: path.read_text(encoding="utf-8") for name, path in students.items()}
    return (tmp_path / "grades.html").read_text(encoding="utf-8"), read


class Tags(HTMLParser):
    """The names of a page's tags, and its links."""

    def __init__(self, page):
        super().__init__()
        self.names, self.links = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src")]


def words(page):
    """What is read on a page."""
    body = re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


def test_nothing_of_a_student_runs_or_hides_on_any_page(pages):
    whole, students = pages
    assert Tags(whole).names.count("script") == 1
    for page in (whole, *students.values()):
        assert "alert(1)</script>" not in page and "\u202e" not in page
        assert "http:" not in page and "https:" not in page and not {"link", "img", "iframe"} & {*Tags(page).names}
    assert all("script" not in Tags(page).names for page in students.values())
    assert "</b><script>alert(1)</script>\\u202e\\n'\"" in words(students[NASTY])


def test_links_lead_to_the_pages_of_the_students(pages, tmp_path):
    whole, students = pages
    links = Tags(whole).links
    assert all((tmp_path / link.partition("#")[0]).is_file() for link in links)
    assert {link.partition("#")[0] for link in links} == {f"feedback/{file_of(name)}" for name in students}


def test_a_student_reads_points_diagnosis_picture_and_code_and_nothing_of_others(pages):
    bob, ada = words(pages[1]["bob"]), words(pages[1]["ada"])
    for part in (
        "0.75 of 2 points", "Your instructor: Well done", "bob/x.ipynb : The file is empty", "Your instructor: Nearly",
        "✗ Not yet. You returned 1", "2 of 4 cases came out right.", "■ □", "def f(): 1",
        "○ Open. Nothing was handed in for it.", "gave 0.75 of 1 points, in place of 0.5",
    ):  # fmt: skip
        assert part in bob, part
    assert "✓ Solved. 4 cases, all right." in ada and "bob" not in ada and "flag" not in ada


def test_the_class_page_shows_marks_overrides_flags_and_problems(pages):
    whole = words(pages[0])
    for part in (
        "3 students, 2 exercises, 0 quizzes; 2 points in all", "overrides, line 4: no student is called 'dan'",
        "✗ 0.75*", "✓!", "✗! 0.25", "the same as bob", "* override: 0.75 points in place of 0.5", "comment: nearly",
    ):  # fmt: skip
        assert part.lower() in whole.lower(), part


def test_the_exercises_are_sorted_by_difficulty_and_say_what_went_wrong(tmp_path):
    diagnosis = next(iter(EXERCISES["01-waste"].wrong.values())).diagnosis
    grades = [
        *(Grade(f"s{n}", "", "01-waste", "wrong", f"You returned 1.\n{diagnosis}", attempts=n) for n in (1, 2, 6)),
        Grade("s4", "", "01-waste", "crashed", "it raised"),
        *(Grade(f"s{n}", "", "01-batches", "solved", "fine") for n in (1, 2, 6, 4)),
    ]
    write_class_page(class_results(grades), tmp_path / "grades.html")
    page = words((tmp_path / "grades.html").read_text(encoding="utf-8"))
    assert f"0 of 4 3.0 3 × {diagnosis} 1 × crashed" in page
    assert page.index("01-waste") < page.index("01-batches")


def test_pages_of_nobody_are_named_and_left(tmp_path):
    folder = tmp_path / "feedback"
    write_student_pages(class_results(GRADES), folder)
    assert (
        write_student_pages(class_results(GRADES[1:]), folder) == [file_of(NASTY)]
        and (folder / file_of(NASTY)).exists()
    )


def test_names_that_a_file_system_takes_for_the_same_have_files_of_their_own():
    names = ["Ada", "ada", "a/b", "a-b", "..", "", "con", "x" * 300, "x" * 301, "李 雷", "ad\udce9", "a\x00"]
    files = [file_of(name) for name in names]
    assert len({file.casefold() for file in files}) == len(names)
    assert all(re.fullmatch(r"[\w.-]+\.html", file) and len(file.encode()) < 200 for file in files)


@pytest.mark.long
def test_a_thousand_students_fit_on_a_page(tmp_path):
    code = "def f():\n" + "    # words\n" * 100
    grades = [
        Grade(f"student {n}", "a.ipynb", key, "wrong", "you returned 1", code=code)
        for n in range(1000) for key in EXERCISES
    ]  # fmt: skip
    write_class_page(class_results(grades), tmp_path / "grades.html")
    assert (tmp_path / "grades.html").stat().st_size < 4_000_000
