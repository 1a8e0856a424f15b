import pytest

import prepack_lab as lab
from prepack_lab.lengths import PAPER_WORKLOADS


@pytest.mark.parametrize("name", lab.list_profiles())
def test_every_profile_loads_and_names_its_source(name):
    profile = lab.load_profile(name)
    assert profile.name == name
    assert profile.source and profile.licence and profile.recipe
    assert profile.histogram.min() > 0
    assert (profile.histogram[1:, 0] > profile.histogram[:-1, 0]).all()
    assert profile.histogram[0, 0] <= profile.median <= profile.longest
    assert profile.count == profile.histogram[:, 1].sum()


def test_the_papers_workloads_come_first():
    assert tuple(lab.list_profiles()[:6]) == PAPER_WORKLOADS


def test_a_known_profile_has_its_recorded_figures():
    mmlu = lab.load_profile("mmlu")
    assert (mmlu.count, mmlu.median, mmlu.longest) == (14033, 28, 1130)
    assert mmlu.mean == pytest.approx(67.29, abs=0.01)


def test_a_sample_is_a_draw_of_recorded_lengths_and_repeats_with_its_seed():
    profile = lab.load_profile("samsum")
    drawn = profile.sample(200, seed=3)
    assert drawn == profile.sample(200, seed=3) != profile.sample(200, seed=4)
    assert set(drawn) <= set(profile.histogram[:, 0].tolist())
    assert all(type(length) is int for length in drawn)


def test_an_unknown_profile_and_an_empty_draw_are_refused():
    with pytest.raises(ValueError, match="no length profile 'nope'; there are: mmlu"):
        lab.load_profile("nope")
    with pytest.raises(ValueError, match="at least one"):
        lab.load_profile("mmlu").sample(0)
