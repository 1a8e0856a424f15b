"""The site is made of the notebooks that are there, leads from page to page, and fetches nothing."""

import importlib.util
import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import prepack_lab

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("build_site", ROOT / "notebooks" / "source" / "tools" / "build_site.py")
site = importlib.util.module_from_spec(spec)
spec.loader.exec_module(site)

ROOMS = ("figures", "widgets")
FIGURE = "import prepack_lab as lab\nlab.figures.draw_rows({'a': lab.pack([3, 2])})"
GLOSSARY = "# Glossary\n\n### Slot\nOne place in a row."
LESSON = (
    "# 01 · Padding waste\n\nEach place is a [slot](glossary.ipynb#Slot). See the [paper](https://arxiv.org/abs/1)."
)


def write(folder, name, *cells):
    notebook = new_notebook(cells=[new_code_cell(cell) if "lab" in cell else new_markdown_cell(cell) for cell in cells])
    nbformat.write(notebook, folder / f"{name}.ipynb")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A site of one small lesson and a glossary."""
    source, out = tmp_path_factory.mktemp("solutions"), tmp_path_factory.mktemp("built") / "site"
    write(source, "01_padding_waste", LESSON, "## The rows", FIGURE)
    write(source, "glossary", GLOSSARY)
    site.build_site(source, out, progress=False, only=["index", "01_padding_waste", "glossary"])
    return out


def test_links_to_notebooks_become_links_to_pages():
    for link in ("01_a.ipynb", "glossary.ipynb#KV-cache"):
        assert site.to_pages(f"<a href='{link}'>") == f"<a href='{link.replace('.ipynb', '.html')}'>"
    for other in ("https://host/01_a.ipynb", "notebooks.ipynb.html", "#slot"):
        assert site.to_pages(f'<a href="{other}">') == f'<a href="{other}">'
    assert site.to_pages("<code>01_a.ipynb</code>") == "<code>01_a.ipynb</code>"


@pytest.mark.slow
def test_every_page_is_there_and_every_link_leads_somewhere(built):
    pages = {path.name: path.read_text() for path in built.glob("*.html")}
    assert sorted(pages) == ["01_padding_waste.html", "glossary.html", "index.html"]
    for text in pages.values():
        for page, _, place in re.findall(r'<a[^>]* href=["\'](?!http)([^"\'#]*)(#([^"\']+))?', text):
            assert not page or page in pages or page == "api/prepack_lab.html"
            assert not place or f'id="{place}"' in (pages[page] if page else text)
    assert 'href="glossary.html#Slot"' in pages["01_padding_waste.html"]
    assert 'href="01_padding_waste.html"' in pages["index.html"] and "How much of a batch" in pages["index.html"]


@pytest.mark.slow
def test_nothing_is_fetched_and_plotly_is_there_once(built):
    for text in (path.read_text() for path in built.glob("*.html")):
        assert not re.findall(r'(?:src|<link[^>]* href)=["\'](?:https?:)?//', text)
        assert not re.findall(r"<style>[^<]*(?:url\((?!#)|@import)", text)
    lesson = (built / "01_padding_waste.html").read_text()
    assert "DecompressionStream" not in lesson and len(lesson) < 100_000
    assert "17% of 6 slots are padding" in lesson
    assert 'src="live.js"' in lesson and (built / "live.js").exists()
    assert (built / "plotly.js").stat().st_size > 1_000_000


@pytest.mark.slow
def test_what_a_cell_prints_at_intervals_is_one_text(tmp_path):
    out = tmp_path / "site"
    write(tmp_path, "09_slow", "from time import sleep\nfor lab in ('one', 'two'):\n    print(lab)\n    sleep(0.5)")
    site.build_site(tmp_path, out, progress=False, only=["09_slow"])
    assert "one\ntwo\n" in (out / "09_slow.html").read_text()


@pytest.mark.slow
def test_a_notebook_that_fails_is_named_and_the_old_site_stays(tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("old")
    (tmp_path / "source").mkdir()
    write(tmp_path / "source", "07_bad", "lab = 1 / 0")
    with pytest.raises(site.SiteError, match=r"07_bad\.ipynb stops before its end(.|\n)*ZeroDivisionError"):
        site.build_site(tmp_path / "source", tmp_path / "site", progress=False, only=["07_bad"])
    assert (tmp_path / "site" / "index.html").read_text() == "old"


@pytest.mark.slow
def test_a_page_alone_is_built_and_the_others_stay(built, tmp_path):
    write(tmp_path, "01_padding_waste", "# Never run", "lab = 1 / 0")
    old = (built / "01_padding_waste.html").read_text()
    (built / "index.html").write_text("old")
    site.build_site(tmp_path, built, progress=False, only=["index"])
    assert (built / "01_padding_waste.html").read_text() == old
    assert "Stop computing padding" in (built / "index.html").read_text()
    with pytest.raises(site.SiteError, match=r"there is no page 'indx'; there are: index, api, 01_padding_waste$"):
        site.build_site(tmp_path, built, progress=False, only=["indx"])


@pytest.mark.slow
def test_the_reference_documents_the_public_face_and_the_rooms(tmp_path):
    pytest.importorskip("pdoc", reason="pdoc is in the extra dev")
    site.write_api(tmp_path)
    face = (tmp_path / "prepack_lab.html").read_text()
    assert [name for name in prepack_lab.__all__ if f'id="{name}"' not in face and name not in ROOMS] == []
    for link in ("prepack_lab/packing.html", "prepack_lab/figures/rows.html", "../index.html"):
        assert f'href="{link}"' in face
    packing = (tmp_path / "prepack_lab" / "packing.html").read_text()
    assert 'id="pack"' in packing and "the most tokens a bin may hold" in packing
    assert (tmp_path / "prepack_lab" / "figures" / "rows.html").exists()
    assert not (tmp_path / "prepack_lab" / "bench.html").exists()
    for text in (path.read_text() for path in tmp_path.rglob("*.html")):
        assert not re.findall(r'(?:src|<link[^>]* href)=["\'](?:https?:)?//', text)
