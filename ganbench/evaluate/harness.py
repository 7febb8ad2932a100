"""The evaluation harness: every metric that a model's capabilities allow, with its protocol."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from ganbench.core.metric_specs import MetricSpec
from ganbench.core.score import Score, Skip
from ganbench.data.dataset import Dataset
from ganbench.evaluate.capabilities import CapabilityError, NoWeights, TooFew, Unavailable
from ganbench.evaluate.evidence import Evidence, undisturbed
from ganbench.evaluate.settings import Settings

__all__ = ["Evaluation", "Score", "Settings", "Skip", "evaluate", "measure_all"]

Metrics = Sequence[MetricSpec] | None
"""What is measured; None: what the settings say of the data set."""


@dataclass(frozen=True)
class Evaluation:
    """What one evaluation found.

    skipped: what was not measured, and why. seconds: wall-clock time of the whole.
    """

    split: str
    settings: Settings
    seed: int
    scores: list[Score] = field(default_factory=list)
    skipped: list[Skip] = field(default_factory=list)
    seconds: float = 0.0


def evaluate(
    model: Any,
    dataset: Dataset,
    *,
    seed: int,
    split: str = "test",
    settings: Settings | None = None,
    device: torch.device | str = "cpu",
    metrics: Metrics = None,
) -> Evaluation:
    """Measure everything that a model can do; what it cannot is recorded with the reason.

    A metric that goes wrong is recorded, too, and does not end the others.

    model: anything with capabilities, on `device`. split: the held-out real images, "test"
    for final scores, "validation" for choices. metrics: ganbench's or a guest's. The model's
    mode and parameters and the global generators of random numbers are left as they are found;
    on a CPU the same seed and number of threads give the same bits.

    Raises CapabilityError where a capability of the model went wrong (it raised, or gave another
    shape or numbers that are not finite): such a model has no scores. Raises ValueError for
    another split, UserError for an unknown metric or extractor.
    """
    evidence = Evidence(model, dataset, settings or Settings(), seed, split, device)
    return measure_all(evidence, metrics)


def measure_all(
    evidence: Evidence,
    metrics: Metrics = None,
    tell: Callable[[str, int, int], None] = lambda metric, done, of: None,
) -> Evaluation:
    """`evaluate`, from evidence that the caller keeps, for pictures say.

    tell: hears of every metric before it is measured, with how many are done, of how many.
    """
    start = time.perf_counter()
    dataset, settings, split = evidence.dataset, evidence.settings, evidence.split
    specs = settings.specs_for(dataset) if metrics is None else metrics
    found = Evaluation(split, settings, evidence.given_seed)
    with undisturbed(evidence.model, evidence.given_seed, evidence.device):
        for done, spec in enumerate(specs):
            tell(spec.name, done, len(specs))
            key = settings.key(spec, dataset, split)
            try:
                outcome = measured(spec, evidence, key)
            except Unavailable as reason:
                outcome = Skip(metric=spec.name, reason=str(reason), key=key)
            if isinstance(outcome, Score):
                found.scores.append(outcome)
            else:
                found.skipped.append(outcome)
    return replace(found, seconds=time.perf_counter() - start)


def measured(spec: MetricSpec, evidence: Evidence, key: str) -> Score | Skip:
    """The score of a metric, or why there is none: nothing that goes wrong in it leaves it.

    Raises Unavailable where the metric does not apply to this model or these data (too few images
    and weights that are not here are a `Skip`), and CapabilityError where it is the model that
    went wrong.
    """
    start = time.perf_counter()
    try:
        found = spec.measure(evidence)
        if not math.isfinite(found.value):
            return Skip(metric=spec.name, reason=f"not a finite number: {found.value}", key=key)
        facts: dict[str, Any] = {"version": spec.version, "split": evidence.split}
        if spec.digest:
            facts["digest"] = spec.digest
        return Score(
            metric=spec.name,
            value=float(found.value),
            standard_error=None if found.standard_error is None else float(found.standard_error),
            count=int(found.count),
            better=spec.better,
            protocol={**found.protocol, **facts},
            key=key,
            group=spec.group if spec.digest else "",
            seconds=time.perf_counter() - start,
            parts={name: float(value) for name, value in found.parts.items()},
        )
    except (TooFew, NoWeights) as reason:
        again = isinstance(reason, NoWeights)
        return Skip(metric=spec.name, reason=str(reason), key=key, again=again)
    except (Unavailable, CapabilityError):
        raise
    except Exception as error:  # a metric must not end the evaluation
        text = str(error).strip().splitlines()
        said = f"failed: {type(error).__name__}" + (f": {text[0]}" if text else "")
        return Skip(metric=spec.name, reason=said, key=key)
