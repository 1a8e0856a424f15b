import numpy as np
import pytest

import prepack_lab as lab
from prepack_lab.sources.lengths import PAPER_WORKLOADS, list_profiles


@pytest.mark.parametrize("name", list_profiles())
def test_every_profile_loads_and_names_its_source(name):
    profile = lab.load_profile(name)
    assert profile.name == name
    assert profile.source and profile.licence and profile.recipe
    assert profile.histogram.min() > 0
    assert (profile.histogram[1:, 0] > profile.histogram[:-1, 0]).all()
    assert profile.histogram[0, 0] <= profile.median <= profile.longest
    assert profile.count == profile.histogram[:, 1].sum()


def test_the_papers_workloads_come_first():
    assert tuple(list_profiles()[:6]) == PAPER_WORKLOADS


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


def test_answers_are_drawn_as_recorded():
    profile = lab.load_profile("azure_conv")
    drawn = profile.sample_outputs(5000, seed=1)
    assert drawn == profile.sample_outputs(5000, seed=1) != profile.sample_outputs(5000, seed=2)
    assert set(drawn) <= set(profile.output_histogram[:, 0].tolist())
    assert profile.output_mean == pytest.approx(211.13, abs=0.01)
    assert np.mean(drawn) == pytest.approx(profile.output_mean, rel=0.05)


def test_the_draw_of_answers_does_not_follow_that_of_prompts():
    profile = lab.load_profile("azure_conv")
    together = np.corrcoef(profile.sample(2000, seed=3), profile.sample_outputs(2000, seed=3))
    assert abs(together[0, 1]) < 0.1, "one generator for both would give long prompts long answers"


def test_answers_that_were_not_recorded_are_refused():
    with pytest.raises(ValueError, match="no lengths of answers; these do: arxiv, azure_code, azure_conv"):
        lab.load_profile("mmlu").sample_outputs(3)
    with pytest.raises(ValueError, match="mmlu records no lengths"):
        _ = lab.load_profile("mmlu").output_mean
    with pytest.raises(ValueError, match="at least one"):
        lab.load_profile("azure_code").sample_outputs(0)
