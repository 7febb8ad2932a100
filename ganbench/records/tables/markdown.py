"""A comparison as GitHub's Markdown."""

from __future__ import annotations

import re

from ganbench.records.rows import Comparison
from ganbench.records.tables.layout import GENERAL_NOTE, Block, sections

WIDTH = 150  # browsers scroll sideways


def render_markdown(comparison: Comparison) -> str:
    """A heading per study, a table per block, the notes as a list."""
    parts = []
    for section in sections(comparison, WIDTH):
        parts.append(f"## {_escaped(section.title)}")
        parts += [f"### {block.title}\n\n{_grid(block)}" for block in section.blocks]
        parts.append("\n".join(f"- {_escaped(note)}" for note in section.notes))
    return "\n\n".join([*filter(None, parts), GENERAL_NOTE]) + "\n"


def _grid(block: Block) -> str:
    titles = ["variant", "seeds", *(_escaped(column.title) for column in block.columns)]
    lines = [titles, ["---", *["---:"] * (len(titles) - 1)]]
    for line in block.lines:
        label = f"*{_escaped(line.label)}*" if line.reference else _escaped(line.label)
        lines.append([label, line.seeds, *line.cells])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


# What begins a construct of Markdown, where it does so: two brackets in a row make a link, and
# one bracket only where the line's first defines it; addresses become links by themselves.
ACTIVE = re.compile(
    r"""[\\|*<`]          # escapes, cells, emphasis, HTML and <links>, code
    | \](?=[(\[])        # the end of a link's text
    | !(?=\[) | ~(?=~)   # images; what is struck out
    | &(?=[\w#])         # &lt;
    | (?<![^\W_])_ | _(?![^\W_])  # emphasis, but not within_names
    | (?<=www)\. | :(?=//) | (?<=mailto): | (?<=xmpp): | @(?=[\w-]+\.\w)  # addresses
    | ^[#>+=\[-]         # headings, quotes, lists, tasks, definitions of links
    """,
    re.VERBOSE | re.IGNORECASE,
)


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"^(\d+)([.)])", r"\1\\\2", ACTIVE.sub(r"\\\g<0>", text.strip()))
