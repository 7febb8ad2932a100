"""The evaluation harness: every metric that a model's capabilities allow, with its protocol."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch

from ganbench.data.dataset import Dataset
from ganbench.evaluate import references
from ganbench.evaluate.evidence import Evidence, undisturbed
from ganbench.evaluate.metrics import METRICS
from ganbench.evaluate.score import Score, measured
from ganbench.evaluate.settings import Settings

__all__ = ["Evaluation", "Score", "Settings", "evaluate"]


@dataclass(frozen=True)
class Evaluation:
    """What one evaluation found.

    protocol_id: see `Settings.protocol_id`. skipped: (metric, reason) of what was not measured,
    and ("metric of reference", reason) where a reference failed.
    references: (name, score) of what stands beside a model: real images, k-means; they
    depend on data and settings alone. seconds: wall-clock time of the whole. complete: all that
    applies was tried with its weights here; else it is worth another evaluation.
    """

    protocol_id: str
    split: str
    settings: Settings
    seed: int
    scores: list[Score] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    references: list[tuple[str, Score]] = field(default_factory=list)
    seconds: float = 0.0
    complete: bool = True


def evaluate(
    model: Any,
    dataset: Dataset,
    *,
    seed: int,
    split: str = "test",
    settings: Settings | None = None,
    device: torch.device | str = "cpu",
    beside: bool = True,
) -> Evaluation:
    """Measure everything that a model can do; what it cannot is recorded with the reason.

    A metric that goes wrong is recorded, too, and does not end the others.

    model: anything with capabilities, on `device`. split: the held-out real images, "test"
    for final scores, "validation" for choices. beside: gather the references too. The model's
    mode and parameters and the global generators of random numbers are left as they are found;
    on a CPU the same seed and number of threads give the same bits.

    Raises CapabilityError where a capability of the model went wrong (it raised, or gave another
    shape or numbers that are not finite): such a model has no scores. Raises ValueError for
    another split, UserError for an unknown extractor.
    """
    return judge(Evidence(model, dataset, settings or Settings(), seed, split, device), beside)


def judge(
    evidence: Evidence,
    beside: bool = True,
    tell: Callable[[str, int, int], None] = lambda metric, done, of: None,
) -> Evaluation:
    """`evaluate`, from evidence that the caller keeps, for pictures say.

    tell: hears of every metric before it is measured, with how many are done, of how many.
    """
    start = time.perf_counter()
    dataset, settings, split = evidence.dataset, evidence.settings, evidence.split
    complete = True
    found = Evaluation(settings.protocol_id(dataset, split), split, settings, evidence.given_seed)
    with undisturbed(evidence.model, evidence.given_seed, evidence.device):
        names = settings.metrics_for(dataset)
        for done, name in enumerate(names):
            tell(name, done, len(names))
            metric = METRICS[name]
            outcome = measured(metric, partial(metric.measure, evidence), evidence)
            if isinstance(outcome, Score):
                found.scores.append(outcome)
            else:
                found.skipped.append((name, outcome.reason))
                complete &= not outcome.again
    if beside:
        scores, missing = references.gather(dataset, split, settings, evidence.device)
        found.references.extend(scores)
        own = dict(found.skipped)  # of both there is one reason
        found.skipped.extend(
            (f"{metric} of {name}", reason)
            for name, metric, reason in missing
            if own.get(metric) != reason
        )
    return replace(found, seconds=time.perf_counter() - start, complete=complete)
