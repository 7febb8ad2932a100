"""From a study's options to trials: every choice resolved and checked before anything runs.

Imports no torch, and runs nobody's code: what only code and data can tell is asked of
`study.resolve`, in the processes that the caller has for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from ganbench import data
from ganbench.core.errors import UserError
from ganbench.core.specs import parse_spec
from ganbench.data.sources import DatasetSpec
from ganbench.evaluate.catalogue import METRICS, chosen
from ganbench.evaluate.settings import Settings
from ganbench.plugins import datasets, extractors, owner_of, registry
from ganbench.records.schema import TrialConfig, digest_of
from ganbench.records.store import ReferenceDirectory
from ganbench.study import worker_tasks
from ganbench.study.config import StudyConfig
from ganbench.study.trial import Trial
from ganbench.study.worker_tasks import (
    DataFacts,
    DataRequest,
    ReferencesRequest,
    Rehearsal,
    Scoring,
    ScoringRequest,
    Spec,
    SpecRequest,
)
from ganbench.train.round_reads import RoundReads

Job = TypeVar("Job")
Answer = TypeVar("Answer")

SUPERVISED_ONLY = "supervised_only"
"""The hyperparameter, false by default, by which a variant says that it is semi-supervised."""


class Ask(Protocol):
    """Runs a function on a job in a process of its owner's, and gives its answer or raises."""

    def __call__(self, function: Callable[[Job], Answer], job: Job, owner: str) -> Answer:
        """Run it. owner: whose code it runs, see `registry.owner`."""
        ...


def here(function: Callable[[Job], Answer], job: Job, owner: str) -> Answer:
    """Run a function in this very process."""
    return function(job)


@dataclass(frozen=True)
class Plan:
    """What a study comes to: trials, and what is measured of their models.

    scorings: one for each process that measures; the first is the trial's own. keys: of the
    scores of each, by metric.
    """

    config: StudyConfig
    trials: list[Trial]
    scorings: list[Scoring]
    keys: list[dict[str, str]]

    @property
    def identity(self) -> str:
        """Of the study: a hash (12 hex digits) of its trials'."""
        return digest_of({"trials": sorted(trial.identity for trial in self.trials)})

    def owner_of(self, trial: Trial, scoring: Scoring | None = None) -> str:
        """Whose code runs where a trial is trained, or its model is measured."""
        return owner_of_scoring(self.config.dataset, scoring, trial.config.variant)

    def references(self) -> list[ReferencesRequest]:
        """What is to be measured beside the trials: where it is missing."""
        first = self.trials[0]
        place = ReferenceDirectory.beside(first.directory)
        there = place.measured(first.config.dataset_fingerprint)
        return [
            ReferencesRequest(
                scoring_request(self.config, scoring), place.path, first.config.device
            )
            for scoring, keys in zip(self.scorings, self.keys, strict=True)
            if not set(keys.values()) <= there
        ]


def plan(
    config: StudyConfig, tell: Callable[[str], None] = lambda line: None, ask: Ask = here
) -> Plan:
    """Resolve a study into trials and what is measured of them.

    tell: hears of specs that are the same trials as another's, and of those added. ask: runs what
    needs a variant's code or the data.

    Raises UserError for everything that can be known to be wrong before training.
    """
    scorings = scorings_of(config.evaluation)
    trials = trials_of(config, tell, ask)
    keys = [
        ask(
            worker_tasks.look_at_scoring,
            scoring_request(config, scoring),
            owner_of_scoring(config.dataset, scoring),
        )
        for scoring in scorings
    ]
    settings = scorings[0].settings
    scored = [replace(trial, evaluation=settings, keys=keys[0]) for trial in trials]
    return Plan(config, scored, scorings, keys)


def trials_of(
    config: StudyConfig, tell: Callable[[str], None] = lambda line: None, ask: Ask = here
) -> list[Trial]:
    """The trials of a study: variants in the order given, seeds within each.

    Variants that read no labels are the same trials with and without a label budget. One that
    reads them and has a hyperparameter `supervised_only` is followed by itself on the labelled
    images alone, as its reference. Raises as `plan`.
    """
    owner = owner_of(dataset=config.dataset)
    datasets.check(config.dataset)
    source = (
        ask(worker_tasks.source_of, config.dataset, owner) if owner else data.source(config.dataset)
    )
    budget = config.rounds if config.rounds is not None else source.rounds
    if config.eval_every is not None and not 1 <= config.eval_every <= budget:
        raise UserError(f"eval-every {config.eval_every}: must be from 1 to the {budget} rounds")
    chooses = eval_metrics(config)
    specs, owners = _resolved(config, source, ask)
    facts = _data_facts(config, ask, owner)
    for line in facts.notices:
        tell(f"warning: {line}")
    trials: dict[str, Trial] = {}
    for spec, read in _rehearsed(config, specs, owners, facts, tell, ask):
        for trial in _trials(config, spec, read, facts, source, chooses):
            known = trials.setdefault(trial.identity, trial)
            first = trial.config.seed == config.numbers[0]
            if known is not trial and first and known.spec != trial.spec:
                tell(f"{trial.spec} is the same as {known.spec}")
    return list(trials.values())


def scoring_request(config: StudyConfig, scoring: Scoring) -> ScoringRequest:
    """A scoring on a study's data."""
    return ScoringRequest(config.dataset, config.root, None, "test", scoring)


def eval_metrics(config: StudyConfig) -> tuple[str, ...] | None:
    """What is measured along training, in the order given: the first one chooses."""
    if config.eval_metrics is None:
        return None
    request = config.eval_metrics
    names = request.split(",") if isinstance(request, str) else request
    found = [spec.name for name in names for spec in chosen([name.strip()])]
    return tuple(dict.fromkeys(found))


def scorings_of(settings: Settings) -> list[Scoring]:
    """What is measured in each process: ganbench's own metrics, then each guest's by themselves.

    Raises UserError for an unknown metric or extractor.
    """
    own, guests = _parted(settings.metrics)
    if settings.extractor:
        extractors.check(settings.extractor)
    mine = replace(settings, metrics=own)
    if extractors.is_guest(settings.extractor):
        apart = replace(mine, extractor=None)
        found = [Scoring(apart, (), "without extractor"), Scoring(mine, (), "with extractor")]
    else:
        found = [Scoring(mine)]
    theirs = replace(mine, metrics=())
    return found + [Scoring(theirs, (guest,)) for guest in guests]


def _parted(names: Sequence[str] | None) -> tuple[tuple[str, ...] | None, list[str]]:
    """Metrics by name: ganbench's own, or None for the usual ones; and those of others."""
    if names is None:
        return None, []
    known = {*METRICS, *(spec.group for spec in METRICS.values()), "all"}
    guests = [name for name in names if name not in known]
    for guest in guests:
        registry.check(guest, "metrics")
    return tuple(name for name in names if name in known), list(dict.fromkeys(guests))


def owner_of_scoring(dataset: str, scoring: Scoring | None = None, variant: str = "") -> str:
    """Whose code runs where models are measured: a data set's, a variant's, a scoring's."""
    if scoring is None:
        return owner_of(variant=variant, dataset=dataset)
    return owner_of(variant, dataset, scoring.guests, scoring.extractor)


def owner_of_references(job: ReferencesRequest) -> str:
    """Whose code runs where references are measured."""
    return owner_of_scoring(job.request.dataset, job.request.scoring)


def _resolved(config: StudyConfig, source: DatasetSpec, ask: Ask) -> tuple[list[Spec], list[str]]:
    """Every spec, and whose code runs where it plays with the data."""
    names = [parse_spec(spec)[0] for spec in config.specs]
    specs = [
        ask(
            worker_tasks.resolve,
            SpecRequest(spec, config.hyperparameters, source.recipe),
            registry.owner(name),
        )
        for spec, name in zip(config.specs, names, strict=True)
    ]
    return specs, [registry.owner(name) for name in names]


def _data_facts(config: StudyConfig, ask: Ask, owner: str) -> DataFacts:
    request = DataRequest(
        config.dataset,
        config.root,
        config.labels,
        config.batch_size,
        config.device,
        config.execution,
    )
    return ask(worker_tasks.look_at_data, request, owner)


def _rehearsed(
    config: StudyConfig,
    specs: Sequence[Spec],
    owners: Sequence[str],
    facts: DataFacts,
    tell: Callable[[str], None],
    ask: Ask,
) -> list[tuple[Spec, RoundReads]]:
    """Every spec with what a round of it reads, its supervised-only reference behind it."""
    plays: list[tuple[Spec, RoundReads]] = []
    for spec, owner in zip(specs, owners, strict=True):
        read, idle = ask(worker_tasks.rehearse, Rehearsal(spec, facts), owner)
        plays.append((spec, read))
        if idle:
            tell(f"{spec.spec}: nothing in it reads {', '.join(idle)}; the row is another in name")
        fewer = config.labels is not None and read.labels
        if fewer and (only := _supervised_only(spec, specs)):
            tell(f"added {only.spec}: what the labelled images alone are worth")
            plays.append((only, ask(worker_tasks.rehearse, Rehearsal(only, facts), owner).reading))
    if config.labels is not None and not any(read.labels for _, read in plays):
        names = ", ".join(dict.fromkeys(spec.spec for spec in specs))
        raise UserError(f"labels {config.labels}: no variant here reads labels ({names})")
    return plays


def _trials(
    config: StudyConfig,
    spec: Spec,
    read: RoundReads,
    facts: DataFacts,
    source: DatasetSpec,
    chooses: tuple[str, ...] | None,
) -> list[Trial]:
    """The trials of a spec, one for each seed."""
    budget = config.rounds if config.rounds is not None else source.rounds
    size = config.batch_size if config.batch_size is not None else source.batch_size
    limited = facts.allowed is not None and read.labels
    every = max(1, round(config.eval_every / read.batches)) if config.eval_every else None
    return [
        Trial(
            TrialConfig(
                variant=spec.reference,
                source=spec.source,
                source_digest=spec.digest,
                numerics=facts.numerics,
                arithmetic=facts.arithmetic,
                hyperparameters=spec.resolved,
                changed=spec.changed,
                dataset=config.dataset,
                dataset_facts=dict(facts.facts),
                dataset_fingerprint=facts.fingerprint,
                shape=facts.shape,
                classes=facts.classes,
                seed=seed,
                rounds=max(1, round(budget / read.batches)),
                batch_size=size,
                labels=str(facts.allowed) if limited else None,
                eval_every=every,
                eval_metrics=chooses if every else None,
                device=facts.device,
            ),
            spec.name,
            config.place,
            facts.folder,
            data_root=config.root,
            execution=facts.execution,
            command=config.command,
            study=config.name,
        )
        for seed in config.numbers
    ]


def _supervised_only(spec: Spec, request: Sequence[Spec]) -> Spec | None:
    """A semi-supervised spec on its labelled images alone, unless that was asked for."""
    if spec.resolved.get(SUPERVISED_ONLY) is not False:
        return None
    resolved = spec.resolved | {SUPERVISED_ONLY: True}
    named = {*spec.changed, SUPERVISED_ONLY}
    changed = {name: value for name, value in resolved.items() if name in named}
    if any((one.digest, one.resolved) == (spec.digest, resolved) for one in request):
        return None
    return replace(spec, changed=changed, resolved=resolved)
