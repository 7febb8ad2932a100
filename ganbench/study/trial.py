"""What a trial is, and whether it is done. Imports no torch: `study.work` carries it out."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganbench.evaluate.settings import Settings
from ganbench.records.schema import Record, label, titled
from ganbench.records.store import TrialDirectory
from ganbench.study.jobs import Beside
from ganbench.train.modes import Execution

UNWRITTEN = "could not be written"
"""How the reason in a record begins for a picture that was drawn, and that its disk refused."""
_UNWRITTEN = re.compile(
    rf"no picture of ([a-z, ]+): (?:{UNWRITTEN}|OSError: \[Errno (?:28|122)\])"  # as once said
)


@dataclass(frozen=True)
class Trial:
    """One variant with its hyperparameters on one data set with one seed and one budget.

    `labels` is the number of labelled training images; None: every one is labelled, or the
    variant reads no labels. `identity` hashes all that can change the training; evaluation
    is not part of it, and neither is `protocol_id`, by which the final model will be scored.
    """

    variant: str
    source: str
    source_digest: str
    changed: dict[str, Any]
    hyperparameters: dict[str, Any]
    dataset: str
    data_root: Path | None
    dataset_fingerprint: str
    seed: int
    rounds: int
    batch_size: int
    device: str
    identity: str
    results: Path
    shape: tuple[int, ...]
    classes: int
    labels: str | None = None
    evaluation: Settings = field(default_factory=Settings)
    protocol_id: str = ""
    eval_every: int | None = None
    eval_metrics: tuple[str, ...] | None = None
    execution: Execution = field(default_factory=Execution)
    jobs: int = 1
    threads: int = 1
    beside: Beside | None = None
    """References that were measured where no guest's code has been; None: the trial does it."""

    @property
    def label(self) -> str:
        """What the user would type: `infogan:info_weight=0.5`."""
        return label(self.variant, self.changed)

    @property
    def title(self) -> str:
        """The label, and the label budget where there is one: `sgan [labels 100]`."""
        return titled(self.label, self.labels)

    @property
    def directory(self) -> Path:
        """Where the trial's files go."""
        slug = _slug(self.label)
        budget = f"-labels{self.labels}" if self.labels else ""
        return (
            self.results / _slug(self.dataset) / f"{slug}{budget}-seed{self.seed}-{self.identity}"
        )


def _slug(text: str) -> str:
    """Text as part of a file's name."""
    return re.sub(r"[^A-Za-z0-9._=-]+", "-", text).strip("-.")[:80]


def digest_of(facts: Mapping[str, Any]) -> str:
    """A short hash (12 hex digits) of JSON-like facts."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def is_done(trial: Trial) -> bool:
    """Whether a trial has ended and, if it finished, was scored by its protocol.

    A diverged trial is done: it would diverge again. A failed one is tried again.
    """
    directory = TrialDirectory(trial.directory)
    if not directory.has_record:
        return False
    record = directory.read_record()
    return record.status == "diverged" or (
        record.status == "finished"
        and directory.has_scores(trial.protocol_id)
        and not unwritten(record, trial.directory)
    )


def unwritten(record: Record, place: Path) -> list[str]:
    """Pictures that a finished trial's disk refused, by its record, and that are not there yet.

    One that could not be drawn is not among them: it could not be drawn again.
    """
    said = _UNWRITTEN.findall(record.reason or "") if record.status == "finished" else []
    names = [name for names in said for name in names.split(", ")]
    return [name for name in names if not (place / f"{name}.png").exists()]
