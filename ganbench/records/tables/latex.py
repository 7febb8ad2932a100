"""A comparison as LaTeX with booktabs."""

from __future__ import annotations

from collections.abc import Sequence
from unicodedata import normalize

from ganbench.records.rows import Comparison
from ganbench.records.tables.layout import GENERAL_NOTE, LABEL_WIDTH, Block, Line, sections

WIDTH = 82  # characters of \scriptsize that a usual page is wide
ESCAPES = {
    "[": "{[}",  # a row that begins with one would be read as an option of the row before
    "]": "{]}",
    "*": "{*}",  # and this as its starred form
    "\\": r"$\backslash$",
    "{": r"\{",
    "}": r"\}",
    **{character: "\\" + character for character in "_%&#$"},
    "~": r"$\sim$",
    "^": r"\^{}",
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
    '"': "''",
    "±": r"$\pm$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "−": r"$-$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "→": r"$\rightarrow$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "∞": r"$\infty$",
    "σ": r"$\sigma$",
    "λ": r"$\lambda$",
    "²": r"$^2$",
    "—": "---",
    "–": "--",
    "…": r"\ldots{}",
}


def render_latex(comparison: Comparison) -> str:
    """A tabular per block, to be put into a document by `input`."""
    parts = ["% needs \\usepackage{booktabs}"]
    for section in sections(comparison, WIDTH):
        parts.append(f"\\subsection*{{{escaped(section.title)}}}")
        parts += [_grid(block) for block in section.blocks]
        parts.append(_notes(section.notes))
    parts.append(_notes([GENERAL_NOTE]))
    return "\n\n".join(parts) + "\n"


def _grid(block: Block) -> str:
    titles = ["variant", "seeds", *(_stacked(column.title_lines) for column in block.columns)]
    long = any(len(line.label) > LABEL_WIDTH for line in block.lines)
    first = r"p{0.35\linewidth}" if long else "l"  # a long label is broken over lines
    lines = [
        r"\begin{center}\scriptsize\setlength{\tabcolsep}{4pt}",
        rf"\textbf{{{escaped(block.title)}}}\\[2pt]",
        rf"\begin{{tabular}}{{@{{}}{first}{'r' * (len(titles) - 1)}@{{}}}}",
        r"\toprule",
        " & ".join(titles) + r" \\",
        r"\midrule",
        *(_line(line) for line in block.variants),
        *([r"\midrule"] if block.references else []),
        *(_line(line) for line in block.references),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{center}",
    ]
    return "\n".join(lines)


def _line(line: Line) -> str:
    label = escaped(line.label)
    cells = [rf"\textit{{{label}}}" if line.reference else label, line.seeds]
    return " & ".join([*cells, *map(escaped, line.cells)]) + r" \\"


def _stacked(lines: Sequence[str]) -> str:
    stacked = r"\\".join(map(escaped, lines))
    return rf"\begin{{tabular}}[b]{{@{{}}r@{{}}}}{stacked}\end{{tabular}}"


def _notes(notes: Sequence[str]) -> str:
    body = "\n\n".join(rf"\noindent {escaped(note)}\par" for note in notes)
    return f"{{\\footnotesize\\raggedright\n{body}}}"


def escaped(text: str) -> str:
    """Text that every LaTeX engine takes: commands escaped, accents and other scripts lost."""
    return "".join(ESCAPES.get(character) or _ascii(character) for character in text)


def _ascii(character: str) -> str:
    """The ASCII letters that make up a character; some of a full-width font are commands too."""
    plain = normalize("NFKD", character).encode("ascii", "ignore").decode() or "?"
    return "".join(ESCAPES.get(one, one) for one in plain)
