"""Tables about masks: a leak is seen, and so is a boolean mask that is added."""

import prepack_lab as lab
from prepack_lab.course.reports import leak_table, mask_kinds_table

TEXTS = ["one two three four", "five", "six seven"]


def test_the_first_prompt_never_changes_and_others_do_without_the_mask():
    model, tokenizer = lab.load_model("tiny-llama", device="cpu")
    rows = leak_table(model, tokenizer, TEXTS).rows
    assert [row[2] == row[3] for row in rows] == [True] * 3, "the packed mask changes nothing"
    assert rows[0][5] == "yes"
    assert "no" in [row[5] for row in rows[1:]]


def test_only_a_boolean_mask_under_eager_attention_is_wrong():
    model, tokenizer = lab.load_model("tiny-llama", device="cpu")
    prompts = lab.tokenize(tokenizer, TEXTS)
    batch = lab.PackedBatch.from_prompts(prompts, lab.pack([len(prompt) for prompt in prompts]))
    before = model.config._attn_implementation
    verdicts = {row[:2]: row[3][0] for row in mask_kinds_table(model, batch, prompts).rows}
    assert verdicts == {
        ("additive", "sdpa"): "✓",
        ("boolean", "sdpa"): "✓",
        ("additive", "eager"): "✓",
        ("boolean", "eager"): "✗",
    }
    assert model.config._attn_implementation == before
