"""The first page of the site: the whole idea in five minutes, in one file that needs nothing beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2

from front_page import pictures
from front_page.recorded_numbers import exactness, gains, larger_batches, losses
from prepack_lab.course.lessons import LESSONS
from prepack_lab.figures.contrast import is_pale
from prepack_lab.figures.style import OKABE_ITO

HERE = Path(__file__).parent
SHARED = HERE.parent / "site_template"


def front_page(names: Sequence[str], stamp: str) -> str:
    """The page as HTML.

    Args:
        names: of the notebooks that have a page.
        stamp: what stands at the bottom.
    """
    loader = jinja2.FileSystemLoader(HERE)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("page.html.j2").render(
        style="\n".join(path.read_text("utf-8") for path in _sheets()),
        script=(SHARED / "live.js").read_text("utf-8"),
        colours=[(colour, is_pale(colour)) for colour in OKABE_ITO],
        pictures={picture.__name__: picture() for picture in (pictures.padding, pictures.race, pictures.mask)},
        as_json=_as_json,
        strategies=pictures.STRATEGIES,
        tokens=[(place, word) for place, word in enumerate(" ".join(pictures.SENTENCES).split())],
        exactness=exactness(),
        gains=gains(),
        larger=larger_batches(),
        losses=losses(),
        lessons=[(number, lesson) for number, lesson in enumerate(LESSONS) if lesson.name in names],
        glossary="glossary" in names,
        stamp=stamp,
    )


def _sheets() -> list[Path]:
    return [SHARED / "site.css", SHARED / "live.css", HERE / "page.css"]


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
