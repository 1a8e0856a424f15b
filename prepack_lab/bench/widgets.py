"""`prepack-lab bench widgets`: from a key on a slider to the new figure, in a real JupyterLab in a real browser.

Only widgets that run no model are timed: they are the ones that promise to answer at once.
"""

from __future__ import annotations

import tempfile
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from tqdm.auto import tqdm

from prepack_lab.bench.experiments import Widgets
from prepack_lab.bench.report import Report
from prepack_lab.measuring.table import Table
from prepack_lab.measuring.timing import Measurement

HARNESS = Path(__file__).parents[2] / "tests" / "browser" / "jupyter_lab.py"
"""What drives JupyterLab in a browser: part of the tests, so a checkout has it and an installed package does not."""
SLIDERS = {
    "PaddingExplorer": "Batch size",
    "PackingRace": "Prompts",
    "MaskExplorer": "Padding",
    "MemoryWall": "Memory in GB",
    "YourPrompts": "Batch size",
    "Serving": "Prompts per second",
}
"""Widget → the slider that is moved."""
PROMISE, SLOWEST = 0.100, 0.150
"""Seconds from a key to the new figure: of half of the keys, and of every key."""


def run_widgets(asked: Widgets) -> Report:
    drive = harness()
    if drive.find_chromium() is None:
        raise ValueError("bench widgets needs Chromium, and there is none here: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder, drive.chromium() as browser:
        root = Path(folder) / "notebooks"
        root.mkdir()
        server = drive.LabServer(root, Path(folder) / "private")
        try:
            widgets = tqdm(SLIDERS.items(), unit="widget", leave=False)
            results = [time_widget(browser, server, widget, slider, asked.repeats) for widget, slider in widgets]
        finally:
            server.stop()
    return asked.report(results, widgets_table(results), settings={"promised_seconds": [PROMISE, SLOWEST]})


@cache
def harness() -> ModuleType:
    """The module in `HARNESS`.

    Raises:
        ValueError: there is no such file, or no playwright.
    """
    spec = spec_from_file_location("prepack_lab_browser_harness", HARNESS)
    if not HARNESS.exists() or spec is None or spec.loader is None:
        raise ValueError("bench widgets needs a checkout of the project: its browser harness is among the tests")
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except ImportError:
        raise ValueError("bench widgets needs playwright: pip install playwright") from None
    return module


def time_widget(browser: Any, server: Any, widget: str, slider: str, repeats: int) -> dict[str, Any]:
    """Press keys on one slider of a widget that is alone in a notebook, and time each."""
    drive = harness()
    drive.write_notebook(server.root / f"{widget}.ipynb", [f"import prepack_lab as lab\nlab.widgets.{widget}()"])
    page = drive.NotebookPage(browser, server)
    page.open(f"{widget}.ipynb")
    page.run_all()
    page.wait_until_still()
    seconds = [page.time_key(slider, key) for key in ("ArrowRight", "ArrowLeft") * ((repeats + 3) // 2)]
    page.close()
    return {"widget": widget, "slider": slider, "seconds": seconds[2 : repeats + 2]}


def widgets_table(results: list[dict[str, Any]]) -> Table:
    """A line for each slider, beside what is promised."""

    def cells(row: dict[str, Any]) -> tuple[str, ...]:
        measured = Measurement(tuple(row["seconds"]), "", None)
        lower, upper = measured.spread
        return (
            row["widget"],
            row["slider"],
            f"{1000 * measured.median:.0f} ms",
            f"{1000 * lower:.0f} to {1000 * upper:.0f} ms",
            f"{1000 * max(row['seconds']):.0f} ms",
            "yes" if measured.median < PROMISE and max(row["seconds"]) < SLOWEST else "no",
        )

    headings = ("widget", "slider", "median", "half of the keys", "slowest", "as promised")
    promised = f"Promised: a median under {1000 * PROMISE:.0f} ms, every key under {1000 * SLOWEST:.0f} ms"
    caption = f"From a key on the slider to the new figure, in JupyterLab in Chromium. {promised}"
    return Table(headings, map(cells, results), caption)
