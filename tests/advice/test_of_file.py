"""What to do with a file: counted from the file, priced for the model and the machine, said in words and as JSON."""

import json
import shlex

import pytest
import torch

import prepack_lab as lab
from prepack_lab.advice import kept_calibration as keeping
from prepack_lab.advice import of_file
from prepack_lab.advice.of_file import advise
from prepack_lab.advice.shared_beginnings import BLOCK, SharedBeginnings
from prepack_lab.cli import main
from prepack_lab.measuring.calibration import Calibration
from prepack_lab.methods import DATASET_METHODS
from prepack_lab.models.loading import load_config, load_sizes
from tests.test_cli import parsed

RATES = Calibration(0.5, 1e-9, 2e-9, "this machine")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    lab.models.embedded_model.unpacked()
    kept = tmp_path / "cache"
    monkeypatch.setattr(keeping, "cache_folder", lambda: kept)
    return kept


@pytest.fixture
def write(tmp_path):
    def written(*lengths, name="mine.txt"):
        (tmp_path / name).write_text("\n".join("word " * (length - 1) + "word" for length in lengths))
        return str(tmp_path / name)

    return written


@pytest.mark.long
def test_unequal_prompts_are_worth_packing(write, capsys):
    assert main(["inspect", write(90, 3, 5, 8, 2, 4)]) == 0
    said = capsys.readouterr().out
    assert said.startswith(
        "mine.txt: 6 prompts of 2 to 90 tokens, 112 in all, counted by the tokenizer of smollm2-135m"
    )
    assert "Full batching spends 79% of its slots on padding. padding_free is predicted to be" in said
    assert "It computes 112 slots instead of 540, for 112 tokens." in said
    assert "(recorded " in said and "--calibrate measures this machine, once, in a minute." in said


@pytest.mark.long
def test_equal_prompts_are_not(write, capsys):
    assert main(["inspect", write(4, 4, 4, 4), "--at-least", "1.5"]) == 1
    assert main(["inspect", write(4, 4, 4, 4), "--model", "tiny-llama"]) == 1
    said = capsys.readouterr().out
    assert "Nothing to win here" in said and "--method full_batching" in said
    assert "No seconds are known for this model on this machine" in said


@pytest.mark.long
def test_tokens_are_those_of_the_model_that_is_to_read_them(write, capsys, monkeypatch):
    file = write(1, 4)
    main(["inspect", file, "--model", "llama-2-13b"])
    said = capsys.readouterr().out
    assert "2 prompts of 1 to 4 tokens" in said
    assert "counted by the tokenizer of smollm2-135m" in said, "random weights know bytes only"
    monkeypatch.setattr(of_file, "load_config", lambda name: load_config("tiny-llama"))
    monkeypatch.setattr(of_file, "load_tokenizer", lambda name: lab.load_model("tiny-llama")[1])
    main(["inspect", file, "--model", "me/mine"])
    said = capsys.readouterr().out
    assert "2 prompts of 4 to 19 tokens" in said and "counted by the tokenizer of me/mine" in said


@pytest.mark.long
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "/no/body"], "there is no folder '/no/body'"),
        (["--batch-size", "0"], "batch_size is 0; give 1 or more"),
        (["--column", "prompt"], "mine.txt, line 1 has no columns, so none is called 'prompt'"),
        (["--json", "no/such/folder.json"], "there is no folder no/such"),
        (["--html", "no/such/folder.html"], "there is no folder no/such"),
        (["--device", "tpu"], "tpu"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments, words, write, capsys):
    assert main(["inspect", write(1, 4), *arguments]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("prepack-lab: ") and words in line


@pytest.mark.long
def test_all_of_it_is_json_and_a_page(write, tmp_path, capsys):
    file, page, kept = write(90, 3, 5, 8, 2, 4), tmp_path / "advice.html", tmp_path / "advice.json"
    assert main(["inspect", file, "--json", "-", "--html", str(page)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert main(["inspect", file, "--json", str(kept)]) == 0
    assert {**json.loads(kept.read_text()), "free_bytes": 0} == {**printed, "free_bytes": 0}
    assert (printed["prompts"], printed["tokens"], printed["longest"], printed["kind"]) == (6, 112, 90, "texts")
    assert printed["waste"] == pytest.approx(1 - 112 / 540)
    assert [*printed["methods"]] == [*DATASET_METHODS]
    found = lab.measuring.inspection.inspect_lengths(
        [90, 3, 5, 8, 2, 4], load_sizes(), 16, keeping.recorded_calibration(), torch.float32
    )
    for method, row in printed["methods"].items():
        assert (row["slots"], row["seconds"]) == (found.costs[method].slots, found.price(method))
    assert printed["methods"]["full_batching"]["largest_batch"] == 6
    html = page.read_text()
    assert "mine.txt: 6 prompts, 112 tokens" in html and "prepack-lab run" in html and "<table>" in html


@pytest.mark.long
def test_the_lines_of_python_run(write):
    advice = advise(write(9, 3, 5, 8), "tiny-llama", 2)
    names = {}
    exec(advice.python, names)
    prompts = names["prompts"]
    assert [len(prompt) for prompt in prompts] == [5 * length - 1 for length in (9, 3, 5, 8)]
    model, _ = lab.load_model("tiny-llama")
    assert (
        names["next_tokens"] == lab.prefill(model, prompts, method="one_by_one").next_token_logits.argmax(-1).tolist()
    )


@pytest.mark.long
def test_the_lines_ask_for_what_the_advice_is_about(tmp_path):
    """Also for token ids, for conversations without a template, and for a name with a blank."""
    user = {"role": "user", "content": "Hi"}
    rows = [{"my ids": [5, 6], "messages": [{"role": "system", "content": "Be brief"}, user]}] * 2
    path = tmp_path / "my chats.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    ids = advise(path, "tiny-llama", column="my ids")
    chats = advise(path, "tiny-llama", 2, chat=False, device="cpu", dtype="bfloat16")
    expected = [[[5, 6]] * 2, lab.tokenize(lab.load_model("tiny-llama")[1], ["Be brief\n\nHi"] * 2)]
    for advice, prompts in zip((ids, chats), expected, strict=True):
        names = {}
        exec(advice.python, names)
        assert names["prompts"] == prompts
    assert names["model"].dtype == torch.bfloat16
    assert shlex.split(ids.command)[2] == shlex.split(chats.command)[2] == str(path)
    assert "--column 'my ids'" in ids.command and {"--chat", "--no-chat"}.isdisjoint(shlex.split(ids.command))
    for words in ("--batch-size 2", "--device cpu", "--dtype bfloat16", "--no-chat"):
        assert words in chats.command
    assert parsed(chats.command)["batch_size"] == 2


def test_lengths_need_no_tokenizer(tmp_path, monkeypatch):
    (tmp_path / "a.json").write_text("[4, 9]")
    monkeypatch.delattr(of_file, "load_tokenizer")
    assert [*advise(tmp_path / "a.json", "tiny-llama").file.lengths] == [4, 9]


@pytest.mark.long
def test_a_calibration_is_asked_for_once_and_kept(write, monkeypatch, own_cache):
    asked, measured = [], []
    monkeypatch.setattr(keeping, "calibrate", lambda model: measured.append(model) or RATES)
    file = write(9, 3, 5, 8)
    refused = advise(file, "tiny-llama", calibrating=lambda question: asked.append(question))
    assert refused.inspection.calibration is None and asked == [
        "Measure how fast tiny-llama is on this machine? It takes a minute, once."
    ]
    first = advise(file, "tiny-llama", calibrating=lambda question: True)
    again = advise(file, "tiny-llama", calibrating=lambda question: asked.append(question))
    assert len(asked) == 1 and len(measured) == 1
    assert first.inspection.price("full_batching") == again.inspection.price("full_batching")
    assert "Seconds are those of this machine, measured 20" in str(again)
    advise(file, "tiny-gpt2", calibrating=lambda question: asked.append(question))
    advise(file, "tiny-llama", dtype="bfloat16", calibrating=lambda question: asked.append(question))
    assert len(asked) == 3, "another model, another dtype"
    for kept in (own_cache / "calibrations").iterdir():
        kept.write_text("{")
    advise(file, "tiny-llama", calibrating=lambda question: asked.append(question))
    assert len(asked) == 4, "what can't be read is measured anew"


@pytest.mark.long
def test_methods_that_are_not_exact_are_left_out_and_named(write, monkeypatch):
    obstacles = {"prepacked": "it looks ahead", "padding_free": None, "full_batching": None}
    monkeypatch.setattr(of_file, "check_model", lambda model: lab.exactness.support.ModelSupport(True, "", obstacles))
    advice = advise(write(9, 3, 5, 8), "tiny-llama")
    assert [*advice.refused] == ["prepacked", "dataset_prepacked"]
    assert [*advice.inspection.costs] == ["one_by_one", "full_batching", "length_ordered", "padding_free"]
    assert "prepacked is not exact for this model: it looks ahead" in str(advice)
    obstacles["full_batching"] = "it mixes rows"
    with pytest.raises(lab.UnsupportedModelError, match="tiny-llama: padded batches are not exact: it mixes rows"):
        advise(write(9, 3, 5, 8), "tiny-llama")


class TestSharedBeginnings:
    def test_whole_blocks_that_an_earlier_prompt_began_with(self):
        shared, instruction = SharedBeginnings(), [*range(2 * BLOCK)]
        shared.add([*instruction, *[7] * BLOCK])
        assert shared.tokens == 0
        shared.add([*instruction, *[8] * BLOCK])
        assert shared.tokens == 2 * BLOCK
        shared.add([9, *instruction])
        shared.add(instruction[: BLOCK + 3])
        assert shared.tokens == 3 * BLOCK
        shared.add([*[8] * BLOCK])
        assert shared.tokens == 3 * BLOCK, "a block is known by what stands before it"

    def test_traces_name_their_blocks(self):
        shared = SharedBeginnings()
        shared.add_blocks([46, 47], 700)
        shared.add_blocks([46, 47], 700)
        shared.add_blocks([46, 48], 700)
        assert shared.tokens == 700 + 512

    def test_memory_has_a_limit(self, monkeypatch):
        monkeypatch.setattr(lab.advice.shared_beginnings, "MOST", 1)
        shared = SharedBeginnings()
        for _ in range(2):
            shared.add([1] * 2 * BLOCK)
        assert shared.tokens == BLOCK, "too low, never too high"

    @pytest.mark.long
    def test_a_file_and_a_trace_are_counted(self, tmp_path):
        long = "word " * 40
        (tmp_path / "a.txt").write_text(f"{long}one\n{long}two\n")
        advice = advise(tmp_path / "a.txt")
        assert advice.file.shared == 32 and "39% of the tokens repeat" in advice.recommendation
        rows = [{"timestamp": 1000 * n, "input_length": 600, "hash_ids": [1, 2]} for n in range(3)]
        (tmp_path / "b.jsonl").write_text("\n".join(map(json.dumps, rows)))
        trace = advise(tmp_path / "b.jsonl")
        assert (trace.file.shared, trace.file.seconds) == (1200, 2.0)
        assert "a trace of 2 s: 1.50 prompts and 900 tokens per second" in str(trace) and "To run it" not in str(trace)
