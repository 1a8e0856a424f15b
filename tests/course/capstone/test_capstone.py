"""The capstone: what is right passes in any form, and what is wrong is found in the stage that is wrong."""

import inspect

import pytest

import prepack_lab as lab
from prepack_lab.course import capstone
from prepack_lab.course.capstone import checking, pages, reference
from prepack_lab.course.capstone.stages import PACKED, STAGES, inputs

PROMPTS = lab.random_prompts((14, 9, 1, 20, 6, 3), vocab_size=200)


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def tiny():
    return lab.load_model("tiny-llama", device="cpu")[0]


def written(*changes, text=pages.SOLUTION):
    """The reference with changes (old text, new text), as a learner's cell makes it."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    namespace = {}
    exec(text, namespace)
    return namespace["prepack"]


PLANTED = {
    "one prompt a row": (
        "pack_prompts",
        "would fit into one of 4",
        ("    return bins\n", "    return [[prompt] for prompt in range(len(lengths))]\n"),
    ),
    "bins too full": ("pack_prompts", "its capacity is 2", ("append(capacity)", "append(2 * capacity)")),
    "lengths in the bins": ("pack_prompts", "These are lengths", ("append(prompt)", "append(lengths[prompt])")),
    "first tokens by row": (
        "lay_out",
        "order of the rows",
        (
            "return input_ids, segment_ids, first_token",
            "return input_ids, segment_ids, first_token[[prompt for members in bins for prompt in members]]",
        ),
    ),
    "prompts of a row counted anew": (
        "lay_out",
        "count the prompts of each row anew",
        ("segment_ids[row, slot:end] = prompt", "segment_ids[row, slot:end] = members.index(prompt)"),
    ),
    "tokens of the wrong row": (
        "lay_out",
        "input_ids[0, 0]",
        ("input_ids[row, slot:end]", "input_ids[row - 1, slot:end]"),
    ),
    "no restart": (
        "restart_positions",
        "run on through the row",
        ("return (slots - first_token[segment_ids, 1]).clamp(min=0)", "return slots.expand_as(segment_ids)"),
    ),
    "positions from 1": (
        "restart_positions",
        "is at position 0",
        (".clamp(min=0)\n\n\ndef packed", " + 1\n\n\ndef packed"),
    ),
    "causal only": (
        "packed_mask",
        "the causal mask alone",
        ("same_prompt & earlier", "torch.ones_like(same_prompt) & earlier"),
    ),
    "a leak from later tokens": ("packed_mask", "looks both ways", (".tril()", "")),
    "padding attended": (
        "packed_mask",
        "shows padding to tokens",
        ("same_prompt & earlier, 0)", "(same_prompt & earlier) | (segment_ids < 0)[:, None, None], 0)"),
    ),
    "ones and zeros": (
        "packed_mask",
        "the mask holds 1",
        ("hidden.masked_fill(same_prompt & earlier, 0)", "(same_prompt & earlier).to(dtype)"),
    ),
    "a mask without heads": ("packed_mask", "[R, 1, W, W]", ("& earlier, 0)", "& earlier, 0)[:, 0]")),
    "mask forgotten": (
        "forward",
        "without the mask.",
        ("model(input_ids, mask, position", "model(input_ids, None, position"),
    ),
    "positions forgotten": ("forward", "without position_ids.", ("mask, position_ids, cache,", "mask, None, cache,")),
    "cache forgotten": (
        "forward",
        "the cache 0",
        ("position_ids, cache, use_cache=True", "position_ids, DynamicCache()"),
    ),
    "logits at the end of the row": ("last_logits", "at the end of each row", ("slot + lengths - 1]", "-1]")),
    "logits one slot early": ("last_logits", "one slot too early", ("slot + lengths - 1]", "slot + lengths - 2]")),
    "logits as if every prompt began its row": (
        "last_logits",
        "began its row",
        ("slot + lengths - 1]", "lengths - 1]"),
    ),
    "logits by row": (
        "last_logits",
        "order of the rows",
        (
            "first_token.unbind(1)\n",
            "first_token.unbind(1)\n    order = (row * 100 + slot).argsort()\n"
            "    row, slot, lengths = row[order], slot[order], lengths[order]\n",
        ),
    ),
    "cache aligned at the left": (
        "unpack",
        "aligned at the left",
        (
            "for held in (layer.keys, layer.values))",
            "for held in (layer.keys, layer.values))\n        keys, values = ("
            "torch.stack([row.roll(int(n), 1) for row, n in zip(held, lengths)]) for held in (keys, values))",
        ),
    ),
    "cache one slot late": (
        "unpack",
        "one slot late",
        ("first_token[:, 1:] + place)", "first_token[:, 1:] + place + 1).clamp(max=cache.get_seq_length() - 1)"),
    ),
    "cache of the wrong row": (
        "unpack",
        "all come from row 0",
        ("first_token[:, :1].expand", "(0 * first_token)[:, :1].expand"),
    ),
    "keys as values": ("unpack", "keys once more", ("(layer.keys, layer.values)", "(layer.keys, layer.keys)")),
    "decoded at the longest prompt's position": (
        "decode_step",
        "position after the longest prompt",
        ("lengths[:, None], cache,", "torch.full_like(lengths, cache.get_seq_length())[:, None], cache,"),
    ),
    "decoded one position early": (
        "decode_step",
        "one too small",
        ("lengths[:, None], cache,", "lengths[:, None] - 1, cache,"),
    ),
    "no mask at decode": ("decode_step", "look at padding", ("(place >= 0).long()", "None")),
    "no mask and no positions at decode": (
        "decode_step",
        "without a mask, and with the position",
        ("(place >= 0).long(), lengths[:, None]", "None, None"),
    ),
    "end ignored": ("decode", "go on after their end", ("if end in tokens else", "if False else")),
    "end left out": ("decode", "the end is left out", ("tokens.index(end) + 1]", "tokens.index(end)]")),
    "one token too many": ("decode", "one token too many", ("range(max_new_tokens - 1)", "range(max_new_tokens)")),
    "first token left out": ("decode", "first token is missing", ("torch.stack(chosen,", "torch.stack(chosen[1:],")),
    "lengths that stay": ("decode", "the lengths don't grow", ("lengths + step)", "lengths)")),
    "order of the prompts forgotten": (
        "lay_out",
        "Every stage is right, but `prepack` gives `lay_out` another `prompts`",
        (
            "    input_ids, segment_ids, first_token = lay_out(prompts,",
            "    prompts = sorted(prompts, key=len)\n    input_ids, segment_ids, first_token = lay_out(prompts,",
        ),
    ),
    "lengths of the rows": (
        "last_logits",
        "another `lengths`",
        ("lengths = torch.tensor(lengths)\n", "lengths = (segment_ids >= 0).sum(1)\n"),
    ),
    "a cache that was not unpacked": (
        "unpack",
        "`prepack` does not call",
        ("unpack(cache, first_token, lengths)\n    return", "cache\n    return"),
    ),
}
"""Mistakes: the stage that is named, words of the diagnosis, and the change of the reference that makes it."""


@pytest.mark.parametrize(("stage", "words", "change"), PLANTED.values(), ids=PLANTED.keys())
def test_a_mistake_is_found_in_its_stage(stage, words, change, tiny):
    verdict = capstone.check(written(change), tiny, PROMPTS)
    assert not verdict.solved
    assert words in verdict.words, verdict.words
    named = next(line for line in verdict.words.splitlines() if "`" in line)
    assert f"`{stage}`" in named, verdict.words


RIGHT = {
    "as it is": (),
    "tuples": (("return bins\n", "return tuple(map(tuple, bins))\n"),),
    "another packer": (
        ("bins[place]", "bins[fits[-1] if fits else -1]"),
        ("free[place]", "free[fits[-1] if fits else -1]"),
    ),
    "wider rows": (("pack_prompts(lengths, max(lengths))", "pack_prompts(lengths, 2 * max(lengths))"),),
    "a boolean mask, as torch's attention takes it": (
        ("hidden.masked_fill(same_prompt & earlier, 0)", "same_prompt & earlier"),
    ),
    "infinity where padding sees itself": (("torch.finfo(dtype).min,", "-torch.inf,"),),
    "padding like prompt 0, which nobody sees": (("torch.full((len(bins), W), -1)", "torch.full((len(bins), W), 0)"),),
    "int32": (("[:, None]  # [B, L]", "[:, None].int()  # [B, L]"),),
    "tokens as tensors": (
        (
            "return [tokens[: tokens.index(end) + 1] if end in tokens else tokens for tokens in texts]",
            "return [torch.tensor(tokens[: tokens.index(end) + 1] if end in tokens else tokens) for tokens in texts]",
        ),
    ),
    "logits only where they are read": (
        ("use_cache=True).logits, cache", "use_cache=True, logits_to_keep=last).logits, cache"),
        (
            "def forward(model, input_ids, mask, position_ids)",
            "def forward(model, input_ids, mask, position_ids, last)",
        ),
        (
            "forward(model, input_ids, mask, position_ids)\n    lengths",
            "forward(model, input_ids, mask, position_ids, first_token[:, 1] + torch.tensor(lengths) - 1)\n    lengths",
        ),
        (
            "last_logits(logits, first_token, lengths), unpack",
            "logits[first_token[:, 0], torch.arange(len(prompts))], unpack",
        ),
    ),
}
"""Other forms of a right answer, as changes of the reference."""


@pytest.mark.parametrize("changes", RIGHT.values(), ids=RIGHT.keys())
def test_what_is_right_passes_in_any_form(changes, tiny):
    verdict = capstone.check(written(*changes), tiny, PROMPTS)
    assert verdict.solved, verdict.words
    assert "All 6 prompts" in verdict.words and "full batching" in verdict.words


def test_stages_may_have_other_names(tiny):
    """Only the whole is asked for: here no function has the name of the stub."""
    names = [(f"{stage.name}(", f"my_{stage.name}(") for stage in STAGES]
    assert capstone.check(written(*names), tiny, PROMPTS).solved
    verdict = capstone.check(written(*names, ("slot + lengths - 1", "slot + lengths - 2")), tiny, PROMPTS)
    assert not verdict.solved and "no function `pack_prompts`" in verdict.words
    assert "The logits after prompt 0 are off by" in verdict.words


@pytest.mark.parametrize("stage", [*(stage.name for stage in STAGES), "prepack"])
def test_a_stub_is_open_and_never_wrong(stage, tiny):
    body = inspect.getsource(getattr(reference, stage)).split('"""')[2].rstrip()
    verdict = capstone.check(written((body, "\n    return ...")), tiny, PROMPTS)
    assert not verdict.solved and f"`{stage}` is still open" in verdict.words
    verdict = capstone.check(written((body, "\n    pass")), tiny, PROMPTS)
    assert not verdict.solved and f"`{stage}` is still open" in verdict.words


def test_the_untouched_stub_is_open(tiny):
    verdict = capstone.check(written(text=pages.stub()), tiny, PROMPTS)
    assert verdict.words == "`pack_prompts` is still open: fill it in, and end it with return."
    verdict = capstone.race(written(text=pages.stub()), tiny, PROMPTS)
    assert not verdict.solved and "let `capstone.check` pass first" in verdict.words


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("raise KeyError('mine')", "it raised KeyError: 'mine'"),
        ("exit()", "exit()"),
        ("return object()", ""),
        ("return 'text', 'text'", ""),
        ("return torch.tensor([1.0]), DynamicCache()", ""),
    ],
)
def test_whatever_a_stage_does_has_an_answer_that_names_it(stage, does, said, tiny):
    body = inspect.getsource(stage.right).split('"""')[2]
    verdict = capstone.check(written((body, f"\n    {does}\n")), tiny, PROMPTS)
    named = next(line for line in verdict.words.splitlines() if "`" in line)
    assert not verdict.solved and f"`{stage.name}`" in named and said in verdict.words


def test_a_loop_that_never_ends_is_stopped(tiny, monkeypatch):
    monkeypatch.setattr(checking, "STAGE_SECONDS", 0.3)
    verdict = capstone.check(
        written(("for step in range(max_new_tokens - 1):", "while True:\n        step = 0")), tiny, PROMPTS
    )
    assert "`decode`" in verdict.words and "loop that never ends" in verdict.words


def test_what_is_no_function_or_not_packed_or_too_coarse_is_named(tiny):
    assert "This is a int" in capstone.check(7, tiny, PROMPTS).words
    half = lab.load_model("tiny-llama", dtype="bfloat16", device="cpu")[0]
    assert "float32" in capstone.check(reference.prepack, half, PROMPTS).words
    one_by_one = """
from prepack_lab.course.capstone.stages import run_alone
def prepack(model, prompts, max_new_tokens):
    return run_alone(model, prompts, max_new_tokens, model.config.eos_token_id)
"""
    assert "6 prompts take 6 forward passes" in capstone.check(written(text=one_by_one), tiny, PROMPTS).words
    padded = written(("bins, free = [], []", "return [[prompt] for prompt in range(len(lengths))]"))
    assert "would fit into one" in capstone.check(padded, tiny, PROMPTS).words


def test_a_mistake_that_only_the_learners_model_shows_is_found(tiny):
    """Positions are cut at 15, which the small model's prompts never reach."""
    wrong = written(("lengths[:, None], cache", "lengths[:, None].clamp(max=20), cache"))
    verdict = capstone.check(wrong, tiny, lab.random_prompts((60, 30, 20), vocab_size=200), 12)
    assert not verdict.solved and "this one does not" in verdict.words


def test_every_stage_is_tried_on_what_the_one_before_returns():
    for lengths, bins in PACKED:
        one = inputs(lengths, bins)
        assert one.logits.shape[0] == len(lengths) == len(one.own.layers[0].keys)
    assert any(one.end in text for text in reference.decode(one.model, one.own, one.logits, one.counts, 8, -1))


def test_a_race_shows_both_times(tiny):
    verdict = capstone.race(reference.prepack, tiny, PROMPTS, repeats=2)
    assert verdict.words.count(" ms (half of the runs ") == 2 and "2 times in turn" in verdict.words
    assert "Only what is right" in capstone.race(written(("lengths - 1]", "lengths - 2]")), tiny, PROMPTS).words


def test_the_stub_has_the_names_and_docstrings_of_the_solution():
    stub = {}
    exec(pages.stub(), stub)
    for stage in (*(stage.right for stage in STAGES), reference.prepack):
        assert inspect.signature(stub[stage.__name__]) == inspect.signature(stage)
        assert stub[stage.__name__].__doc__ == stage.__doc__ and stage.__doc__.endswith(".")
        assert capstone.solution(stage.__name__).text == inspect.getsource(stage)
    lines = [line for line in pages.SOLUTION.splitlines() if line.strip() and '"""' not in line]
    assert len(lines) <= 70
    with pytest.raises(ValueError, match="no stage 'mask'; there are: pack_prompts"):
        capstone.solution("mask")


@pytest.mark.slow
def test_the_real_model(smollm2):
    model, tokenizer = smollm2
    prompts = lab.tokenize(tokenizer, ["Once upon a time, in a village", "Water boils at", "To be or not to be,"])
    assert capstone.check(reference.prepack, model, prompts, 6).solved
    wrong = written(("(place >= 0).long()", "None"))
    assert "`decode_step`" in capstone.check(wrong, model, prompts, 6).words
