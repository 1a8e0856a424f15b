"""The command `prepack-lab`: a function per command, whose docstring is the help and whose parameters are the options.

What a command needs is loaded when it runs, so that help and completion load neither torch nor transformers.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from prepack_lab import __version__, options
from prepack_lab.bench import EXPERIMENTS
from prepack_lab.course.grading import command as grading
from prepack_lab.extras import MissingExtraError
from prepack_lab.names import DEFAULT_MODEL
from prepack_lab.options import examples


class _Commands(TyperGroup):
    """The commands; Ctrl-C ends any of them with a line."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            print("\nprepack-lab: stopped", file=sys.stderr)
            return 130


app = typer.Typer(cls=_Commands, rich_markup_mode=None)
bench = typer.Typer(rich_markup_mode=None)
app.add_typer(bench, name="bench")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return its exit code: 0 if all is well."""
    try:
        return typer.main.get_command(app).main(arguments, "prepack-lab", standalone_mode=False) or 0
    except typer.TyperException as error:  # a command or an option that does not exist, or can't be read
        where = getattr(error, "ctx", None)
        words = f"{error.format_message()} ({where.command_path if where else 'prepack-lab'} --help)"
    except (ValueError, RuntimeError, ImportError) as error:
        if not _says_what_to_do(error):
            raise
        words = str(error)
    print("prepack-lab:", re.sub(r"\s*\n\s*", " ", words), file=sys.stderr)
    return 2


def _says_what_to_do(error: Exception) -> bool:
    """Whether the message is all that people need: an unknown name, an unreadable file, a model that does not fit."""
    if isinstance(error, ValueError | MissingExtraError):
        return True
    from prepack_lab.models.embedded_model import ModelUnavailableError

    return isinstance(error, ModelUnavailableError)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"prepack-lab {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def begin(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Why padded batches waste prefill, and how prepacking wins it back.

    \b
    Where to begin:
      prepack-lab doctor                      is this machine ready?
      prepack-lab inspect my_prompts.txt      what does padding cost you?
      prepack-lab run my_prompts.txt --out next_tokens.jsonl
      prepack-lab bench one-batch --quick     how fast is it here?
      prepack-lab bench prefill --help        what can be asked of a command?
    """
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command(epilog=examples("prepack-lab doctor"))
def doctor() -> int:
    """Check that this machine is ready; exit code 1 if it is not."""
    from prepack_lab.doctor import diagnose

    diagnosis = diagnose()
    print(diagnosis)
    return 0 if diagnosis.healthy else 1


@app.command(
    epilog=examples(
        "prepack-lab inspect my_prompts.txt",
        "prepack-lab inspect chats.jsonl.gz --model mistral-7b --batch-size 32",
        "prepack-lab inspect questions.csv --column question --html advice.html",
        "prepack-lab inspect trace.parquet --json - --no-calibrate",
    )
)
def inspect(
    file: options.PromptsFile,
    model: options.Model = DEFAULT_MODEL,
    batch_size: options.BatchSize = 16,
    column: options.Column = None,
    chat: options.Chat = None,
    device: Annotated[str | None, options.DEVICE] = None,
    dtype: Annotated[str | None, options.DTYPE] = None,
    calibrate: Annotated[
        bool | None,
        typer.Option("--calibrate/--no-calibrate", help="measure this machine, once, in a minute; else you are asked"),
    ] = None,
    at_least: Annotated[
        float, options.decimal(metavar="GAIN", help="times as fast as full batching, for an exit code of 0")
    ] = 1.05,
    json: Annotated[str | None, typer.Option(metavar="FILE", help="write it as JSON; - is standard output")] = None,
    html: Annotated[Path | None, options.file(help="write it as a page to hand on")] = None,
) -> int:
    """What padding costs your prompts, and what to do about it.

    Exit code 1 where no method gains enough, 2 where the file can't be read.
    """
    from json import dumps

    from tqdm import tqdm

    from prepack_lab.advice.of_file import advise

    def calibrating(question: str) -> bool:
        if calibrate is None and sys.stdin.isatty() and sys.stderr.isatty():
            return typer.confirm(question, default=True, err=True)
        return bool(calibrate)

    options.check_folders(None if json == "-" else json, html)
    with tqdm(unit="B", unit_scale=True, desc="reading", leave=False, disable=None) as bar:

        def progress(place: int, size: int) -> None:
            bar.total = size
            bar.update(place - bar.n)

        advice = advise(
            file, model, batch_size, column=column, chat=chat, device=device, dtype=dtype,
            calibrating=calibrating, progress=progress,
        )  # fmt: skip
    if html is not None:
        from prepack_lab.figures.advice_page import advice_page

        html.write_text(advice_page(advice), encoding="utf-8")
    if json is not None and json != "-":
        Path(json).write_text(dumps(advice.to_dict(), indent=1), encoding="utf-8")
    print(dumps(advice.to_dict(), indent=1) if json == "-" else advice)
    return 0 if advice.inspection.gain(advice.inspection.best) >= at_least else 1


@app.command(
    epilog=examples(
        "prepack-lab run my_prompts.txt --out next_tokens.jsonl",
        "prepack-lab run chats.jsonl --out answers.parquet --task generate",
        "prepack-lab run q.csv --out s.jsonl --task score --continuations choices",
    )
)
def run(
    file: options.PromptsFile,
    out: Annotated[Path, typer.Option(metavar="FILE", help="where to write: .jsonl, .jsonl.gz or .parquet")],
    task: Annotated[str, options.TASK] = "prefill",
    model: options.Model = DEFAULT_MODEL,
    method: Annotated[str, options.METHOD_OR_AUTO] = "auto",
    column: options.Column = None,
    chat: options.Chat = None,
    device: Annotated[str | None, options.DEVICE] = None,
    dtype: Annotated[str | None, options.DTYPE] = None,
    max_new_tokens: Annotated[int | None, options.number(help="generate: the most tokens for each prompt")] = None,
    temperature: Annotated[float | None, options.decimal(help="generate: sample, this evenly; else greedily")] = None,
    top_p: Annotated[float | None, options.decimal(help="generate: sample among the likeliest, up to this")] = None,
    seed: Annotated[int | None, options.number(help="generate: of the samples")] = None,
    stop: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="generate: end there; may be repeated")] = None,
    continuations: Annotated[
        str | None, typer.Option(metavar="NAME", help="score: the column with a text, or a list of them")
    ] = None,
    batch_size: Annotated[int, options.number(help="the most rows per pass, or prompts decoded together")] = 16,
    token_budget: Annotated[int, options.number(help="the most slots per pass")] = 16_384,
    window: Annotated[int, options.number(help="prompts that are planned together")] = 1024,
    calibrate: Annotated[bool, typer.Option("--calibrate", help="for auto: measure this machine, once")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="stop at the first prompt that can't be run")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="begin anew, and replace what is there")] = False,
) -> int:
    """Prefill, generate or score every prompt of a file, in order.

    After an interrupt the same command goes on: nothing is lost, nothing is run twice. Exit code 1 where some prompts
    can't be run; their lines say why. With torchrun -m prepack_lab run, several devices share the work.
    """
    from prepack_lab.runs.command import run_command

    return run_command(
        file, out, task, model=model, method=method, column=column, chat=chat, device=device, dtype=dtype,
        max_new_tokens=max_new_tokens, temperature=temperature, top_p=top_p, seed=seed, stop=stop,
        continuations=continuations, batch_size=batch_size, token_budget=token_budget, window=window,
        calibrate=calibrate, strict=strict, fresh=fresh,
    )  # fmt: skip


@app.command(epilog=examples("prepack-lab support"))
def support() -> int:
    """Which of transformers' models each method is exact for."""
    import warnings

    from tqdm import tqdm
    from transformers.utils import logging

    from prepack_lab.methods import METHODS
    from prepack_lab.models.zoo import every_class, support_of_every_class, support_table

    logging.set_verbosity(logging.CRITICAL)
    warnings.simplefilter("ignore")
    found = [*tqdm(support_of_every_class(), total=len(every_class()), unit="class", leave=False)]
    print(support_table(found, tuple(METHODS)))
    return 0


@app.command(
    epilog=examples(
        "prepack-lab verify",
        "prepack-lab verify --report verified.md",
        "prepack-lab verify --device cpu --dtype float32",
    )
)
def verify(
    model: options.Model = DEFAULT_MODEL,
    device: options.Device | None = None,
    dtype: options.Dtype | None = None,
    json: Annotated[Path | None, options.file(help="write all figures there, too")] = None,
    report: Annotated[Path | None, options.file(help="write a page of markdown there, to attach to a bug")] = None,
) -> int:
    """Does every method give what each prompt gives alone, here?

    On this device, in the dtypes that people use on it, for a real model and small ones of ten families; then the
    seconds by method beside what is predicted. Takes about a minute; exit code 1 where something is off.
    """
    from transformers.utils import logging

    from prepack_lab import verification

    options.check_folders(json, report)
    logging.set_verbosity(logging.CRITICAL)
    found = verification.verify(model, device, dtype)
    print(found)
    if json is not None:
        found.write_json(json)
    if report is not None:
        found.write_report(report)
    return 0 if found.in_order else 1


@bench.callback(invoke_without_command=True, epilog=examples("prepack-lab bench prefill --quick"))
def begin_bench(context: typer.Context) -> None:
    """Measure on this machine what the paper measured on its own.

    --quick makes small what you do not set: under two minutes on two cores.
    """
    if context.invoked_subcommand is None:
        print(context.get_help())


for _name, _experiment in EXPERIMENTS.items():
    _asked = f"prepack-lab bench {_name}"
    bench.command(
        _name,
        help=_experiment.__doc__,
        short_help=_experiment.summary(),
        epilog=examples(f"{_asked} --quick", f"{_asked} {_experiment.example}"),
    )(_experiment.command())

app.command(
    "grade",
    help="Grade a folder of students' notebooks.\n\nWrites pages and CSV files.",
    epilog=examples(
        "prepack-lab grade submissions --out grades",
        "prepack-lab grade submissions --roster class.csv --lesson 02 --lesson 03",
        "prepack-lab grade submissions --dry-run",
    ),
)(options.command(grading.run, grading.Options))


@app.command(
    "lm-eval",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False},
)
def lm_eval(context: typer.Context) -> int:
    """lm-evaluation-harness, with the model prepack.

    All options are the harness's own."""
    from prepack_lab.scoring.harness import run_command

    run_command(context.args)
    return 0
