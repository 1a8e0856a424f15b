"""Packed against alone, prompt by prompt; and five mistakes that it would find."""

import pytest

import prepack_lab as lab
from prepack_lab.course.broken_ways import CAUSES, COLOURS, symptoms
from prepack_lab.course.comparison import compare_with_alone

LENGTHS = (30, 16, 9, 20, 6, 3)
PROMPTS = [[*range(1, 1 + length)] for length in LENGTHS]
ROUNDING = 1e-4


def test_everything_equals_alone(tiny_model):
    apart = compare_with_alone(tiny_model, PROMPTS)
    assert [*apart] == ["logits", "hidden states", "keys", "values", "next step"]
    for name, errors in apart.items():
        assert len(errors) == len(PROMPTS) and max(errors) < ROUNDING, name


@pytest.mark.parametrize(
    ("colour", "wrong_logits", "wrong_decoding"),
    [
        ("amber", {1, 3}, set()),  # the others keep their place
        ("blue", set(), {2, 4, 5}),  # whoever does not begin at slot 0
        ("coral", {0, 1, 2, 3, 4, 5}, set()),
        ("denim", set(), {0, 1, 2, 3, 4, 5}),
        ("ebony", {2, 4, 5}, {2, 4, 5}),
    ],
)
def test_each_mistake_has_its_own_symptoms(colour, wrong_logits, wrong_decoding):
    assert lab.pack(LENGTHS).bins == ((0,), (3, 2), (1, 4, 5))
    model, _ = lab.load_model("tiny-llama", device="cpu")
    found = symptoms(model, PROMPTS, colour)
    assert {p for p, off in enumerate(found["logits"]) if off > 1e-3} == wrong_logits
    assert {p for p, off in enumerate(found["decoding"]) if off > 1e-3} == wrong_decoding
    assert len(COLOURS) == len(CAUSES)
