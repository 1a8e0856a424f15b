"""Build the site: `python notebooks/source/tools/build_site.py`. The solved lessons are run, and become pages to read.

    solutions/NN_name.ipynb  →  site/NN_name.html
    front_page/              →  site/index.html    the whole idea in five minutes, in one file
    docstrings               →  site/api/          by pdoc

The pages open from disk and fetch nothing. Figures are alive; widgets answer from states that were computed when the
page was built; a button turns a page into slides. plotly.js lies beside the pages, once. `--only NAME …` builds these
pages alone, such as `--only index`, and leaves the others as they are.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from collections.abc import Collection
from datetime import date
from pathlib import Path
from pkgutil import walk_packages
from tempfile import TemporaryDirectory
from warnings import catch_warnings, simplefilter

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from plotly.offline import get_plotlyjs
from tqdm import tqdm

import prepack_lab
from prepack_lab.course.lessons import LESSONS
from prepack_lab.figures.static_html import without_library
from prepack_lab.measuring.machine import describe_machine
from prepack_lab.widgets.recorded import RECORD

sys.path.append(str(Path(__file__).parent))

from front_page import front_page

NOTEBOOKS = Path(__file__).parents[2]
TEMPLATE = Path(__file__).parent / "site_template"
API_TEMPLATE = Path(__file__).parent / "api_template"
SITE = NOTEBOOKS.parent / "site"
LIMIT_MB = 30
INDEX, API = "index", "api"
"""The pages that no notebook makes."""
NOT_DOCUMENTED = ("bench", "cli", "course", "doctor", "examples")
"""What is not for other programs: commands, and what belongs to the lessons."""
SECONDS = 900
"""The longest that a cell may take."""


class SiteError(RuntimeError):
    """The site can't be built. The message names the notebook, and why."""


def build_site(
    source: Path = NOTEBOOKS / "solutions",
    site: Path = SITE,
    progress: bool = True,
    only: Collection[str] = (),
) -> list[Path]:
    """Run the notebooks of a folder, and write each as a page; beside them the first page, and the API reference.

    Args:
        source: of the notebooks.
        site: the folder to write.
        progress: whether a bar shows it.
        only: the pages to build, by their names without ending; the others of the site stay. All where left out.

    Returns:
        The pages.

    Raises:
        SiteError: names the notebook that stops before its end, and says where, or a page that nothing makes. The site
            that was there stays.
    """
    notebooks = sorted(source.glob("*.ipynb"))
    names = [path.stem for path in notebooks]
    if unknown := [name for name in only if name not in {INDEX, API, *names}]:
        raise SiteError(f"there is no page {unknown[0]!r}; there are: {', '.join([INDEX, API, *names])}")
    stamp = f"Run on {date.today():%d %B %Y}: {_machine()}."
    with TemporaryDirectory() as temporary:
        runs, draft = Path(temporary, "runs"), Path(temporary, "site")
        shutil.copytree(source, runs)
        if only and site.is_dir():
            shutil.copytree(site, draft)
        shutil.copytree(TEMPLATE, draft, ignore=shutil.ignore_patterns("*.j2", "conf.json"), dirs_exist_ok=True)
        if (NOTEBOOKS / "images").is_dir():
            shutil.copytree(NOTEBOOKS / "images", draft / "images", dirs_exist_ok=True)
        (draft / "plotly.js").write_text(get_plotlyjs(), encoding="utf-8")
        if not only or API in only:
            write_api(draft / API)
        chosen = [path for path in notebooks if not only or path.stem in only]
        with tqdm(chosen, unit="page", disable=not progress) as bar:
            for path in bar:
                bar.set_description(path.stem)
                _write(draft, path.stem, _run(path, runs), stamp, notebooks)
        if not only or INDEX in only:
            (draft / f"{INDEX}.html").write_text(front_page(names, stamp), encoding="utf-8")
        shutil.rmtree(site, ignore_errors=True)
        shutil.copytree(draft, site)
    return sorted(site.glob("*.html"))


def write_api(folder: Path) -> None:
    """The reference of the package, made from its docstrings.

    Raises:
        SiteError: pdoc is not installed.
    """
    try:
        import pdoc
        import pdoc.render
    except ImportError:
        raise SiteError("the reference needs pdoc, which is in the extra: pip install -e '.[dev]'") from None
    modules = [module.name for module in walk_packages(prepack_lab.__path__, "prepack_lab.")]
    documented = [name for name in modules if name.split(".")[1] not in NOT_DOCUMENTED]
    pdoc.render.configure(docformat="google", show_source=False, template_directory=API_TEMPLATE)
    with catch_warnings():
        simplefilter("ignore")  # modules that pdoc also finds by itself: not those of packages with an `__all__`
        pdoc.pdoc("prepack_lab", *documented, output_directory=folder)


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
        client = NotebookClient(
            notebook, timeout=SECONDS, coalesce_streams=True, resources={"metadata": {"path": str(folder)}}
        )
        client.extra_arguments = ["--log-level=ERROR"]  # else each kernel warns that it talks over TCP
        client.execute(env={**os.environ, RECORD: "1"})
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise SiteError(f"{path.name} stops before its end: {error}") from None
    return notebook


def _write(folder: Path, name: str, notebook: NotebookNode, stamp: str, notebooks: list[Path]) -> None:
    titles = {lesson.name: f"{number:02} · {lesson.title}" for number, lesson in enumerate(LESSONS)}
    title = titles.get(name, name.capitalize())
    html = page(notebook, title, _links(name, [path.stem for path in notebooks], titles), stamp)
    (folder / f"{name}.html").write_text(html, encoding="utf-8")


def _links(name: str, names: list[str], titles: dict[str, str]) -> list[dict[str, str]]:
    """To the first page, the glossary, and the lessons before and after this one."""
    lessons = [one for one in names if one in titles]
    links = [("Start", INDEX), ("Glossary", "glossary")]
    if name in lessons:
        place = lessons.index(name)
        links += [(f"← {titles[one]}", one) for one in lessons[max(place - 1, 0) : place]]
        links += [(f"{titles[one]} →", one) for one in lessons[place + 1 : place + 2]]
    there = {INDEX, *names}
    return [{"text": text, "href": f"{one}.html"} for text, one in links if one in there and one != name]


def _machine() -> str:
    machine = describe_machine()
    return ", ".join([machine["device"], *(f"{name} {machine[name]}" for name in ("python", "torch", "transformers"))])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--only", nargs="+", default=(), metavar="NAME", help="pages to build, such as index or api")
    try:
        pages = build_site(only=parser.parse_args().only)
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
