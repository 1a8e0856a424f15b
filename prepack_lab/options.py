"""Options of the command line: how each is read, described and completed, whichever command takes it.

They are types: a function or a dataclass that takes one is annotated with it, and gives its default. None of this
loads torch, so that help and completion come at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import MISSING, Field, fields
from functools import partial
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from typer import Argument, BadParameter, Option

from prepack_lab.names import DATASET_METHODS, DEVICES, DTYPES, METHODS, MODELS, STRATEGIES, TASKS, WORKLOADS


def _names(words: str) -> list[str]:
    names = [word.strip() for word in words.split(",")]
    if not all(names):
        raise BadParameter(f"a name is missing in {words!r}; give names separated by commas")
    return names


def _reader(read: Callable[[str], Any], otherwise: str) -> Callable[[str], Any]:
    """What reads a word, and says in words where it can't."""

    def reader(word: str) -> Any:
        try:
            return read(word)
        except ValueError:
            raise BadParameter(f"{word!r} {otherwise}") from None

    return reader


def _completed(known: Iterable[str]) -> Callable[[str], list[str]]:
    """The names that begin as what is typed does, after the last comma."""

    def complete(incomplete: str) -> list[str]:
        before, comma, typed = incomplete.rpartition(",")
        return [before + comma + name for name in known if name.startswith(typed)]

    return complete


def _one(what: str, known: Sequence[str], **settings: Any) -> Any:
    settings = {"metavar": "NAME", "autocompletion": _completed(known), **settings}
    return Option(help=f"{what}: {', '.join(known)}", **settings)


_several = partial(_one, metavar="NAMES", parser=_names)
number = partial(Option, metavar="N", parser=_reader(int, "is no whole number; give one, such as 16"))
decimal = partial(Option, parser=_reader(float, "is no number; give one, such as 1.5"))
file = partial(Option, metavar="FILE")
_numbers = partial(
    Option,
    metavar="N,N,…",
    parser=_reader(
        lambda words: [*map(int, words.split(","))], "are no whole numbers separated by commas, such as 4,8,16"
    ),
)

Model = Annotated[str, _one("a folder, an id on the hub, or one of the lab's own", MODELS)]
DTYPE = _one("what suits the device, or one of these", DTYPES)
DEVICE = _one("the best there is, or one of these", DEVICES)
METHOD_OR_AUTO = _one("auto, the one predicted to be fastest, or one of these", ("auto", *DATASET_METHODS))
TASK = _one("what to do with each prompt", TASKS)
Dtype = Annotated[str, DTYPE]
Device = Annotated[str, DEVICE]
Workload = Annotated[str, _one("a length profile", WORKLOADS)]
Workloads = Annotated[Sequence[str], _several("length profiles, separated by commas", WORKLOADS)]
Methods = Annotated[Sequence[str], _several("separated by commas", METHODS)]
DatasetMethods = Annotated[Sequence[str], _several("separated by commas", DATASET_METHODS)]
Strategies = Annotated[Sequence[str], _several("separated by commas", STRATEGIES)]
Prompts = Annotated[Path, file(help="your own prompts instead, a file as for inspect")]
PromptsFile = Annotated[
    str,
    Argument(
        metavar="FILE",
        help="prompts: .txt (one per line), .json, .jsonl, .csv, .tsv or .parquet, also .gz or .zst; a folder; or -",
    ),
]
Column = Annotated[str | None, Option(metavar="NAME", help="that holds the prompt; else known by its usual name")]
Chat = Annotated[bool | None, Option("--chat/--no-chat", help="render by the chat template; else conversations only")]
BatchSize = Annotated[int, number(help="prompts in a batch")]
BatchSizes = Annotated[Sequence[int], _numbers(help="prompts in a batch")]
Lengths = Annotated[Sequence[int], _numbers(help="tokens of every prompt")]
Sizes = Annotated[Sequence[int], _numbers(help="how many prompts")]
Count = Annotated[int, number(help="prompts in all")]
Choices = Annotated[int, number(help="continuations of each prompt")]
Examples = Annotated[Sequence[int], _numbers(help="tokens that all prompts begin with")]
Draws = Annotated[int, number(help="random batches of each kind")]
MaxNewTokens = Annotated[int, number(help="tokens to generate for each prompt")]
Memory = Annotated[float, decimal(metavar="GB", help="memory of the device; else what is free now")]
Repeats = Annotated[int, number(help="runs that count, after one that does not")]
Seed = Annotated[int, number(help="of the lengths and of the ids")]
ComparePaper = Annotated[bool, Option("--compare-paper", help="print what the paper measured beside it")]
Quick = Annotated[bool, Option("--quick", help="small settings: under two minutes on two cores")]
Json = Annotated[Path, file(help="write the record there, too")]
Plot = Annotated[Path, file(help="write the figure there: .html, .png or .svg")]
Record = Annotated[bool, Option("--record", help="keep the record among the package's own recordings")]


def command(run: Callable[..., int], *taken: type, left_out: Sequence[str] = ()) -> Callable[..., int]:
    """A function for typer: the options are the fields of dataclasses, and `run` is given those that were asked for.

    What is not given is not set, so that the defaults are those of the fields, and `run` knows what was asked for.

    Args:
        run: is called with the options that were given, by name.
        taken: the dataclasses; each field is annotated with an option, or with an option or None.
        left_out: fields that are no options.
    """

    def called(**given: Any) -> int:
        return run(**{name: value for name, value in given.items() if value is not None and value is not False})

    parameters = []
    for of in taken:
        hints = get_type_hints(of, include_extras=True)
        parameters += [_parameter(field, hints[field.name]) for field in fields(of) if field.name not in left_out]
    called.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    return called


def _parameter(field: Field[Any], hint: Any) -> Parameter:
    """A field as typer reads it; its default is only said, since what is not given is not set."""
    kind, described = get_args(hint if get_origin(hint) is Annotated else get_args(hint)[0])  # or it is one or None
    if field.default is MISSING and field.default_factory is MISSING:
        return Parameter(field.name, Parameter.KEYWORD_ONLY, annotation=hint)
    described = copy(described)
    if field.default is not MISSING and field.default is not None and field.default is not False:
        default = ", ".join(map(str, field.default)) if isinstance(field.default, tuple) else field.default
        described.help += f"  [default: {default}]"
    missing = False if kind is bool else None
    return Parameter(field.name, Parameter.KEYWORD_ONLY, default=missing, annotation=Annotated[kind, described])


def check_folders(*files: str | Path | None) -> None:
    """Refuse files that can't be written: before anything is measured, not after.

    Raises:
        ValueError: names the folder that there is not.
    """
    for path in (Path(file) for file in files if file is not None):
        if not path.resolve().parent.is_dir():
            raise ValueError(f"{path} can't be written: there is no folder {path.parent}; create it first")


def examples(*commands: str) -> str:
    """What stands below the help of a command."""
    return "\n".join(["\b", "Examples:" if commands[1:] else "Example:", *(f"  {command}" for command in commands)])
