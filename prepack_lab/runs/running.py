"""Run every prompt of a file, and write what is found, in order.

The file is gone through in windows, and the prompts of a window are planned together. Each batch is appended to a
journal beside the output as soon as it is done. The same call goes on from the journals, with as many processes as it
likes, and gives the same output as a run that was never interrupted.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from time import perf_counter
from typing import Any

from tqdm.auto import tqdm
from transformers import PreTrainedModel

from prepack_lab.exactness.support import UnsupportedModelError
from prepack_lab.measuring.calibration import Calibration
from prepack_lab.measuring.model_sizes import ModelSizes
from prepack_lab.methods import known_options
from prepack_lab.prompts import InvalidPromptsError
from prepack_lab.runs.journal import Finished, Journal, as_line, header
from prepack_lab.runs.output import check_output, write_output
from prepack_lab.runs.ranks import deal, place, wait_for_all
from prepack_lab.runs.resuming import alone_at, begin, journal_of, journals
from prepack_lab.runs.tasks import Request, Sizes, Task, fastest_method, label
from prepack_lab.sources.files import tokenized


@dataclass(frozen=True)
class Summary:
    """What was done."""

    out: Path
    prompts: int
    """All of the file."""
    before: int
    """Those that an earlier call had finished."""
    errors: int
    """Those that can't be run: their lines say why."""
    tokens: int
    """Of the prompts that this call ran, on all ranks."""
    seconds: float
    """From the first prompt to the last."""
    methods: dict[str, int]
    """For each method how many prompts this call ran by it."""

    def __str__(self) -> str:
        ran = self.prompts - self.before
        kept = f"; {self.before:,} were done before" if self.before else ""
        speed = f"{self.tokens:,} tokens in {self.seconds:,.1f} s, {self.tokens / self.seconds:,.0f} per second"
        lines = [f"{ran:,} prompts, {speed}{kept} → {self.out}"]
        if self.methods:
            lines.append("by " + ", ".join(f"{method}: {count:,}" for method, count in self.methods.items()))
        if self.errors:
            lines.append(f'{self.errors:,} can\'t be run: "error" in their lines says why')
        return "\n".join(lines)


def run_file(
    file: Any,
    out: str | Path,
    model: PreTrainedModel,
    tokenizer: Any,
    task: Task,
    method: str = "auto",
    *,
    batch_size: int = 16,
    token_budget: int = 16_384,
    window: int = 1024,
    calibration: Calibration | None = None,
    strict: bool = False,
    fresh: bool = False,
    progress: bool = True,
) -> Summary | None:
    """Run every prompt of a file, and write a line for each, in order; go on where an earlier call was interrupted.

    Under `torchrun` every rank calls this, within `join_ranks`; a folder that all of them see holds the output.

    Args:
        file: a `PromptFile`.
        out: where to write: .jsonl, .jsonl.gz or .parquet. Until all is done there are journals beside it, `OUT.part…`.
        model, tokenizer: as `load_model` returns them.
        task: what to do with each prompt.
        method: a key of `DATASET_METHODS`; "auto" takes for each window the one that is predicted to be the fastest.
        batch_size: the most rows per pass; for generation, the most prompts that are decoded together.
        token_budget: the most slots per pass, unless a single prompt has more. After an interrupt method and sizes may
            be changed: that changes results by rounding only, and samples as another seed would.
        window: prompts that are planned together.
        calibration: of this machine, for "auto"; without it the operations decide.
        strict: stop at the first prompt that can't be run; else its line has an "error".
        fresh: forget what an earlier call has done, and replace its output.
        progress: show a progress bar.

    Returns:
        What was done; None on all ranks but 0.

    Raises:
        ValueError: the output is complete, or another request's, or can't be written; an unknown method or size; a file
            that can't be read; continuations of a column that no prompt has.
        InvalidPromptsError: with `strict`, a prompt that can't be run; names it, and says why.
        UnsupportedModelError: the method is not known to be exact for the model.
        KeyboardInterrupt: says how many prompts are done.
    """
    out, sizes = Path(out), Sizes(batch_size, token_budget)
    check_output(out)
    if method != "auto":
        known_options(method)
    for name, value in {"batch_size": batch_size, "token_budget": token_budget, "window": window}.items():
        if value < 1:
            raise ValueError(f"{name} is {value}; it is a positive integer")
    rank, ranks = place()
    with ExitStack() as stack:
        if rank == 0:
            stack.enter_context(alone_at(out))
            begin(out, file, model, tokenizer, task, calibration, fresh)
        wait_for_all()
        first = header(journal_of(out, 0)) if journal_of(out, 0).exists() else None
        if first is None:
            raise ValueError(f"rank {rank} sees no {out}.part, which rank 0 wrote; let all nodes share its folder")
        before = Finished(journals(out))
        wait_for_all()  # all have read the same, so all will deal out the same
        journal = stack.enter_context(closing(Journal(journal_of(out, rank), first)))
        rates = first["calibration"] and Calibration(**first["calibration"])
        total = first["prompts"]
        shown = {"initial": len(before), "unit": "prompt", "disable": not progress or rank > 0}
        bar = stack.enter_context(tqdm(total=total, **shown))
        run = _Run(model, tokenizer, task, method, sizes, rates, strict, before, journal, bar, rank, [0.0] * ranks)
        pairs = tokenized(file, tokenizer)
        prompts = ((index, *pair) for index, pair in enumerate(pairs))
        try:
            while own := [*islice(prompts, window)]:
                run.window(own)
        except KeyboardInterrupt:
            so_far = f"{run.done:,} of {total:,} prompts are done"
            raise KeyboardInterrupt(f"{so_far}; the same command, without --fresh, goes on from there") from None
        seconds = perf_counter() - run.start
        wait_for_all()
        if rank > 0:
            return None
        done = Finished(journals(out))
        if len(done) < total:
            raise ValueError(f"{total - len(done):,} prompts are in no {out}.part…; repeat the command to run them")
        own_ids = {"id": int if done.whole_ids else str}
        columns = {"index": int, **own_ids, "where": str, "tokens": int, **task.columns, "error": str}
        write_output(out, done.lines(), columns)
        for path in journals(out):
            path.unlink()
    return Summary(out, total, len(before), done.errors, run.tokens, seconds, dict(run.methods))


@dataclass
class _Run:
    """A call of `run_file`, on this rank."""

    model: PreTrainedModel
    tokenizer: Any
    task: Task
    method: str
    sizes: Sizes
    calibration: Calibration | None
    strict: bool
    before: Finished
    """What earlier calls have finished."""
    journal: Journal
    bar: Any
    rank: int
    loads: list[float]
    """What each rank has been dealt so far."""
    done: int = 0
    """Prompts that are finished, as far as this rank knows, of which earlier calls have finished some."""
    tokens: int = 0
    start: float = field(default_factory=perf_counter)
    methods: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.done = len(self.before)

    @cached_property
    def model_sizes(self) -> ModelSizes | None:
        """None for a model whose sizes can't be counted."""
        try:
            return ModelSizes.of(self.model.config)
        except ValueError:
            return None

    def window(self, prompts: Sequence[tuple[int, Any, list[int]]]) -> None:
        """Run what is not finished of a window, and append it to the journal.

        Args:
            prompts: the place of each in the file, the prompt, and its ids.
        """
        left = sum(index not in self.before for index, _, _ in prompts)
        if not left:
            return
        requests, refused = list[Request](), list[dict[str, Any]]()
        for index, prompt, ids in prompts:
            try:
                requests.append(self.task.request(index, prompt, ids, self.model, self.tokenizer))
            except InvalidPromptsError as error:
                if self.strict:
                    raise
                refused.append({"index": index, **label(prompt), "tokens": len(ids), "error": str(error)})
        if self.rank == 0:
            self.journal.append([as_line(record) for record in refused if record["index"] not in self.before])
        self._advance(left - sum(one.index not in self.before for one in requests), 0)
        if requests:
            self._run(requests)

    def _run(self, window: list[Request]) -> None:
        """Run this rank's share of a window."""
        task, method = self.task, self.method
        if method == "auto":
            method = fastest_method(task, self.model, self.model_sizes, window, self.sizes, self.calibration)
        options = self.sizes.options(method, task.lengths(window, method))
        planned = task.batches(window, method, self.sizes)
        batches = [left for batch in planned if (left := [one for one in batch if one.index not in self.before])]
        costs = [sum(task.lengths(batch, method)) + task.max_new_tokens * len(batch) for batch in batches]
        shares = deal(batches, costs, self.loads)
        for batch in shares.pop(self.rank):
            self.journal.append(self._lines(batch, method, options))
            self._advance(len(batch), sum(len(one.ids) for one in batch))
        others = [*chain(*chain(*shares))]  # run by other ranks meanwhile
        self._advance(len(others), sum(len(one.ids) for one in others))
        self.methods[method] += sum(map(len, batches))

    def _advance(self, prompts: int, tokens: int) -> None:
        self.done += prompts
        self.tokens += tokens
        speed = self.tokens / max(perf_counter() - self.start, 1e-9)
        self.bar.set_postfix_str(f"{speed:,.0f} tokens/s", refresh=False)
        self.bar.update(prompts)

    def _lines(self, batch: Sequence[Request], method: str, options: dict[str, Any]) -> list[bytes]:
        """Run a batch: a line for each of its prompts."""
        try:
            answers = self.task.answers(self.model, self.tokenizer, batch, method, options)
        except UnsupportedModelError as error:  # of a method that was not asked for
            if self.method != "auto" or method == "one_by_one":
                raise
            warnings.warn(f"{error}. Here auto runs prompts one by one instead", stacklevel=1)
            answers = self.task.answers(self.model, self.tokenizer, batch, "one_by_one", {})
        lines = []
        for one, answer in zip(batch, answers, strict=True):
            record = {"index": one.index, **one.label, "tokens": len(one.ids)}
            try:
                lines.append(as_line(record | answer))
            except ValueError:
                failed = "the model's probabilities are not finite; load it in another dtype, such as float32"
                lines.append(as_line(record | {"error": failed}))
        return lines
