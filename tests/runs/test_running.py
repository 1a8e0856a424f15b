"""A file of prompts is run: the results of each prompt alone, in order, whatever happens on the way."""

import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from filelock import FileLock

import prepack_lab as lab
from prepack_lab.exactness.support import UnsupportedModelError
from prepack_lab.measuring.calibration import Calibration
from prepack_lab.methods import DATASET_METHODS, plan_passes
from prepack_lab.runs import running, tasks
from prepack_lab.runs.journal import Journal
from prepack_lab.runs.ranks import join_ranks
from prepack_lab.runs.running import run_file
from prepack_lab.runs.tasks import Generating, Prefilling, Scoring
from prepack_lab.sources import files

TASKS = {
    "prefill": Prefilling(),
    "generate": Generating(max_new_tokens=4),
    "sample": Generating(max_new_tokens=4, temperature=1.0, top_p=0.9),
    "score": Scoring("continuations"),
}
SMALL = {"window": 6, "batch_size": 2, "token_budget": 40, "progress": False}
ROOT = Path(__file__).parents[2]
ON_THE_CPU = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def run(path, out, llama, task="prefill", method="prepacked", **options):
    """The summary, and what was written."""
    chosen = TASKS[task] if isinstance(task, str) else task
    summary = run_file(files.PromptFile(path, keep_empty=True), out, *llama, chosen, method, **SMALL | options)
    return summary, [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(autouse=True)
def few_prompts_in_a_batch(monkeypatch):
    monkeypatch.setattr(Scoring, "PROMPTS", 3)


@pytest.fixture
def rows(prompts):
    return [json.loads(line) for line in prompts.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("method", ["auto", *DATASET_METHODS])
def test_each_prompt_gets_the_next_token_that_it_has_alone(llama, prompts, rows, tmp_path, method):
    model, tokenizer = llama
    summary, found = run(prompts, tmp_path / "out.jsonl", llama, "prefill", method)
    ids = lab.tokenize(tokenizer, [row["prompt"] for row in rows])
    for index, record in enumerate(found):
        with torch.no_grad():
            likely = model(torch.tensor([ids[index]])).logits[0, -1].log_softmax(-1)
        assert record.pop("log_probability") == pytest.approx(likely.max().item(), abs=2e-5)
        token = likely.argmax().item()
        label = {"index": index, "id": f"é{index}", "tokens": len(ids[index])}
        assert record == {**label, "next_token": token, "text": tokenizer.decode([token])}
    assert (summary.prompts, summary.before, summary.errors) == (13, 0, 0)
    assert summary.tokens == sum(map(len, ids))
    assert sum(summary.methods.values()) == 13 and (method == "auto" or {*summary.methods} == {method})


@pytest.mark.parametrize("method", ["auto", *DATASET_METHODS])
def test_each_prompt_gets_the_new_tokens_that_it_has_alone(llama, prompts, rows, tmp_path, method):
    model, tokenizer = llama
    _, found = run(prompts, tmp_path / "out.jsonl", llama, "generate", method)
    ids = lab.tokenize(tokenizer, [row["prompt"] for row in rows])
    alone = lab.generate(model, ids, "one_by_one", max_new_tokens=4)
    assert [record["token_ids"] for record in found] == alone
    assert [record["text"] for record in found] == tokenizer.batch_decode(alone, skip_special_tokens=True)
    assert [record["finish_reason"] for record in found] == ["length"] * 13


@pytest.mark.parametrize("method", ["auto", *DATASET_METHODS])
def test_each_continuation_gets_the_log_likelihood_that_it_has_alone(llama, prompts, rows, tmp_path, method):
    model, tokenizer = llama
    _, found = run(prompts, tmp_path / "out.jsonl", llama, "score", method)
    for row, record in zip(rows, found, strict=True):
        prompt, *choices = lab.tokenize(tokenizer, [row["prompt"], *row["continuations"]])
        alone = lab.score(model, [prompt], [choices], "one_by_one")[0]
        expected = [one.log_likelihood for one in alone]
        assert record["log_likelihoods"] == pytest.approx(expected, abs=1e-4)
        assert record["greedy"] == [one.greedy for one in alone]
        assert record["continuation_tokens"] == [*map(len, choices)]
        assert record["best"] == expected.index(max(expected))


def test_end_tokens_and_stop_texts_end_a_prompt(llama, prompts, tmp_path, monkeypatch):
    model, _ = llama
    _, found = run(prompts, tmp_path / "plain.jsonl", llama, "generate")
    second = found[0]["token_ids"][1]
    monkeypatch.setattr(model.generation_config, "eos_token_id", [second, 5])
    _, ended = run(prompts, tmp_path / "ended.jsonl", llama, "generate")
    for before, after in zip(found, ended, strict=True):
        ids = before["token_ids"]
        cut = next((place for place, id in enumerate(ids) if id in (second, 5)), None)
        assert after["token_ids"] == (ids if cut is None else ids[: cut + 1])
        assert after["finish_reason"] == ("length" if cut is None else "stop")
    monkeypatch.undo()
    stop = next(char for record in found for char in record["text"][:-1] if char.isascii())
    _, stopped = run(prompts, tmp_path / "stopped.jsonl", llama, Generating(4, stop=(stop,)))
    for before, after in zip(found, stopped, strict=True):
        head, there, _ = before["text"].partition(stop)
        assert after["text"] == head + there
        assert after["finish_reason"] == ("stop" if there else "length")
    assert len({record["finish_reason"] for record in stopped}) == 2


def test_samples_depend_on_the_seed_and_leave_the_random_state_alone(llama, prompts, tmp_path):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    found = [
        run(prompts, tmp_path / f"{number}.jsonl", llama, Generating(4, temperature=1.0, seed=seed))[1]
        for number, seed in enumerate((0, 0, 1))
    ]
    assert found[0] == found[1] != found[2]
    assert torch.rand(1) == expected


class Interrupted(Journal):
    """A journal that is interrupted before it has written so many batches."""

    left = 0

    def append(self, lines):
        if lines and "asked" not in json.loads(lines[0]):
            if Interrupted.left == 0:
                raise KeyboardInterrupt
            Interrupted.left -= 1
        super().append(lines)


@pytest.mark.long
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("method", ["auto", "dataset_prepacked"])
def test_interrupted_at_any_batch_and_resumed_it_is_the_same_to_the_byte(
    llama, prompts, tmp_path, monkeypatch, task, method
):
    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    run(prompts, whole, llama, task, method)
    monkeypatch.setattr(running, "Journal", Interrupted)
    interrupts, done = 0, 0
    while True:
        Interrupted.left = 1  # each call does a batch
        try:
            summary, _ = run(prompts, out, llama, task, method)
            break
        except KeyboardInterrupt as interrupt:
            interrupts += 1
            so_far = int(str(interrupt).split(" of 13 prompts are done; the same command")[0])
            assert so_far > done and not out.exists()
            done = so_far
    assert interrupts >= 2 and summary.before == done
    assert out.read_bytes() == whole.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"prompts.jsonl", "whole.jsonl", "out.jsonl"}


@pytest.mark.long
def test_a_journal_that_a_crash_cut_anywhere_is_gone_on_with(llama, prompts, tmp_path, monkeypatch):
    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    part = tmp_path / "out.jsonl.part"
    run(prompts, whole, llama)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(running, "Journal", Interrupted)
        Interrupted.left = 3
        run(prompts, out, llama)
    content = part.read_bytes()
    ends = [place for place in range(len(content)) if content[:place].endswith(b"\n\n")]
    for cut in {0, 1, *range(40, len(content), 97), *ends, *(end - 1 for end in ends)}:
        part.write_bytes(content[:cut])
        summary, _ = run(prompts, out, llama)
        batches = max(0, sum(end <= cut for end in ends) - 1)
        assert (summary.before > 0) == (batches > 0)
        assert out.read_bytes() == whole.read_bytes()
        out.unlink()


@pytest.mark.long
def test_a_process_that_is_killed_loses_no_batch(llama, prompts, tmp_path):
    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.prefill.jsonl"
    run(prompts, whole, llama)
    killed = subprocess.run([sys.executable, __file__, prompts, "2", out], env=ON_THE_CPU, timeout=240)
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "out.prefill.jsonl.part").read_bytes().count(b"\n\n") == 3, "the header, and two batches"
    summary, _ = run(prompts, out, llama)
    assert summary.before > 0
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.slow
def test_two_processes_write_what_one_writes_and_one_goes_on_for_two(llama, prompts, tmp_path):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", __file__]
    for task in TASKS:
        run(prompts, tmp_path / f"whole.{task}.jsonl", llama, task)
    whole = {task: (tmp_path / f"whole.{task}.jsonl").read_bytes() for task in TASKS}
    names = [tmp_path / f"out.{task}.jsonl" for task in TASKS]
    subprocess.run([*torchrun, prompts, "-1", *names], check=True, env=ON_THE_CPU, timeout=240)
    assert {task: name.read_bytes() for task, name in zip(TASKS, names, strict=True)} == whole
    assert not [*tmp_path.glob("out.*.part*")]
    for name in names:
        name.unlink()
    killed = subprocess.run([*torchrun, prompts, "1", *names], env=ON_THE_CPU, timeout=240, capture_output=True)
    assert killed.returncode != 0
    assert [*tmp_path.glob("out.prefill.jsonl.part*")] and not names[0].exists()
    for task, name in zip(TASKS, names, strict=True):
        run(prompts, name, llama, task)
        assert name.read_bytes() == whole[task]
    assert not [*tmp_path.glob("out.*.part*")]


def test_the_way_it_is_run_may_change_after_an_interrupt(llama, prompts, tmp_path, monkeypatch):
    _, whole = run(prompts, tmp_path / "whole.jsonl", llama)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(running, "Journal", Interrupted)
        Interrupted.left = 2
        run(prompts, tmp_path / "out.jsonl", llama)
    changed = {"batch_size": 5, "window": 4, "token_budget": 100}
    summary, found = run(prompts, tmp_path / "out.jsonl", llama, method="padding_free", **changed)
    assert 0 < summary.before < 13 and summary.methods == {"padding_free": 13 - summary.before}
    for one, other in zip(whole, found, strict=True):
        assert one.pop("log_probability") == pytest.approx(other.pop("log_probability"), abs=2e-5)
    assert found == whole


def test_another_request_for_the_same_output_is_refused(llama, prompts, tmp_path, monkeypatch):
    out = tmp_path / "out.jsonl"
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(running, "Journal", Interrupted)
        Interrupted.left = 1
        run(prompts, out, llama, "generate")
    kept = (tmp_path / "out.jsonl.part").read_bytes()
    with pytest.raises(ValueError, match=r"max_new_tokens was 4 and is 5\. Repeat the command .* --fresh"):
        run(prompts, out, llama, Generating(5))
    with pytest.raises(ValueError, match="task was 'generate' and is 'prefill'"):
        run(prompts, out, llama)
    with pytest.raises(ValueError, match=r"model was 'LlamaForCausalLM, torch.float32, .* and is 'GPT2LMHeadModel"):
        run(prompts, out, lab.load_model("tiny-gpt2", device="cpu"), "generate")
    weight = llama[0].model.layers[1].mlp.down_proj.weight
    with torch.no_grad():
        before = weight.clone()  # adding and subtracting would round, and other tests use this model
        weight[0, 0] += 1
        with pytest.raises(ValueError, match="model was"):
            run(prompts, out, llama, "generate")
        weight.copy_(before)
    content = prompts.read_bytes()
    prompts.write_bytes(content.replace(b"a", b"b", 1))
    with pytest.raises(ValueError, match=r"file was '.* bytes, SHA-256"):
        run(prompts, out, llama, "generate")
    prompts.write_bytes(content)
    assert (tmp_path / "out.jsonl.part").read_bytes() == kept, "refused, and nothing lost"
    summary, found = run(prompts, out, llama, Generating(5), fresh=True)
    assert summary.before == 0 and len(found[0]["token_ids"]) == 5


def test_what_is_complete_is_only_replaced_if_asked(llama, prompts, tmp_path):
    out = tmp_path / "out.jsonl"
    _, first = run(prompts, out, llama)
    with pytest.raises(ValueError, match=r"out.jsonl is complete.*--fresh"):
        run(prompts, out, llama)
    assert run(prompts, out, llama, "generate", fresh=True)[1] != first
    with pytest.raises(ValueError, match="holds the prompts; choose another file"):
        run(prompts, prompts, llama, fresh=True)


def test_what_can_t_be_run_or_written_is_refused_before_anything_is_run(llama, prompts, tmp_path):
    for name, message in {"out.txt": r"ends in '\.txt'.*\.jsonl, ", "no/out.jsonl": "there is no folder"}.items():
        with pytest.raises(ValueError, match=message):
            run(prompts, tmp_path / name, llama)
    with pytest.raises(ValueError, match="no method 'fastest'"):
        run(prompts, tmp_path / "out.jsonl", llama, method="fastest")
    with pytest.raises(ValueError, match="window is 0"):
        run(prompts, tmp_path / "out.jsonl", llama, window=0)
    with pytest.raises(
        ValueError, match="no column 'answers' with continuations; there are: continuations, custom_id, prom"
    ):
        run(prompts, tmp_path / "out.jsonl", llama, Scoring("answers"))
    with prompts.open("a") as file:
        file.write("{")
    with pytest.raises(ValueError):
        run(prompts, tmp_path / "out.jsonl", llama)
    assert [path.name for path in tmp_path.iterdir()] == ["prompts.jsonl"]


def test_two_processes_do_not_write_the_same_output(llama, prompts, tmp_path):
    with FileLock(tmp_path / "out.jsonl.lock"), pytest.raises(ValueError, match=r"another process is writing .*out\.j"):
        run(prompts, tmp_path / "out.jsonl", llama)


def test_a_prompt_that_can_t_be_run_has_a_line_that_says_why(llama, tmp_path):
    path = tmp_path / "some.jsonl"
    rows = [
        {"prompt": "fine", "continuations": "a"},
        {"prompt": "", "continuations": ["a"], "id": 7},
        {"prompt": "x" * 2048, "continuations": ["ab"]},
        {"prompt": "fine", "continuations": []},
        {"prompt": "fine", "continuations": ["a", ""]},
        {"prompt": "fine", "continuations": ["a", 3]},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    summary, found = run(path, tmp_path / "prefill.jsonl", llama)
    assert found[1] == {
        "index": 1, "id": 7, "tokens": 0,
        "error": "some.jsonl, line 2 is empty; leave it out, or give it at least one token",
    }  # fmt: skip
    assert ["error" in record for record in found] == [False, True, False, False, False, False]
    assert summary.errors == 1 and "1 can't be run" in str(summary)
    summary, found = run(path, tmp_path / "generate.jsonl", llama, "generate")
    assert ["error" in record for record in found] == [False, True, True, False, False, False]
    assert found[2]["error"].startswith(
        "some.jsonl, line 3 has 2,048 tokens, and 4 more may follow; the model has 2,048 positions. Shorten"
    )
    summary, found = run(path, tmp_path / "score.jsonl", llama, "score")
    assert ["error" in record for record in found] == [False, True, True, True, True, True]
    assert summary.errors == 5
    assert found[3]["error"].startswith("some.jsonl, line 4 has no string, or list of strings, under 'continuations'")
    assert found[4]["error"].startswith("some.jsonl, line 5: continuation 1 is empty")
    with pytest.raises(lab.InvalidPromptsError, match=r"some\.jsonl, line 2 is empty"):
        run(path, tmp_path / "strict.jsonl", llama, strict=True)
    assert (tmp_path / "strict.jsonl.part").read_bytes().count(b"\n") == 2, "nothing but the header"


def test_a_file_of_nothing_that_can_be_run_is_a_file_of_errors(llama, tmp_path):
    path = tmp_path / "empty.jsonl"
    path.write_text('{"prompt": ""}\n' * 3)
    for method in ("auto", "prepacked"):
        summary, found = run(path, tmp_path / f"{method}.jsonl", llama, method=method)
        assert (summary.errors, summary.tokens, len(found), summary.methods) == (3, 0, 3, {})


def test_a_model_whose_numbers_are_not_finite_gives_errors(llama, prompts, tmp_path, monkeypatch):
    answers = Prefilling.answers

    def broken(self, *arguments):
        return [answer | {"log_probability": float("nan")} for answer in answers(self, *arguments)]

    monkeypatch.setattr(Prefilling, "answers", broken)
    summary, found = run(prompts, tmp_path / "out.jsonl", llama)
    assert summary.errors == 13
    assert found[3]["error"].startswith("the model's probabilities are not finite")


@pytest.mark.parametrize("task", ["prefill", "generate", "score"])
def test_all_endings_hold_the_same(llama, prompts, tmp_path, task):
    lines = [json.loads(line) for line in prompts.read_text(encoding="utf-8").splitlines()]
    lines[4] |= {"prompt": "", "custom_id": None}
    lines[5] |= {"custom_id": 5}
    prompts.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    chosen = TASKS[task], "prepacked"
    for ending in ("jsonl", "jsonl.gz", "parquet"):
        run_file(files.PromptFile(prompts, keep_empty=True), tmp_path / f"out.{ending}", *llama, *chosen, **SMALL)
    plain = (tmp_path / "out.jsonl").read_bytes()
    assert gzip.decompress((tmp_path / "out.jsonl.gz").read_bytes()) == plain
    found = pq.read_table(tmp_path / "out.parquet").to_pylist()
    expected = [json.loads(line) for line in plain.splitlines()]
    assert expected[5].pop("id") == 5 and found[5].pop("id") == "5"
    assert [{name: value for name, value in row.items() if value is not None} for row in found] == expected


def test_ids_that_are_numbers_stay_numbers_in_parquet(llama, tmp_path):
    path = tmp_path / "numbers.jsonl"
    path.write_text("".join(json.dumps({"prompt": "a", "id": number}) + "\n" for number in (3, -1, 2**62)))
    run_file(files.PromptFile(path, keep_empty=True), tmp_path / "out.parquet", *llama, Prefilling(), **SMALL)
    assert pq.read_table(tmp_path / "out.parquet")["id"].to_pylist() == [3, -1, 2**62]


def test_without_pyarrow_parquet_is_refused_with_the_way_out(llama, prompts, tmp_path, monkeypatch):
    monkeypatch.setattr("prepack_lab.runs.output.find_spec", lambda _: None)
    with pytest.raises(ValueError, match=r"pip install 'prepack-lab\[files\]'"):
        run_file(files.PromptFile(prompts, keep_empty=True), tmp_path / "out.parquet", *llama, Prefilling())


def test_auto_takes_what_is_predicted_to_be_the_fastest(llama, prompts, rows, tmp_path):
    lengths = [len(ids) for ids in lab.tokenize(llama[1], [row["prompt"] for row in rows])]
    sizes = {"token_budget": 100, "batch_size": 13, "window": 13}
    summary, _ = run(prompts, tmp_path / "a.jsonl", llama, method="auto", **sizes)
    assert summary.methods == {"padding_free": 13}, "without a calibration operations decide, and it pads nothing"

    def passes(method):
        options = tasks.Sizes(13, 100).options(method, lengths)
        return len([*plan_passes(method, lengths, **options)])

    fewest = min(map(passes, DATASET_METHODS))
    only_passes_cost = Calibration(1.0, 0.0, 0.0, "an imagined device")
    summary, _ = run(prompts, tmp_path / "b.jsonl", llama, method="auto", calibration=only_passes_cost, **sizes)
    (chosen,) = summary.methods
    assert passes(chosen) == fewest < passes("full_batching")


def test_auto_runs_prompts_alone_where_a_method_turns_out_not_to_be_exact(llama, prompts, tmp_path, monkeypatch):
    _, expected = run(prompts, tmp_path / "whole.jsonl", llama, "generate", "one_by_one")
    answers = Generating.answers

    def refused(self, model, tokenizer, batch, method, options):
        if method != "one_by_one":
            raise UnsupportedModelError("not at this length")
        return answers(self, model, tokenizer, batch, method, options)

    monkeypatch.setattr(Generating, "answers", refused)
    with pytest.warns(UserWarning, match=r"not at this length\. Here auto runs prompts one by one"):
        _, found = run(prompts, tmp_path / "out.jsonl", llama, "generate", "auto")
    assert found == expected
    with pytest.raises(UnsupportedModelError):
        run(prompts, tmp_path / "asked.jsonl", llama, "generate", "prepacked")


def test_auto_takes_only_what_is_exact(llama, monkeypatch):
    model = llama[0]
    assert set(Prefilling().allowed(model)) == {*DATASET_METHODS}
    assert set(Generating().allowed(model)) == {*DATASET_METHODS} - {"one_by_one"}
    monkeypatch.setattr(model, "training", True)
    assert Prefilling().allowed(model) == ["one_by_one"]


def program(path: str, batches: str, *outs: str) -> None:
    """Run tasks in this process, or in those of torchrun; after so many batches, kill it in the middle of one.

    Args:
        outs: a file for each task, called after it.
    """
    write, left = Journal.append, int(batches)

    def killing(self, lines):
        nonlocal left
        if lines and "asked" not in json.loads(lines[0]):
            if left == 0:
                self._file.write(b"".join(lines)[:-9])
                self._file.flush()
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
        write(self, lines)

    Journal.append = killing
    Scoring.PROMPTS = 3
    with join_ranks() as device:
        llama = lab.load_model("tiny-llama", device=device)
        for out in outs:
            task = TASKS[Path(out).suffixes[0].removeprefix(".")]
            run_file(files.PromptFile(path, keep_empty=True), out, *llama, task, "prepacked", **SMALL)


if __name__ == "__main__":
    program(*sys.argv[1:])
