"""Tables of a comparison: for a terminal, Markdown, LaTeX, CSV, and as a pandas frame."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ganbench.core.printable import printable, printable_json
from ganbench.records.groups import Row
from ganbench.records.rows import Comparison, compare, document
from ganbench.records.tables.latex import render_latex
from ganbench.records.tables.layout import table_groups
from ganbench.records.tables.markdown import render_markdown
from ganbench.records.tables.text import render_text

if TYPE_CHECKING:
    import pandas as pd

FORMULAS = tuple("=+-@\uff1d\uff0b\uff0d\uff20")  # the last four are as wide as a Chinese sign

__all__ = [
    "Comparison",
    "Row",
    "compare",
    "document",
    "render_csv",
    "render_latex",
    "render_markdown",
    "render_text",
    "table",
]


def table(comparison: Comparison) -> pd.DataFrame:
    """The means as a wide frame: a line per variant, then references; a column per metric.

    With several data sets or budgets the index has two levels, the first saying which.
    """
    import pandas as pd

    parts = table_groups(comparison)
    frames = {}
    for part in parts:
        names = {(column.metric, column.key): column.name for column in part.columns}
        lines = [(group.label, group.rows) for group in part.groups]
        beside: dict[str, list[Row]] = {}
        for row in part.references:
            beside.setdefault(row.label, []).append(row)
        lines += beside.items()
        means = [
            {names[key]: row.mean for row in rows if (key := (row.metric, row.beside)) in names}
            for _, rows in lines
        ]
        labels = [label for label, _ in lines]
        frame = pd.DataFrame(means, labels, list(names.values()), float)
        frames[part.title] = frame.rename_axis("variant")
    if len(frames) > 1:
        return pd.concat(frames, names=["study"])
    return next(iter(frames.values()), pd.DataFrame())


def render_csv(rows: Iterable[Row]) -> str:
    """The tidy rows, one per line; hyperparameters as JSON, seeds separated by spaces.

    Text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(Row.model_fields), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        cells = dict(row) | {
            "hyperparameters": printable_json(row.hyperparameters),
            "protocol": printable_json(row.protocol),
            "seeds": " ".join(map(str, row.seeds)),
            "hosts": "; ".join(row.hosts),
        }
        writer.writerow({name: _cell(value) for name, value in cells.items()})
    return text.getvalue()


def _cell(value: object) -> object:
    """A value for a cell that is text wherever it is opened; numbers stay numbers."""
    if not isinstance(value, str):
        return value
    shown = printable(value)
    return "'" + shown if shown.lstrip()[:1] in FORMULAS else shown
