"""Tables of a comparison: for a terminal, Markdown, LaTeX, CSV, and as a pandas frame."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ganbench.records.groups import Row
from ganbench.records.latex import render_latex
from ganbench.records.layout import studies
from ganbench.records.markdown import render_markdown
from ganbench.records.rows import Comparison, compare, document, failures, tidy
from ganbench.records.text import render_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Comparison",
    "Row",
    "compare",
    "document",
    "failures",
    "render_csv",
    "render_latex",
    "render_markdown",
    "render_text",
    "table",
    "tidy",
]


def table(comparison: Comparison) -> pd.DataFrame:
    """The means as a wide frame: a line per variant, then references; a column per metric.

    With several data sets or budgets the index has two levels, the first saying which.
    """
    import pandas as pd

    parts = studies(comparison)
    frames = {}
    for part in parts:
        names = {(column.metric, column.protocol): column.name for column in part.columns}
        lines: dict[str, dict[str, float]] = {group.label: {} for group in part.groups}
        for row in [*(row for group in part.groups for row in group.rows), *part.references]:
            if (row.metric, row.beside) in names:
                lines.setdefault(row.label, {})[names[row.metric, row.beside]] = row.mean
        frame = pd.DataFrame(list(lines.values()), list(lines), list(names.values()), float)
        frames[part.title] = frame.rename_axis("variant")
    if len(frames) > 1:
        return pd.concat(frames, names=["study"])
    return next(iter(frames.values()), pd.DataFrame())


def render_csv(rows: Iterable[Row]) -> str:
    """The tidy rows, one per line; hyperparameters as JSON, seeds separated by spaces."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(Row.model_fields), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        cells = row.model_dump(mode="json")
        cells["hyperparameters"] = json.dumps(row.hyperparameters)
        cells["seeds"] = " ".join(map(str, row.seeds))
        writer.writerow(cells)
    return text.getvalue()
