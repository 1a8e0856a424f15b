"""A JupyterLab and a browser for all browser tests; skipped without Chromium, unless it is required."""

import os
import shutil
from pathlib import Path

import pytest

from tests.browser.jupyter_lab import LabServer, NotebookPage, chromium, find_chromium, write_notebook

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    skip = pytest.mark.skip(reason="no Chromium on this machine; Debian: apt-get install chromium")
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)
            if find_chromium() is None and os.environ.get("PREPACK_LAB_REQUIRE_BROWSER") != "1":
                item.add_marker(skip)


@pytest.fixture(scope="session")
def browser():
    assert find_chromium(), "PREPACK_LAB_REQUIRE_BROWSER=1, and no Chromium on this machine"
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """JupyterLab on a copy of the notebooks."""
    folder = tmp_path_factory.mktemp("jupyterlab")
    shutil.copytree(NOTEBOOKS, folder / "notebooks")
    started = LabServer(folder / "notebooks", folder / "private")
    yield started
    started.stop()


@pytest.fixture
def open_notebook(browser, server):
    """Open a notebook by its name, or one made of the given cells."""
    opened = []

    def open_one(name=None, cells=(), interface="lab/tree"):
        if name is None:
            name = f"made_{len(list(server.root.iterdir()))}.ipynb"
            write_notebook(server.root / name, cells)
        notebook = NotebookPage(browser, server, interface)
        opened.append(notebook)
        notebook.open(name)
        return notebook

    yield open_one
    for notebook in opened:
        notebook.close()
