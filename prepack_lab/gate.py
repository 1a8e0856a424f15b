"""The gate: whatever runs prompts enters it once, with its options, its prompts and its model.

Nothing below it checks them again. The first pass beyond what is known (`support.py`) is compared with prompts alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from transformers import PreTrainedConfig, PreTrainedModel

from prepack_lab.exactness.evidence import Evidence, confirm
from prepack_lab.exactness.support import (
    PACKED_METHODS,
    Known,
    UnsupportedModelError,
    alternatives,
    ask,
    foreign_input,
    unwrap,
)
from prepack_lab.forward import ForwardPass, run_pass, vocabulary_size
from prepack_lab.methods import Pass, plan_passes
from prepack_lab.packing import pack
from prepack_lab.positions import max_positions
from prepack_lab.prompts import InvalidPromptsError, check_prompts


@dataclass(frozen=True)
class Admitted:
    """Prompts that a method may run, and how."""

    model: PreTrainedModel
    """The model itself, where a wrapper was given."""
    prompts: list[list[int]]
    method: str
    options: dict[str, Any]
    known: Known
    switch: int | None
    """Longer prompts than this, in tokens, do not share a pass with the others (see `frequency_switch`)."""

    def sides(self) -> list[list[int]]:
        """The prompts that may share a pass, as indices: those up to the switch, and those beyond it."""
        sides: tuple[list[int], list[int]] = [], []
        for index, prompt in enumerate(self.prompts):
            sides[self.switch is not None and len(prompt) > self.switch].append(index)
        return [side for side in sides if side]

    def plan(self, side: Sequence[int]) -> Iterator[Pass]:
        """The forward passes for the prompts of a side."""
        for planned in plan_passes(self.method, [len(self.prompts[index]) for index in side], **self.options):
            yield replace(planned, prompts=[side[place] for place in planned.prompts])

    def run(self, verify: bool = False, side: Sequence[int] | None = None) -> Iterator[ForwardPass]:
        """Run the passes one by one, of all sides or of one, as the caller asks for them; none is kept here. A pass
        beyond what is known of the method is first compared with some of its prompts alone; with `verify`, every pass
        is, and with all of its prompts.

        Raises:
            UnsupportedModelError: the method turns out not to be exact at these lengths.
        """
        planned = chain.from_iterable(map(self.plan, self.sides() if side is None else [side]))
        return (self._run_pass(one, verify) for one in planned)

    def _run_pass(self, planned: Pass, verify: bool) -> ForwardPass:
        done = run_pass(self.model, self.prompts, planned)
        size = max(planned.rows.lengths), planned.rows.width
        if self.method != "one_by_one" and (verify or not self.known.prefill.covers(*size)):
            places = range(len(planned.prompts)) if verify else None
            last = {self.switch, max_positions(self.model)}  # the next token changes sides, or has no position
            obstacle = confirm(self.model, self.prompts, done, places, not last & {*planned.rows.lengths})
            self.require(obstacle, self.known.prefill, *size)
        return done

    def require(self, obstacle: str | None, evidence: Evidence, length: int, width: int) -> None:
        """Record that the method is exact at these lengths.

        Raises:
            UnsupportedModelError: there is an obstacle to that.
        """
        if obstacle is not None:
            raise UnsupportedModelError(
                f"{type(self.model).__name__} can't be run by {self.method!r} in rows of {width:,} slots: {obstacle}. "
                f"Use method='one_by_one', or prompts of up to {evidence.length:,} tokens in rows of up to "
                f"{evidence.width:,} slots, for which it is exact"
            )
        evidence.extend(length, width)


def admit(
    model: Any,
    prompts: Sequence[Sequence[int]],
    method: str,
    decoding: str = "unpacked",
    new_tokens: int = 0,
    **options: Any,
) -> Admitted:
    """Refuse what can't be run, or is not known to be exact.

    Args:
        model: a causal language model of transformers, or a wrapper of it (`torch.compile`, PEFT).
        prompts: B lists of token ids.
        method: a key of `DATASET_METHODS`.
        decoding: "unpacked" or "packed": how tokens will be generated.
        new_tokens: the most tokens that will be generated per prompt.
        options: how the method shares the prompts out (see `plan_passes`).

    Raises:
        ValueError: an unknown method or option, or packed decoding of a method that packs no rows.
        UnsupportedModelError: names the model, the reason and the way out.
        InvalidPromptsError: names the prompt that can't be run, and why.
    """
    plan_passes(method, [], **options)
    kind = "prepacked" if method == "dataset_prepacked" else method
    if decoding == "packed" and kind not in PACKED_METHODS:
        raise ValueError(f"{method!r} makes no rows of several prompts to decode; use {' or '.join(PACKED_METHODS)}")
    model = unwrap(model)
    if foreign := foreign_input(model):
        raise UnsupportedModelError(f"{type(model).__name__} can't be run here: {foreign}. Use model.generate itself")
    positions = max_positions(model)
    checked = check_prompts(prompts, vocabulary_size(model), positions)
    _require_room(checked, new_tokens, positions)
    if options.get("capacity") is not None:  # of all prompts, before any is run
        pack([len(prompt) for prompt in checked], options["capacity"], "next_fit")
    known = ask(model, kind, decoding)
    if known.obstacle is None and new_tokens and method != "one_by_one":
        known, kind = replace(known, obstacle=ask(model, "generate").obstacle), "generate"
    if known.obstacle is not None:
        name = method if decoding == "unpacked" else f"{method} with packed decoding"
        raise UnsupportedModelError(
            f"{type(model).__name__} can't be run by {name!r}: {known.obstacle}. {alternatives(model, kind, decoding)}"
        )
    admitted = Admitted(model, checked, method, options, known, frequency_switch(model.config))
    if method != "one_by_one":
        _require_one_side(admitted, new_tokens)
    return admitted


def frequency_switch(config: PreTrainedConfig) -> int | None:
    """The length beyond which a prompt changes the rotary frequencies of all prompts in its pass (LongRoPE).

    Source: `dynamic_rope_update` of transformers, which looks at the largest position of a pass.
    """
    config = config.get_text_config(decoder=True)
    rotary = getattr(config, "rope_parameters", None) or {}
    kinds = (kind for kind in (rotary, *rotary.values()) if isinstance(kind, dict))  # for all layers, or for each kind
    lengths = (kind.get("original_max_position_embeddings") for kind in kinds if kind.get("rope_type") == "longrope")
    return min((length for length in lengths if length), default=None)


def _require_one_side(admitted: Admitted, new_tokens: int) -> None:
    name, switch = type(admitted.model).__name__, admitted.switch
    for index, prompt in enumerate(admitted.prompts):
        if switch and len(prompt) <= switch < len(prompt) + new_tokens - 1:
            raise UnsupportedModelError(
                f"{name} can't be run by {admitted.method!r}: prompt {index} has {len(prompt):,} tokens and grows "
                f"beyond {switch:,}, where the model changes its rotary frequencies and reads the prompt again. Use "
                f"method='one_by_one', or ask for at most {switch - len(prompt) + 1:,} tokens"
            )


def _require_room(prompts: list[list[int]], new_tokens: int, positions: int | None) -> None:
    for index, prompt in enumerate(prompts):
        if positions is not None and len(prompt) + new_tokens - 1 > positions:  # the last one needs no position
            raise InvalidPromptsError(
                f"prompt {index} has {len(prompt):,} tokens and may get {new_tokens:,} more; the model has "
                f"{positions:,} positions. Shorten it, or ask for at most {positions - len(prompt) + 1:,} tokens"
            )
