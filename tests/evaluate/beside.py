"""What stands beside a model, as tests read it."""

from __future__ import annotations

from ganbench.core.score import Score
from ganbench.data.dataset import Dataset
from ganbench.evaluate import references
from ganbench.evaluate.harness import Evaluation
from ganbench.evaluate.settings import Settings


def rows(
    dataset: Dataset, settings: Settings | None = None, split: str = "test"
) -> dict[tuple[str, str], Score]:
    """The references' scores by the name of the row and the metric."""
    found = references.measure(dataset, split, settings or Settings())
    return {(name, score.metric): score for name, row in found for score in row.scores}


def row(name: str, dataset: Dataset, settings: Settings | None = None) -> dict[str, Score]:
    """The scores of one row by metric."""
    return {metric: s for (row, metric), s in rows(dataset, settings).items() if row == name}


def lacking(dataset: Dataset, settings: Settings) -> dict[str, str]:
    """Why the references lack a number, by "metric of name"."""
    found = references.measure(dataset, "test", settings)
    return {f"{skip.metric} of {name}": skip.reason for name, row in found for skip in row.skipped}


def values(found: Evaluation) -> dict[str, float]:
    """The values of an evaluation by metric."""
    return {score.metric: score.value for score in found.scores}


def reasons(found: Evaluation) -> dict[str, str]:
    """Why metrics have no number."""
    return {skip.metric: skip.reason for skip in found.skipped}
