"""A kernel notices when the package's files change under it."""

import os

from prepack_lab.course import stale_kernel


def test_new_changed_and_removed_files_are_noticed(tmp_path, monkeypatch):
    (tmp_path / "figures").mkdir()
    for name in ("masks.py", "figures/rows.py", "gone.py", "same.py", "notes.txt"):
        (tmp_path / name).write_text("")
    monkeypatch.setattr(stale_kernel, "PACKAGE", tmp_path)
    monkeypatch.setattr(stale_kernel, "_AT_IMPORT", stale_kernel.files())
    assert stale_kernel.changed_files() == [] and stale_kernel.restart_kernel() == ""
    for name in ("figures/rows.py", "notes.txt"):
        os.utime(tmp_path / name, (1, 1))  # an older file is another file, too
    (tmp_path / "gone.py").unlink()
    (tmp_path / "new.py").write_text("")
    assert stale_kernel.changed_files() == ["figures/rows.py", "gone.py", "new.py"]
    assert "(figures/rows.py and 2 more): restart the kernel." in stale_kernel.restart_kernel()


def test_the_package_is_what_is_watched():
    assert {"masks.py", "figures/rows.py", "course/exercises/lesson_01/quizzes.py"} <= stale_kernel.files().keys()
