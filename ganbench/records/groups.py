"""Groups of trials that differ in nothing but their seed: one line of a table each."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from ganbench.core.document import Object, Text
from ganbench.core.metric_specs import Better
from ganbench.core.score import Score
from ganbench.core.specs import format_value
from ganbench.records import hosts
from ganbench.records.schema import Checkpoint, Record, ScoreSet
from ganbench.records.store import TrialResult

SAME_BUDGET = 1.05  # variants of several d_steps cannot see exactly the same number of images
SAME_VALUE = 1e-6
"""Relative: numbers as near as this are one number, rounded in two ways."""


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
    group: str = ""
    """Of a metric that is not ganbench's own."""
    protocol: Object | Text
    protocol_text: str
    protocol_key: str
    """What numbers that may be pooled and ranked have in common."""
    beside: str
    """The key of the column that it stands in: its own, or, for a reference, that of the
    variants' score that answers the same question (a floor has other sample counts)."""
    better: Better
    mean: float
    std: float | None
    ci_low: float | None
    ci_high: float | None
    n: int
    median: float
    seeds: list[int]
    checkpoint: Checkpoint = "final"
    hosts: list[str] = []
    """Where they were made, each with what tells it from the others of the comparison."""


@dataclass(frozen=True)
class Skipped:
    """A metric that some seeds of a variant have no number for, and why."""

    metric: str
    reason: str
    seeds: tuple[int, ...]


@dataclass
class Group:
    """Trials that differ in nothing but their seed: one line of a table."""

    trial_results: list[TrialResult]
    """One per seed, by seed."""
    checkpoint: Checkpoint = "final"
    label: str = ""
    budget: int = 0
    """Images seen, the same for all groups that are compared in one table."""
    rows: list[Row] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What was left out of the group, and why."""
    of_one_host: bool = False
    """Whether the same seeds of other hosts are groups of their own."""

    @property
    def record(self) -> Record:
        """A record that stands for the group: all agree but for seed and outcome."""
        return (self.finished or self.trial_results)[0].record

    @property
    def finished(self) -> list[TrialResult]:
        """The outcomes that have numbers."""
        return [one for one in self.trial_results if one.record.status == "finished"]


def _facts(record: Record) -> dict[str, Any]:
    """What two trials of one group agree in, besides the label and the hyperparameters."""
    return {
        "rounds": record.rounds,
        "batch_size": record.batch_size,
        "device": record.device.partition(":")[0],
        "source": record.source_digest or record.source,
        "numerics": record.numerics,
        "arithmetic": record.arithmetic or "usual",
    }


def _key(record: Record) -> str:
    """What trials of one group agree in, however it was spelled."""
    data = record.dataset_facts or record.dataset.partition(":")[0]
    parts = [record.labels, record.dataset_fingerprint, data, _facts(record)]
    parts.append(record.hyperparameters)
    return json.dumps(parts, sort_keys=True)


def host_of(record: Record) -> hosts.Facts:
    """Where a trial ran, as far as that decides its rounding."""
    return hosts.rounding(record.host, record.packages)


def grouped(trials: Iterable[TrialResult]) -> list[Group]:
    """Groups with their budgets and labels, in the order of their first trial, each seed once.

    The best checkpoints of a group are a group of their own behind it.
    """
    gathered: dict[str, list[TrialResult]] = {}
    for outcome in trials:
        gathered.setdefault(_key(outcome.record), []).append(outcome)
    groups = [group for some in gathered.values() for group in _by_host(some)]
    _set_budgets(groups)
    _set_labels(groups)
    return [part for group in groups for part in _by_checkpoint(group)]


def _by_host(trials: list[TrialResult]) -> Iterator[Group]:
    """One group, its seeds drawn on whatever hosts; one per host where two drew one seed."""
    ended = {one.record.seed for one in trials if one.record.status != "failed"}
    # An attempt that failed says nothing of a seed that ended elsewhere.
    trials = [
        one for one in trials if one.record.status != "failed" or one.record.seed not in ended
    ]
    copies: list[list[TrialResult]] = []
    by_trial: dict[tuple[str, int], list[list[TrialResult]]] = {}
    for one in trials:
        alike = by_trial.setdefault((one.record.trial, one.record.seed), [])
        same = next((some for some in alike if _is_copy(some[0].record, one.record)), None)
        if same is None:
            alike.append(same := [])
            copies.append(same)
        same.append(one)
    parts: dict[str, list[tuple[TrialResult, list[str]]]] = {}
    for some in copies:
        united = _one_of(some)
        parts.setdefault(hosts.key(host_of(united[0].record)), []).append(united)
    drawn = {
        host: [one.record.seed for one, _ in part if one.record.status != "failed"]
        for host, part in parts.items()
    }
    apart = hosts.collide(drawn)
    pooled = [[one for part in parts.values() for one in part]]
    for part in parts.values() if apart else pooled:
        seeds: dict[int, list[TrialResult]] = {}
        for one, _ in part:
            seeds.setdefault(one.record.seed, []).append(one)
        chosen = [_one_of(seeds[seed]) for seed in sorted(seeds)]
        notes = [note for _, said in [*part, *chosen] for note in said]
        yield Group([one for one, _ in chosen], notes=notes, of_one_host=apart)


def _is_copy(first: Record, second: Record) -> bool:
    """Whether two records of a trial are of one training, or of two that left the same weights."""
    return first == second or (bool(first.weights) and first.weights == second.weights)


def _one_of(trials: list[TrialResult]) -> tuple[TrialResult, list[str]]:
    """Of trainings with one seed and host the finished one, then the newer; and what to say.

    It is given the scores that only its copies, and others of the same result, have.
    """
    first, *others = sorted(trials, key=lambda one: _rank(one.record), reverse=True)
    notes = []
    for other in others:
        difference = _difference(first, other)
        where = f" ({other.directory})" if other.directory else ""
        if difference and other.record.status != "failed":
            notes.append(
                f"seed {first.record.seed} was done twice, with another result{where} that is "
                f"left out: {difference}"
            )
        if difference is None or _is_copy(first.record, other.record):
            more = _without(other.scores, _values(first.scores).keys())
            first = first._replace(scores=[*first.scores, *more])
    return first, notes


def _difference(first: TrialResult, second: TrialResult) -> str | None:
    """In what two outcomes differ; None where they are the same to rounding."""
    if first.record.status != second.record.status:
        return f"{second.record.status}, not {first.record.status}"
    own, other = _values(first.scores), _values(second.scores)
    for key in own.keys() & other.keys():
        if not close(own[key], other[key]):
            return f"{key[0]} {other[key]:.6g}, not {own[key]:.6g}"
    if own.keys() & other.keys() or _is_copy(first.record, second.record):
        return None
    return "nothing was measured in both" if other else None


Place = tuple[str, str, str, str]
"""Metric, key of the protocol, split, checkpoint: where there is one number at most."""


def _place(score: Score, one: ScoreSet) -> Place:
    return score.metric, score.protocol_key, one.split, one.checkpoint


def _values(scores: Iterable[ScoreSet]) -> dict[Place, float]:
    return {_place(score, one): score.value for one in scores for score in one.scores}


def _without(scores: Iterable[ScoreSet], known: Collection[Place]) -> Iterator[ScoreSet]:
    """What of some evaluations stands in places that are not known."""
    for one in scores:
        new = [score for score in one.scores if _place(score, one) not in known]
        if new or not one.scores:
            yield one.model_copy(update={"scores": new})


def close(first: float, second: float) -> bool:
    """Whether two numbers are one, but for how they were rounded."""
    return math.isclose(first, second, rel_tol=SAME_VALUE, abs_tol=SAME_VALUE**2)


def _rank(record: Record) -> tuple[bool, float]:
    return record.status == "finished", record.created.timestamp()


def _by_checkpoint(group: Group) -> list[Group]:
    """The final models of a group, and below them the best ones where there are any."""
    parts = [replace(group, trial_results=[one.of("final") for one in group.trial_results])]
    gathered: dict[tuple[str | None, int | None], list[TrialResult]] = {}
    for one in group.finished:
        best = one.of("best")
        if best.scores:
            how = best.scores[0].chosen_by, one.record.eval_every
            gathered.setdefault(how, []).append(best)
    for (chooser, every), some in gathered.items():
        chosen = f"best {chooser}" + (f", every {every} rounds" if len(gathered) > 1 else "")
        label = f"{group.label} [{chosen}]"
        parts.append(replace(group, trial_results=some, checkpoint="best", label=label, notes=[]))
    return parts


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
    """Labels that differ within a table: they say what else differs, where something does.

    Facts are written `rounds 300`, hyperparameters as they are typed: `rounds=300`.
    """
    for group in groups:
        own = group.record
        twins = [
            one.record
            for one in groups
            if _named(one) == _named(group)
            and (_data(one), one.budget) == (_data(group), group.budget)
        ]
        # A label budget is never the default, and is shown always.
        extra = [f"labels {own.labels}"] if own.labels else []
        facts = _differing(_facts(own), [_facts(twin) for twin in twins])
        extra += [f"{name} {value}" for name, value in facts]
        given = _differing(own.hyperparameters, [twin.hyperparameters for twin in twins])
        extra += [f"{name}={format_value(value)}" for name, value in given]
        if group.of_one_host:
            extra += hosts.differing(host_of(own), [host_of(twin) for twin in twins])
        group.label = own.spec + (f" [{', '.join(extra)}]" if extra else "")


def _differing(own: dict[str, Any], others: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    return [
        (name, value)
        for name, value in own.items()
        if any(name not in other or other[name] != value for other in others)
    ]


def _named(group: Group) -> tuple[str, str | None]:
    return group.record.spec, group.record.labels


def _data(group: Group) -> str:
    return group.record.dataset_fingerprint


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
        for record, _, directory in group.trial_results
        if record.status != "finished" and group.checkpoint == "final"
    ]
