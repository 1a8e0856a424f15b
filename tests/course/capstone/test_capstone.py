"""The capstone: what is right passes in any form, and what is wrong is found in the stage that is wrong."""

import inspect

import pytest
import torch

import prepack_lab as lab
from prepack_lab.course import capstone
from prepack_lab.course.capstone import checking, pages, reference
from prepack_lab.course.capstone.stages import PACKED, STAGES, fresh, inputs
from prepack_lab.course.exercises.catalogue import exercise

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
    "padding is prompt 0": (
        "lay_out",
        "padding counts as prompt 0",
        ("torch.full((len(bins), W), -1)", "torch.zeros(len(bins), W, dtype=torch.long)"),
    ),
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
    "a boolean mask": (
        "packed_mask",
        "What comes out is right all the same",
        ("hidden.masked_fill(same_prompt & earlier, 0)", "same_prompt & earlier"),
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


@pytest.mark.long
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
    "infinity where padding sees itself": (("torch.finfo(dtype).min,", "-torch.inf,"),),
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


LOOPS = """
import numpy as np
import torch
from transformers import DynamicCache

def pack_prompts(lengths, capacity):
    bins = []
    for prompt in np.argsort(lengths)[::-1]:
        for members in bins:
            if sum(lengths[one] for one in members) + lengths[prompt] <= capacity:
                members.append(prompt)
                break
        else:
            bins.append([prompt])
    return bins

def lay_out(prompts, bins):
    R, W = len(bins), max(sum(len(prompts[one]) for one in members) for members in bins)
    ids, segments, first = np.full((R, W), 7), np.full((R, W), -1), [None] * len(prompts)
    for row, members in enumerate(bins):
        slot = 0
        for one in members:
            first[one] = (row, slot)
            for token in prompts[one]:
                ids[row, slot], segments[row, slot] = token, one
                slot += 1
    return torch.from_numpy(ids), torch.from_numpy(segments).int(), torch.tensor(first, dtype=torch.int32)

def restart_positions(segment_ids, first_token):
    positions = torch.full(segment_ids.shape, 99)
    for row in range(len(segment_ids)):
        for slot, segment in enumerate(segment_ids[row].tolist()):
            if segment >= 0:
                positions[row, slot] = slot - int(first_token[segment, 1])
    return positions

def packed_mask(segment_ids, dtype):
    R, W = segment_ids.shape
    mask = torch.full((R, 1, W, W), -3e38, dtype=dtype)
    for row in range(R):
        for query in range(W):
            for key in range(query + 1):
                if segment_ids[row, query] == segment_ids[row, key]:
                    mask[row, 0, query, key] = 0
    return mask

def forward(model, input_ids, mask, position_ids):
    out = model(input_ids=input_ids, attention_mask=mask, position_ids=position_ids, use_cache=True)
    return [out.logits, out[1]]

def last_logits(logits, first_token, lengths):
    return torch.stack([logits[row, slot + n - 1] for (row, slot), n in zip(first_token.tolist(), lengths.tolist())])

def unpack(cache, first_token, lengths):
    longest = max(lengths)
    for layer in cache.layers:
        for name in ("keys", "values"):
            held = getattr(layer, name)
            own = torch.zeros(len(lengths), held.shape[1], longest, held.shape[3])
            for prompt, ((row, slot), n) in enumerate(zip(first_token.tolist(), lengths.tolist())):
                own[prompt, :, longest - n :] = held[row, :, slot : slot + n]
            setattr(layer, name, own)
    return cache

def decode_step(model, cache, tokens, lengths):
    slots = cache.get_seq_length() + 1
    mask = torch.tensor([[0] * (slots - 1 - n) + [1] * (n + 1) for n in lengths.tolist()])
    return model(tokens.view(-1, 1), mask, lengths.view(-1, 1), cache, use_cache=True).logits.squeeze(1)

def decode(model, cache, logits, lengths, max_new_tokens, end):
    texts, done = [[] for _ in lengths], [False] * len(lengths)
    while True:
        tokens = logits.argmax(-1)
        for prompt, token in enumerate(tokens):
            if not done[prompt]:
                texts[prompt].append(token)
                done[prompt] = token == end or len(texts[prompt]) == max_new_tokens
        if all(done):
            return texts
        logits = decode_step(model, cache, tokens, lengths)
        lengths = lengths + 1

@torch.inference_mode()
def prepack(model, prompts, max_new_tokens):
    lengths = torch.tensor([len(prompt) for prompt in prompts])
    ids, segments, first = lay_out(prompts, pack_prompts(lengths.tolist(), int(lengths.max())))
    mask = packed_mask(segments, torch.float32)
    logits, cache = forward(model, ids, mask, position_ids=restart_positions(segments, first))
    logits = last_logits(logits, first, lengths)
    cache = unpack(cache, first, lengths)
    return decode(model, cache, logits, lengths, max_new_tokens, model.config.eos_token_id), logits
"""


def test_loops_and_arrays_are_as_good(tiny):
    verdict = capstone.check(written(text=LOOPS), tiny, PROMPTS)
    assert verdict.solved, verdict.words


def test_what_earlier_lessons_ask_for_makes_the_stages(tiny):
    """A learner's packer, mask, logits and unpacked keys: here the solutions of their exercises."""
    prepack = written()
    keys = {"pack": "02-ffd", "mask": "03-mask", "last": "04-last", "unpack": "04-unpack"}
    own = {name: exercise(key).reference for name, key in keys.items()}

    def last_logits(logits, first_token, lengths):
        return own["last"](logits, torch.stack([first_token[:, 0], first_token[:, 1] + lengths - 1], 1))

    def unpack(cache, first_token, lengths):
        for layer in cache.layers:
            layer.keys, layer.values = (
                own["unpack"](held, first_token, lengths) for held in (layer.keys, layer.values)
            )
        return cache

    stages = {"pack_prompts": own["pack"], "packed_mask": own["mask"], "last_logits": last_logits, "unpack": unpack}
    inspect.unwrap(prepack).__globals__.update(stages)
    assert capstone.check(prepack, tiny, PROMPTS).solved
    assert all(checking._tried(stage, stages[stage.name]) is None for stage in STAGES if stage.name in stages)


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
    assert verdict.open and not verdict.solved and f"`{stage}` is still open" in verdict.words
    verdict = capstone.check(written((body, "\n    pass")), tiny, PROMPTS)
    assert verdict.open and not verdict.solved and f"`{stage}` is still open" in verdict.words


def test_the_untouched_stub_is_open(tiny):
    verdict = capstone.check(written(text=pages.stub()), tiny, PROMPTS)
    assert verdict.open and verdict.words == "`pack_prompts` is still open: fill it in, and end it with return."
    verdict = capstone.race(written(text=pages.stub()), tiny, PROMPTS)
    assert not verdict.solved and "let `capstone.check` pass first" in verdict.words


@pytest.mark.long
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


@pytest.mark.long
def test_a_loop_that_never_ends_is_stopped(tiny, monkeypatch):
    monkeypatch.setattr(checking, "STAGE_SECONDS", 0.3)
    verdict = capstone.check(
        written(("for step in range(max_new_tokens - 1):", "while True:\n        step = 0")), tiny, PROMPTS
    )
    assert "`decode`" in verdict.words and "loop that never ends" in verdict.words


def test_what_is_no_function_or_not_packed_or_too_coarse_is_named(tiny):
    assert "this is of type int" in capstone.check(7, tiny, PROMPTS).words
    half = lab.load_model("tiny-llama", dtype="bfloat16", device="cpu")[0]
    assert "float32" in capstone.check(reference.prepack, half, PROMPTS).words
    one_by_one = """
from prepack_lab.course.capstone.stages import run_alone
def prepack(model, prompts, max_new_tokens):
    return run_alone(model, prompts, max_new_tokens, model.config.eos_token_id)
"""
    assert "6 prompts take 6 forward passes" in capstone.check(written(text=one_by_one), tiny, PROMPTS).words
    padded = written(("pack_prompts(lengths, max(lengths))", "[[prompt] for prompt in range(len(prompts))]"))
    words = capstone.check(padded, tiny, PROMPTS).words
    assert "`prepack` does not call `pack_prompts`" in words and "72 slots" in words


def test_a_mistake_that_only_the_learners_model_shows_is_found(tiny):
    """Positions are cut at 15, which the small model's prompts never reach."""
    wrong = written(("lengths[:, None], cache", "lengths[:, None].clamp(max=20), cache"))
    verdict = capstone.check(wrong, tiny, lab.random_prompts((60, 30, 20), vocab_size=200), 12)
    assert not verdict.solved and "this one does not" in verdict.words


@pytest.mark.long
def test_every_stage_is_tried_on_what_the_one_before_returns():
    for lengths, bins in PACKED:
        one = inputs(lengths, bins)
        assert one.logits.shape[0] == len(lengths) == len(one.own.layers[0].keys)
    assert any(
        one.end in text for text in reference.decode(*fresh((one.model, one.own, one.logits, one.counts, 6, -1)))
    )


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
