"""lm-evaluation-harness: the model `prepack` answers as its own model `hf` does."""

import json
import subprocess
import sys

import pytest

import prepack_lab as lab
from prepack_lab import cli

pytest.importorskip("lm_eval", reason="the extra lm-eval is not installed")

from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

from prepack_lab.scoring.harness import BATCH_SIZE, PrepackLM

TEXTS = ["The capital of Germany is", "Once", "A: 1\nB: 2\nAnswer:", "", "Rain falls on the plain " * 6]
METHODS = ("one_by_one", "full_batching", "prepacked", "padding_free")


def requests(kind, arguments):
    return [Instance(kind, {}, own, index) for index, own in enumerate(arguments)]


@pytest.fixture(scope="module")
def loaded():
    return lab.load_model("tiny-llama", device="cpu")


@pytest.fixture(scope="module")
def hf(loaded):
    model, tokenizer = loaded
    return HFLM(model, tokenizer=tokenizer, max_length=64, batch_size=2)


def prepack(loaded, **options):
    model, tokenizer = loaded
    return PrepackLM(model, tokenizer=tokenizer, max_length=64, batch_size=2, **options)


@pytest.mark.parametrize("method", METHODS)
def test_log_likelihoods_are_those_of_hf(loaded, hf, method):
    pairs = [(text, choice) for text in TEXTS for choice in (" Berlin", " a river", ".")]
    pairs.append(("too long " * 20, " for the model"))  # the harness leaves out its beginning
    expected = hf.loglikelihood(requests("loglikelihood", pairs))
    found = prepack(loaded, method=method).loglikelihood(requests("loglikelihood", pairs))
    for (ours, greedy), (theirs, also) in zip(found, expected, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-4)
        assert greedy == also


@pytest.mark.parametrize("method", METHODS)
def test_whole_texts_are_scored_in_windows(loaded, hf, method):
    texts = [("A text of more tokens than the model has positions. " * 4,), ("Short.",)]
    expected = hf.loglikelihood_rolling(requests("loglikelihood_rolling", texts))
    model = prepack(loaded, method=method)
    assert model.loglikelihood_rolling(requests("loglikelihood_rolling", texts)) == pytest.approx(expected, abs=1e-3)
    assert model.batch_size == 2


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("asked", [{"until": ["\n"]}, {"until": ["e"], "temperature": 0.0}, {"until": []}])
def test_texts_are_continued_as_hf_continues_them(loaded, hf, method, asked):
    contexts = [(text, {**asked, "max_gen_toks": 12}) for text in TEXTS if text]
    expected = hf.generate_until(requests("generate_until", contexts))
    assert prepack(loaded, method=method).generate_until(requests("generate_until", contexts)) == expected
    assert any(expected)


def test_prompts_per_batch_are_the_harness_s(loaded):
    assert prepack(loaded, method="prepacked")._sharing == {"batch_size": 2}
    assert PrepackLM(*loaded[:1], tokenizer=loaded[1], method="prepacked")._sharing == {"batch_size": BATCH_SIZE}
    assert prepack(loaded, token_budget=99)._sharing == {"token_budget": 99}


@pytest.mark.parametrize(
    "options, words", [({"method": "magic"}, "there is no method"), ({"capacity": 9}, "no option")]
)
def test_what_can_not_be_is_refused_before_a_model_is_loaded(options, words):
    with pytest.raises(ValueError, match=words):
        PrepackLM("no such model", **options)


def test_without_the_extra_the_command_says_what_to_install(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "prepack_lab.scoring.harness")
    monkeypatch.setitem(sys.modules, "lm_eval.api.registry", None)
    said = ". To have lm-evaluation-harness: pip install 'prepack-lab[lm-eval]'\n"
    assert cli.main(["lm-eval", "run"]) == 2
    assert capsys.readouterr().err.endswith(said)
    assert cli.main(["bench", "lm-eval", "--model", "tiny-llama"]) == 2
    assert capsys.readouterr().err.endswith(said)


TASK = """
task: capitals
dataset_path: json
dataset_kwargs: {data_files: {test: questions.jsonl, dev: questions.jsonl}}
test_split: test
fewshot_split: dev
output_type: multiple_choice
doc_to_text: "{{question}}\\nAnswer:"
doc_to_choice: "{{choices}}"
doc_to_target: answer
metric_list: [{metric: acc}]
"""


@pytest.mark.slow
@pytest.mark.parametrize("examples", [5])
def test_the_command_line_counts_the_same_answers(tmp_path, monkeypatch, examples):
    cities = {
        "Germany": "Berlin",
        "France": "Paris",
        "Italy": "Rome",
        "Spain": "Madrid",
        "Japan": "Tokyo",
        "Egypt": "Cairo",
    }
    lines = [
        json.dumps({"question": f"What is the capital of {land}?", "choices": [*cities.values()], "answer": place})
        for place, land in enumerate(cities)
    ]
    (tmp_path / "questions.jsonl").write_text("\n".join(lines))
    (tmp_path / "capitals.yaml").write_text(TASK)
    answers = {}
    for model in ("hf", "prepack"):
        name = "smollm2-135m" if model == "prepack" else str(unpacked_model())
        main = "import sys; from prepack_lab.cli import main; sys.exit(main())"
        command = [sys.executable, "-c", main, "lm-eval", "run", "--model", model, "--model_args"]
        command += [f"pretrained={name},dtype=float32", "--tasks", "capitals", "--include_path", ".", "--device", "cpu"]
        command += ["--num_fewshot", str(examples), "--batch_size", "4", "--output_path", model, "--log_samples"]
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        (samples,) = (tmp_path / model).rglob("samples_*.jsonl")
        answers[model] = [json.loads(line)["filtered_resps"] for line in samples.read_text().splitlines()]
    assert len(answers["hf"]) == 6
    for ours, theirs in zip(answers["prepack"], answers["hf"], strict=True):
        for (found, greedy), (expected, also) in zip(ours, theirs, strict=True):
            assert float(found) == pytest.approx(float(expected), abs=1e-3)
            assert greedy == also


def unpacked_model():
    from prepack_lab.models.embedded_model import unpacked

    return unpacked()
