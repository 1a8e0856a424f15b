"""Advice as a page to hand on: one HTML file that needs neither Python nor the internet."""

from __future__ import annotations

from html import escape

import numpy as np

from prepack_lab.advice.of_file import Advice
from prepack_lab.figures.gains import draw_gains
from prepack_lab.figures.length_histogram import draw_lengths
from prepack_lab.figures.static_html import static_html
from prepack_lab.figures.style import LabFigure
from prepack_lab.sources.lengths import LengthProfile

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; font-size: 0.9rem }}
th, td {{ padding: 0.3rem 0.6rem; border-bottom: 1px solid #8884 }}
caption {{ display: none }}
.wide {{ overflow-x: auto }}
pre {{ overflow-x: auto; padding: 1rem; border: 1px solid #8884; border-radius: 0.4rem }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{recommendation}</p>
{gains}
<div class="wide" tabindex="0" role="region" aria-label="by method">{table}</div>
<p>{prices}</p>
<h2>The prompts</h2>
{notes}
{lengths}
<h2>To run it</h2>
<pre>{command}</pre>
<p>or in Python:</p>
<pre>{python}</pre>
</main>
</body>
</html>
"""


def advice_page(advice: Advice) -> str:
    """The page, as HTML."""
    file = advice.file
    many = f"{len(file.lengths):,} prompts, {sum(file.lengths):,} tokens"
    notes = [*file.notes, f"Sizes are those of {advice.model} in {advice.dtype}, on {advice.device}."]
    notes += [f"{method} is not exact for this model: {why}" for method, why in advice.refused.items()]
    return _PAGE.format(
        title=escape(f"{file.name}: {many}"),
        recommendation=escape(advice.recommendation),
        gains=_drawn(draw_gains(advice.inspection)),
        table=advice.table()._repr_html_(),
        prices=escape(advice.prices),
        notes="".join(f"<p>{escape(note)}</p>" for note in notes),
        lengths=_drawn(draw_lengths(_profile(advice))),
        command=escape(advice.command),
        python=escape(advice.python),
    )


def _drawn(figure: LabFigure) -> str:
    """A figure below its sentence, which wraps on a phone; a title would be cut."""
    sentence = figure.reading
    figure.update_layout(title_font={"size": 1, "color": "rgba(0,0,0,0)"}, margin_t=10)
    return f"<p>{escape(sentence)}</p>{static_html(figure)}"


def _profile(advice: Advice) -> LengthProfile:
    """The lengths of the file, as those of a workload."""
    counted = np.stack(np.unique(np.asarray(advice.file.lengths), return_counts=True), axis=1)
    return LengthProfile(advice.file.name, advice.file.name, "", "", advice.counter, "", counted)
