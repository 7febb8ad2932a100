"""Draw docs/images/rooms.svg from docs/rooms.txt: `python -m tools.draw_rooms`.

`--table` prints the table of docs/architecture.md instead.
"""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path
from textwrap import wrap
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
SOURCE, PICTURE = ROOT / "docs/rooms.txt", ROOT / "docs/images/rooms.svg"

WIDTH, LINE, PADDING = 168, 14, 10
"""Of a box: its width, the height of a line of text, the space around the text."""
ACROSS, DOWN = 26, 40
"""Space between boxes and between rows of boxes."""
LETTERS = 24
"""Characters that fit a line."""


class Room(NamedTuple):
    """A room of the package. imports: rooms, or modules of rooms, that it may import."""

    name: str
    column: float
    content: str
    imports: tuple[str, ...]


def read(text: str) -> list[Room]:
    """The rooms of a description: `name | column | content | imports`; `#` begins a comment."""
    rooms = []
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            name, column, content, imports = (part.strip() for part in line.split("|"))
            names = tuple(one.strip() for one in imports.split(",") if one.strip())
            rooms.append(Room(name, float(column), content, names))
    return rooms


def table(rooms: list[Room]) -> str:
    """The rooms as a table in Markdown."""
    lines = ["| room | what stands in it | may import |", "|---|---|---|"]
    lines += [
        f"| {room.name} | {room.content} | {', '.join(room.imports) or 'libraries only'} |"
        for room in rooms
    ]
    return "\n".join(lines) + "\n"


def ranks(rooms: list[Room]) -> dict[str, int]:
    """The row of each room, from 0 at the bottom: above all that it may import."""
    found: dict[str, int] = {}
    known = {room.name: {name.split(".")[0] for name in room.imports} for room in rooms}

    def rank(name: str) -> int:
        if name not in found:
            found[name] = max((rank(below) + 1 for below in known[name]), default=0)
        return found[name]

    for room in rooms:
        rank(room.name)
    return found


def arrows(rooms: list[Room]) -> list[tuple[str, str]]:
    """Who may import whom, less what follows from the other arrows."""
    known = {room.name: {name.split(".")[0] for name in room.imports} for room in rooms}

    def reach(name: str) -> set[str]:
        return known[name] | {far for near in known[name] for far in reach(near)}

    return [
        (name, below)
        for name, direct in known.items()
        for below in sorted(direct)
        if not any(below in reach(other) for other in direct - {below})
    ]


def draw(rooms: list[Room]) -> str:
    """The picture as SVG: a box per room, an arrow to each room that it may import."""
    rank = ranks(rooms)
    rows = [[r for r in rooms if rank[r.name] == n] for n in range(max(rank.values()) + 1)][::-1]
    texts = {room.name: wrap(room.content.replace("`", ""), LETTERS) for room in rooms}
    heights = [2 * PADDING + LINE * (1 + max(len(texts[r.name]) for r in row)) for row in rows]
    width = max(room.column + 1 for room in rooms) * (WIDTH + ACROSS) + ACROSS
    boxes: dict[str, tuple[float, float, float]] = {}
    y = DOWN / 2
    for row, tall in zip(rows, heights, strict=True):
        for room in row:
            boxes[room.name] = ACROSS + room.column * (WIDTH + ACROSS), y, tall
        y += tall + DOWN
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {y:g}" '
        f'width="{width:g}" height="{y:g}" font-family="sans-serif" font-size="11">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="#777"/></marker></defs>',
        f'<rect width="{width:g}" height="{y:g}" fill="white"/>',
    ]
    edges = arrows(rooms)
    for upper, lower in edges:
        leaving = sorted((e for e in edges if e[0] == upper), key=lambda e: boxes[e[1]][0])
        coming = sorted((e for e in edges if e[1] == lower), key=lambda e: boxes[e[0]][0])
        (x, top, tall), (x2, top2, _) = boxes[upper], boxes[lower]
        start = x + WIDTH * (leaving.index((upper, lower)) + 1) / (len(leaving) + 1)
        end = x2 + WIDTH * (coming.index((upper, lower)) + 1) / (len(coming) + 1)
        out.append(
            f'<path d="M{start:.1f} {top + tall:g}C{start:.1f} {top + tall + DOWN:g} '
            f'{end:.1f} {top2 - DOWN:g} {end:.1f} {top2 - 1:g}" fill="none" stroke="#777" '
            f'marker-end="url(#tip)"/>'
        )
    for name, (x, top, tall) in boxes.items():
        out.append(
            f'<rect x="{x:g}" y="{top:g}" width="{WIDTH}" height="{tall:g}" rx="4" '
            f'fill="#eef3f8" stroke="#456"/>'
        )
        out.append(
            f'<text x="{x + PADDING:g}" y="{top + PADDING + LINE - 4:g}" '
            f'font-weight="bold" font-size="13">{escape(name)}/</text>'
        )
        for number, line in enumerate(texts[name], 2):
            out.append(
                f'<text x="{x + PADDING:g}" y="{top + PADDING + LINE * number - 2:g}">'
                f"{escape(line)}</text>"
            )
    return "\n".join([*out, "</svg>"]) + "\n"


def main() -> None:
    """Write the picture, or print the table."""
    if "--table" in sys.argv[1:]:
        print(table(read(SOURCE.read_text("utf-8"))), end="")
        return
    PICTURE.write_text(draw(read(SOURCE.read_text("utf-8"))), "utf-8")


if __name__ == "__main__":
    main()
