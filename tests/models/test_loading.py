"""Loading models: the ones that need neither the wheel nor a network. The real one is in models/."""

import time

import pytest
import torch

import prepack_lab as lab
from prepack_lab.models import loading
from prepack_lab.models.embedded_model import ModelUnavailableError


@pytest.mark.parametrize("name", ["tiny-llama", "tiny-gpt2"])
def test_tiny_models_are_the_same_every_time_and_leave_the_random_state_alone(name):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first, second = (lab.load_model(name, device="cpu")[0] for _ in range(2))
    assert torch.equal(torch.rand(3), expected)
    for ours, theirs in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert not first.training


@pytest.mark.parametrize("text", ["plain", "naïve café, 漢字, 🙂", "two\nlines\tand a tab", " spaces  "])
def test_the_byte_tokenizer_round_trips(text):
    model, tokenizer = lab.load_model("tiny-llama")
    ids = tokenizer(text)["input_ids"]
    assert len(ids) == len(text.encode())
    assert tokenizer.decode(ids) == text
    assert max(ids) < model.config.vocab_size


@pytest.mark.parametrize(
    ("name", "billions"),
    [("sheared-llama-1.3b", 1.345), ("llama-2-7b", 6.738), ("mistral-7b", 7.242), ("llama-2-13b", 13.016)],
)
def test_presets_have_the_published_number_of_parameters(name, billions):
    config = loading.RANDOM_MODELS[name]
    with torch.device("meta"):
        model = loading.AutoModelForCausalLM.from_config(config)
    assert model.num_parameters() / 1e9 == pytest.approx(billions, abs=0.001)


def test_a_preset_that_memory_cannot_hold_is_refused(monkeypatch):
    monkeypatch.setattr(loading, "free_memory", lambda device: 4e9)
    with pytest.raises(ModelUnavailableError, match=r"llama-2-7b in float32 takes 27.0 GB .* cpu has 4.0 GB free"):
        lab.load_model("llama-2-7b", dtype="float32", device="cpu")


@pytest.fixture
def no_network(monkeypatch):
    import socket

    def refuse(*args, **kwargs):
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_a_hub_id_without_network_fails_in_seconds_with_the_way_out(no_network, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    start = time.monotonic()
    with pytest.raises(ModelUnavailableError, match=r"hub can't be reached.*downloaded model.*smollm2-135m"):
        lab.load_model("someone/some-model")
    assert time.monotonic() - start < 30


def test_a_folder_that_is_not_there_is_named():
    for name in ("./no/such/folder", "/no/such/folder", "~/no-such-folder-here"):
        with pytest.raises(ModelUnavailableError, match="there is no folder"):
            lab.load_model(name)


def test_a_local_folder_loads(tmp_path, tiny_model):
    tokenizer = lab.load_model("tiny-llama")[1]
    tiny_model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    model, tokenizer = lab.load_model(str(tmp_path), dtype="bfloat16", device="cpu")
    assert model.dtype == torch.bfloat16
    assert tokenizer.decode(tokenizer("hello")["input_ids"]) == "hello"
    assert len(lab.generate(model, [[1, 2, 3]], max_new_tokens=2)[0]) <= 2


def test_a_folder_without_a_model_says_so(tmp_path):
    with pytest.raises(ModelUnavailableError, match="can't be loaded"):
        lab.load_model(str(tmp_path))


def test_several_devices_are_refused():
    with pytest.raises(ValueError, match=r"device_map is not supported.*pass device"):
        lab.load_model("tiny-llama", device_map="auto")


def test_the_hub_is_asked_as_the_options_say(monkeypatch):
    asked = []

    def model_info(name, **how):
        asked.append(how)
        raise OSError("no network")

    def cached(name, file, **how):
        asked.append(how)

    monkeypatch.setattr("huggingface_hub.model_info", model_info)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", cached)
    with pytest.raises(ModelUnavailableError, match="can't be reached"):
        lab.load_model("me/private", device="cpu", token="mine", revision="v2", cache_dir="there")
    assert asked == [{"timeout": 5, "revision": "v2", "token": "mine"}, {"revision": "v2", "cache_dir": "there"}]
    assert loading._reach_hub("me/private", {"local_files_only": True}) == {} and len(asked) == 2
