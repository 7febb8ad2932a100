"""The pictures of a study: its trials' curves laid over each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganbench.records.groups import grouped
from ganbench.records.store import TrialDirectory, TrialResult


def draw(place: Path, trial_results: Sequence[TrialResult]) -> None:
    """L_I over rounds, and metrics along training, where trials have kept them.

    Raises UserError where a picture cannot be written.
    """
    curves: dict[str, list[list[dict[str, Any]]]] = {}
    quality: dict[str, list[list[dict[str, Any]]]] = {}
    bounds: dict[str, set[float]] = {}
    trials = [
        (group.label, outcome)
        for group in grouped(trial_results)
        if group.checkpoint == "final"
        for outcome in group.finished
    ]
    for label, (_, scores, directory) in trials:
        if directory is None:
            continue
        history = TrialDirectory(directory).read_history()
        if curve := TrialDirectory(directory).read_curve():
            quality.setdefault(label, []).append(curve)
        if any(name.startswith("information/") for row in history[:1] for name in row):
            curves.setdefault(label, []).append(history)
        for score in (score for evaluation in scores for score in evaluation.scores):
            for name, value in score.parts.items():
                if name.endswith(" bound"):
                    bounds.setdefault(name.removesuffix(" bound"), set()).add(value)
    if not (curves or quality):
        return
    from ganbench.records.plots import information_picture, quality_picture

    if curves:
        information_picture(curves, bounds, place / "information.png")
    if quality:
        quality_picture(quality, place / "curves.png")
