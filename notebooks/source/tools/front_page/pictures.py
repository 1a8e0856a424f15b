"""The pictures of the first page: for every place of a control, what is painted and what is said of it.

A state maps the parts of a picture to values: an SVG path's line, a mark that the style sheet reads, or words. All come
from the package's own functions; the page only picks one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from prepack_lab.figures.rows import slot_bars
from prepack_lab.figures.style import OKABE_ITO
from prepack_lab.masks import may_see
from prepack_lab.packed_batch import PackedBatch
from prepack_lab.packing import Packing, pack
from prepack_lab.sources.lengths import list_profiles, load_profile
from prepack_lab.widgets.recorded import Choice

WIDE, HIGH = 1000, 400
"""Of a panel, in its own units."""
SIZES = (1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 28, 32, 40, 48, 64)
STRATEGIES = ("next_fit", "first_fit", "first_fit_decreasing")
SENTENCES = ("The capital of Germany is", "Berlin lies on the river", "Water boils at")

State = Mapping[str, str]


@dataclass(frozen=True)
class Picture:
    """Controls, and a state for every combination of their values, the last control moving fastest."""

    choices: list[Choice]
    states: list[State]

    @property
    def first(self) -> State:
        """What the page shows before a control is moved."""
        place = 0
        for choice in self.choices:
            place = place * len(choice.labels) + choice.begin
        return self.states[place]


def padding() -> Picture:
    """A batch of recorded prompt lengths, padded and packed, to the same scale."""
    names = list_profiles()
    begin = names.index("mmlu")
    choices = [
        Choice("Prompts from", [load_profile(name).title for name in names], begin),
        Choice("Batch size", [str(size) for size in SIZES], SIZES.index(16), "range"),
    ]
    drawn = {name: load_profile(name).sample(max(SIZES)) for name in names}
    return Picture(choices, [_batch(drawn[name][:size]) for name, size in product(names, SIZES)])


def _batch(lengths: list[int]) -> State:
    padded, packed = Packing.padded(lengths), pack(lengths)
    prompts = "1 prompt" if len(lengths) == 1 else f"{len(lengths)} prompts"
    times = padded.slots / packed.slots
    return {
        **_panel("padded", padded.bins, lengths, padded.width, padded.num_bins, at_the_right=True),
        **_panel("packed", packed.bins, lengths, padded.width, padded.num_bins),
        "padded-title": f"Padded: {_rows(padded)}",
        "packed-title": f"Packed: {_rows(packed)}",
        "share": f"{padded.padding_share:.0%}",
        "share-packed": f"{packed.padding_share:.0%}",
        "times": f"{times:.1f}×",
        "words": f"{prompts}, {padded.tokens:,} tokens. Padded, they take {padded.slots:,} slots, and "
        f"{padded.padding_share:.0%} of these hold no token. Packed, they take {packed.slots:,}.",
    }


def _rows(packing: Packing) -> str:
    rows = "1 row" if packing.num_bins == 1 else f"{packing.num_bins} rows"
    return f"{rows} of {packing.width:,} slots"


def race() -> Picture:
    """Three strategies pack the same prompts, a prompt at a time."""
    lengths = load_profile("mmlu").sample(16, seed=1)
    packed = {strategy: pack(lengths, strategy=strategy) for strategy in STRATEGIES}
    steps = range(len(lengths) + 1)
    choice = Choice("Prompts placed", [str(step) for step in steps], len(lengths), "range", play=True)
    return Picture([choice], [_step(packed, lengths, step) for step in steps])


def _step(packed: Mapping[str, Packing], lengths: list[int], step: int) -> State:
    rows = max(packing.num_bins for packing in packed.values())
    bound = max(packing.lower_bound for packing in packed.values())
    state: dict[str, str] = {}
    said = []
    for strategy, packing in packed.items():
        bins, name = packing.after(step), strategy.replace("_", " ")
        state |= _panel(strategy, bins, lengths, packing.capacity, rows)
        bins_now = "1 bin" if len(bins) == 1 else f"{len(bins)} bins"
        state[f"{strategy}-title"] = f"{name}: {bins_now}"
        y = round(bound * HIGH / rows)
        state[f"{strategy}-bound"] = f"M0 {y}H{WIDE}"
        if step:
            prompt = packing.placing_order[step - 1]
            (place,) = (index for index, members in enumerate(bins) if prompt in members)
            how = "opens" if bins[place] == [prompt] else "goes into"
            said.append(f"{name}: prompt {prompt} ({lengths[prompt]:,} tokens) {how} bin {place}")
    done = step == len(lengths)
    end = f"No packing has fewer than {bound} bins" if done else f"In the end there will be at least {bound} bins"
    state["words"] = ". ".join([_upper(one) for one in said] or ["Nothing is placed yet"]) + f". {end} (dashed)."
    return state


def mask() -> Picture:
    """One packed row of three prompts: which tokens one may see, and at which positions they stand."""
    words = [sentence.split() for sentence in SENTENCES]
    lengths = [len(sentence) for sentence in words]
    batch = PackedBatch.from_prompts([[0] * length for length in lengths], Packing.concatenated(lengths))
    tokens = [word for sentence in words for word in sentence]
    segments, places = batch.segment_ids[0].tolist(), batch.position_ids[0].tolist()
    choices = [
        Choice("Keep the prompts apart", ["no", "yes"], 1, "checkbox"),
        Choice("Restart the positions", ["no", "yes"], 1, "checkbox"),
        Choice("Token", tokens, 8, "radio"),
    ]
    states = []
    for apart, restart, token in product((False, True), (False, True), range(len(tokens))):
        seen = may_see(batch.segment_ids, apart)[0, 0].tolist()
        positions = places if restart else [*range(len(tokens))]
        states.append(_looks(tokens, segments, positions, seen, token, restart))
    return Picture(choices, states)


def _looks(
    tokens: list[str], segments: list[int], positions: list[int], seen: list[list[bool]], token: int, restart: bool
) -> State:
    cells = [(x, y) for y, row in enumerate(seen) for x, may in enumerate(row) if may]
    leaks = [(x, y) for x, y in cells if segments[x] != segments[y]]
    state = {
        "leak": "".join(f"M{x + 0.25:g} {y + 0.25:g}l.5 .5m0 -.5l-.5 .5" for x, y in leaks),
        "row": f"M0 {token}H{len(tokens)}v1H0z",
    }
    for prompt in sorted(set(segments)):
        own = [(x, y) for x, y in cells if segments[x] == segments[y] == prompt]
        state[f"own-{prompt}"] = "".join(f"M{x + 0.05:g} {y + 0.05:g}h.9v.9h-.9z" for x, y in own)
    marks = ["hidden"] * len(tokens)
    for x, y in cells:
        if y == token:
            marks[x] = "self" if x == y else "leak" if (x, y) in leaks else "seen"
    for place, mark in enumerate(marks):
        state[f"token-{place}"], state[f"position-{place}"] = mark, str(positions[place])
    inside = [word for word, mark in zip(tokens, marks, strict=True) if mark in ("seen", "self")]
    leaking = [word for word, mark in zip(tokens, marks, strict=True) if mark == "leak"]
    where = f"“{tokens[token]}” of prompt {segments[token]} stands at position {positions[token]}"
    said = [f"{where}. It sees: {', '.join(inside)}."]
    if leaking:
        said.append(f"It also sees {', '.join(leaking)}, which are of another prompt: its answer is spoiled.")
    if not restart and segments[token]:
        said.append("Its prompt does not begin at 0: to the model, it is the middle of a text.")
    state["words"] = " ".join(said)
    return state


def _panel(
    name: str, bins: Sequence[Sequence[int]], lengths: list[int], width: int, rows: int, at_the_right: bool = False
) -> dict[str, str]:
    """The lines of a panel: one path for what holds no token, and one for each colour of prompts."""
    rest, prompts = slot_bars(bins, lengths, width, "padding", at_the_right=at_the_right)
    colours = prompts["marker"]["color"]
    lines = {f"{name}-rest": _boxes(rest, [True] * len(bins), width, rows)}
    for place, colour in enumerate(OKABE_ITO):
        lines[f"{name}-{place}"] = _boxes(prompts, [one == colour for one in colours], width, rows)
    return lines


def _boxes(bars: Mapping[str, Any], drawn: Sequence[bool], width: int, rows: int) -> str:
    """Bars as the line of an SVG path."""
    x, y = WIDE / width, HIGH / rows
    gap = 0.1 * y
    return "".join(
        f"M{base * x:.0f} {row * y + gap / 2:.0f}h{wide * x:.0f}v{y - gap:.0f}h-{wide * x:.0f}z"
        for base, wide, row, shown in zip(bars["base"], bars["x"], bars["y"], drawn, strict=True)
        if shown and wide
    )


def _upper(words: str) -> str:
    return words[0].upper() + words[1:]
