"""A notebook exported as HTML opens from disk, without Jupyter and without internet, with every figure in place."""

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

CELLS = (
    "import prepack_lab as lab\nlab.figures.draw_rows({'packed': lab.pack([3, 4, 5])})",
    "lab.widgets.PaddingExplorer([30, 5, 9, 12])",
    "lab.widgets.MaskExplorer()",
)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    exporters = pytest.importorskip("nbconvert.exporters")
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = new_notebook(cells=[new_code_cell(source) for source in CELLS], metadata=kernel)
    NotebookClient(notebook, store_widget_state=False).execute()
    file = tmp_path_factory.mktemp("exported") / "lesson.html"
    file.write_text(exporters.HTMLExporter().from_notebook_node(notebook)[0], encoding="utf-8")
    assert len(nbformat.writes(notebook)) < 3_000_000, "plotly.js is in it once, and compressed"
    return file


def test_every_figure_is_there_offline(browser, exported):
    page, errors = browser.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.context.set_offline(True)
    page.route("http*://**", lambda route: route.abort())
    page.goto(exported.as_uri(), wait_until="domcontentloaded")
    page.locator(".js-plotly-plot").nth(2).wait_for()
    assert page.locator(".js-plotly-plot .main-svg").count() >= 3
    assert page.get_by_role("img", name="20% of 15 slots are padding").count() == 1
    assert page.get_by_text("4 prompts, 56 tokens. Padded: 120 slots").count() == 1, "the widget's sentence"
    assert page.get_by_text("The same as a table").count() == 3
    assert not page.get_by_text("as long as its kernel").first.is_visible()
    assert errors == []
    page.close()
