"""How many times as fast as full batching each method is predicted to be, on some prompts."""

from __future__ import annotations

from prepack_lab.figures.style import BETTER, TEXT, WORSE, LabFigure, style
from prepack_lab.measuring.inspection import BASELINE, Inspection


def draw_gains(inspection: Inspection) -> LabFigure:
    """Draw one bar a method, from 1 (as fast as full batching) to the right where it gains, to the left where not."""
    methods = [method for method in inspection.costs if method != BASELINE][::-1]
    gains = [inspection.gain(method) for method in methods]
    figure = LabFigure()
    figure.add_bar(
        y=methods,
        x=[gain - 1 for gain in gains],
        base=1,
        orientation="h",
        marker_color=[BETTER if gain >= 1 else WORSE for gain in gains],
        text=[f"{gain:.2f}×" for gain in gains],
        textposition="outside",
        cliponaxis=False,
        customdata=[_words(inspection, method) for method in methods],
        hovertemplate="%{customdata}<extra></extra>",
    )
    style(figure, f"{inspection.best} gains most: {inspection.gain(inspection.best):.1f} times as fast", height=300)
    figure.add_vline(x=1, line={"color": TEXT, "dash": "dot"})
    figure.update_xaxes(title=f"times as fast as {BASELINE}, predicted", range=[0, 1.15 * max(*gains, 1.2)])
    figure.update_layout(margin_l=130)
    figure.twin = inspection.table(figure.reading)
    return figure


def _words(inspection: Inspection, method: str) -> str:
    cost = inspection.costs[method]
    return f"{method}: {cost.passes:,} passes, {cost.slots:,} slots for {cost.tokens:,} tokens"
