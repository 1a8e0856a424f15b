"""The learner's `prepack`, compared with each prompt alone: the stage that is wrong, or, where none is, the time.

First the whole: one pass over packed rows, and every prompt gets what it gets alone. Stages that keep the stub's names
and arguments must also do what their docstrings say, because no model shows every mistake. Other stages are free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from inspect import signature, unwrap
from types import FunctionType
from typing import Any

import torch
from transformers import DynamicCache, PreTrainedModel

from prepack_lab.course.capstone import reference
from prepack_lab.course.capstone.stages import (
    NEW_TOKENS,
    STAGES,
    WHOLE,
    Stage,
    fresh,
    prompts_of,
    run_alone,
    small_model,
    tokens_differ,
)
from prepack_lab.course.exercises.checking import Verdict
from prepack_lab.course.exercises.progress import Progress
from prepack_lab.course.inside.attempt import attempt
from prepack_lab.course.stale_kernel import restart_kernel
from prepack_lab.exactness.differences import HALF, TOLERANCE, apart
from prepack_lab.forward import forward_padded
from prepack_lab.generation import generate
from prepack_lab.measuring.timing import Measurement, measure_together

KEY, RACE = "04-capstone", "04-race"
STAGE_SECONDS, WHOLE_SECONDS = 5.0, 120.0
"""The longest that a stage may take, or everything on a small model; and everything on the learner's."""
OPEN = "`{}` is still open: fill it in, and end it with return."


def check(
    prepack: Callable[..., Any], model: PreTrainedModel, prompts: Sequence[Sequence[int]], max_new_tokens: int = 6
) -> Verdict:
    """Compare a `prepack` with each prompt alone: all new tokens, and the logits after each prompt to rounding.

    Args:
        prepack: the learner's function; its stages stand beside it.
        model: a causal language model with rotary positions and full attention, in float32.
        prompts: B lists of token ids.
        max_new_tokens: of each prompt.

    Returns:
        A verdict that the notebook shows: the stage that is wrong, or else the time beside full batching.
    """
    wrong = _wrong(prepack, model, prompts, max_new_tokens)
    words = wrong or (
        f"All {len(prompts)} prompts get what they get alone: every new token, and the logits to rounding.\n"
        f"{_beside_full_batching(prepack, model, prompts)}"
    )
    still_open = any(OPEN.format(name) in words for name in ("prepack", *(stage.name for stage in STAGES)))
    if not still_open:
        Progress.record(KEY, wrong is None)
    words = "\n".join(filter(None, (words, restart_kernel())))
    return Verdict(KEY, wrong is None, words, len(STAGES), open=still_open)


def race(
    prepack: Callable[..., Any], model: PreTrainedModel, prompts: Sequence[Sequence[int]], repeats: int = 5
) -> Verdict:
    """Time a `prepack` that is right against the lab's own `prepacked`, in turn.

    Both give two tokens for every prompt, so that both need a cache to go on from.

    Args:
        prepack, model, prompts: as for `check`.
        repeats: of each.

    Returns:
        A verdict with both times: solved where three in four runs are faster than three in four of the lab's.
    """
    wrong = _whole_wrong(prepack, model, prompts, 2)
    if wrong:
        return Verdict(RACE, False, f"Only what is right takes part; let `capstone.check` pass first.\n{wrong}", 0)
    yours, labs = _times(
        model,
        {
            "Yours": lambda: _run(prepack, model, prompts, 2),
            "The lab's": lambda: generate(model, prompts, "prepacked", max_new_tokens=2),
        },
        repeats,
    )
    times = f"Yours takes {_spread(yours)}, the lab's {_spread(labs)} for two tokens each, {repeats} times in turn."
    faster, slower = yours.spread[1] < labs.spread[0], labs.spread[1] < yours.spread[0]
    said = "Yours is faster!" if faster else "The lab's is faster." if slower else "A draw: the quartiles overlap."
    return Verdict(RACE, faster, f"{times}\n{said} The lab's takes {labs.median / yours.median:.2f} times as long.", 0)


def _wrong(prepack: Any, model: PreTrainedModel, prompts: Sequence[Sequence[int]], max_new_tokens: int) -> str | None:
    if not isinstance(unwrap(prepack), FunctionType):
        return f"A function is asked for, and this is of type {type(prepack).__name__}."
    if model.dtype in HALF:
        return "Load the model in float32: the rounding of half precision hides mistakes."
    whole = _packs(prepack) or _whole_wrong(prepack, small_model(), prompts_of(WHOLE), NEW_TOKENS, STAGE_SECONDS)
    if whole:
        return _stage_wrong(prepack, whole) or _glue_wrong(prepack, whole)
    if hidden := next(filter(None, (_tried(stage, function) for stage, function in _kept(prepack))), None):
        return f"{hidden}\nWhat comes out is right all the same, here."
    wrong = _whole_wrong(prepack, model, prompts, max_new_tokens)
    return wrong and f"A small model gives what it should, and this one does not.\n{wrong}"


def _run(prepack: Callable[..., Any], model: PreTrainedModel, prompts: Sequence[Any], max_new_tokens: int) -> Any:
    """Call it so that new tensors are made where the model is."""
    where: AbstractContextManager[Any] = nullcontext() if model.device.type == "cpu" else torch.device(model.device)
    with torch.no_grad(), where:
        return prepack(model, [[*prompt] for prompt in prompts], max_new_tokens)


def _whole_wrong(
    prepack: Any,
    model: PreTrainedModel,
    prompts: Sequence[Any],
    max_new_tokens: int,
    seconds: float = WHOLE_SECONDS,
) -> str | None:
    """What is wrong with what comes out, in words; None where it is what each prompt gets alone."""
    outcome = attempt(lambda: _run(prepack, model, prompts, max_new_tokens), (), seconds)
    if outcome.failure is not None:
        return f"`prepack`: {outcome.failure}"
    if _is_open(outcome.returned):
        return OPEN.format("prepack")
    expected, after = run_alone(model, prompts, max_new_tokens, model.config.eos_token_id)
    try:
        texts, logits = outcome.returned
        if logits.shape != after.shape:
            return f"The logits have the shape {[*logits.shape]}, and [B, V] is {[*after.shape]}."
        for prompt, off in enumerate(apart(logits, after)):
            if not off <= TOLERANCE:
                return f"The logits after prompt {prompt} are off by {off:.1%} of how far they spread."
        return tokens_differ([[int(token) for token in text] for text in texts], expected, "alone with")
    except Exception:  # whatever else it is
        return "`prepack` returns two things: a list of new tokens for each prompt, and logits of shape [B, V]."


def _is_open(returned: Any) -> bool:
    """Whether nothing was filled in, or not everything."""
    parts = returned if isinstance(returned, list | tuple) else (returned,)
    return any(part is None or part is ... for part in parts)


def _packs(prepack: Any) -> str | None:
    """What is wrong with the passes that it runs; None where the prompts are packed into one."""
    model, prompts = small_model(), prompts_of(WHOLE)
    shapes: list[torch.Size] = []

    def look(_: Any, ids: tuple[torch.Tensor, ...]) -> None:
        shapes.extend(one.shape for one in ids[:1])

    with model.get_input_embeddings().register_forward_pre_hook(look):
        outcome = attempt(lambda: _run(prepack, model, prompts, 1), (), STAGE_SECONDS)
    if outcome.failure is not None:
        return f"`prepack`: {outcome.failure}"
    if _is_open(outcome.returned):
        return OPEN.format("prepack")
    if len(shapes) > 1:
        return f"For one token each, {len(WHOLE)} prompts take {len(shapes)} forward passes, and one is asked for."
    if shapes and shapes[0].numel() >= len(WHOLE) * max(WHOLE):
        return f"The pass has {shapes[0].numel()} slots, and a padded batch needs no more: nothing is packed."
    return None


def _stage_wrong(prepack: Any, whole: str) -> str | None:
    """The first stage that is not what its docstring says; None where all are."""
    written = _written(prepack)
    right: list[str] = []
    for stage in STAGES:
        if not callable(written.get(stage.name)):
            wrong: str | None = f"There is no function `{stage.name}`, so that it can't be tried.\n{whole}"
        else:
            wrong = _tried(stage, written[stage.name])
        if wrong is not None:
            return "\n".join(filter(None, (f"Right so far: {', '.join(right)}." if right else "", wrong)))
        right.append(stage.name)
    return None


def _written(prepack: Any) -> dict[str, Any]:
    """The names beside the learner's function."""
    return unwrap(prepack).__globals__


def _kept(prepack: Any) -> Iterator[tuple[Stage, Callable[..., Any]]]:
    """The stages that are used, and take what the stub's do."""
    written = {name: unwrap(one) for name, one in _written(prepack).items() if isinstance(unwrap(one), FunctionType)}
    named = {*unwrap(prepack).__code__.co_names}
    named |= {name for one in named & written.keys() for name in written[one].__code__.co_names}
    for stage in STAGES:
        function = written.get(stage.name)
        if function and stage.name in named and len(signature(function).parameters) == len(stage.parameters):
            yield stage, function


def _tried(stage: Stage, function: Callable[..., Any]) -> str | None:
    """What is wrong with a stage, in the smallest case that shows it; None where it is right in all."""
    for words, before in stage.cases():
        arguments = fresh(before)
        with torch.no_grad():
            outcome = attempt(lambda given=arguments: function(*given), (), STAGE_SECONDS)
        if outcome.failure is not None:
            return f"`{stage.name}`, with {words}: {outcome.failure}"
        if _is_open(outcome.returned):
            return OPEN.format(stage.name)
        wrong = stage.wrong(outcome.returned, arguments, before)
        if wrong is not None:
            return f"`{stage.name}`, with {words}: {wrong}"
    return None


def _glue_wrong(prepack: Any, whole: str) -> str:
    """Where `prepack` puts right stages together in a wrong way: the first that is given something else than it should.

    What it should be given shows the lab's own `prepack`, run with the learner's stages.
    """
    if whole == OPEN.format("prepack"):
        return whole
    stages = {stage.name: _written(prepack)[stage.name] for stage in STAGES}
    ours, theirs = (_calls(function, stages) for function in (prepack, reference.prepack))
    for stage in STAGES:
        if stage.name not in theirs:
            continue
        if stage.name not in ours:
            return f"Every stage is right, but `prepack` does not call `{stage.name}`.\n{whole}"
        for name, given, right in zip(stage.parameters, ours[stage.name], theirs[stage.name], strict=False):
            if not _alike(given, right):
                return (
                    f"Every stage is right, but `prepack` gives `{stage.name}` another `{name}` than it should: "
                    f"{_short(given)}, and right is {_short(right)}.\n{whole}"
                )
    return f"Every stage is right, and each is given what it should. What does `prepack` return?\n{whole}"


def _calls(prepack: Any, stages: Mapping[str, Callable[..., Any]]) -> dict[str, tuple[Any, ...]]:
    """What `prepack` gives each of these stages at its first call."""
    calls: dict[str, tuple[Any, ...]] = {}

    def recorder(name: str) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            calls.setdefault(name, fresh([*signature(stages[name]).bind(*given, **named).arguments.values()]))
            return stages[name](*given, **named)

        return call

    inner = unwrap(prepack)
    names = {**inner.__globals__, **{name: recorder(name) for name in stages}}
    traced = FunctionType(inner.__code__, names, inner.__name__, inner.__defaults__, inner.__closure__)
    attempt(lambda: _run(traced, small_model(), prompts_of(WHOLE), NEW_TOKENS), (), STAGE_SECONDS)
    return calls


def _alike(given: Any, right: Any) -> bool:
    """Whether something that was given to a stage is what is right, in whatever form."""
    if isinstance(right, torch.nn.Module) or given is right:
        return given is right
    try:
        if isinstance(right, DynamicCache):
            pairs: Any = zip(given.layers, right.layers, strict=True)
            return all(_alike(one.keys, other.keys) and _alike(one.values, other.values) for one, other in pairs)
        if isinstance(right, list) and right and isinstance(right[0], list):
            return [[*map(int, one)] for one in given] == right
        given, right = torch.as_tensor(given), torch.as_tensor(right)
        return given.shape == right.shape and torch.allclose(given.double(), right.double(), atol=1e-4)
    except Exception:  # another kind of thing
        return bool(given == right) if type(given) is type(right) else False


def _short(value: Any) -> str:
    if isinstance(value, torch.Tensor) and value.numel() > 25:
        return f"a {str(value.dtype).removeprefix('torch.')} tensor of shape {[*value.shape]}"
    text = str(value.tolist()) if isinstance(value, torch.Tensor) else repr(value)
    return text if len(text) <= 100 else f"{text[:97]}…"


def _beside_full_batching(prepack: Any, model: PreTrainedModel, prompts: Sequence[Sequence[int]]) -> str:
    yours, padded = _times(
        model,
        {
            "Yours": lambda: _run(prepack, model, prompts, 1),
            "Full batching": lambda: forward_padded(model, prompts).next_token_logits.argmax(-1).tolist(),
        },
        5,
    )
    return (
        f"To the first token of all, yours takes {_spread(yours)}, full batching {_spread(padded)}: "
        f"{padded.median / yours.median:.2f} times as long. Timed in turn, 5 times each."
    )


def _times(model: PreTrainedModel, functions: Mapping[str, Callable[[], Any]], repeats: int) -> list[Measurement]:
    return [*measure_together(functions, repeats=repeats, device=str(model.device)).values()]


def _spread(taken: Measurement) -> str:
    low, middle, high = (1000 * seconds for seconds in (taken.spread[0], taken.median, taken.spread[1]))
    return f"{middle:,.0f} ms (half of the runs {low:,.0f} to {high:,.0f})"
