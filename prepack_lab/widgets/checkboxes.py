"""Several choices from a list, each with its own checkbox: no key has to be held, as in a browser's list."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as ipw
from traitlets import Bool, TraitError, Tuple, validate


class Checkboxes(ipw.HBox):
    """A checkbox for each option; `value` has the chosen ones, in the order of the options.

    Args:
        options: their names.
        value: the options that are chosen at first.
        description: what is chosen, in front of them.
    """

    value = Tuple()
    disabled = Bool(False)

    def __init__(self, options: Sequence[str], value: Sequence[str], description: str) -> None:
        self.options, self._moving = tuple(options), False
        self.boxes = {
            option: ipw.Checkbox(
                description=option, indent=False, layout=ipw.Layout(width="auto", margin="2px 14px 2px 0")
            )
            for option in options
        }
        label = ipw.Label(
            description, layout=ipw.Layout(width="80px", justify_content="flex-end", margin="2px 10px 2px 2px")
        )
        choices = ipw.HBox([*self.boxes.values()], layout=ipw.Layout(flex="1", flex_flow="row wrap"))
        super().__init__([label, choices], layout=ipw.Layout(width="100%"))
        for box in self.boxes.values():
            box.observe(lambda _: self._read(), names="value")
        self.observe(lambda _: self._write(), names="value")
        self.observe(lambda _: self._lock(), names="disabled")
        self.value = tuple(value)
        self.add_class("prepack-lab-group")

    @validate("value")
    def _known(self, proposal: dict) -> tuple[str, ...]:
        unknown = [option for option in proposal["value"] if option not in self.boxes]
        if unknown:
            raise TraitError(f"there is no {unknown[0]!r}; there are: {', '.join(self.options)}")
        return tuple(option for option in self.options if option in proposal["value"])

    def _read(self) -> None:
        if not self._moving:
            self.value = tuple(option for option, box in self.boxes.items() if box.value)

    def _write(self) -> None:
        self._moving = True  # or the first box that moves would be read as the whole choice
        for option, box in self.boxes.items():
            box.value = option in self.value
        self._moving = False

    def _lock(self) -> None:
        for box in self.boxes.values():
            box.disabled = self.disabled
