"""Whether a call may go on from the journals beside its output, begin anew, or has to be refused."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from filelock import FileLock, Timeout
from transformers import PreTrainedModel

from prepack_lab.exactness.support import unwrap
from prepack_lab.measuring.calibration import Calibration
from prepack_lab.runs.journal import Journal, as_line, header
from prepack_lab.runs.tasks import Task
from prepack_lab.sources.files import PromptFile


def journals(out: Path) -> list[Path]:
    """Those of all ranks that are there, that of rank 0 first."""
    own = re.compile(re.escape(out.name) + r"\.part\d*")
    return sorted(path for path in out.parent.iterdir() if own.fullmatch(path.name))


def journal_of(out: Path, rank: int) -> Path:
    return out.with_name(f"{out.name}.part{rank or ''}")


@contextmanager
def alone_at(out: Path) -> Iterator[None]:
    """Keep other calls from writing the same output meanwhile."""
    lock = FileLock(out.with_name(f"{out.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(f"another process is writing {out}; wait for it, or choose another file") from None
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def begin(
    out: Path,
    file: PromptFile,
    model: PreTrainedModel,
    tokenizer: Any,
    task: Task,
    calibration: Calibration | None,
    fresh: bool,
) -> None:
    """Make sure that the journals are of this request; where there are none, begin that of rank 0.

    Its header says what was asked for, how many prompts there are, and by which rates methods are chosen.

    Raises:
        ValueError: as for `run_file`.
    """
    if out.exists() and Path(file.path).exists() and out.samefile(file.path):
        raise ValueError(f"{out} holds the prompts; choose another file for the results")
    if fresh:
        for path in journals(out):
            path.unlink()
    elif out.exists() and not journals(out):
        raise ValueError(f"{out} is complete; choose another file, or replace it with --fresh (fresh=True)")
    asked = _asked(file, model, tokenizer, task)
    found = [first for first in map(header, journals(out)) if first is not None]
    for first in found:
        held = first["asked"]
        differ = [name for name in sorted(asked.keys() | held.keys()) if asked.get(name) != held.get(name)]
        if differ:
            changes = "; ".join(f"{name} was {held.get(name)!r} and is {asked.get(name)!r}" for name in differ)
            raise ValueError(
                f"{out}.part is what is done of another run: {changes}. Repeat the command that it was begun with, "
                "choose another output, or start anew with --fresh (fresh=True)"
            )
    if not found:
        rates = None if calibration is None else asdict(calibration)
        found = [{"asked": asked, "prompts": _count(file, task), "calibration": rates}]
    Journal(journal_of(out, 0), found[0]).close()


def _asked(file: PromptFile, model: PreTrainedModel, tokenizer: Any, task: Task) -> dict[str, Any]:
    """What results depend on, beyond rounding."""
    weights = hashlib.sha256()
    for values in unwrap(model).parameters():
        if not values.is_meta:  # else they are on a disk
            weights.update(values.detach().flatten()[:64].float().cpu().numpy().tobytes())
    words = json.dumps([sorted(tokenizer.get_vocab().items()), tokenizer.chat_template])
    asked = {
        "file": file.fingerprint(),
        "column": file.column,
        "chat": file.chat,
        "task": task.name,
        "model": f"{type(model).__name__}, {model.dtype}, {weights.hexdigest()[:16]}",
        "tokenizer": hashlib.sha256(words.encode()).hexdigest()[:16],
        **asdict(cast(Any, task)),
    }
    return json.loads(as_line(asked))


def _count(file: PromptFile, task: Task) -> int:
    """The prompts of a file; so what is damaged in it shows before anything is run."""
    count, columns = 0, set[str]()
    for prompt in file:
        count += 1
        columns.update(prompt.columns)
    wanted = getattr(task, "continuations", None)
    if wanted is not None and wanted not in columns:
        there = f"there are: {', '.join(sorted(columns))}" if columns else "its lines have no columns"
        raise ValueError(f"{file.name} has no column {wanted!r} with continuations; {there}")
    return count
