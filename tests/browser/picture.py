"""Take the README's picture: lesson 00 in JupyterLab, run to its end, with a hand on the slider."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from jupyter_lab import LabServer, NotebookPage, chromium

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
PICTURE = NOTEBOOKS / "images" / "start_here.png"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        root = Path(folder) / "notebooks"
        root.mkdir()
        shutil.copy(NOTEBOOKS / "00_start_here.ipynb", root)
        server = LabServer(root, Path(folder) / "private")
        try:
            notebook = NotebookPage(browser, server)
            notebook.open("00_start_here.ipynb")
            notebook.run_all()
            page = notebook.page
            page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
            slider = page.locator(".widget-slider .noUi-handle").first
            slider.focus()
            for _ in range(8):
                page.keyboard.press("ArrowRight")
            notebook.wait_until_idle()
            page.get_by_role("heading", name="Drag the batch size").evaluate("heading => heading.scrollIntoView()")
            page.wait_for_timeout(1000)  # for plotly's last transition
            assert not notebook.errors, notebook.errors
            PICTURE.parent.mkdir(exist_ok=True)
            page.screenshot(path=PICTURE)
        finally:
            server.stop()
    print(f"wrote {PICTURE.relative_to(NOTEBOOKS.parent)}")


if __name__ == "__main__":
    main()
