"""From trials to tidy rows: one per variant and metric, over the seeds that have it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ganbench.records.groups import Group, Row, Skipped, group_failures, grouped
from ganbench.records.schema import Better, Cost, Record, Score
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
    groups = grouped(outcomes)
    for group in groups:
        group.rows = _score_rows(group)
        if group.checkpoint == "final":  # the best model cost what the final one did
            group.rows += _cost_rows(group)
        group.skipped = _skipped(group)
    return Comparison(groups, _reference_rows(outcomes))


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
