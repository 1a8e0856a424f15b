"""The memory of a paged cache, block by block: whose each is, and which slots are empty."""

from __future__ import annotations

from prepack_lab.course.miniatures.paged_cache import BlockTables
from prepack_lab.figures.rows import slot_bars
from prepack_lab.figures.style import TEXT, LabFigure, prompt_colour, style
from prepack_lab.measuring.table import Table

LINE = 8
"""Blocks that are drawn beside each other."""


def draw_paged_memory(cache: BlockTables) -> LabFigure:
    """Draw all blocks in the order in which they lie in memory, some in a line."""
    size, lines = cache.block_size, -(-cache.blocks // LINE)
    owners = {block: prompt for prompt, table in cache.tables.items() for block in table}
    blocks = sorted(owners)
    filled = [_filled(cache, owners[block], block) for block in blocks]
    at = {"y": [block // LINE for block in blocks], "base": [block % LINE * size for block in blocks]}
    words = [
        f"block {block}: number {cache.tables[owners[block]].index(block)} in the table of prompt {owners[block]}, "
        f"{many} of {size} slots filled"
        for block, many in zip(blocks, filled, strict=True)
    ]
    hatched, _ = slot_bars([[]] * len(blocks), [], size, "")  # what is filled is drawn over it
    figure = LabFigure()
    figure.add_bar(**{**hatched, **at, "customdata": words}, orientation="h", showlegend=False)
    figure.add_bar(
        **at, x=filled, orientation="h", showlegend=False,
        marker_color=[prompt_colour(owners[block]) for block in blocks],
        text=[str(owners[block]) for block in blocks],
        textposition="inside", insidetextanchor="middle", textangle=0, constraintext="none",
        customdata=words, hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip
    style(figure, reading(cache), height=140 + 42 * lines)
    for edge in range(LINE + 1):
        figure.add_vline(x=edge * size, line={"color": TEXT, "width": 1})
    figure.update_layout(barmode="overlay", bargap=0.2)
    figure.update_xaxes(range=[0, LINE * size], tickvals=[], title=f"blocks of {size} slots, in the order of memory")
    figure.update_yaxes(
        range=[lines - 0.5, -0.5], tickvals=[*range(lines)], showgrid=False,
        ticktext=[f"block {line * LINE}" for line in range(lines)],
    )  # fmt: skip
    figure.update_layout(margin_l=80)
    rows = [
        (prompt, f"{cache.lengths[prompt]:,}", ", ".join(map(str, table)), len(table) * size - cache.lengths[prompt])
        for prompt, table in sorted(cache.tables.items())
    ]
    figure.twin = Table(("prompt", "tokens", "its table: blocks in order", "empty slots"), rows, figure.reading)
    return figure


def _filled(cache: BlockTables, prompt: int, block: int) -> int:
    """The slots of a block that hold a token."""
    before = cache.tables[prompt].index(block) * cache.block_size
    return min(cache.lengths[prompt] - before, cache.block_size)


def reading(cache: BlockTables) -> str:
    """What the figure says, in one sentence."""
    tokens = sum(cache.lengths.values())
    return (
        f"{len(cache.tables)} prompts, {tokens:,} tokens: {cache.slots_taken - tokens:,} of "
        f"{cache.slots_taken:,} slots taken are empty"
    )
