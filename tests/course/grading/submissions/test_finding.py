"""Whose notebook is it? Folders as teachers and course platforms make them: nobody in them is lost."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prepack_lab.course.grading.submissions.finding import find_submissions, rows
from prepack_lab.course.lessons import LESSONS

PADDING, PACKING = "01_padding_waste.ipynb", "02_bin_packing.ipynb"


def write(folder, *names):
    """Files, and folders where a name ends with a slash."""
    for name in names:
        path = folder / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_text("{}")


def found(folder, *names, level=None):
    """Of each notebook, or else place, the student."""
    write(folder, *names)
    return {one.name: one.student for one in find_submissions(folder, level=level)}


def problems(folder, *names):
    write(folder, *names)
    return {one.student: one.problem for one in find_submissions(folder) if one.path is None}


def test_a_folder_is_a_student_however_deep_the_notebook_lies(tmp_path):
    assert found(
        tmp_path, "émile/week 2/again/final FINAL (2).ipynb", "émile/01_padding_waste.IPYNB", "12345678/x/a.ipynb"
    ) == {
        "émile/week 2/again/final FINAL (2).ipynb": "émile",
        "émile/01_padding_waste.IPYNB": "émile",
        "12345678/x/a.ipynb": "12345678",
    }


@pytest.mark.parametrize(
    "place",
    ["{}", "hw1/{}", "{}/hw1", "submitted/{}/hw1", "Week 2/{}", "01_padding_waste/{}", "Abgabe 3/{}/work",
     "{}/attempt 1", "Spring/{}", "Spring/CS/{}", "Spring/hw1/{}", "submissions/hw1/{}/final/old"],
)  # fmt: skip
@pytest.mark.parametrize("students", [("anna",), ("anna", "ben", "cleo")])
def test_students_are_found_below_wrappers_and_above_their_assignments(tmp_path, place, students):
    names = [f"{place.format(student)}/{PADDING}" for student in students]
    assert found(tmp_path, *names) == dict(zip(names, students, strict=True))


def test_sections_and_assignments_with_any_names(tmp_path):
    places = [f"A/anna/{PADDING}", f"A/ben/{PADDING}", f"B/cleo/{PADDING}"]
    assert [*found(tmp_path / "sections", *places).values()] == ["anna", "ben", "cleo"]
    places = [f"Pad/anna/{PADDING}", f"Pad/ben/{PADDING}", f"Pack/anna/{PACKING}", f"Pack/ben/{PACKING}"]
    assert sorted(found(tmp_path / "by_lesson", *places).values()) == ["anna", "anna", "ben", "ben"]
    places = [f"anna/Pad/{PADDING}", f"anna/Pack/{PACKING}", f"ben/Pad/{PADDING}", f"ben/Pack/{PACKING}"]
    assert sorted(found(tmp_path / "by_student", *places).values()) == ["anna", "anna", "ben", "ben"]


def test_the_level_says_what_the_structure_can_not(tmp_path):
    for level, student in ((1, "a"), (2, "b"), (3, "x"), (9, "x")):
        assert found(tmp_path, "a/b/x.ipynb", level=level) == {"a/b/x.ipynb": student}
    with pytest.raises(ValueError, match="the level of the students is 0"):
        find_submissions(tmp_path, level=0)
    assert found(tmp_path, "ben_02_bin_packing.ipynb", level=2)["ben_02_bin_packing.ipynb"] == "ben"


def test_side_by_side_the_name_without_the_lesson_is_the_student(tmp_path):
    assert found(
        tmp_path, "ada_02_bin_packing.ipynb", "02_bin_packing - Bob.ipynb", "carol.ipynb", "hw1_dan.ipynb",
        "ada_01_padding_waste (1).ipynb", "Copy of eve_02_bin_packing-Copy3.ipynb", "123456 02-bin-packing.ipynb",
    ) == {
        "ada_02_bin_packing.ipynb": "ada",
        "02_bin_packing - Bob.ipynb": "Bob",
        "carol.ipynb": "carol",
        "hw1_dan.ipynb": "dan",
        "ada_01_padding_waste (1).ipynb": "ada",
        "Copy of eve_02_bin_packing-Copy3.ipynb": "eve",
        "123456 02-bin-packing.ipynb": "123456",
    }  # fmt: skip


@pytest.mark.parametrize("mark", ["{}", "{} (1)", "{}-Copy1", "Copy of {}", "{} - Copy", "{} - Copy (2)", "{} final"])
def test_a_copy_is_nobody(tmp_path, mark):
    stem = mark.format("01_padding_waste")
    write(tmp_path, f"{stem}.ipynb", f"hw1/{stem}.ipynb", "hw1/anna/")
    notes = {one.student: "is not known" in one.note for one in find_submissions(tmp_path)}
    assert notes == {stem: True, f"hw1/{stem}": True, "anna": False}
    assert {one.student for one in find_submissions(tmp_path) if one.path is None} == {"anna"}


def test_moodles_names(tmp_path):
    assert found(
        tmp_path, "Ada Lovelace_123_assignsubmission_file_/x.ipynb", "Ann Li_1_assignsubmission_file/x.ipynb",
        "Ann Li_2_assignsubmission_file/x.ipynb", "Ada Lovelace_123_assignsubmission_onlinetext_/onlinetext.html",
        "Bo_Z_7_assignsubmission_file_02_bin_packing.ipynb", "Participant_55_assignsubmission_file_/x.ipynb",
    ) == {
        "Ada Lovelace_123_assignsubmission_file_/x.ipynb": "Ada Lovelace",
        "Ann Li_1_assignsubmission_file/x.ipynb": "Ann Li (1)",
        "Ann Li_2_assignsubmission_file/x.ipynb": "Ann Li (2)",
        "Bo_Z_7_assignsubmission_file_02_bin_packing.ipynb": "Bo_Z",
        "Participant_55_assignsubmission_file_/x.ipynb": "Participant (55)",
    }  # fmt: skip


def test_moodle_numbers_a_student_anew_in_each_assignment(tmp_path):
    names = (f"hw1/Ann Li_1_assignsubmission_file_/{PADDING}", f"hw2/Ann Li_9_assignsubmission_file_/{PACKING}")
    assert {*found(tmp_path, *names).values()} == {"Ann Li"}


def test_canvass_names(tmp_path):
    names = ("doejane_12345_67890_01_padding_waste.ipynb", "doejane_12345_67891_notes.pdf",
             "roe_LATE_12346_67892_02_bin_packing-1.ipynb", "lee_777_text.html",
             "anon_aB3xZ_67893_x.ipynb")  # fmt: skip
    write(tmp_path, *names)
    one = {one.student: (one.path is None, one.late, one.id) for one in find_submissions(tmp_path)}
    assert one == {
        "anon (aB3xZ)": (False, False, "aB3xZ"), "doejane": (False, False, "12345"),
        "lee": (True, False, "777"), "roe": (False, True, "12346"),
    }  # fmt: skip
    name = "homework_1_10_beyond_prepacking.ipynb"
    assert found(tmp_path / "else", name) == {name: "homework_1_10_beyond_prepacking"}


def test_nbgraders_course_and_exchange(tmp_path):
    names = (f"submitted/anna/hw1/{PADDING}", f"submitted/ben/hw1/{PADDING}", f"source/hw1/{PADDING}", "gradebook.db")
    assert {*found(tmp_path / "course", *names).values()} == {"anna", "ben"}
    name = f"anna+hw1+2026-03-01 12:00:00.000000 UTC+aBcD/{PADDING}"
    assert found(tmp_path / "inbound", name, "inbound/") == {name: "anna", "inbound": "inbound"}


def test_when_it_was_handed_in(tmp_path):
    write(tmp_path, f"anna/hw1/{PADDING}", f"anna/hw1/more/{PACKING}", f"ben/hw1/{PADDING}", f"cleo/{PADDING}")
    (tmp_path / "anna/hw1/timestamp.txt").write_text("2026-03-01 12:00:00.250000 UTC\n")
    (tmp_path / "ben/hw1/timestamp.txt").write_text("2026-03-01 12:00:00 +0200")
    (tmp_path / "cleo/timestamp.txt").write_text("yesterday")
    os.utime(tmp_path / "cleo" / PADDING, (86400, 86400))
    times = {one.name: one.submitted for one in find_submissions(tmp_path)}
    assert times == {
        f"anna/hw1/{PADDING}": datetime(2026, 3, 1, 12, 0, 0, 250000, UTC),
        f"anna/hw1/more/{PACKING}": datetime(2026, 3, 1, 12, 0, 0, 250000, UTC),
        f"ben/hw1/{PADDING}": datetime(2026, 3, 1, 10, tzinfo=UTC),
        f"cleo/{PADDING}": datetime(1970, 1, 2, tzinfo=UTC),
    }


def test_who_has_no_notebook_has_an_entry_that_says_so(tmp_path):
    (tmp_path / "ivy").mkdir()
    (tmp_path / "ivy" / "x.ipynb").symlink_to("nowhere")
    said = problems(
        tmp_path, "anna/x.py", "anna/y.py", "ben/02.ipynb.txt", "cleo/all.rar", "dan/.ipynb_checkpoints/x.ipynb",
        "eve/", "fay/hw1/", "gus/work.zip", "kim/solutions/02.ipynb", "lou/lib/site-packages/x.ipynb", "max.pdf",
        f"zoe/{PADDING}", "zoe/x.py", "README.md", "roster.csv", ".hidden/x.txt", "solutions/x.ipynb",
    )  # fmt: skip
    assert {student: said[student].split(";")[0] for student in said} == {
        "anna": "there is no notebook (.ipynb), only x.py and 1 more",
        "ben": "02.ipynb.txt is a notebook by another name",
        "cleo": "all.rar is an archive that is not read",
        "dan": "there is no notebook besides what is in .ipynb_checkpoints, which is left out",
        "eve": "eve is empty",
        "fay": "fay is empty",
        "gus": "work.zip is a zip",
        "ivy": "x.ipynb is a link that leads nowhere",
        "kim": "there is no notebook besides what is in solutions, which is left out",
        "lou": "there is no notebook besides what is in site-packages, which is left out",
        "max": "there is no notebook (.ipynb), only max.pdf",
    }
    assert all(words.count("; ") == 1 for words in said.values())  # and the way out


def test_a_notebook_beside_others_is_not_lost_either(tmp_path):
    said = problems(tmp_path, f"anna/{PADDING}", f"anna/{PACKING}.txt", "anna/more.zip", "anna/x.py")
    assert said == {"anna": "more.zip is a zip; unpack it"}
    assert len(find_submissions(tmp_path)) == 3


def test_only_regular_files_within_the_folder_are_read(tmp_path):
    inside, outside = tmp_path / "in", tmp_path / "out.ipynb"
    write(inside, "anna/a.ipynb", "bob/", "cy/", "dee/", "eve/", "fay/", "gil/", "hal/")
    outside.write_text("{}")
    os.mkfifo(inside / "bob" / "b.ipynb")
    (inside / "cy" / "c.ipynb").symlink_to("/dev/zero")
    (inside / "dee" / "d.ipynb").symlink_to(outside)
    (inside / "eve" / "e.ipynb").symlink_to("../anna/a.ipynb")
    (inside / "fay" / "f.ipynb").symlink_to("f.ipynb")
    (inside / "gil" / "loop").symlink_to("..")
    (inside / "hal" / "h.ipynb").mkdir()
    (inside / "jo").symlink_to(tmp_path)
    one = {one.student: one for one in find_submissions(inside)}
    assert {student for student in one if one[student].path} == {"anna", "eve"}
    assert one["eve"].path.read_text() == "{}"
    for student, words in {"bob": "is not a file", "cy": "link out of", "dee": "link out of", "fay": "leads nowhere",
                           "gil": "link to a folder", "hal": "is empty", "jo": "link out of"}.items():  # fmt: skip
        assert words in one[student].problem
    assert sorted(one) == ["anna", "bob", "cy", "dee", "eve", "fay", "gil", "hal", "jo"]


def test_what_programs_leave_behind_is_no_submission(tmp_path):
    names = ("ada/a.ipynb", "ada/.ipynb_checkpoints/a-checkpoint.ipynb", "__MACOSX/ada/._a.ipynb", "ada/._b.ipynb",
             "grades/grades.jsonl", "grades/unpacked/0/0/a.ipynb")  # fmt: skip
    assert [*found(tmp_path, *names)] == ["ada/a.ipynb"]


def test_the_labs_own_solutions_are_no_submission_unless_their_folder_is_named(tmp_path):
    assert [*found(tmp_path, "ada/02.ipynb", "ada/solutions/02.ipynb", "solutions/x_02_bin_packing.ipynb")] == [
        "ada/02.ipynb"
    ]
    assert [*found(tmp_path / "solutions")] == ["x_02_bin_packing.ipynb"]
    with pytest.raises(ValueError, match="to grade what is in solutions, name that folder"):
        find_submissions_in(tmp_path / "else", "solutions/02.ipynb")


def find_submissions_in(folder, *names):
    write(folder, *names)
    return find_submissions(folder)


def test_nothing_at_all_is_an_error_that_says_what_to_do(tmp_path):
    with pytest.raises(ValueError, match="there is no folder"):
        find_submissions(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="no notebook"):
        find_submissions(tmp_path)
    with pytest.raises(ValueError, match="no notebook"):
        find_submissions_in(tmp_path, "README.md")
    with pytest.raises(ValueError, match="there is no folder"):
        find_submissions(tmp_path / "README.md")


def test_a_list_says_whom_it_found_and_why(tmp_path):
    write(tmp_path, "doejane_LATE_1_2_x.ipynb", "doejane_LATE_1_3_y.ipynb", "cleo/", PADDING)
    listed = {row.student: row for row in rows(find_submissions(tmp_path))}
    assert [*listed] == ["01_padding_waste", "cleo", "doejane"]
    assert listed["doejane"].files == ("doejane_LATE_1_2_x.ipynb", "doejane_LATE_1_3_y.ipynb")
    assert listed["doejane"].problem == "marked as late" and "Canvas" in listed["doejane"].source
    assert listed["cleo"].files == () and listed["cleo"].source == "the folder's name"
    assert "not known" in listed["01_padding_waste"].problem


NAMES = ["anna", "Ben Ek", "cleo_o", "Émile", "12345678", "李雷", "o'neil", "Zoe (Z)", "x y z", "max.m", "jdoe3"]
WRAPPERS = ["hw1", "Assignment 2", "submissions", "week_03", "Spring", "CS101", "export", "01_padding_waste", "lab 4"]
OWN = ["", "hw1/", "work/", "attempt 2/", "final/hw1/"]


@settings(deadline=None)
@given(
    students=st.lists(st.sampled_from(NAMES), min_size=1, unique=True),
    wrappers=st.lists(st.sampled_from(WRAPPERS), max_size=4),
    data=st.data(),
)
def test_in_any_layout_each_student_is_found_exactly_once(tmp_path_factory, students, wrappers, data):
    folder = tmp_path_factory.mktemp("in")
    lessons = data.draw(st.lists(st.sampled_from([lesson.name for lesson in LESSONS]), min_size=1, unique=True))
    layout = data.draw(st.sampled_from(["folders", "assignments", "flat", "Moodle", "Canvas", "nbgrader"]))
    if layout == "flat" and len(students) == 1:
        wrappers = []  # Spring/hw1/anna_02_bin_packing.ipynb: anna's, or Spring's?
    above = "".join(f"{wrapper}/" for wrapper in wrappers)
    files = {}  # name → student
    for number, student in enumerate(students, 1000):
        own = data.draw(st.sampled_from(OWN))
        plain = "".join(letter for letter in student if letter.isalnum()).lower()
        for lesson in lessons:
            name, whose = {
                "folders": (f"{above}{student}/{own}{lesson}", student),
                "assignments": (f"{above}hw{lesson[:2]}/{student}/{own}{lesson}", student),
                "flat": (f"{above}hw1/{student}_{lesson}", student),
                "Moodle": (f"{above}{student}_{number}_assignsubmission_file_/{own}{lesson}", student),
                "Canvas": (f"{above}{plain}_{number}_7{number}_{lesson}", plain),
                "nbgrader": (f"{above}submitted/{student}/{lesson}/{lesson}", student),
            }[layout]
            files[f"{name}.ipynb"] = whose
    one = found(folder, *files)
    assert {name: student.strip("()") for name, student in one.items()} == {
        name: student.strip("()") for name, student in files.items()
    }


@settings(deadline=None)
@given(data=st.data())
def test_no_notebook_is_lost_in_any_tree(tmp_path_factory, data):
    parts = st.sampled_from([*NAMES, *WRAPPERS, "x", "stuff", "old", "a.zip.d"])
    paths = data.draw(st.sets(st.lists(parts, max_size=5).map("/".join), min_size=1, max_size=12))
    folder: Path = tmp_path_factory.mktemp("in")
    level = data.draw(st.none() | st.integers(1, 4))
    names = {f"{path}/{PADDING}".lstrip("/") for path in paths}
    assert found(folder, *names, level=level).keys() == names
