"""The tasks of workers and their results. Importing this imports nothing heavy: torch,
matplotlib and the code of variants are imported where a job begins, in the worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ganbench.core.errors import check_memory
from ganbench.core.specs import format_spec
from ganbench.evaluate.settings import Settings
from ganbench.train.execution_modes import Execution
from ganbench.train.round_reads import RoundReads

if TYPE_CHECKING:
    from ganbench.data.sources import DatasetSpec
    from ganbench.plugins.checks import Result
    from ganbench.records.schema import Record
    from ganbench.records.store import TrialResult
    from ganbench.study.trial import Trial


def libraries() -> None:
    """Import torch, and see that there is room for the rest. Raises UserError."""
    import torch  # noqa: F401

    check_memory()


class SpecRequest(NamedTuple):
    """A spec as it was typed, the hyperparameters given for all, and the recipes to use."""

    spec: str
    hyperparameters: Mapping[str, Any]
    recipe: str


@dataclass(frozen=True)
class Spec:
    """A resolved spec: how it was named, where its class is, what was changed, all values.

    name: the one that directories have, however it was typed.
    """

    reference: str
    name: str
    source: str
    digest: str
    changed: dict[str, Any]
    resolved: dict[str, Any]

    @property
    def spec(self) -> str:
        """What the user would type."""
        return format_spec(self.reference, self.changed)


class DataRequest(NamedTuple):
    """What a study says of its data and device. batch_size: None means the data set's."""

    dataset: str
    root: Path | None
    labels: str | int | None
    batch_size: int | None
    device: str
    execution: Execution


class DataFacts(NamedTuple):
    """What planning must know of the data and the machine.

    facts: what the data is, wherever it lies. folder: the name of its trials' directory. allowed:
    labelled images of the label budget, None for all. few: the first training images and labels,
    enough to play a round's losses on, as safetensors. arithmetic: see `Execution`. notices: what
    a user must hear of the data.
    """

    name: str
    facts: Mapping[str, Any]
    folder: str
    shape: tuple[int, ...]
    classes: int
    fingerprint: str
    allowed: int | None
    few: bytes
    device: str
    execution: Execution
    arithmetic: str
    numerics: int
    notices: Sequence[str]


class Scoring(NamedTuple):
    """What is measured in one process, of every model of a study.

    settings: with the metrics that are ganbench's own. guests: what names those of others,
    `FILE.py`, `FILE.py:NAME` or an installed name. part: where the extractor is a guest's, what
    reads it is measured apart from the rest.
    """

    settings: Settings
    guests: tuple[str, ...] = ()
    part: Literal["all", "without extractor", "with extractor"] = "all"

    @property
    def extractor(self) -> str | None:
        """The extractor that is named, and that something reads."""
        return None if self.part == "without extractor" else self.settings.extractor


class ScoringRequest(NamedTuple):
    """A scoring of models on some data. root, at: where the data is, see `data.load`."""

    dataset: str
    root: Path | None
    at: Path | None
    split: str
    scoring: Scoring


class Rehearsal(NamedTuple):
    """A spec to be built for some data."""

    spec: Spec
    facts: DataFacts


class ReferencesRequest(NamedTuple):
    """The references to be measured where they are missing; place: where they are kept."""

    request: ScoringRequest
    place: Path
    device: str


class Rescoring(NamedTuple):
    """A finished trial and the scores that it is to have.

    data: where the user's own images are now, if not where the record says. allow_code: the code
    that it names may run whatever it is.
    """

    directory: Path
    scoring: Scoring
    split: str = "test"
    device: str = "cpu"
    data_root: Path | None = None
    threads: int = 1
    data: Path | None = None
    allow_code: bool = False


class Rehearsed(NamedTuple):
    """What a rehearsal found; idle: hyperparameters that were set and that nothing reads."""

    reading: RoundReads
    idle: list[str]


def resolve(wanted: SpecRequest) -> Spec:
    """`study.resolve.resolve`."""
    libraries()
    from ganbench.study.resolve import resolve

    return resolve(wanted)


def source_of(dataset: str) -> DatasetSpec:
    """`plugins.datasets.source`: a data set's declaration, in a process of its owner's.

    Its code is named here, and known from now on.
    """
    from ganbench.plugins import datasets, trust

    if reference := datasets.reference_of(dataset):
        trust.remember_named(reference, "datasets")
    return datasets.source(dataset)


def look_at_data(request: DataRequest) -> DataFacts:
    """`study.resolve.look_at_data`."""
    libraries()
    from ganbench.study.resolve import look_at_data

    return look_at_data(request)


def rehearse(job: Rehearsal) -> Rehearsed:
    """`study.resolve.rehearse`."""
    libraries()
    from ganbench.study.resolve import rehearse

    return rehearse(job)


def look_at_scoring(request: ScoringRequest) -> dict[str, str]:
    """`study.resolve.look_at_scoring`."""
    libraries()
    from ganbench.study.resolve import look_at_scoring

    return look_at_scoring(request)


def references(request: ReferencesRequest) -> int:
    """`study.references.measure`."""
    libraries()
    from ganbench.study.references import measure

    return measure(request)


def rescore(job: Rescoring) -> list[str]:
    """`study.rescore.rescore`."""
    libraries()
    from ganbench.study.rescore import rescore

    return rescore(job)


def execute(trial: Trial) -> Record:
    """`study.run_trial.execute`."""
    libraries()
    from ganbench.study.run_trial import execute

    return execute(trial)


def perform(job: Trial | ReferencesRequest) -> Record | int:
    """`execute` or `references`."""
    return references(job) if isinstance(job, ReferencesRequest) else execute(job)


def examine(request: tuple[str, str]) -> list[Result]:
    """`plugins.checks.kinds.examine`: of a plug-in's spec, and its kind."""
    libraries()
    import torch

    from ganbench.plugins import trust
    from ganbench.plugins.checks.kinds import examine

    torch.set_num_threads(1)
    found = examine(*request)
    trust.remember_named(*request)
    return found


def draw(study: tuple[Path, Sequence[TrialResult]]) -> None:
    """`study.pictures.draw`: where to, and of what."""
    libraries()
    from ganbench.study.pictures import draw

    draw(*study)
