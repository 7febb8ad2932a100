"""Trials: their identity, their directory, and whether they are done. Imports no torch:
`study.run_trial` carries it out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ganbench.core.specs import format_spec
from ganbench.evaluate.settings import Settings
from ganbench.records.schema import Record, TrialConfig
from ganbench.records.store import TrialDirectory
from ganbench.train.execution_modes import Execution

UNWRITTEN = "could not be written"
"""How the reason in a record begins for a picture that was drawn, and that its disk refused."""
_UNWRITTEN = re.compile(
    rf"no picture of ([a-z, ]+): (?:{UNWRITTEN}|OSError: \[Errno (?:28|122)\])"  # as once said
)


@dataclass(frozen=True)
class Trial:
    """One configuration to be trained, and how: where it goes, where the data is, its scoring.

    Nothing but `config` can change what is trained. name: the variant's, in directories. folder:
    of the data set's trials, below `results`. keys: of the scores by `evaluation` that its final
    model is to have, by metric. command, study: for the record.
    """

    config: TrialConfig
    name: str
    results: Path
    folder: str
    data_root: Path | None = None
    execution: Execution = field(default_factory=Execution)
    evaluation: Settings = field(default_factory=Settings)
    keys: Mapping[str, str] = field(default_factory=dict)
    jobs: int = 1
    threads: int = 1
    command: str = ""
    study: str = ""

    @property
    def identity(self) -> str:
        """See `TrialConfig.identity`."""
        return self.config.identity

    @property
    def spec(self) -> str:
        """What the user would type: `infogan:info_weight=0.5`."""
        return self.config.spec

    @property
    def title(self) -> str:
        """The label, and the label budget where there is one: `sgan [labels 100]`."""
        return self.config.title

    @property
    def directory(self) -> Path:
        """Where the trial's files go: the same for another spelling of the same trial."""
        config = self.config
        budget = f"-labels{config.labels}" if config.labels else ""
        shown = slug(format_spec(self.name, config.changed))
        return self.results / self.folder / f"{shown}{budget}-seed{config.seed}-{config.identity}"


def slug(text: str) -> str:
    """Text as part of a file's name."""
    return re.sub(r"[^A-Za-z0-9._=-]+", "-", text).strip("-.")[:80]


def is_done(trial: Trial) -> bool:
    """Whether a trial has ended and, if it finished, has the scores that were asked for.

    A diverged trial is done: it would diverge again. A failed one is tried again.
    """
    directory = TrialDirectory(trial.directory)
    if not directory.has_record:
        return False
    record = directory.read_record()
    return record.status == "diverged" or (
        record.status == "finished"
        and set(trial.keys.values()) <= directory.measured()
        and not unwritten(record, trial.directory)
    )


def is_finished(trial: Trial) -> bool:
    """Whether a trial has weights that can be evaluated."""
    directory = TrialDirectory(trial.directory)
    return directory.has_record and directory.read_record().status == "finished"


def measured(trial: Trial) -> set[str]:
    """The keys of what is known of a trial's final model."""
    return TrialDirectory(trial.directory).measured()


def unwritten(record: Record, place: Path) -> list[str]:
    """Pictures that a finished trial's disk refused, by its record, and that are not there yet.

    One that could not be drawn is not among them: it could not be drawn again.
    """
    said = _UNWRITTEN.findall(record.reason or "") if record.status == "finished" else []
    names = [name for names in said for name in names.split(", ")]
    return [name for name in names if not (place / f"{name}.png").exists()]
