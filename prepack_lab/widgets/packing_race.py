"""Strategies pack the same prompts side by side, a prompt at a time."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as ipw

from prepack_lab.figures.bins import draw_bin_states
from prepack_lab.figures.style import LabFigure
from prepack_lab.packing import STRATEGIES, Packing, pack
from prepack_lab.sources.lengths import load_profile
from prepack_lab.widgets.checkboxes import Checkboxes
from prepack_lab.widgets.lab_widget import LabWidget
from prepack_lab.widgets.lengths_box import LengthsBox
from prepack_lab.widgets.recorded import Move

FIRST = ("next_fit", "first_fit", "first_fit_decreasing")


class PackingRace(LabWidget):
    """Play, pause and step through how each strategy fills its bins, against the lower bound.

    Args:
        lengths: tokens of your own prompts, which can be edited; by default a draw of MMLU.
        capacity: the most tokens in a bin; by default the length of the longest prompt.
        strategies: those that race.
    """

    def __init__(
        self, lengths: Sequence[int] | None = None, capacity: int | None = None, strategies: Sequence[str] = FIRST
    ) -> None:
        drawn = load_profile("mmlu").sample(16, seed=1) if lengths is None else [*Packing.padded(lengths).lengths]
        most = max(4 * max(drawn), capacity or 0)
        self.lengths = LengthsBox(drawn)
        self.capacity = ipw.IntSlider(
            capacity or max(drawn), max(drawn), most, description="Capacity", layout=ipw.Layout(width="380px")
        )
        self.strategies = Checkboxes(STRATEGIES, strategies, "Strategies")
        self.play = ipw.Play(value=len(drawn), min=0, max=len(drawn), interval=600, description="Play")
        self.step = ipw.IntSlider(len(drawn), 0, len(drawn), description="Prompts", layout=ipw.Layout(width="380px"))
        self.played = ipw.jslink((self.play, "value"), (self.step, "value"))
        self.lengths.observe(lambda _: self._fit_controls(), names="value")
        moved = ipw.VBox([self.capacity, self.step, self.play], layout=ipw.Layout(width="420px"))
        super().__init__(
            [self.lengths, self.capacity, self.step, self.play, self.strategies],
            quiet=[self.play],
            shown=[self.lengths, moved, self.strategies],
        )

    def on_page(self) -> list[Move]:
        least, most = self.capacity.min, self.capacity.max
        capacities = [least + (most - least) * part // 6 for part in range(7)]
        return [Move(self.capacity, capacities), Move(self.step, range(self.step.max + 1), play=True)]

    def compose(self) -> tuple[LabFigure, str]:
        lengths = self.lengths.numbers()
        capacity = max(self.capacity.value, *lengths)
        packed = {strategy: pack(lengths, capacity, strategy, time_limit=2.0) for strategy in self.strategies.value}
        if not packed:
            raise ValueError("Choose at least one strategy.")
        step = min(self.step.value, len(lengths))
        states = {strategy: packing.after(step) for strategy, packing in packed.items()}
        rows = max(packing.num_bins for packing in packed.values())
        bound = max(packing.lower_bound for packing in packed.values())
        return draw_bin_states(states, lengths, capacity, bound, rows), _said(packed, states, step, bound)

    def _fit_controls(self) -> None:
        """New lengths have a new last step and a new smallest capacity."""
        try:
            lengths = self.lengths.numbers()
        except ValueError:
            return  # `compose` says so
        longest = max(lengths)
        self.capacity.max = max(4 * longest, self.capacity.min)
        self.capacity.min, self.capacity.max = longest, 4 * longest
        for control in (self.play, self.step):
            control.max = len(lengths)
        self.step.value = self.play.value = len(lengths)


def _said(packed: dict[str, Packing], states: dict[str, list[list[int]]], step: int, bound: int) -> str:
    so_far = ", ".join(f"{strategy} {len(bins)}" for strategy, bins in states.items())
    done = all(step == len(packing.lengths) for packing in packed.values())
    least = f"None can do with fewer than {bound}." if done else f"At the end there will be at least {bound}."
    return f"{step} prompts placed. Bins: {so_far}. {least}"
