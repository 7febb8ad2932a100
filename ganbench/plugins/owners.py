"""Owners of jobs: whose code a job runs, so that no process runs two strangers' code."""

from __future__ import annotations

from collections.abc import Iterable

from ganbench.plugins import datasets, extractors, registry


def owner_of(
    variant: str = "",
    dataset: str = "",
    metrics: Iterable[str] = (),
    extractor: str | None = None,
) -> str:
    """The owners of all plug-ins that a job would run, as one; "" where it runs none.

    variant, metrics: references, without hyperparameters; groups of metrics are ganbench's.
    dataset: a spec. Nothing is imported. One plug-in with several parts is one owner.
    """
    found = {registry.owner(metric, "metrics") for metric in metrics}
    found |= {registry.owner(variant) if variant else ""}
    found |= {datasets.owner(dataset) if dataset else "", extractors.owner(extractor)}
    return " + ".join(sorted(found - {""}))
