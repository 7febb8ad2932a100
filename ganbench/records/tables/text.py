"""A comparison as text for a terminal."""

from __future__ import annotations

import io
import textwrap

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ganbench.records.rows import Comparison
from ganbench.records.tables.layout import GENERAL_NOTE, LABEL_WIDTH, WIDTH, Block, sections


def render_text(
    comparison: Comparison, width: int | None = None, colour: bool | None = None
) -> str:
    """For people: as wide and as colourful as standard output is, unless told."""
    here = Console()
    if width is None:
        width = max(here.width, 60) if here.is_terminal else WIDTH
    colour = here.is_terminal if colour is None else colour
    parts: list[RenderableType] = []
    for section in sections(comparison, width):
        parts.append(Text(section.title, style="bold"))
        parts += [_grid(block) for block in section.blocks]
        parts += [Text(_folded(note, width), style="dim") for note in section.notes]
        parts.append(Text())
    parts.append(Text(_folded(GENERAL_NOTE, width), style="dim"))
    text = io.StringIO()
    console = Console(
        file=text,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
    )
    console.print(Group(*parts))
    # Lines padded to the width would wrap in a narrower window.
    return "\n".join(line.rstrip() for line in text.getvalue().split("\n"))


def _grid(block: Block) -> Table:
    grid = Table(
        title=block.title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 0, 0, 1),
    )
    grid.add_column("variant", overflow="fold", max_width=LABEL_WIDTH, vertical="bottom")
    grid.add_column("seeds", justify="right", no_wrap=True)
    for column in block.columns:
        grid.add_column(Text("\n".join(column.title_lines)), justify="right", no_wrap=True)
    for line in block.lines:
        cells = [Text(text) for text in (line.label, line.seeds, *line.cells)]
        last = line is block.variants[-1] and bool(block.references)
        grid.add_row(*cells, style="dim italic" if line.reference else "", end_section=last)
    return grid


def _folded(note: str, width: int) -> str:
    return textwrap.fill(note, width, subsequent_indent="    ", break_on_hyphens=False)
