"""What workers are asked, and what they answer. Importing this imports nothing heavy: torch,
matplotlib and the code of variants are imported where a job begins, in the worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ganbench.errors import check_memory
from ganbench.evaluate.settings import Settings
from ganbench.records.schema import Reference, Skip, label
from ganbench.train.modes import Execution

if TYPE_CHECKING:
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
    settings: Mapping[str, Any]
    recipe: str


@dataclass(frozen=True)
class Spec:
    """A resolved spec: how it was named, where its class is, what was changed, all values."""

    reference: str
    source: str
    digest: str
    changed: dict[str, Any]
    resolved: dict[str, Any]

    @property
    def label(self) -> str:
        """What the user would type."""
        return label(self.reference, self.changed)


class DataAsked(NamedTuple):
    """What a study says of its data, device and scoring."""

    dataset: str
    root: Path | None
    labels: str | int | None
    batch_size: int
    device: str
    execution: Execution
    evaluation: Settings


class DataFacts(NamedTuple):
    """What planning must know of the data and the machine.

    allowed: labelled images of the label budget, None for all. few: the first training images
    and labels, enough to play a round's losses on, as safetensors. arithmetic: see `Execution`.
    notices: what a user must hear of the data.
    """

    name: str
    shape: tuple[int, ...]
    classes: int
    fingerprint: str
    protocol_id: str
    allowed: int | None
    few: bytes
    device: str
    execution: Execution
    arithmetic: str
    numerics: int
    notices: Sequence[str]


class Rehearsal(NamedTuple):
    """A spec to be built for some data."""

    spec: Spec
    facts: DataFacts


class Reading(NamedTuple):
    """What a round reads: batches of real images, at least 1, and whether any labels."""

    batches: int
    labels: bool


@dataclass(frozen=True)
class Beside:
    """What stands beside a model in its scores, and what of it could not be measured."""

    references: list[Reference]
    skipped: list[Skip]


class BesideAsked(NamedTuple):
    """Whose references are wanted: a split's of a data set, by some settings.

    root, at: where the data is, see `data.load`.
    """

    dataset: str
    root: Path | None
    at: Path | None
    settings: Settings
    split: str
    device: str


class Rescoring(NamedTuple):
    """A finished trial that is to be scored by some settings.

    data: where the user's own images are now, if not where the record says. allow_code: the code
    that it names may run whatever it is. beside: its references, where they have been measured.
    """

    directory: Path
    settings: Settings
    split: str = "test"
    device: str = "cpu"
    data_root: Path | None = None
    threads: int = 1
    data: Path | None = None
    allow_code: bool = False
    beside: Beside | None = None


class Rehearsed(NamedTuple):
    """What a rehearsal found; idle: hyperparameters that were set and that nothing reads."""

    reading: Reading
    idle: list[str]


def resolve(wanted: Wanted) -> Spec:
    """`study.resolve.resolve`."""
    libraries()
    from ganbench.study.resolve import resolve

    return resolve(wanted)


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


def beside(asked: BesideAsked) -> Beside:
    """`study.scoring.beside`."""
    libraries()
    from ganbench.study.scoring import beside

    return beside(asked)


def execute(trial: Trial) -> Record:
    """`study.work.execute`."""
    libraries()
    from ganbench.study.work import execute

    return execute(trial)


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
