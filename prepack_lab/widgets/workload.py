"""The controls that choose prompt lengths: of a recorded workload, your own, or of texts that you paste."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets as ipw

from prepack_lab.packing import Packing
from prepack_lab.sources.lengths import list_profiles, load_profile
from prepack_lab.widgets.recorded import Move

YOURS = "yours"
PASTED = "pasted"


class Workload:
    """A menu of workloads, a button that draws other prompts, and a box to paste texts into.

    Args:
        lengths: tokens of your own prompts, offered first.
        workload: the profile to begin with, where no lengths are given.
        most: prompts in a draw. Batches are cut from a single long draw, so that a larger batch keeps the prompts of
            a smaller one.
        count: text → tokens, for pasted texts; by default a rough count by letters.
    """

    def __init__(
        self,
        lengths: Sequence[int] | None = None,
        workload: str = "mmlu",
        most: int = 64,
        count: Callable[[str], int] | None = None,
    ) -> None:
        self.own: list[int] | None = None
        self.most, self.count = most, count or _about
        choices = [(load_profile(name).title, name) for name in list_profiles()]
        choices.append(("texts that I paste", PASTED))
        begin = load_profile(workload).name  # names an unknown workload in its error
        self.menu = ipw.Dropdown(options=choices, value=begin, description="Workload")
        if lengths is not None:
            self.take(lengths, "your own prompts")
        self.seed = ipw.BoundedIntText(0, 0, 10_000, description="Seed", layout=ipw.Layout(width="160px"))
        self.again = ipw.Button(description="Draw others", tooltip="Draw other prompts of this workload", icon="random")
        self.again.on_click(lambda _: setattr(self.seed, "value", (self.seed.value + 1) % 10_001))
        self.text = ipw.Textarea(
            placeholder="One prompt per line", description="Texts", layout=ipw.Layout(width="100%", display="none")
        )
        self.menu.observe(lambda _: self._offer(), names="value")
        self._offer()

    @property
    def controls(self) -> list[ipw.Widget]:
        """In the order of the tab key."""
        return [self.menu, self.seed, self.again, self.text]

    def move(self, names: Sequence[str] | None = None) -> Move:
        """The menu on a page of the site: own prompts, where there are any, and these workloads; all where left out."""
        chosen = [*([YOURS] if self.own else []), *(list_profiles() if names is None else names)]
        return Move(self.menu, [self.menu.value] + [name for name in chosen if name != self.menu.value])

    def take(self, lengths: Sequence[int], title: str) -> None:
        """Offer these lengths first, under a title, in place of any own lengths before; and choose them."""
        self.own = [*Packing.padded(lengths).lengths]
        others = [option for option in self.menu.options if option[1] != YOURS]
        self.menu.options = [(title, YOURS), *others]
        self.menu.value = YOURS

    def lengths(self) -> list[int]:
        """Tokens of the prompts that are chosen.

        Raises:
            ValueError: nothing was pasted yet.
        """
        if self.menu.value == YOURS and self.own is not None:
            return self.own
        if self.menu.value == PASTED:
            texts = [line for line in self.text.value.splitlines() if line.strip()]
            if not texts:
                raise ValueError("Paste your prompts into the box below, one per line.")
            return [self.count(text) for text in texts]
        return load_profile(self.menu.value).sample(self.most, seed=self.seed.value)

    def _offer(self) -> None:
        """Show the controls that the choice needs, and no others."""
        recorded = self.menu.value not in (YOURS, PASTED)
        self.text.layout.display = None if self.menu.value == PASTED else "none"
        for control in (self.seed, self.again):
            control.layout.display = None if recorded else "none"


def _about(text: str) -> int:
    """English has about four letters per token."""
    return max(1, round(len(text) / 4))
