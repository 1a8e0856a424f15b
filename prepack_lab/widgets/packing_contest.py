"""Pack by hand, and try to need fewer bins than first-fit decreasing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import Any

import ipywidgets as ipw
import numpy as np

from prepack_lab.figures.bins import draw_bin_states
from prepack_lab.figures.contrast import ink_on
from prepack_lab.figures.style import LabFigure, prompt_colour
from prepack_lab.packing import Packing, pack
from prepack_lab.widgets.lab_widget import LabWidget, display_widget
from prepack_lab.widgets.recorded import wanted

RIVAL = "first_fit_decreasing"
CAPACITY = 30
NEW_BIN = "a new bin"
GAMES = 6
"""To play on a page of the site."""


class PackingContest(LabWidget):
    """Choose a prompt and a bin, place it, and hold your bins against first-fit decreasing's.

    Args:
        lengths: tokens of each prompt; by default a game that can be won.
        capacity: the most tokens in a bin; by default the length of the longest prompt.
    """

    def __init__(self, lengths: Sequence[int] | None = None, capacity: int | None = None) -> None:
        self._own = None if lengths is None else ([*lengths], capacity)
        self.game = ipw.BoundedIntText(0, 0, 999, description="Game", layout=ipw.Layout(width="160px"))
        self.prompt = ipw.Dropdown(description="Prompt", layout=ipw.Layout(width="270px"))
        self.bin = ipw.Dropdown(description="into", layout=ipw.Layout(width="220px"))
        narrow = ipw.Layout(width="110px")
        self.place = ipw.Button(
            description="Place", button_style="primary", tooltip="Put this prompt into this bin", layout=narrow
        )
        self.undo = ipw.Button(description="Undo", icon="undo", tooltip="Take the last prompt back", layout=narrow)
        self.again = ipw.Button(description="Start again", tooltip="Empty all bins", layout=narrow)
        self.place.on_click(lambda _: self.attempt(self._place))
        self.undo.on_click(lambda _: self.attempt(self._undo))
        self.again.on_click(lambda _: self.attempt(self._begin))
        self.game.observe(lambda _: self.attempt(self._begin), names="value")
        self.prompt.observe(lambda _: self._offer_bins(), names="value")
        self._begin()
        if self._own:
            self.game.layout.display = "none"
        controls = [self.game, self.prompt, self.bin, self.place, self.undo, self.again]
        super().__init__(controls, quiet=controls)

    @property
    def bins(self) -> list[list[int]]:
        """The bins that were packed by hand so far."""
        bins: dict[int, list[int]] = {}
        for prompt, index in self.moves:
            bins.setdefault(index, []).append(prompt)
        return [*bins.values()]

    def compose(self) -> tuple[LabFigure, str]:
        lengths, capacity = self.rival.lengths, self.rival.capacity
        states = {"by hand": self.bins}
        done = len(self.moves) == len(lengths)
        if done:
            states[RIVAL] = [*map(list, self.rival.bins)]
        figure = draw_bin_states(states, lengths, capacity, self.best.lower_bound, self.rival.num_bins + 1)
        return figure, self._said(done)

    def _said(self, done: bool) -> str:
        if done:
            return self._verdict(len(self.bins))
        left = [self.rival.lengths[prompt] for prompt in self._left()]
        words = f"{len(left)} prompt{'s' if len(left) > 1 else ''} to place, of {', '.join(map(str, left))} tokens."
        return f"{words} {self._challenge()}"

    def _challenge(self) -> str:
        return f"First-fit decreasing needs {self.rival.num_bins} bins; can you do with fewer?"

    def _verdict(self, own: int) -> str:
        """What is said of so many bins, when all prompts are placed."""
        rival, best = self.rival.num_bins, self.best.num_bins
        if own < rival:
            won = "and no packing has fewer" if own == best else f"and {best} are possible"
            return f"You won: {own} bins against {rival}, {won}."
        if own == best:
            return f"A draw: {own} bins against {rival}, and no packing has fewer."
        verdict = "A draw" if own == rival else "You lost"
        return f"{verdict}: {own} bins against {rival}. {best} are enough; undo, and try again."

    def _ipython_display_(self) -> None:
        if not wanted():
            return super()._ipython_display_()
        games = [self._game()] if self._own else []
        for game in range(0 if self._own else GAMES):
            self.game.value = game
            games.append(self._game())
        self.game.value = 0
        said = f"<p>{escape(self._said(False))} On this page the contest needs JavaScript.</p>"
        states = json.dumps(games).replace("</", "<\\/")
        display_widget(
            self, f'<div class="contest">{said}<script type="application/json" class="states">{states}</script></div>'
        )

    def _game(self) -> dict[str, Any]:
        """A game as a page of the site plays it: what is known of it, and what is said of any number of bins."""
        lengths = self.rival.lengths
        return {
            "lengths": lengths,
            "capacity": self.rival.capacity,
            "order": self.rival.placing_order,
            "looks": [[colour, ink_on(colour)] for colour in map(prompt_colour, range(len(lengths)))],
            "bound": self.best.lower_bound,
            "rival": self.rival.bins,
            "challenge": self._challenge(),
            "verdicts": [self._verdict(own) if own >= self.best.num_bins else "" for own in range(len(lengths) + 1)],
        }

    def _begin(self) -> None:
        lengths, capacity = self._own or (winnable(self.game.value), CAPACITY)
        self.rival: Packing = pack(lengths, capacity, RIVAL)
        self.best: Packing = pack(lengths, capacity, "optimal", time_limit=2.0)
        self.moves: list[tuple[int, int]] = []
        self._offer_prompts()

    def _place(self) -> None:
        if self.prompt.value is not None:
            self.moves.append((self.prompt.value, self.bin.value))
        self._offer_prompts()

    def _undo(self) -> None:
        self.moves = self.moves[:-1]
        self._offer_prompts()

    def _left(self) -> list[int]:
        """The prompts that are not placed yet, the longest first."""
        placed = {prompt for prompt, _ in self.moves}
        return [prompt for prompt in self.rival.placing_order if prompt not in placed]

    def _offer_prompts(self) -> None:
        left = self._left()
        _offer(self.prompt, [(f"prompt {prompt}: {self.rival.lengths[prompt]} tokens", prompt) for prompt in left])
        self.place.disabled, self.undo.disabled = not left, not self.moves
        self._offer_bins()

    def _offer_bins(self) -> None:
        """Offer the bins with room for the chosen prompt, and a new bin."""
        if self.prompt.value is None:
            _offer(self.bin, [])
            return
        length, bins = self.rival.lengths[self.prompt.value], self.bins
        room = [self.rival.capacity - sum(self.rival.lengths[prompt] for prompt in members) for members in bins]
        fitting = [(f"bin {index}: room for {free}", index) for index, free in enumerate(room) if free >= length]
        _offer(self.bin, [*fitting, (NEW_BIN, len(bins))])


def _offer(menu: ipw.Dropdown, options: Sequence[tuple[str, int]]) -> None:
    menu.options = options
    menu.index = 0 if options else None


def winnable(seed: int) -> list[int]:
    """Lengths that fit into fewer bins than first-fit decreasing needs; the same for the same seed."""
    generator = np.random.default_rng(seed)
    while True:
        lengths = generator.integers(4, 16, size=12).tolist()
        rival = pack(lengths, CAPACITY, RIVAL)
        if rival.gap > 0 and pack(lengths, CAPACITY, "optimal", time_limit=1.0).num_bins < rival.num_bins:
            return lengths
