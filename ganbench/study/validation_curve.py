"""A trial's quality along training (`--eval-every`), and the model that was best on validation."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import trapezoid

from ganbench.core.score import Score
from ganbench.data.dataset import Dataset
from ganbench.evaluate import harness
from ganbench.evaluate.catalogue import METRICS
from ganbench.evaluate.harness import Settings
from ganbench.model import Variant
from ganbench.records.store import TrialDirectory
from ganbench.train.trainer import Trainer

DEFAULT_METRICS = ("fid", "reverse_kl", "modes_captured", "high_quality")
"""What is evaluated along training unless others are named; the first with a number chooses."""


class ValidationCurve:
    """Evaluates a model in training on the validation split, and keeps a copy of the best.

    metrics: by name. The first of them that has a direction and gives a number on the first
    evaluation chooses the best checkpoint; an earlier one wins ties.
    """

    def __init__(
        self,
        dataset: Dataset,
        directory: TrialDirectory,
        settings: Settings,
        metrics: tuple[str, ...] | None,
        seed: int,
    ) -> None:
        self.dataset = dataset
        self.directory = directory
        self.settings = replace(settings, metrics=metrics or DEFAULT_METRICS)
        self.names = metrics or DEFAULT_METRICS
        self.seed = seed
        self.rows: list[dict[str, Any]] = []
        self.protocol: dict[str, Any] = {}
        self.chooser: str | None = None
        self.best: Variant | None = None
        self.best_row: dict[str, Any] = {}

    def add(self, trainer: Trainer, seconds: float) -> None:
        """Evaluate the model as it is; seconds: of training so far."""
        model = trainer.evaluation_model()
        found = harness.evaluate(
            model,
            self.dataset,
            seed=self.seed,
            split="validation",
            settings=self.settings,
            device=trainer.device,
        )
        scores = {score.metric: score for score in found.scores}
        row = {
            "round": trainer.round,
            "images": trainer.images_seen,
            "seconds": seconds,
            **{name: score.value for name, score in scores.items()},
        }
        self.rows.append(row)
        self.directory.append_curve([row])
        if self.chooser is None and not self.best_row:
            able = (name for name in self.names if METRICS[name].better != "none")
            self.chooser = next((name for name in able if name in scores), None)
        if self.chooser in scores and self._is_better(row):
            self.protocol = _facts(scores[self.chooser])
            self.best_row = row
            self.best = copy.deepcopy(model)

    def _is_better(self, row: dict[str, Any]) -> bool:
        if not self.best_row or self.chooser is None:
            return True
        new, old = row[self.chooser], self.best_row[self.chooser]
        return bool(new < old if METRICS[self.chooser].better == "lower" else new > old)

    @property
    def missing(self) -> str | None:
        """Why there is no curve, where none of the metrics gave a number."""
        if self.best_row:
            return None
        return f"no best model: none of {', '.join(self.names)} can be measured; name others"

    @property
    def facts(self) -> dict[str, Any]:
        """The round of the best checkpoint, and the metric that chose it."""
        return {"round": self.best_row["round"], "chosen_by": self.chooser}

    def areas(self, machine: str) -> list[Score]:
        """Quality per compute: the chooser's mean along training, by images and by seconds.

        machine: what the seconds were measured on.
        """
        name = self.chooser
        rows = [row for row in self.rows if name in row]
        if name is None or not rows:
            return []
        values = [row[name] for row in rows]
        facts = {
            "curve": "area under it, over its width",
            "evaluations": len(rows),
            "rounds": [rows[0]["round"], rows[-1]["round"]],
        }
        return [
            Score(
                metric=f"{name}_over_{axis}",
                value=mean_along([row[axis] for row in rows], values),
                count=len(rows),
                better=METRICS[name].better,
                protocol=self.protocol | facts | {"along": axis} | place,
            )
            for axis, place in (("images", {}), ("seconds", {"machine": machine}))
        ]


def _facts(score: Score) -> dict[str, Any]:
    assert isinstance(score.protocol, dict)  # one that was measured just now
    return score.protocol


def mean_along(x: ArrayLike, y: ArrayLike) -> float:
    """Area under a curve (n,) by the trapezoidal rule over its width: the mean of y along x."""
    across, up = np.asarray(x, np.float64), np.asarray(y, np.float64)
    width = float(across[-1] - across[0])
    return float(trapezoid(up, across)) / width if width else float(up.mean())


def read_curve(directory: Path | str) -> list[dict[str, Any]]:
    """The rows of a trial's `curve.jsonl`: round, images, seconds, and each metric's value."""
    return TrialDirectory(directory).read_curve()
