"""Measures the references of a data set, and keeps what took long in the user's cache folder."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from pydantic import TypeAdapter

from ganbench.core.cache import recall
from ganbench.core.metric_specs import MetricSpec
from ganbench.core.score import Score, Skip
from ganbench.data.dataset import Dataset
from ganbench.evaluate import extractors, real_features
from ganbench.evaluate.capabilities import CapabilityError, NoWeights, TooFew, Unavailable
from ganbench.evaluate.evidence import Evidence, undisturbed
from ganbench.evaluate.harness import Evaluation, measured
from ganbench.evaluate.references.table import REFERENCES, Reference
from ganbench.evaluate.settings import Settings

SEED = 0

Found = list[Score | Skip]
_FOUND = TypeAdapter(Found)


def measure(
    dataset: Dataset,
    split: str,
    settings: Settings,
    device: torch.device | str = "cpu",
    metrics: Sequence[MetricSpec] | None = None,
) -> list[tuple[str, Evaluation]]:
    """The name of every reference, and its scores; one that fails does not end the others.

    What merely does not apply to the data set is left out; what does but failed, or has too few
    images, is skipped with the reason. `Score.seconds` are those of the first measurement.
    device: where extractors run. metrics: a guest's too; None: what the settings say.

    Raises UserError for an unknown metric or extractor.
    """
    specs = settings.specs_for(dataset) if metrics is None else metrics
    rows: dict[str, Evaluation] = {}
    for reference in REFERENCES:
        wanted = [spec for spec in specs if {spec.name, spec.group} & {*reference.metrics}]
        if not wanted:
            continue
        start = time.perf_counter()
        found = _recalled(reference, wanted, dataset, split, settings, torch.device(device))
        row = rows.setdefault(reference.name, Evaluation(split, settings, SEED))
        row.scores.extend(one for one in found if isinstance(one, Score))
        row.skipped.extend(one for one in found if isinstance(one, Skip))
        seconds = row.seconds + time.perf_counter() - start
        rows[reference.name] = replace(row, seconds=seconds)
    return [(name, row) for name, row in rows.items() if row.scores or row.skipped]


def _recalled(
    reference: Reference,
    specs: Sequence[MetricSpec],
    dataset: Dataset,
    split: str,
    settings: Settings,
    device: torch.device,
) -> Found:
    keys = [settings.key(spec, dataset, split) for spec in specs]
    names = {settings.extractor_of(spec, dataset) for spec in specs} - {None}
    facts = {
        "reference": [reference.name, reference.version],
        "metrics": keys,
        # what lacked weights is measured again once these are here
        "weights": [extractors.found(name, "") for name in sorted(map(str, names))],
        **real_features.circumstances(device),
    }

    def make() -> Found:
        known = Evidence(None, dataset, settings, SEED, split, device)
        with undisturbed(None, SEED, device):
            return _measured(reference, specs, keys, known)

    return recall("reference", facts, make, _FOUND.dump_json, _FOUND.validate_json)


def _measured(
    reference: Reference, specs: Sequence[MetricSpec], keys: Sequence[str], known: Evidence
) -> Found:
    """known: the evidence of the real images alone."""
    pairs = list(zip(specs, keys, strict=True))
    try:
        model = reference.make(known)
    except (TooFew, NoWeights) as reason:
        again = isinstance(reason, NoWeights)
        return [
            Skip(metric=spec.name, reason=str(reason), key=key, again=again) for spec, key in pairs
        ]
    except Unavailable:
        return []
    evidence = Evidence(model, known.dataset, known.settings, SEED, known.split, known.device)
    found: Found = []
    for spec, key in pairs:
        try:
            outcome = measured(spec, evidence, key)
        except Unavailable:
            continue
        except CapabilityError as error:  # of an extractor that is asked as a model would be
            outcome = Skip(metric=spec.name, reason=f"failed: {error}", key=key)
        if isinstance(outcome, Score):
            outcome = outcome.model_copy(update={"protocol": _said(outcome.protocol, model.facts)})
        found.append(outcome)
    return found


def _said(protocol: Any, facts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A protocol with what a reference says of itself in place of the capability that was asked."""
    said = dict(protocol)
    for capability, own in facts.items():
        if capability in protocol:
            said |= own
    return said
