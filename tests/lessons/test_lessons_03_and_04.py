"""What cells of lessons 03 and 04 measure, run here with a small model: the numbers that the text speaks of."""

import re

import pytest
import torch

import prepack_lab as lab
from prepack_lab.masks import may_see
from prepack_lab.models.zoo import small_model
from tests.lessons.sources import cells

MASKS, SAME = "03_masks_and_positions", "04_packed_equals_unpacked"
TEXTS = ["one two three four", "five", "six seven"]
ROUNDING = 1e-3


@pytest.fixture(scope="module")
def tiny():
    return lab.load_model("tiny-llama", device="cpu")


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def run(lesson, words, **names):
    """Run the only cell with these words, and return all names, its own and those given."""
    (source,) = (cell.source for cell in cells(lesson, "code") if words in cell.source)
    exec(source, names := {"torch": torch, "lab": lab, "may_see": may_see, "small_model": small_model, **names})
    return names


def shares(printed):
    """{first words of a line: the numbers in it that look like 5e-01}."""
    lines = [re.split(r"  +| off by", line)[0] for line in printed.splitlines()]
    numbers = [[float(one) for one in re.findall(r"\d+e[+-]\d\d", line)] for line in printed.splitlines()]
    return dict(zip(lines, numbers, strict=True))


def test_only_the_first_prompt_of_a_row_is_right_under_the_causal_mask(tiny, capsys):
    model, tokenizer = tiny
    prompts = lab.tokenize(tokenizer, TEXTS)
    row = lab.PackedBatch.from_prompts(prompts, lab.Packing.concatenated([*map(len, prompts)]))
    run(MASKS, '"causal mask only"', model=model, tokenizer=tokenizer, prompts=prompts, batch=row)
    off = shares(capsys.readouterr().out)
    assert [*off] == ["alone", "packed mask", "causal mask only"]
    assert off["alone"] == [0, 0, 0] and max(off["packed mask"]) < ROUNDING
    first, *later = off["causal mask only"]
    assert first < ROUNDING and min(later) > 100 * ROUNDING


def test_only_a_boolean_mask_under_eager_attention_is_wrong(capsys):
    names = run(MASKS, 'for attention in ("eager", "sdpa")', texts=TEXTS)
    off = [(line.split()[0], "bool" in line, float(line.split()[-1])) for line in capsys.readouterr().out.splitlines()]
    wrong = {(attention, boolean) for attention, boolean, share in off if share > ROUNDING}
    assert len(off) == 4 and wrong == {("eager", True)}
    assert names["tiny"].config._attn_implementation == "sdpa", "as it was, for the cells that follow"


def test_restarts_beside_a_cache_leak_and_without_one_do_not(tiny, capsys):
    run(SAME, "use_cache=False", tiny=tiny[0], six=lab.random_prompts((9, 4, 3, 5), vocab_size=200), off_by=spread)
    off = shares(capsys.readouterr().out)
    first, *later = off.pop("as it is")
    assert first < ROUNDING and min(later) > ROUNDING
    assert [*off] == ["use_cache=False", "lab.prefill"] and max(map(max, off.values())) < ROUNDING


def test_a_mask_of_ones_own_loses_the_window_for_prompts_longer_than_it(capsys):
    names = run(SAME, "MistralConfig", off_by=spread)
    assert names["windowed"].config.sliding_window == 6, "the text says so"
    off = shares(capsys.readouterr().out)
    *longer, shorter = off["packed mask"]
    assert min(longer) > ROUNDING > shorter
    assert max(off["lab.prefill"]) < ROUNDING


def test_every_family_is_exact_or_refused(capsys):
    run(SAME, "BloomConfig, Gemma2Config")
    said = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line[0] != " "}
    packed = {family: [m for m in ("prepacked", "padding_free") if m in line] for family, line in said.items()}
    both = ["prepacked", "padding_free"]
    assert packed == {"llama": both, "gemma2": both, "gpt2": both, "bloom": ["prepacked"], "mamba": []}


def test_what_is_off_is_a_share_of_the_spread_prompt_by_prompt():
    (source,) = (cell.source for cell in cells(SAME, "code") if "def off_by" in cell.source)
    exec(source[: source.index("\n\n\n")], names := {})
    theirs = torch.tensor([[0.0, 2.0], [0.0, 2.0]])
    assert names["off_by"](theirs + torch.tensor([[0.0, -1.0], [0.0, 0.0]]), theirs).tolist() == [
        pytest.approx(1 / theirs.std().item()),
        0,
    ]


def spread(ours, theirs):
    return (ours - theirs).abs().flatten(1).amax(1) / theirs.std()
