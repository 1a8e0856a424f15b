"""Tensors that see how they are used: reads are counted, and large results are noticed."""

from copy import deepcopy

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from prepack_lab.course.inside.watched import FewReads, NotAsAskedError, SmallResults, Watched

ROWS = torch.arange(6.0).view(2, 3)


def test_a_FewReads_are_allowed_of_each_copy():
    rows = Watched.of(ROWS, FewReads("rows", 2, "Take them at once."))
    for _ in range(2):
        copy = deepcopy(rows)
        assert copy[0].tolist() == [0, 1, 2] and copy.gather(0, torch.zeros(1, 3).long()).tolist() == [[0, 1, 2]]
        with pytest.raises(NotAsAskedError, match=r"^`rows` is read for the 3th time, .* a loop. Take them at once.$"):
            copy[1]
    assert [rows[0, 0].item() for _ in range(9)] == [0] * 9, "what was not copied is not watched"


def test_what_is_made_of_a_copy_is_watched_too():
    def copy():
        return deepcopy(Watched.of(ROWS, FewReads("rows", 0, "")))

    assert (copy() + 1).sum() == 21
    for read in (
        lambda: (copy() + 1)[0],
        lambda: (torch.ones(2, 3) + copy()).select(0, 1),
        lambda: copy().numpy()[0],
        lambda: copy().numpy()[:],
        lambda: copy().sort().values[0],
    ):
        with pytest.raises(NotAsAskedError):
            read()


def test_large_results_are_noticed():
    copy = deepcopy(Watched.of(ROWS, SmallResults(4, "Go on in parts.")))
    assert (copy @ torch.ones(3, 2)).tolist() == [[3, 3], [12, 12]]
    with pytest.raises(NotAsAskedError, match=r"^add makes 6 numbers at once. Go on in parts.$"):
        copy + 1


@pytest.mark.parametrize(("most", "noticed"), [(11, True), (12, False)])
def test_scores_inside_torchs_attention_count(most, noticed):
    query = deepcopy(Watched.of(torch.ones(3, 1), SmallResults(most, "")))
    if noticed:
        with pytest.raises(NotAsAskedError, match="scaled_dot_product_attention makes 12 numbers"):
            scaled_dot_product_attention(query, torch.ones(4, 1), torch.ones(4, 1))
    else:
        assert scaled_dot_product_attention(query, torch.ones(4, 1), torch.ones(4, 1)).shape == (3, 1)
