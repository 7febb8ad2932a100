"""From trials to tidy rows: one per variant and metric, over the seeds that have it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

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
from ganbench.records.schema import Better, Cost, Record, Score, ScoreSet
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
                    for one in group.outcomes
                },
            )
            for group in groups
            if group.checkpoint == "final"
        ]
        left_out = [f"{group.label}: {note}" for group in groups for note in group.notes]
        return [*hosts.notes(lines), *left_out]


def compare(trials: Iterable[Outcome]) -> Comparison:
    """Group trials, summarise every metric over the seeds, and collect the references.

    A trial that occurs twice counts once. Numbers of different protocol are never pooled.
    """
    outcomes = list(trials)
    groups = grouped(outcomes)
    names = hosts.named(
        facts
        for record, evaluations, _ in outcomes
        for facts in [host_of(record), *(_measured_on(one, record) for one in evaluations)]
    )
    for group in groups:
        group.rows = _score_rows(group)
        if group.checkpoint == "final":  # the best model cost what the final one did
            group.rows += _cost_rows(group)
        group.skipped = _skipped(group)
        group.rows = [_with_hosts(row, group, names) for row in group.rows]
    notes: list[str] = []
    return Comparison(groups, _reference_rows(outcomes, names, notes), names, notes)


def tidy(trials: Iterable[Outcome]) -> list[Row]:
    """The tidy rows of some trials."""
    return compare(trials).rows


def failures(trials: Iterable[Outcome]) -> list[dict[str, Any]]:
    """The trials that failed or diverged, with their reasons."""
    return compare(trials).failures


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
                known = values.setdefault(key, {}).setdefault(record.seed, score.value)
                if not close(known, score.value):
                    group.notes.append(
                        f"seed {record.seed}: {score.metric} was measured again with another "
                        f"result, which is left out: {score.value:.6g}, not {known:.6g}"
                    )
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


def _reference_rows(
    trials: Sequence[Outcome], names: dict[str, str], notes: list[str]
) -> list[Row]:
    """One row per reference, metric, protocol and data; a value seen twice counts once.

    Seeds of several hosts are one row, unless two of them have other values for one seed:
    then each host has its own. `notes` says where one host does.
    """
    columns: dict[tuple[str, str], str] = {}
    for _, evaluations, _ in trials:
        for one in evaluations:
            for score in one.scores:
                columns.setdefault((one.protocol_id, score.metric), _protocol(score, one.split))
    gathered: dict[tuple[str, ...], _Measured] = {}
    for record, evaluations, _ in trials:
        data = record.dataset, record.dataset_fingerprint
        for one in evaluations:
            host = names[hosts.key(_measured_on(one, record))]
            for reference in one.references:
                score = reference.score
                protocol = _protocol(score, one.split)
                beside = columns.get((one.protocol_id, score.metric), protocol)
                key = reference.name, score.metric, protocol, beside, *data
                measured = gathered.setdefault(key, _Measured(score.better))
                measured.by_host.setdefault(host, {}).setdefault(one.seed, []).append(score.value)
    cells = Counter((name, metric, *beside) for name, metric, _, *beside in gathered)
    rows = []
    for (name, metric, protocol, beside, dataset, fingerprint), measured in gathered.items():
        two = cells[name, metric, beside, dataset, fingerprint] > 1  # protocols in one cell
        own = f"{name} ({protocol})" if two else name
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
                    better=measured.better,
                    seeds=[],
                    hosts=[host] if host else list(measured.by_host),
                    **_numbers(summarise(values)),
                )
            )
    return rows


@dataclass
class _Measured:
    """The values of a reference by host and seed."""

    better: Better
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
