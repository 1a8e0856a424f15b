"""Widgets as objects: a control is moved, the figure and the sentence follow. In a browser: browser/."""

import pytest

import prepack_lab as lab
from prepack_lab.figures.rows import row_bars


@pytest.fixture
def explorer():
    return lab.widgets.PaddingExplorer()


def drawn_prompts(explorer):
    return [len(explorer.figure.data[trace].x) for trace in (1, 3)]


def test_it_draws_the_batch_that_the_controls_choose(explorer):
    explorer.batch_size.value = 40
    explorer.workload.menu.value = "samsum"
    assert drawn_prompts(explorer) == [40, 40]
    for packing, first in zip(explorer.packings().values(), (0, 2), strict=True):
        for trace, bars in zip(explorer.figure.data[first : first + 2], row_bars(packing), strict=True):
            assert list(trace.x) == bars["x"]
            assert list(trace.base) == bars["base"]


def test_the_sentence_and_the_table_say_what_the_figure_shows(explorer):
    padded, packed = explorer.packings().values()
    assert f"Padded: {padded.slots:,} slots in 16 rows" in explorer.status.value
    assert f"Packed: {packed.slots:,} slots in {packed.num_bins} rows" in explorer.status.value
    assert f"k/r = {16 / packed.num_bins:.1f}" in explorer.status.value
    assert f"{padded.padding_share:.0%} of {padded.slots:,} slots" in explorer.figure.layout.title.text
    assert explorer.twin.value.count("<tr>") == 1 + 16 + packed.num_bins
    assert f"{padded.padding_share:.0%} of {padded.slots:,} slots" in explorer.twin.value


def test_a_figure_of_another_shape_replaces_the_old_one(explorer):
    before = [trace.uid for trace in explorer.figure.data]
    explorer.batch_size.value = 3
    assert [trace.uid for trace in explorer.figure.data] == before, "changed in place: no flicker"
    assert len(explorer.figure.layout.annotations) == 2


def test_a_larger_batch_keeps_the_prompts_of_the_smaller_one(explorer):
    small = explorer.batch()
    explorer.batch_size.value = 17
    assert explorer.batch()[:16] == small


def test_other_prompts_can_be_drawn(explorer):
    before, status = explorer.batch(), explorer.status.value
    explorer.workload.again.click()
    assert explorer.workload.seed.value == 1
    assert explorer.batch() != before
    assert explorer.status.value != status


def test_it_takes_the_users_own_lengths():
    explorer = lab.widgets.PaddingExplorer([3, 4, 9, 1])
    assert explorer.batch() == [3, 4, 9, 1]
    explorer.batch_size.value = 2
    assert explorer.batch() == [3, 4]
    explorer.workload.menu.value = "mmlu"
    assert explorer.batch() == lab.load_profile("mmlu").sample(64)[:2]
    with pytest.raises(ValueError, match="prompt 1 is 0"):
        lab.widgets.PaddingExplorer([3, 0])


def test_an_error_in_a_callback_is_shown_in_words(explorer, monkeypatch):
    def fail():
        raise RuntimeError("<the disk> is full")

    monkeypatch.setattr(explorer, "packings", fail)
    explorer.batch_size.value = 3
    assert "can't be drawn" in explorer.status.value
    assert "RuntimeError: &lt;the disk&gt; is full" in explorer.status.value


def test_texts_can_be_pasted(explorer):
    explorer.workload.menu.value = "pasted"
    assert "Paste your prompts into the box below" in explorer.status.value
    assert explorer.figure.data == () and explorer.twin.value == "", "no stale picture"
    explorer.workload.text.value = "A line of some forty letters, more or less\n\nHi\n"
    assert explorer.batch() == [10, 1]
    assert "2 prompts, 11 tokens" in explorer.status.value
    shown = [control.layout.display for control in explorer.workload.controls]
    assert shown == [None, "none", "none", None]


def test_the_same_seed_draws_the_same_prompts(explorer):
    first = explorer.batch()
    explorer.workload.seed.value = 7
    assert explorer.batch() != first
    explorer.workload.seed.value = 0
    assert explorer.batch() == first
