"""Which trials make one line of a table: those that differ in nothing but their seed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from ganbench.records.schema import Better, Checkpoint, Record
from ganbench.records.store import Outcome

SAME_BUDGET = 1.05  # variants of several d_steps cannot see exactly the same number of images


class Row(BaseModel):
    """One metric of one variant (or reference) under one protocol, over its seeds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["variant", "reference"]
    variant: str
    label: str
    """The variant with what tells it from the other rows of its table."""
    hyperparameters: dict[str, JsonValue]
    """Those that were set by the user."""
    dataset: str
    dataset_fingerprint: str
    rounds: int | None
    batch_size: int | None
    labels: str | None
    """How many training images were labelled; None: all, or none was asked for."""
    images_seen: int | None
    device: str | None
    metric: str
    protocol: str
    beside: str
    """The protocol of the column that it stands in: its own, or, for a reference, that of
    the variants' score in the same evaluation (a floor has other sample counts)."""
    better: Better
    mean: float
    std: float | None
    ci_low: float | None
    ci_high: float | None
    n: int
    median: float
    seeds: list[int]
    checkpoint: Checkpoint = "final"


@dataclass(frozen=True)
class Skipped:
    """A metric that some seeds of a variant have no number for, and why."""

    metric: str
    reason: str
    seeds: tuple[int, ...]


@dataclass
class Group:
    """Trials that differ in nothing but their seed: one line of a table."""

    outcomes: list[Outcome]
    """One per seed, by seed."""
    checkpoint: Checkpoint = "final"
    label: str = ""
    budget: int = 0
    """Images seen, the same for all groups that are compared in one table."""
    rows: list[Row] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    @property
    def record(self) -> Record:
        """A record that stands for the group: all agree but for seed and outcome."""
        return (self.finished or self.outcomes)[0].record

    @property
    def finished(self) -> list[Outcome]:
        """The outcomes that have numbers."""
        return [one for one in self.outcomes if one.record.status == "finished"]


def _facts(record: Record) -> dict[str, Any]:
    """What two trials of one group agree in, besides the label."""
    return {
        "rounds": record.rounds,
        "batch_size": record.batch_size,
        "device": record.device.partition(":")[0],
        "source": record.source_digest[:8] or record.source,
        "numerics": record.numerics,
        "arithmetic": record.arithmetic or "usual",
        **record.hyperparameters,
    }


def grouped(trials: Iterable[Outcome]) -> list[Group]:
    """Groups with their budgets and labels, in the order of their first trial, each seed once.

    The best checkpoints of a group are a group of their own behind it.
    """
    gathered: dict[str, dict[int, Outcome]] = {}
    for outcome in trials:
        record = outcome.record
        data = [record.dataset, record.dataset_fingerprint]
        key = json.dumps([record.label, record.labels, data, _facts(record)], sort_keys=True)
        seeds = gathered.setdefault(key, {})
        known = seeds.get(record.seed)
        seeds[record.seed] = outcome if known is None else _one_of(known, outcome)
    groups = [Group([seeds[seed] for seed in sorted(seeds)]) for seeds in gathered.values()]
    _set_budgets(groups)
    _set_labels(groups)
    return [part for group in groups for part in _by_checkpoint(group)]


def _by_checkpoint(group: Group) -> list[Group]:
    """The final models of a group, and below them the best ones where there are any."""
    final = replace(group, outcomes=[one.of("final") for one in group.outcomes])
    best = [one.of("best") for one in group.finished]
    best = [one for one in best if one.scores]
    if not best:
        return [final]
    chooser = best[0].scores[0].chosen_by
    return [
        final,
        replace(group, outcomes=best, checkpoint="best", label=f"{group.label} [best {chooser}]"),
    ]


def _one_of(first: Outcome, second: Outcome) -> Outcome:
    """Of two trials with one seed the finished one, then the newer; copies share scores."""
    if _rank(second.record) > _rank(first.record):
        first, second = second, first
    if first.record.trial != second.record.trial:
        return first
    known = {(one.protocol_id, one.checkpoint) for one in first.scores}
    more = [one for one in second.scores if (one.protocol_id, one.checkpoint) not in known]
    return first._replace(scores=[*first.scores, *more])


def _rank(record: Record) -> tuple[bool, float]:
    return record.status == "finished", record.created.timestamp()


def _set_budgets(groups: list[Group]) -> None:
    """Groups of one data set that saw nearly the same number of images share a budget."""
    for group in sorted(groups, key=lambda one: (not one.finished, one.record.images_seen)):
        mates = [one for one in groups if one.budget and _data(one) == _data(group)]
        if group.finished:
            seen = group.record.images_seen
            near = [one.budget for one in mates if seen <= one.budget * SAME_BUDGET]
        else:  # none played to its end: beside those of the same rounds, if there are any
            seen = group.record.rounds * group.record.batch_size
            near = [one.budget for one in mates if one.record.rounds == group.record.rounds]
            near = near or [one.budget for one in mates]
        group.budget = max(near) if near else max(seen, 1)


def _set_labels(groups: list[Group]) -> None:
    """Labels that differ within a table: they say what else differs, where something does."""
    for group in groups:
        twins = [
            _facts(one.record)
            for one in groups
            if _named(one) == _named(group)
            and (_data(one), one.budget) == (_data(group), group.budget)
        ]
        own = _facts(group.record)
        differing = [
            f"{name} {value}"
            for name, value in own.items()
            if any(twin.get(name) != value for twin in twins)
        ]
        if group.record.labels:  # shown always: a label budget is never the default
            differing.insert(0, f"labels {group.record.labels}")
        extra = f" [{', '.join(differing)}]" if differing else ""
        group.label = group.record.label + extra


def _named(group: Group) -> tuple[str, str | None]:
    return group.record.label, group.record.labels


def _data(group: Group) -> tuple[str, str]:
    return group.record.dataset, group.record.dataset_fingerprint


def group_failures(group: Group) -> list[dict[str, Any]]:
    """The trials of a group that did not finish."""
    return [
        {
            "variant": record.variant,
            "label": group.label,
            "hyperparameters": record.changed,
            "dataset": record.dataset,
            "rounds": record.rounds,
            "batch_size": record.batch_size,
            "labels": record.labels,
            "device": record.device,
            "seed": record.seed,
            "status": record.status,
            "reason": record.reason,
            "directory": None if directory is None else str(directory),
        }
        for record, _, directory in group.outcomes
        if record.status != "finished" and group.checkpoint == "final"
    ]
