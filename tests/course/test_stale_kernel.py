"""A lab that is updated under a running kernel is noticed."""

import os

from prepack_lab.course import stale_kernel


def test_files_that_are_written_or_new_are_named(tmp_path, monkeypatch):
    for name in ("masks.py", "figures/rows.py", "kept.py", "gone.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
        os.utime(path, (1e9, 1e9))
    monkeypatch.setattr(stale_kernel, "PACKAGE", tmp_path)
    monkeypatch.setattr(stale_kernel, "IMPORTED", 1.5e9)
    assert stale_kernel.restart_kernel() == ""
    (tmp_path / "gone.py").unlink()
    (tmp_path / "notes.txt").write_text("no code")
    assert stale_kernel.restart_kernel() == ""
    (tmp_path / "figures" / "rows.py").write_text("ROWS = 3")
    assert stale_kernel.restart_kernel() == (
        "The lab's files have changed since this kernel began (figures/rows.py): restart the kernel."
    )
    (tmp_path / "new.py").write_text("")
    (tmp_path / "being_replaced.py").symlink_to(tmp_path / "nowhere")
    assert "(figures/rows.py and 1 more): restart the kernel." in stale_kernel.restart_kernel()


def test_the_whole_package_is_looked_at(monkeypatch):
    monkeypatch.setattr(stale_kernel, "IMPORTED", 0)
    files = sum(1 for _ in stale_kernel.PACKAGE.rglob("*.py"))
    assert (stale_kernel.PACKAGE / "masks.py").exists() and files > 100
    assert f" and {files - 1} more" in stale_kernel.restart_kernel()
