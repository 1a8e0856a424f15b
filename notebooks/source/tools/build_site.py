"""Build the site: `python notebooks/source/tools/build_site.py`. The solved lessons are run, and become pages to read.

    solutions/NN_name.ipynb  →  site/NN_name.html

The pages open from disk and fetch nothing. Figures are alive, widgets are there as figures and tables, and a button
turns a page into slides. plotly.js lies beside the pages, once.
"""

from __future__ import annotations

import re
import shutil
import sys
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook
from plotly.offline import get_plotlyjs
from tqdm import tqdm

from prepack_lab.course.lessons import LESSONS, lesson_map
from prepack_lab.figures.static_html import without_library
from prepack_lab.measuring.machine import describe_machine

NOTEBOOKS = Path(__file__).parents[2]
TEMPLATE = Path(__file__).parent / "site_template"
SITE = NOTEBOOKS.parent / "site"
LIMIT_MB = 30
SECONDS = 900
"""The longest that a cell may take."""

WELCOME = """# The lab, to read

Every lesson of *prepack_lab*, run to its end, with the exercises solved. The figures answer to the mouse. Widgets need
a kernel to move: here each shows its figure, and the same as a table. Words that are new to you are in the
[glossary](glossary.ipynb).

**Slides**, at the top of a page, shows one section at a time. The arrow keys turn the pages, and Escape leads back."""


class SiteError(RuntimeError):
    """The site can't be built. The message names the notebook, and why."""


def build_site(source: Path = NOTEBOOKS / "solutions", site: Path = SITE, progress: bool = True) -> list[Path]:
    """Run the notebooks of a folder, and write each as a page, and an index of them.

    Returns:
        The pages.

    Raises:
        SiteError: names the notebook that stops before its end, and says where. The site that was there stays.
    """
    notebooks = sorted(source.glob("*.ipynb"))
    stamp = f"Run on {date.today():%d %B %Y}: {_machine()}."
    with TemporaryDirectory() as temporary:
        runs, draft = Path(temporary, "runs"), Path(temporary, "site")
        shutil.copytree(source, runs)
        shutil.copytree(TEMPLATE, draft, ignore=shutil.ignore_patterns("*.j2", "conf.json"))
        if (NOTEBOOKS / "images").is_dir():
            shutil.copytree(NOTEBOOKS / "images", draft / "images")
        (draft / "plotly.js").write_text(get_plotlyjs(), encoding="utf-8")
        with tqdm(notebooks, unit="page", disable=not progress) as bar:
            for path in bar:
                bar.set_description(path.stem)
                _write(draft, path.stem, _run(path, runs), stamp, notebooks)
        _write(draft, "index", _index(runs), stamp, notebooks)
        shutil.rmtree(site, ignore_errors=True)
        shutil.copytree(draft, site)
    return sorted(site.glob("*.html"))


def page(notebook: NotebookNode, title: str, links: list[dict[str, str]], stamp: str) -> str:
    """A notebook as a page, whose links lead to pages.

    Args:
        notebook: with its outputs.
        title: of the browser's window.
        links: what stands at the top, each a `text` and its `href`.
        stamp: what stands at the bottom.
    """
    exporter = HTMLExporter(
        template_name=TEMPLATE.name,
        extra_template_basedirs=[str(TEMPLATE.parent)],
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    exporter.config.NbConvertBase.display_data_priority = ["text/html", "image/png", "text/markdown", "text/plain"]
    html, _ = exporter.from_notebook_node(notebook, {"title": title, "links": links, "stamp": stamp})
    html = re.sub(r'<a class="anchor-link".*?</a>', "", html)  # the headings keep their names
    return to_pages(without_library(html))


def to_pages(html: str) -> str:
    """Links to notebooks of this folder become links to their pages."""
    return re.sub(r"""(href=["'][\w-]+)\.ipynb(?=["'#])""", r"\1.html", html)


def _run(path: Path, folder: Path) -> NotebookNode:
    notebook = nbformat.read(path, as_version=4)
    try:
        client = NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": str(folder)}})
        client.extra_arguments = ["--log-level=ERROR"]  # else each kernel warns that it talks over TCP
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise SiteError(f"{path.name} stops before its end: {error}") from None
    return notebook


def _write(folder: Path, name: str, notebook: NotebookNode, stamp: str, notebooks: list[Path]) -> None:
    titles = {lesson.name: f"{number:02} · {lesson.title}" for number, lesson in enumerate(LESSONS)}
    title = "prepack_lab" if name == "index" else titles.get(name, name.capitalize())
    html = page(notebook, title, _links(name, [path.stem for path in notebooks], titles), stamp)
    (folder / f"{name}.html").write_text(html, encoding="utf-8")


def _links(name: str, names: list[str], titles: dict[str, str]) -> list[dict[str, str]]:
    """To the index, the glossary, and the lessons before and after this one."""
    lessons = [one for one in names if one in titles]
    links = [("All lessons", "index"), ("Glossary", "glossary")]
    if name in lessons:
        place = lessons.index(name)
        links += [(f"← {titles[one]}", one) for one in lessons[max(place - 1, 0) : place]]
        links += [(f"{titles[one]} →", one) for one in lessons[place + 1 : place + 2]]
    there = {"index", *names}
    return [{"text": text, "href": f"{one}.html"} for text, one in links if one in there and one != name]


def _index(folder: Path) -> NotebookNode:
    """The page that the site begins with: a welcome, and the map of the lessons."""
    return new_notebook(cells=[new_markdown_cell(f"{WELCOME}\n\n{lesson_map(folder)._repr_html_()}")])


def _machine() -> str:
    machine = describe_machine()
    return ", ".join([machine["device"], *(f"{name} {machine[name]}" for name in ("python", "torch", "transformers"))])


def main() -> int:
    try:
        pages = build_site()
    except SiteError as error:
        print(error, file=sys.stderr)
        return 1
    megabytes = sum(path.stat().st_size for path in SITE.rglob("*") if path.is_file()) / 1e6
    print(f"{len(pages)} pages, {megabytes:.1f} MB. Open {SITE.name}/index.html in a browser.")
    if megabytes > LIMIT_MB:
        print(f"That is more than {LIMIT_MB} MB.", file=sys.stderr)
    return int(megabytes > LIMIT_MB)


if __name__ == "__main__":
    sys.exit(main())
