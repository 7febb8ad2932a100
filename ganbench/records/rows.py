"""From trials to tidy rows: one per variant and metric, over the seeds that have it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from ganbench.records.schema import Better, Checkpoint, Cost, Record, Score
from ganbench.records.statistics import Summary, summarise
from ganbench.records.store import Outcome

DOCUMENT_VERSION = 1

COSTS: dict[str, Better] = {
    "images_per_second": "higher",
    "rounds_per_second": "higher",
    "ms_per_round": "lower",
    "ms_per_round_p90": "lower",
    "peak_memory_mb": "lower",
    "parameters": "none",
    "flops_per_round": "none",
}
SIZES = ("parameters", "flops_per_round")  # the same on every machine
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


@dataclass(frozen=True)
class Comparison:
    """Everything that a table shows: groups with their rows, and what stands beside them."""

    groups: list[Group]
    references: list[Row]

    @property
    def rows(self) -> list[Row]:
        """All tidy rows: the variants in the order of the trials, then the references."""
        return [row for group in self.groups for row in group.rows] + self.references

    @property
    def failures(self) -> list[dict[str, Any]]:
        """The trials that did not finish, as plain dictionaries."""
        return [failure for group in self.groups for failure in group_failures(group)]


def compare(trials: Iterable[Outcome]) -> Comparison:
    """Group trials, summarise every metric over the seeds, and collect the references.

    A trial that occurs twice counts once. Numbers of different protocol are never pooled.
    """
    outcomes = list(trials)
    groups = _grouped(outcomes)
    _set_budgets(groups)
    _set_labels(groups)
    groups = [part for group in groups for part in _by_checkpoint(group)]
    for group in groups:
        group.rows = _score_rows(group)
        if group.checkpoint == "final":  # the best model cost what the final one did
            group.rows += _cost_rows(group)
        group.skipped = _skipped(group)
    return Comparison(groups, _reference_rows(outcomes))


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


def tidy(trials: Iterable[Outcome]) -> list[Row]:
    """The tidy rows of some trials."""
    return compare(trials).rows


def failures(trials: Iterable[Outcome]) -> list[dict[str, Any]]:
    """The trials that failed or diverged, with their reasons."""
    return compare(trials).failures


def document(rows: Sequence[Row], failures: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What `--json` prints: strictly valid JSON, without NaN."""
    return {
        "schema": DOCUMENT_VERSION,
        "rows": [row.model_dump(mode="json") for row in rows],
        "failures": list(failures),
    }


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
            "directory": _name(directory),
        }
        for record, _, directory in group.outcomes
        if record.status != "finished" and group.checkpoint == "final"
    ]


def _name(directory: Path | None) -> str | None:
    return None if directory is None else str(directory)


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


def _grouped(trials: Iterable[Outcome]) -> list[Group]:
    """Groups in the order of their first trial, each seed once."""
    gathered: dict[str, dict[int, Outcome]] = {}
    for outcome in trials:
        record = outcome.record
        data = [record.dataset, record.dataset_fingerprint]
        key = json.dumps([record.label, record.labels, data, _facts(record)], sort_keys=True)
        seeds = gathered.setdefault(key, {})
        known = seeds.get(record.seed)
        seeds[record.seed] = outcome if known is None else _one_of(known, outcome)
    return [Group([seeds[seed] for seed in sorted(seeds)]) for seeds in gathered.values()]


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


def _row(
    group: Group, metric: str, protocol: str, better: Better, by_seed: dict[int, float]
) -> Row:
    record = group.record
    return Row(
        kind="variant",
        variant=record.variant,
        label=group.label,
        hyperparameters=record.changed,
        dataset=record.dataset,
        dataset_fingerprint=record.dataset_fingerprint,
        rounds=record.rounds,
        batch_size=record.batch_size,
        labels=record.labels,
        images_seen=record.images_seen,
        device=record.device.partition(":")[0],
        metric=metric,
        protocol=protocol,
        beside=protocol,
        better=better,
        seeds=sorted(by_seed),
        checkpoint=group.checkpoint,
        **_numbers(summarise(by_seed.values())),
    )


def _numbers(summary: Summary) -> dict[str, Any]:
    return dict(vars(summary))


def _protocol(score: Score, split: str) -> str:
    """A score's protocol in full, so that what may be pooled has the same text."""
    version = f", version {score.version}" if score.version != 1 else ""
    other = f", {split} split" if split != "test" else ""
    return score.protocol + version + other


def _score_rows(group: Group) -> list[Row]:
    values: dict[tuple[str, str], dict[int, float]] = {}
    better: dict[tuple[str, str], Better] = {}
    for record, evaluations, _ in group.finished:
        for evaluation in evaluations:
            for score in evaluation.scores:
                key = score.metric, _protocol(score, evaluation.split)
                better.setdefault(key, score.better)
                values.setdefault(key, {}).setdefault(record.seed, score.value)
    return [_row(group, *key, better[key], by_seed) for key, by_seed in values.items()]


def _cost_rows(group: Group) -> list[Row]:
    values: dict[tuple[str, str], dict[int, float]] = {}
    for record, _, _ in group.finished:
        if record.cost is None:
            continue
        for metric in COSTS:
            value = getattr(record.cost, metric)
            if value is not None:
                key = metric, _cost_protocol(metric, record, record.cost)
                values.setdefault(key, {})[record.seed] = value
    return [_row(group, *key, COSTS[key[0]], by_seed) for key, by_seed in values.items()]


def _cost_protocol(metric: str, record: Record, cost: Cost) -> str:
    """Speeds of different machines or loads are not to be pooled; sizes may be."""
    if metric in SIZES:
        return "trainable, all networks" if metric == "parameters" else "counted over one round"
    threads = f"{cost.threads} thread" + "s" * (cost.threads != 1)
    jobs = f"{cost.jobs} trial" + "s" * (cost.jobs != 1)
    graphs = ", CUDA graphs" if cost.graphs else ""
    return f"{record.device} ({record.host.machine}), {threads}, {jobs} at once{graphs}"


def _skipped(group: Group) -> list[Skipped]:
    """Skipped metrics by reason, less those that another evaluation has a number for."""
    seeds: dict[tuple[str, str], set[int]] = {}
    for record, evaluations, _ in group.finished:
        scored = {score.metric for evaluation in evaluations for score in evaluation.scores}
        for evaluation in evaluations:
            for skip in evaluation.skipped:
                if skip.metric not in scored:
                    seeds.setdefault((skip.metric, skip.reason), set()).add(record.seed)
    return [Skipped(*key, tuple(sorted(some))) for key, some in seeds.items()]


def _reference_rows(trials: Sequence[Outcome]) -> list[Row]:
    """One row per reference, metric, protocol and data; a value seen twice counts once."""
    columns: dict[tuple[str, str], str] = {}
    for _, evaluations, _ in trials:
        for one in evaluations:
            for score in one.scores:
                columns.setdefault((one.protocol_id, score.metric), _protocol(score, one.split))
    values: dict[tuple[str, ...], list[float]] = {}
    better: dict[tuple[str, ...], Better] = {}
    for record, evaluations, _ in trials:
        data = record.dataset, record.dataset_fingerprint
        for one in evaluations:
            for reference in one.references:
                score = reference.score
                protocol = _protocol(score, one.split)
                beside = columns.get((one.protocol_id, score.metric), protocol)
                key = reference.name, score.metric, protocol, beside, *data
                better.setdefault(key, score.better)
                known = values.setdefault(key, [])
                if score.value not in known:
                    known.append(score.value)
    return [
        Row(
            kind="reference",
            variant=name,
            label=name,
            hyperparameters={},
            dataset=dataset,
            dataset_fingerprint=fingerprint,
            rounds=None,
            batch_size=None,
            labels=None,
            images_seen=None,
            device=None,
            metric=metric,
            protocol=protocol,
            beside=beside,
            better=better[name, metric, protocol, beside, dataset, fingerprint],
            seeds=[],
            **_numbers(summarise(known)),
        )
        for (name, metric, protocol, beside, dataset, fingerprint), known in values.items()
    ]
