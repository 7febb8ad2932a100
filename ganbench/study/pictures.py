"""The pictures of a study: its trials' curves laid over each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganbench.records.schema import titled
from ganbench.records.store import Outcome, TrialDirectory


def draw(place: Path, outcomes: Sequence[Outcome]) -> None:
    """L_I over rounds, and metrics along training, where trials have kept them.

    Raises UserError where a picture cannot be written.
    """
    curves: dict[str, list[list[dict[str, Any]]]] = {}
    quality: dict[str, list[list[dict[str, Any]]]] = {}
    bounds: dict[str, float] = {}
    for record, scores, directory in outcomes:
        if record.status != "finished" or directory is None:
            continue
        history = TrialDirectory(directory).read_history()
        title = titled(record.label, record.labels)
        if curve := TrialDirectory(directory).read_curve():
            quality.setdefault(title, []).append(curve)
        if any(name.startswith("information/") for row in history[:1] for name in row):
            curves.setdefault(title, []).append(history)
        for score in (score for evaluation in scores for score in evaluation.scores):
            for name, value in score.parts.items():
                if name.endswith(" bound"):
                    bounds[name.removesuffix(" bound")] = value
    if not (curves or quality):
        return
    from ganbench.records.plots import information_picture, quality_picture

    if curves:
        information_picture(curves, bounds, place / "information.png")
    if quality:
        quality_picture(quality, place / "curves.png")
