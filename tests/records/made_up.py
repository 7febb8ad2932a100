"""Made-up trials, small enough to compute by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ganbench.records.schema import Cost, Host, Record, Reference, Score, ScoreSet, Skip
from ganbench.records.store import Outcome

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
    facts = {"metric": metric, "value": value, "better": "higher", "protocol": "500 test images"}
    return Score.model_validate(facts | changes)


def fid(value: float, protocol: str = "digits-v1@1a2b3c4d, 1097 real train") -> Score:
    return score("fid", value, better="lower", protocol=protocol)


def reference(name: str, value: float = 0.3, metric: str = "fid") -> Reference:
    one = fid(value) if metric == "fid" else score(metric, value)
    return Reference(name=name, score=one)


def evaluation(*scores: Score, **changes: Any) -> ScoreSet:
    facts: dict[str, Any] = {
        "protocol_id": "p1",
        "split": "test",
        "settings": {"generated": 5000},
        "seed": 0,
        "scores": list(scores),
    }
    return ScoreSet.model_validate(facts | changes)


def skip(metric: str, reason: str = "no encode()") -> Skip:
    return Skip(metric=metric, reason=reason)


def outcome(one: Record, *scores: ScoreSet, at: Path | None = None) -> Outcome:
    return Outcome(one, scores, at)
