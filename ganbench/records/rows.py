"""From trials to tidy rows: one per variant and metric, over the seeds that have it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ganbench.core.metric_specs import Better
from ganbench.core.score import Score
from ganbench.records import hosts
from ganbench.records.groups import (
    Group,
    Row,
    Skipped,
    close,
    group_failures,
    grouped,
    host_of,
)
from ganbench.records.schema import Cost, Record, ReferenceSet, ScoreSet
from ganbench.records.statistics import Summary, summarise
from ganbench.records.store import TrialResult

DOCUMENT_VERSION = 2

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


@dataclass(frozen=True)
class Comparison:
    """Everything that a table shows: groups with their rows, and what stands beside them."""

    groups: list[Group]
    references: list[Row]
    host_names: dict[str, str]
    """A name for every host, by `hosts.key`, that tells it from the others."""
    reference_notes: list[str]

    @property
    def rows(self) -> list[Row]:
        """All tidy rows: the variants in the order of the trials, then the references."""
        return [row for group in self.groups for row in group.rows] + self.references

    @property
    def failures(self) -> list[dict[str, Any]]:
        """The trials that did not finish, as plain dictionaries."""
        return [failure for group in self.groups for failure in group_failures(group)]

    @property
    def notes(self) -> list[str]:
        """Which hosts the numbers are from, where there are several, and what was left out."""
        return [*self.notes_on(self.groups), *self.reference_notes]

    def notes_on(self, groups: Sequence[Group]) -> list[str]:
        """The same of some groups."""
        lines = [
            (
                group.label,
                {
                    one.record.seed: self.host_names[hosts.key(host_of(one.record))]
                    for one in group.trial_results
                },
            )
            for group in groups
            if group.checkpoint == "final"
        ]
        left_out = [f"{group.label}: {note}" for group in groups for note in group.notes]
        return [*hosts.notes(lines), *left_out]


def compare(trials: Iterable[TrialResult], references: Iterable[ReferenceSet] = ()) -> Comparison:
    """Group trials, summarise every metric over the seeds, and collect the references.

    A trial that occurs twice counts once. Numbers of different protocol are never pooled. Of the
    references those count that answer what was asked of the trials.
    """
    trial_results = list(trials)
    beside = [*_of_trials(trial_results), *_of_sets(trial_results, references)]
    groups = grouped(trial_results)
    names = hosts.named(
        [
            *(host_of(record) for record, _, _ in trial_results),
            *(_measured_on(one, record) for record, some, _ in trial_results for one in some),
            *(one.host for one in beside),
        ]
    )
    for group in groups:
        group.rows = _score_rows(group)
        if group.checkpoint == "final":  # the best model cost what the final one did
            group.rows += _cost_rows(group)
        group.skipped = _skipped(group)
        group.rows = [_with_hosts(row, group, names) for row in group.rows]
    notes: list[str] = []
    return Comparison(groups, _reference_rows(trial_results, beside, names, notes), names, notes)


def document(comparison: Comparison) -> dict[str, Any]:
    """What `--json` prints: strictly valid JSON, without NaN."""
    return {
        "schema": DOCUMENT_VERSION,
        "rows": [row.model_dump(mode="json") for row in comparison.rows],
        "failures": comparison.failures,
        "notes": comparison.notes,
    }


def _with_hosts(row: Row, group: Group, names: dict[str, str]) -> Row:
    """A row with where its seeds ran."""
    ran = (one.record for one in group.finished if one.record.seed in row.seeds)
    found = dict.fromkeys(names[hosts.key(host_of(record))] for record in ran)
    return row.model_copy(update={"hosts": list(found)})


def _measured_on(scores: ScoreSet, record: Record) -> hosts.Facts:
    """The host of an evaluation: that of the trial, where it was not evaluated again."""
    return hosts.rounding(scores.host, scores.packages) if scores.host else host_of(record)


Key = tuple[str, str]
"""A metric and the key of its protocol."""


def _row(group: Group, first: Score, by_seed: dict[int, float]) -> Row:
    """first: a score that stands for those of all seeds."""
    record = group.record
    return Row(
        kind="variant",
        variant=record.variant,
        label=group.label,
        hyperparameters=record.changed,
        rounds=record.rounds,
        batch_size=record.batch_size,
        labels=record.labels,
        images_seen=record.images_seen,
        device=record.device.partition(":")[0],
        beside=first.protocol_key,
        seeds=sorted(by_seed),
        checkpoint=group.checkpoint,
        **_what(first, record.dataset, record.dataset_fingerprint),
        **_numbers(summarise(by_seed.values())),
    )


def _what(score: Score, dataset: str, fingerprint: str) -> dict[str, Any]:
    """What a row says of its metric and data, by name."""
    return {
        "dataset": dataset,
        "dataset_fingerprint": fingerprint,
        "metric": score.metric,
        "group": score.group,
        "protocol": score.protocol,
        "protocol_text": score.protocol_text,
        "protocol_key": score.protocol_key,
        "better": score.better,
    }


def _numbers(summary: Summary) -> dict[str, Any]:
    return dict(vars(summary))


def _score_rows(group: Group) -> list[Row]:
    values: dict[Key, dict[int, float]] = {}
    first: dict[Key, Score] = {}
    for record, evaluations, _ in group.finished:
        for score in (score for one in evaluations for score in one.scores):
            key = score.metric, score.protocol_key
            first.setdefault(key, score)
            known = values.setdefault(key, {}).setdefault(record.seed, score.value)
            if not close(known, score.value):
                group.notes.append(
                    f"seed {record.seed}: {score.metric} was measured again with another "
                    f"result, which is left out: {score.value:.6g}, not {known:.6g}"
                )
    return [_row(group, first[key], by_seed) for key, by_seed in values.items()]


def _cost_rows(group: Group) -> list[Row]:
    values: dict[Key, dict[int, float]] = {}
    first: dict[Key, Score] = {}
    for record, _, _ in group.finished:
        for score in _costs(record):
            key = score.metric, score.protocol_key
            first.setdefault(key, score)
            values.setdefault(key, {})[record.seed] = score.value
    return [_row(group, first[key], by_seed) for key, by_seed in values.items()]


def _costs(record: Record) -> list[Score]:
    """What a trial cost, each number with what it depends on."""
    cost = record.cost
    if cost is None:
        return []
    found = ((metric, better, getattr(cost, metric)) for metric, better in COSTS.items())
    return [
        Score(
            metric=metric, value=value, better=better, protocol=_cost_protocol(metric, record, cost)
        )
        for metric, better, value in found
        if value is not None
    ]


def _cost_protocol(metric: str, record: Record, cost: Cost) -> dict[str, Any]:
    """Speeds of different machines or loads are not to be pooled; sizes may be."""
    if metric in SIZES:
        counted = "trainable, all networks" if metric == "parameters" else "one round"
        return {"counted": counted}
    return {
        "device": record.device,
        "machine": record.host.machine,
        "threads": cost.threads,
        "trials_at_once": cost.jobs,
        "cuda_graphs": cost.graphs,
    }


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


@dataclass(frozen=True)
class _Reference:
    """A reference's score with the data, the seed and the host that it was measured on."""

    name: str
    score: Score
    dataset: str
    fingerprint: str
    seed: int
    host: hosts.Facts


def _of_trials(trials: Iterable[TrialResult]) -> list[_Reference]:
    """The references in documents of schema 1."""
    return [
        _Reference(
            reference.name,
            reference.score,
            record.dataset,
            record.dataset_fingerprint,
            one.seed,
            _measured_on(one, record),
        )
        for record, evaluations, _ in trials
        for one in evaluations
        for reference in one.references
    ]


def _of_sets(trials: Sequence[TrialResult], references: Iterable[ReferenceSet]) -> list[_Reference]:
    """Of what lies beside trials that which answers a question that was asked of one of them."""
    asked = {
        (record.dataset_fingerprint, key)
        for record, evaluations, _ in trials
        for one in evaluations
        for key in [*(score.key for score in one.scores), *(skip.key for skip in one.skipped)]
        if key
    }
    return [
        _Reference(
            named.name,
            score,
            one.dataset,
            one.dataset_fingerprint,
            0,
            hosts.rounding(one.host, one.packages),
        )
        for one in references
        for named in one.references
        for score in named.scores
        if (one.dataset_fingerprint, score.key) in asked
    ]


def _reference_rows(
    trials: Sequence[TrialResult],
    references: Sequence[_Reference],
    names: dict[str, str],
    notes: list[str],
) -> list[Row]:
    """One row per reference, metric, protocol and data; a value seen twice counts once.

    Seeds of several hosts are one row, unless two of them have other values for one seed:
    then each host has its own. `notes` says where one host does.
    """
    columns: dict[tuple[str, str], dict[str, None]] = {}
    for _, evaluations, _ in trials:
        for score in (score for one in evaluations for score in one.scores if score.key):
            columns.setdefault((score.metric, score.key), {})[score.protocol_key] = None
    gathered: dict[tuple[str, str, str, str, str], _Measured] = {}
    for one in references:
        score = one.score
        for beside in columns.get((score.metric, score.key), (score.protocol_key,)):
            key = one.name, score.metric, score.protocol_key, beside, one.fingerprint
            measured = gathered.setdefault(key, _Measured(one))
            by_seed = measured.by_host.setdefault(names[hosts.key(one.host)], {})
            by_seed.setdefault(one.seed, []).append(score.value)
    cells = Counter((name, metric, *beside) for name, metric, _, *beside in gathered)
    rows = []
    for (name, metric, _, beside, fingerprint), measured in gathered.items():
        first = measured.first
        two = cells[name, metric, beside, fingerprint] > 1  # protocols in one cell
        own = f"{name} ({first.score.protocol_text})" if two else name
        for host, seeds in measured.parts():
            label = f"{own} [{host}]" if host else own
            values = _distinct(value for some in seeds.values() for value in some)
            for seed, some in seeds.items():
                if len(found := _distinct(some)) > 1:
                    shown = ", ".join(f"{value:.6g}" for value in found)
                    notes.append(f"{label}: {metric}, seed {seed}, is {shown}; all are in its mean")
            rows.append(
                Row(
                    kind="reference",
                    variant=name,
                    label=label,
                    hyperparameters={},
                    rounds=None,
                    batch_size=None,
                    labels=None,
                    images_seen=None,
                    device=None,
                    beside=beside,
                    seeds=[],
                    hosts=[host] if host else list(measured.by_host),
                    **_what(first.score, first.dataset, fingerprint),
                    **_numbers(summarise(values)),
                )
            )
    return rows


@dataclass
class _Measured:
    """The values of a reference by host and seed."""

    first: _Reference
    by_host: dict[str, dict[int, list[float]]] = field(default_factory=dict)

    def parts(self) -> list[tuple[str, dict[int, list[float]]]]:
        """Values that may be pooled, by seed; with a host where each has to have its own."""
        pooled: dict[int, list[float]] = {}
        for seeds in self.by_host.values():
            for seed, values in seeds.items():
                own, known = _distinct(values), _distinct(pooled.get(seed, values))
                if len(own) != len(known) or not all(map(close, own, known)):
                    return list(self.by_host.items())
                pooled.setdefault(seed, values)
        return [("", pooled)]


def _distinct(values: Iterable[float]) -> list[float]:
    """Each value once, however it was rounded; in order."""
    found: list[float] = []
    for value in sorted(values):
        if not found or not close(value, found[-1]):
            found.append(value)
    return found
