"""Whose notebook is it? Folders as course platforms make them."""

import pytest

from prepack_lab.course.grading.submissions import find_submissions


def found(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}")
    return {one.name: one.student for one in find_submissions(folder)}


def test_a_folder_is_a_student_however_deep_the_notebook_lies(tmp_path):
    assert found(
        tmp_path,
        "Ada Lovelace_123_assignsubmission_file_/02_bin_packing.ipynb",
        "émile/week 2/again/final FINAL (2).ipynb",
        "émile/01_padding_waste.IPYNB",
    ) == {
        "Ada Lovelace_123_assignsubmission_file_/02_bin_packing.ipynb": "Ada Lovelace_123_assignsubmission_file_",
        "émile/week 2/again/final FINAL (2).ipynb": "émile",
        "émile/01_padding_waste.IPYNB": "émile",
    }


def test_side_by_side_the_name_without_the_lesson_is_the_student(tmp_path):
    assert found(tmp_path, "ada_02_bin_packing.ipynb", "02_bin_packing - Bob.ipynb", "carol.ipynb") == {
        "ada_02_bin_packing.ipynb": "ada",
        "02_bin_packing - Bob.ipynb": "Bob",
        "carol.ipynb": "carol",
    }


def test_what_programs_leave_behind_is_no_submission(tmp_path):
    names = ("ada/a.ipynb", "ada/.ipynb_checkpoints/a-checkpoint.ipynb", "__MACOSX/ada/._a.ipynb", "ada/._b.ipynb")
    assert [*found(tmp_path, *names)] == ["ada/a.ipynb"]


def test_the_labs_own_solutions_are_no_submission_unless_their_folder_is_named(tmp_path):
    names = (
        "ada/02.ipynb", "ada/solutions/02.ipynb", "ada/.venv/b.ipynb", "bob/lib/site-packages/b.ipynb",
        "solutions/x_02_bin_packing.ipynb",
    )  # fmt: skip
    assert [*found(tmp_path, *names)] == ["ada/02.ipynb"]
    assert [*found(tmp_path / "solutions")] == ["x_02_bin_packing.ipynb"]
    (tmp_path / "ada" / "02.ipynb").unlink()
    with pytest.raises(ValueError, match="to grade what is in"):
        find_submissions(tmp_path)


def test_no_notebook_is_an_error_that_says_what_to_do(tmp_path):
    with pytest.raises(ValueError, match="there is no folder"):
        find_submissions(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="no notebook"):
        find_submissions(tmp_path)
    (tmp_path / "all.zip").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"unpack all\.zip"):
        find_submissions(tmp_path)
