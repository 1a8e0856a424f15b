"""What padding costs a list of prompts, and what to do."""

import pytest

from prepack_lab.measuring.calibration import Calibration
from prepack_lab.measuring.inspection import inspect_lengths
from prepack_lab.methods import DATASET_METHODS
from prepack_lab.models.loading import load_config

LLAMA = load_config("tiny-llama")


def test_an_inspection_says_what_to_do():
    mixed = inspect_lengths([500, *[20] * 15] * 2, LLAMA)
    assert mixed.waste == pytest.approx(1 - (800 * 2) / (500 * 32))
    assert mixed.gain("full_batching") == 1 and mixed.gain("padding_free") > 5
    assert mixed.best == "padding_free" and "padding_free is predicted to be" in mixed.advice
    assert len(mixed.table().rows) == len(DATASET_METHODS)
    equal = inspect_lengths([50] * 32, LLAMA, calibration=Calibration(0.0, 1e-12, 0.0, "a machine"))
    assert "Nothing to win here" in equal.advice
    with pytest.raises(ValueError, match="no prompts to inspect"):
        inspect_lengths([], LLAMA)
