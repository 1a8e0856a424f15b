"""`prepack-lab bench lm-eval`: lm-evaluation-harness with its own model `hf` and with `prepack`, side by side."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np

from prepack_lab.bench.experiments import LmEval
from prepack_lab.bench.report import Report
from prepack_lab.measuring.table import Table
from prepack_lab.models.loading import load_model
from prepack_lab.sources.lengths import load_profile

LETTERS = "ABCD"
SUBJECT = "astronomy"
WORDS = (
    "time people water house music river night king green paper stone light number history city winter summer field "
    "letter voice garden market village mountain window table doctor teacher friend country question answer"
)
TASK = {
    "task": "questions",
    "dataset_path": "json",
    "test_split": "test",
    "output_type": "multiple_choice",
    "doc_to_text": "Question: {{question}}\nAnswer:",
    "doc_to_choice": [*LETTERS],
    "doc_to_target": "answer",
    "metric_list": [{"metric": "acc"}],
}


def run_lm_eval(asked: LmEval) -> Report:
    from prepack_lab.scoring.harness import HFLM, PrepackLM

    model, tokenizer = load_model(asked.model, asked.dtype, asked.device)
    shared: dict[str, Any] = {"pretrained": model, "tokenizer": tokenizer, "batch_size": asked.batch_size}
    clients = {"hf": HFLM(**shared)} | {
        f"prepack, {method}": PrepackLM(method=method, **shared) for method in asked.methods
    }
    rows = []
    with TemporaryDirectory() as folder:
        for examples, beginning in ((0, ""), (5, _five_examples())):
            _write_task(Path(folder), asked.workload, asked.count, asked.seed, beginning)
            for repeat in range(asked.repeats + 1):  # the first round is smaller, and does not count
                for name, client in clients.items():
                    seconds, found = _evaluate(client, folder, None if repeat else 2)
                    if repeat:
                        rows.append({"examples": examples, "client": name, "seconds": seconds, "answers": found})
    return asked.report(_summary(rows), _table(_summary(rows), asked.count), model=model)


def _five_examples() -> str:
    """Five solved questions of MMLU with their reasoning, as the harness brings them."""
    folder = files("lm_eval") / "tasks" / "mmlu" / "flan_cot_fewshot"
    return json.loads((folder / "_cot_prompts.json").read_text(encoding="utf-8"))[SUBJECT]


def _write_task(folder: Path, workload: str, count: int, seed: int, beginning: str) -> None:
    """Questions of random words, as many as recorded prompts have tokens; and how the harness reads them."""
    draw = np.random.default_rng(seed)
    lines = [
        {"question": " ".join(draw.choice(WORDS.split(), max(1, length - 4))), "answer": int(draw.integers(4))}
        for length in load_profile(workload).sample(count, seed)
    ]
    questions = folder / f"questions{len(beginning)}.jsonl"
    questions.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    task = {**TASK, "description": beginning, "dataset_kwargs": {"data_files": {"test": str(questions)}}}
    (folder / "task.yaml").write_text(json.dumps(task), encoding="utf-8")  # JSON is YAML, too


def _evaluate(client: Any, folder: str, limit: int | None) -> tuple[float, list[float]]:
    """Seconds of an evaluation, and the log-likelihoods that it found."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
    manager = TaskManager(include_path=folder, include_defaults=False)
    start = perf_counter()
    done = simple_evaluate(client, tasks=["questions"], limit=limit, task_manager=manager, verbosity="ERROR")
    seconds = perf_counter() - start
    answers = [response for sample in done["samples"]["questions"] for response in sample["filtered_resps"]]
    return seconds, [float(log_likelihood) for log_likelihood, _ in answers]


def _summary(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each client and number of examples; how far it is off what hf found."""
    summary: dict[Any, dict[str, Any]] = {}
    expected = {row["examples"]: row["answers"] for row in rows if row["client"] == "hf"}
    for row in rows:
        off = max(abs(a - b) for a, b in zip(row["answers"], expected[row["examples"]], strict=True))
        kept = {"examples": row["examples"], "client": row["client"], "seconds": [], "most_off": off}
        summary.setdefault((row["examples"], row["client"]), kept)["seconds"].append(row["seconds"])
    return [*summary.values()]


def _table(rows: Sequence[dict[str, Any]], count: int) -> Table:
    base = {row["examples"]: median(row["seconds"]) for row in rows if row["client"] == "hf"}
    lines = [
        (
            row["client"],
            row["examples"],
            f"{median(row['seconds']):.2f} s",
            f"{base[row['examples']] / median(row['seconds']):.2f}×",
            f"{row['most_off']:.1e}",
        )
        for row in rows
    ]
    return Table(
        ("model of the harness", "examples", "seconds", "× hf", "log-likelihoods, most off hf"),
        lines,
        f"lm-evaluation-harness, {count} questions with four choices",
    )
