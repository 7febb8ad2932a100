"""Made-up trials, small enough to compute by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ganbench.core.score import Score, Skip
from ganbench.records.schema import (
    Cost,
    Host,
    Record,
    Reference,
    ReferenceScores,
    ReferenceSet,
    ScoreSet,
)
from ganbench.records.store import TrialResult

COST = Cost(
    seconds_training=30,
    seconds_evaluation=10,
    images_per_second=6400,
    rounds_per_second=100,
    ms_per_round=9.5,
    ms_per_round_p90=12,
    peak_memory_mb=400,
    parameters=243_211,
    flops_per_round=53_000_000,
    threads=1,
    jobs=2,
)


def record(variant: str = "infogan", seed: int = 0, **changes: Any) -> Record:
    facts: dict[str, Any] = {
        "trial": f"{variant}-{seed}",
        "variant": variant,
        "source": f"ganbench.variants.{variant}:Variant",
        "hyperparameters": {"info_weight": 1.0, **changes.get("changed", {})},
        "changed": {},
        "dataset": "digits",
        "dataset_fingerprint": "abcd1234",
        "seed": seed,
        "rounds": 3000,
        "batch_size": 64,
        "images_seen": 192_000,
        "generator_updates": 3000,
        "device": "cpu",
        "status": "finished",
        "cost": COST,
        "host": Host(machine="Test CPU", os="Linux", python="3.11.0"),
        "packages": {"torch": "2.9"},
        "created": "2026-01-01T12:00:00+00:00",
    }
    return Record.model_validate(facts | changes)


def score(metric: str, value: float, **changes: Any) -> Score:
    facts = {
        "metric": metric,
        "value": value,
        "better": "higher",
        "protocol": {"held_out": 500},
        "key": f"asked {metric}",
    }
    return Score.model_validate(facts | changes)


def fid(value: float, extractor: str = "digits-v1@1a2b3c4d", **changes: Any) -> Score:
    protocol = {"extractor": extractor, "training": 1097}
    return score("fid", value, **({"better": "lower", "protocol": protocol} | changes))


def reference(name: str, value: float = 0.3, metric: str = "fid", **changes: Any) -> Reference:
    """One in an evaluation of schema 1."""
    one = fid(value, **changes) if metric == "fid" else score(metric, value, **changes)
    return Reference(name=name, score=one)


def references(*some: Reference, **changes: Any) -> ReferenceSet:
    """What lies beside trials."""
    facts: dict[str, Any] = {
        "dataset": "digits",
        "dataset_fingerprint": "abcd1234",
        "split": "test",
        "settings": {},
        "keys": tuple({one.score.key for one in some}),
        "references": [ReferenceScores(name=one.name, scores=[one.score]) for one in some],
        "host": Host(machine="Test CPU", os="Linux", python="3.11.0"),
        "packages": {"torch": "2.9"},
    }
    return ReferenceSet.model_validate(facts | changes)


def evaluation(*scores: Score, **changes: Any) -> ScoreSet:
    facts: dict[str, Any] = {
        "split": "test",
        "settings": {"generated": 5000},
        "seed": 0,
        "scores": list(scores),
    }
    return ScoreSet.model_validate(facts | changes)


def skip(metric: str, reason: str = "no encode()", **changes: Any) -> Skip:
    return Skip.model_validate({"metric": metric, "reason": reason, **changes})


def outcome(one: Record, *scores: ScoreSet, at: Path | None = None) -> TrialResult:
    return TrialResult(one, scores, at)
