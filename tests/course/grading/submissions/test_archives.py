"""Zips as platforms deliver them, and zips made to harm the grader."""

import io
import stat
import struct
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prepack_lab.course.grading.submissions import archives
from prepack_lab.course.grading.submissions.finding import find_submissions

PADDING = "01_padding_waste.ipynb"


def packed(files, method=zipfile.ZIP_DEFLATED):
    """The bytes of a zip: name or entry → content; a dictionary as content is a zip in it."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, packed(content) if isinstance(content, dict) else content)
    return held.getvalue()


def entry(name, mode=0, time=(2026, 3, 1, 12, 0, 0), extra=b""):
    info = zipfile.ZipInfo(name, time)
    info.create_system, info.external_attr, info.extra = 3, mode << 16, extra
    return info


def find(tmp_path, level=None, **zips):
    """The submissions in zips, of bytes or of files, that lie in a folder."""
    (tmp_path / "in").mkdir(parents=True, exist_ok=True)
    for name, files in zips.items():
        raw = files if isinstance(files, bytes) else packed(files)
        (tmp_path / "in" / f"{name}.zip").write_bytes(raw)
    return find_submissions(tmp_path / "in", tmp_path / "unpacked", level)


def students(submissions):
    return {one.student: one.path.read_text() if one.path else one.problem for one in submissions}


def test_a_zip_of_the_class_and_a_zip_of_each_student(tmp_path):
    assert students(find(tmp_path / "a", hw1={f"anna/{PADDING}": "A", "ben/x.ipynb": "B", "cleo/": ""})) == {
        "anna": "A", "ben": "B", "cleo": "hw1.zip/cleo is empty; ask for the notebook",
    }  # fmt: skip
    assert students(find(tmp_path / "b", anna={PADDING: "A"}, ben_hw1={f"work/{PADDING}": "B"}, cleo={})) == {
        "anna": "A", "ben": "B", "cleo": "cleo.zip is empty; ask for the notebook",
    }  # fmt: skip
    both = find(tmp_path / "c", CS101={"anna.zip": {PADDING: "A"}, "ben.zip": {f"hw1/{PADDING}": "B"}})
    assert students(both) == {"anna": "A", "ben": "B"}
    assert [one.name for one in both] == [f"CS101.zip/anna.zip/{PADDING}", f"CS101.zip/ben.zip/hw1/{PADDING}"]


def test_the_path_given_may_be_a_zip(tmp_path):
    (tmp_path / "all.zip").write_bytes(packed({f"anna/{PADDING}": "A", "ben/w.zip": {PADDING: "B"}}))
    found = find_submissions(tmp_path / "all.zip", tmp_path / "unpacked")
    assert students(found) == {"anna": "A", "ben": "B"}
    assert [one.name for one in found] == [f"anna/{PADDING}", f"ben/w.zip/{PADDING}"]
    with pytest.raises(ValueError, match="is a zip; unpack it"):
        find_submissions(tmp_path / "all.zip")
    for raw, words in ((b"PK", "can be opened"), (packed({}), "is empty")):
        (tmp_path / "none.zip").write_bytes(raw)
        with pytest.raises(ValueError, match=words):
            find_submissions(tmp_path / "none.zip", tmp_path / "unpacked")


def test_zips_in_a_students_folder(tmp_path):
    for name, files in {"anna": {PADDING: "A"}, "ben": {f"stuff/{PADDING}": "B"}, "cleo": {"x.py": ""}}.items():
        (tmp_path / "in" / name).mkdir(parents=True)
        (tmp_path / "in" / name / "my work.zip").write_bytes(packed(files))
    assert students(find(tmp_path)) == {
        "anna": "A", "ben": "B", "cleo": "there is no notebook (.ipynb), only x.py; ask for the notebook",
    }  # fmt: skip


def test_as_moodle_and_canvas_pack(tmp_path):
    moodle = {f"Ada Li_12_assignsubmission_file_/{PADDING}": "A", "Bo_3_assignsubmission_file_/w.zip": {PADDING: "B"}}
    canvas = {f"doejane_LATE_12_345_{PADDING}": "C", "roe_13_346_w.zip": {f"w/{PADDING}": "D"}, "li_4_5_x.pdf": "E"}
    assert students(find(tmp_path, moodle=moodle, canvas=canvas)) == {
        "Ada Li": "A", "Bo": "B", "doejane": "C", "roe": "D",
        "li": "there is no notebook (.ipynb), only li_4_5_x.pdf; ask for the notebook",
    }  # fmt: skip


def test_what_belongs_to_a_notebook_is_unpacked_beside_it(tmp_path):
    (one,) = find(
        tmp_path, 1, anna={f"a/{PADDING}": "A", "a/progress.json": "{1}", "a/data.bin": "x", "b/progress.json": ""}
    )
    assert (one.path.parent / "progress.json").read_text() == "{1}"
    assert sorted(path.name for path in one.path.parent.iterdir()) == [PADDING, "progress.json"]


def test_when_it_was_handed_in(tmp_path):
    anna = {entry(PADDING, extra=struct.pack("<HHBi", 0x5455, 5, 1, 86400)): ""}
    ben, cleo = {entry(PADDING): ""}, {entry(PADDING, time=(1980, 1, 1, 0, 0, 0)): ""}
    dan = {PADDING: "", "timestamp.txt": "2026-03-01 12:00:00.5 UTC"}
    found = find(tmp_path, anna=anna, ben=ben, cleo=cleo, dan=dan)
    assert {one.student: one.submitted for one in found} == {
        "anna": datetime(1970, 1, 2, tzinfo=UTC),
        "ben": datetime(2026, 3, 1, 12).astimezone(UTC),
        "cleo": None,
        "dan": datetime(2026, 3, 1, 12, 0, 0, 500000, tzinfo=UTC),
    }


@pytest.mark.parametrize(
    "name", ["../../evil", "/tmp/evil", "..\\evil", "C:\\evil", "a/../../evil", "C:evil", "a/../..."]
)
def test_no_path_leads_out(tmp_path, name):
    found = students(find(tmp_path, anna={f"{name}.ipynb": "{}"}, ben={PADDING: "B"}))
    assert found.keys() == {"anna", "ben"} and "leads out of its zip" in found["anna"]
    assert not [*tmp_path.rglob("*evil*")] and not Path("/tmp/evil.ipynb").exists()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_in_a_zip_are_not_made(tmp_path, kind):
    found = find(tmp_path, anna={entry(PADDING, kind | 0o777): "/etc/passwd"}, ben={PADDING: "B"})
    assert "is a link, or no file" in students(found)["anna"] and students(found)["ben"] == "B"
    assert [path.name for path in (tmp_path / "unpacked").rglob("*") if not path.is_dir()] == [PADDING]


def test_bombs_end_at_the_limits(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST", 10_000)
    assert "MB unpacked" in students(find(tmp_path / "a", anna={PADDING: bytes(10_001)}))["anna"]

    lying = bytearray(packed({PADDING: bytes(50_000)}))
    for place, at in ((lying.find(b"PK\1\2"), 24), (0, 22)):  # it says that it has 100 bytes
        lying[place + at : place + at + 4] = struct.pack("<I", 100)
    assert (
        students(find(tmp_path / "b", anna=bytes(lying)))["anna"]
        == f"{PADDING} can't be unpacked: its zip is broken; ask for it again"
    )
    assert not [path for path in (tmp_path / "b" / "unpacked").rglob("*") if path.is_file()]

    monkeypatch.setattr(archives, "MOST_FILES", 20)
    monkeypatch.setattr(archives.Allowance.__init__, "__defaults__", (20, 100_000))
    monkeypatch.setattr(archives, "MOST_BYTES", 100_000)
    assert "more than 20 files" in students(find(tmp_path / "c", anna={f"{n}.py": "" for n in range(21)}))["anna"]
    (tmp_path / "d").mkdir()
    bomb = {f"{n}.ipynb": bytes(9_000) for n in range(12)}
    found = find(
        tmp_path / "d", hw1={"anna.zip": bomb, f"ben/{PADDING}": "B", "cleo.zip": {PADDING: "C"}}, dan={PADDING: "D"}
    )
    read = [one for one in found if one.student == "anna" and one.path]
    assert len(read) == 1 and {"ben", "cleo", "dan"} <= {one.student for one in found if one.path}
    found = find(tmp_path / "e", hw1={f"s{n}/a.ipynb": bytes(9_000) for n in range(15)})
    assert len(found) == 15 and sum(one.path is not None for one in found) == 11
    assert sum("too large unpacked" in one.problem for one in found) == 4


def test_a_zip_in_a_zip_in_a_zip_is_named(tmp_path):
    found = find(tmp_path, hw1={"anna.zip": {"a.zip": {PADDING: "A"}}, "ben.zip": {PADDING: "B"}})
    assert students(found) == {"anna": "a.zip is a zip in a zip in a zip; unpack it by hand", "ben": "B"}


def test_encrypted_and_unusual_zips(tmp_path):
    locked = bytearray(packed({PADDING: "{}"}))
    for place, at in ((locked.find(b"PK\1\2"), 8), (0, 6)):
        locked[place + at] |= 1
    found = students(
        find(tmp_path, anna=bytes(locked), ben=packed({PADDING: "{}"}, zipfile.ZIP_LZMA), cleo=b"", dan=b"PK\5\6")
    )
    assert found["anna"] == f"{PADDING} is encrypted; ask for it without a password"
    assert found["ben"] == f"{PADDING} is packed in an unusual way; ask for an ordinary zip"
    assert found["cleo"] == "cleo.zip is not a zip that can be opened; ask for it again"
    assert found["dan"] == "dan.zip is not a zip that can be opened; ask for it again"


def test_names_in_any_encoding(tmp_path):
    def renamed(name, flag=0):
        raw = bytearray(
            packed({"N" * len(name) + "/a.ipynb": "A", f"ben/{PADDING}": "B"}).replace(b"N" * len(name), name)
        )
        for place, at in ((raw.find(b"PK\1\2"), 9), (0, 7)):
            raw[place + at] = raw[place + at] & ~8 | flag
        return bytes(raw)

    assert set(students(find(tmp_path / "a", hw1=renamed("Émile".encode())))) == {
        "Émile",
        "ben",
    }  # doesn't say it's UTF-8
    assert set(students(find(tmp_path / "b", hw1=renamed("Émile".encode("cp437"))))) == {"Émile", "ben"}
    assert set(students(find(tmp_path / "c", hw1=renamed("Émile".encode(), 8)))) == {"Émile", "ben"}
    assert "not a zip" in students(find(tmp_path / "d", hw1=renamed(b"\xff\xfe", 8)))["hw1"]  # says so, and is not
    assert students(find(tmp_path / "e", anna={f"{'é' * 200}_{PADDING}": "A"})) == {"anna": "A"}


@pytest.mark.parametrize("name", ["_" * 60_000, "a/" * 30_000 + "x", "copy " * 12_000])
def test_endless_names_end(tmp_path, name):
    found = students(find(tmp_path, anna={f"{name}.ipynb": ""}, ben={PADDING: "B"}))
    assert found.keys() == {"anna", "ben"} and "too long" in found["anna"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name(tmp_path):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for text in "12":
            archive.writestr(PADDING, text)
    found = find(tmp_path, anna=held.getvalue())
    assert [one.path.read_text() if one.path else one.problem for one in found] == [
        "1", f"{PADDING} is in the zip twice; unpack it by hand",
    ]  # fmt: skip


def test_what_programs_leave_behind_is_left_out(tmp_path):
    files = {f"anna/{PADDING}": "A", f"__MACOSX/anna/._{PADDING}": "", "ben/.ipynb_checkpoints/x.ipynb": "B"}
    found = students(find(tmp_path, hw1=files))
    assert found.keys() == {"anna", "ben"} and "no notebook besides what is in .ipynb_checkpoints" in found["ben"]


def test_grading_again_finds_the_same(tmp_path):
    assert students(find(tmp_path, anna={PADDING: "A"})) == students(find(tmp_path, anna={PADDING: "A"}))
    inside = find_submissions(tmp_path / "in", tmp_path / "in" / "unpacked")
    assert (
        students(inside) == students(find_submissions(tmp_path / "in", tmp_path / "in" / "unpacked")) == {"anna": "A"}
    )


WHOLE = packed({f"anna/{PADDING}": "A" * 100, "ben/w.zip": {PADDING: "B"}, "cleo/": ""})


@given(
    cuts=st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.binary(max_size=4)), max_size=5),
    end=st.integers(0, len(WHOLE)),
)
def test_no_bytes_break_the_reading(tmp_path_factory, cuts, end):
    raw = bytearray(WHOLE)
    for place, new in cuts:
        raw[place : place + len(new)] = new
    folder = tmp_path_factory.mktemp("zips")
    for number, held in enumerate((bytes(raw), bytes(raw[:end]))):
        found = find(folder / str(number), hw1=held)
        assert found and all(one.problem or one.path.is_file() for one in found)
        written = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
        assert {path.parts[1] for path in written} <= {"in", "unpacked"}
