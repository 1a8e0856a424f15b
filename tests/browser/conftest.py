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


@pytest.fixture(scope="session")
def server_of_notebook_7(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebook_7")
    (folder / "notebooks").mkdir()
    started = LabServer(folder / "notebooks", folder / "private")
    yield started
    started.stop()


@pytest.fixture(scope="session")
def shared_page(browser, server):
    """A list of the page on which notebooks follow each other, or of none."""
    pages = []
    yield pages
    for page in pages:
        page.close()


@pytest.fixture
def open_notebook(request, browser, server, shared_page):
    """Open a notebook by its name, or one made of the given cells.

    It takes the place of the notebook of the test before, in the page and in the kernel, unless it is to be `alone`,
    or that test failed.
    """
    own, failed = [], request.session.testsfailed

    def open_one(name=None, cells=(), interface="lab/tree", alone=False):
        where = server if interface == "lab/tree" else request.getfixturevalue("server_of_notebook_7")
        if name is None:
            name = f"made_{len(list(where.root.iterdir()))}.ipynb"
            write_notebook(where.root / name, cells)
        if shared_page and not alone:
            shared_page[0].go_on_with(name)
            return shared_page[0]
        notebook = NotebookPage(browser, where, interface)
        (own if alone else shared_page).append(notebook)
        notebook.open(name)
        return notebook

    yield open_one
    if request.session.testsfailed > failed:
        own += shared_page
        shared_page.clear()
    for notebook in own:
        notebook.close()
