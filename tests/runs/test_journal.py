"""What was appended is found again, once and in order, whatever was cut off behind it."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prepack_lab.runs.journal import Finished, Journal, as_line, header

HEADER = {"asked": {"é": [1, None]}}
values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
records = st.dictionaries(st.text(), st.lists(values) | values, max_size=3)


@st.composite
def journals(draw):
    """Batches of records for several journals; every index is in one of them."""
    order = draw(st.permutations(range(draw(st.integers(1, 12)))))
    found = [{**draw(records), "index": index} for index in order]
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=4)))
    batches = [found[start:end] for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True)]
    return [(draw(st.integers(0, 2)), batch) for batch in batches]


@given(written=journals())
def test_what_was_appended_is_found_in_order(written):
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"out.part{number}") for number in range(3)]
        for number, batch in written:
            journal = Journal(paths[number], HEADER)  # anew for every batch: as after an interrupt
            journal.append([*map(as_line, batch)])
            journal.close()
        paths = [path for path in paths if path.exists()]
        finished = Finished(paths)
        expected = sorted((record for _, batch in written for record in batch), key=lambda record: record["index"])
        assert [json.loads(line) for line in finished.lines()] == expected
        assert len(finished) == len(expected)
        assert all(index in finished for index in range(len(expected))) and len(expected) not in finished
        assert finished.errors == sum("error" in record for record in expected)
        assert all(header(path) == HEADER for path in paths)


@pytest.mark.long
@given(written=journals(), data=st.data())
def test_a_cut_takes_only_the_batches_that_it_cuts(written, data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "out.part")
        journal, ends = Journal(path, HEADER), [(path.stat().st_size, 0)]
        for _, batch in written:
            journal.append([*map(as_line, batch)])
            ends.append((path.stat().st_size, ends[-1][1] + len(batch)))
        journal.close()
        cut = data.draw(st.integers(0, path.stat().st_size))
        path.write_bytes(path.read_bytes()[:cut])
        kept = max((count for end, count in ends if end <= cut), default=0)
        assert len(Finished([path])) == kept
        assert (header(path) is None) == (cut < ends[0][0])
        journal = Journal(path, HEADER)
        journal.append([as_line({"index": 99})])
        journal.close()
        assert header(path) == HEADER
        finished = Finished([path])
        assert len(finished) == kept + 1 and 99 in finished


def test_places_that_no_journal_holds_are_not_finished(tmp_path):
    journal = Journal(tmp_path / "part", HEADER)
    journal.append([as_line({"index": 2})])
    journal.close()
    finished = Finished([tmp_path / "part"])
    assert [index in finished for index in range(4)] == [False, False, True, False]


def test_a_damaged_journal_is_named(tmp_path):
    (tmp_path / "out.part").write_bytes(as_line(HEADER) + b'\n{"index": 1\n\n')
    with pytest.raises(ValueError, match=r"out\.part is damaged: .*index.* is not JSON; start anew with --fresh"):
        Finished([tmp_path / "out.part"])


def test_numbers_that_json_lacks_are_no_line():
    with pytest.raises(ValueError):
        as_line({"index": 1, "x": float("nan")})
    assert as_line({"id": "é"}) == '{"id": "é"}\n'.encode()
    assert as_line({"id": "\ud800"}) == b'{"id": "\\ud800"}\n'
