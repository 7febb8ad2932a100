"""What workers are asked, and what they answer. Importing this imports nothing heavy: torch,
matplotlib and the code of variants are imported where a job begins, in the worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ganbench.errors import check_memory
from ganbench.evaluate.settings import Settings
from ganbench.records.schema import label
from ganbench.train.modes import Execution

if TYPE_CHECKING:
    from ganbench.data.sources import Source
    from ganbench.plugins.exam import Result
    from ganbench.records.schema import Record
    from ganbench.records.store import Outcome
    from ganbench.study.trial import Trial


def libraries() -> None:
    """Import torch, and see that there is room for the rest. Raises UserError."""
    import torch  # noqa: F401

    check_memory()


class Wanted(NamedTuple):
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
    def label(self) -> str:
        """What the user would type."""
        return label(self.reference, self.changed)


class DataAsked(NamedTuple):
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


class ScoringAsked(NamedTuple):
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


class Reading(NamedTuple):
    """What a round reads: batches of real images, at least 1, and whether any labels."""

    batches: int
    labels: bool


class ReferencesAsked(NamedTuple):
    """The references to be measured where they are missing; place: where they are kept."""

    asked: ScoringAsked
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

    reading: Reading
    idle: list[str]


def resolve(wanted: Wanted) -> Spec:
    """`study.resolve.resolve`."""
    libraries()
    from ganbench.study.resolve import resolve

    return resolve(wanted)


def source_of(dataset: str) -> Source:
    """`plugins.datasets.source`: a data set's declaration, in a process of its owner's.

    Its code is named here, and known from now on.
    """
    from ganbench.plugins import datasets, trust

    if reference := datasets.reference_of(dataset):
        trust.remember_named(reference, "datasets")
    return datasets.source(dataset)


def look_at_data(asked: DataAsked) -> DataFacts:
    """`study.resolve.look_at_data`."""
    libraries()
    from ganbench.study.resolve import look_at_data

    return look_at_data(asked)


def rehearse(job: Rehearsal) -> Rehearsed:
    """`study.resolve.rehearse`."""
    libraries()
    from ganbench.study.resolve import rehearse

    return rehearse(job)


def look_at_scoring(asked: ScoringAsked) -> dict[str, str]:
    """`study.resolve.look_at_scoring`."""
    libraries()
    from ganbench.study.resolve import look_at_scoring

    return look_at_scoring(asked)


def references(asked: ReferencesAsked) -> int:
    """`study.references.measure`."""
    libraries()
    from ganbench.study.references import measure

    return measure(asked)


def rescore(job: Rescoring) -> list[str]:
    """`study.scoring.rescore`."""
    libraries()
    from ganbench.study.scoring import rescore

    return rescore(job)


def execute(trial: Trial) -> Record:
    """`study.work.execute`."""
    libraries()
    from ganbench.study.work import execute

    return execute(trial)


def perform(job: Trial | ReferencesAsked) -> Record | int:
    """`execute` or `references`."""
    return references(job) if isinstance(job, ReferencesAsked) else execute(job)


def examine(asked: tuple[str, str]) -> list[Result]:
    """`plugins.exam.kinds.examine`: of a plug-in's spec, and its kind."""
    libraries()
    import torch

    from ganbench.plugins import trust
    from ganbench.plugins.exam.kinds import examine

    torch.set_num_threads(1)
    found = examine(*asked)
    trust.remember_named(*asked)
    return found


def draw(study: tuple[Path, Sequence[Outcome]]) -> None:
    """`study.pictures.draw`: where to, and of what."""
    libraries()
    from ganbench.study.pictures import draw

    draw(*study)
