"""Trials on disk: one directory each, whole files or none, damage told in one line.

A directory may be anybody's. What is read of it is regular files of bounded size (`files`),
never through a symbolic link, and nothing is written through one either.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, BinaryIO, NamedTuple, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from ganbench.core.document import Document, finite
from ganbench.core.errors import UserError
from ganbench.records.files import (
    as_user_errors,
    atomic_write,
    damaged,
    is_file,
    is_hidden,
    open_own,
    read_text,
    refuse_link,
)
from ganbench.records.schema import (
    SCHEMA_VERSION,
    Checkpoint,
    Record,
    ReferenceSet,
    ScoreSet,
    State,
)

__all__ = [
    "ReferenceDirectory",
    "TrialDirectory",
    "TrialResult",
    "atomic_write",
    "find_trials",
    "read_references",
    "read_trials",
]

D = TypeVar("D", bound=Document)

LARGEST_DOCUMENT = 8 * 2**20
LARGEST_HISTORY = 64 * 2**20
"""Bytes of a JSON document and of a history that are read: hundreds of times what a trial has."""
REFERENCES = "references"
"""The folder beside trials that holds what their scores are read against."""
ROW = TypeAdapter(dict[str, Annotated[float, Field(allow_inf_nan=False)] | None])


class TrialResult(NamedTuple):
    """The result of a trial: its record, its scores, and where they lie."""

    record: Record
    scores: Sequence[ScoreSet]
    directory: Path | None = None

    def only(self, keys: Collection[str]) -> TrialResult:
        """The trial with the scores of these keys, and those that no evaluation asked for."""
        return self._replace(
            scores=[
                one.model_copy(
                    update={
                        "scores": [s for s in one.scores if not s.key or s.key in keys],
                        "skipped": [s for s in one.skipped if s.key in keys],
                    }
                )
                for one in self.scores
                if one.schema_version > 1
            ]
        )

    def of(self, checkpoint: Checkpoint) -> TrialResult:
        """The trial with the scores of one checkpoint alone."""
        return self._replace(scores=[one for one in self.scores if one.checkpoint == checkpoint])


class TrialDirectory:
    """The files of one trial. Nothing is created before something is written.

    Every method raises UserError where a file is damaged or cannot be read or written.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.record_path = self.path / "record.json"
        self.state_path = self.path / "state.json"
        self.scores_path = self.path / "scores"
        self.history_path = self.path / "history.jsonl"
        self.curve_path = self.path / "curve.jsonl"
        self.error_path = self.path / "error.txt"
        self.source_path = self.path / "source"

    def __repr__(self) -> str:
        return f"TrialDirectory({str(self.path)!r})"

    @property
    def has_record(self) -> bool:
        """Whether the trial has ended, in whatever way."""
        return is_file(self.record_path)

    def write_record(self, record: Record) -> None:
        """Write `record.json`. A record of a failed trial is set aside first.

        Raises UserError where a trial that finished or diverged already has its record.
        """
        if self.has_record:
            if self.read_record().status != "failed":
                raise UserError(
                    f"{self.record_path}: this trial has its record, which is never "
                    "overwritten; remove the directory to train it again"
                )
            with as_user_errors(self.record_path, "write"):
                self.record_path.rename(self._aside())
        atomic_write(self.record_path, _text(record))

    def read_record(self) -> Record:
        """The trial's record. Raises UserError where there is none."""
        return _read(self.record_path, Record)

    def measured(self, checkpoint: Checkpoint = "final") -> set[str]:
        """The keys of what was measured of a checkpoint, and of what cannot be: done for good."""
        found: set[str] = set()
        for one in self.read_scores():
            if one.checkpoint == checkpoint:
                found |= {score.key for score in one.scores}
                found |= {skip.key for skip in one.skipped if not skip.again}
        return found

    def add_scores(self, scores: ScoreSet) -> Path:
        """Write a new file of `scores/`; none is ever overwritten."""
        refuse_link(self.scores_path)
        return _add(self.scores_path, scores)

    def read_scores(self) -> list[ScoreSet]:
        """All evaluations of the trial, the oldest first."""
        refuse_link(self.scores_path)
        return [_read(path, ScoreSet) for path in _numbered(self.scores_path)]

    def write_state(self, state: State) -> None:
        """Replace `state.json`; it is for who watches now, and need not survive the machine."""
        atomic_write(self.state_path, _text(state), durable=False)

    def read_state(self) -> State | None:
        """The state of a trial under way or interrupted; None where there is none."""
        return _read(self.state_path, State) if is_file(self.state_path) else None

    def clear_state(self) -> None:
        """Remove `state.json`, if there is one."""
        with as_user_errors(self.state_path, "remove"):
            self.state_path.unlink(missing_ok=True)

    def clear_attempt(self) -> None:
        """Remove what an attempt that did not finish left; the records of failures stay.

        So do hidden files, but for drafts that were never finished.

        Raises UserError where the trial has finished: its files are never removed.
        """
        if self.has_record and self.read_record().status != "failed":
            raise UserError(f"{self.record_path}: this trial has ended; its files are kept")
        with as_user_errors(self.path, "clear"):
            for entry in list(self.path.glob("*")):
                if entry.name.startswith("record") or (is_hidden(entry) and entry.suffix != ".tmp"):
                    continue
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                else:
                    entry.unlink()

    def append_history(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows to `history.jsonl`. Numbers that are not finite become null."""
        _append(self.history_path, rows)

    def read_history(self) -> list[dict[str, Any]]:
        """The rows so far; empty where there are none. A last torn line is left out."""
        return _rows(self.history_path)

    def append_curve(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows to `curve.jsonl`: evaluations along training."""
        _append(self.curve_path, rows)

    def read_curve(self) -> list[dict[str, Any]]:
        """The evaluations along training; empty where there are none."""
        return _rows(self.curve_path)

    def _aside(self) -> Path:
        number = 1
        while (path := self.path / f"record.failed-{number}.json").exists():
            number += 1
        return path


class ReferenceDirectory:
    """`references/` beside the trials of a data set: what their scores are read against."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @classmethod
    def beside(cls, trial: Path) -> ReferenceDirectory:
        """That of a trial's directory."""
        return cls(trial.parent / REFERENCES)

    def add(self, references: ReferenceSet) -> Path:
        """Write a new file; none is ever overwritten."""
        refuse_link(self.path)
        return _add(self.path, references)

    def read(self) -> list[ReferenceSet]:
        """All that were measured, the oldest first; empty where there are none."""
        refuse_link(self.path)
        return [_read(path, ReferenceSet) for path in _numbered(self.path)]

    def measured(self, fingerprint: str) -> set[str]:
        """The keys of what was asked for on some data, and need not be asked again."""
        sets = [one for one in self.read() if one.dataset_fingerprint == fingerprint]
        return {key for one in sets for key in one.keys}


def _numbered(folder: Path) -> list[Path]:
    """The documents of a folder, the oldest first: those of schema 1, then by their numbers."""
    found = [path for path in folder.glob("*.json") if not is_hidden(path)]
    return sorted(found, key=lambda path: (_number(path), path.name))


def _number(path: Path) -> int:
    return int(path.stem) if re.fullmatch(r"[0-9]{1,9}", path.stem) else 0


def _add(folder: Path, document: Document) -> Path:
    """Write a document under the next free number. Raises UserError where that cannot be."""
    path = folder / f"{max(map(_number, _numbered(folder)), default=0) + 1}.json"
    atomic_write(path, _text(document))
    return path


def _append(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    lines = "".join(json.dumps(_nulled(row), allow_nan=False) + "\n" for row in rows)
    with as_user_errors(path, "write"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_own(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, "a+b") as file:
            _drop_torn_line(file)
            file.write(lines.encode())


def _rows(path: Path) -> list[dict[str, Any]]:
    if not os.path.lexists(path):
        return []
    rows = []
    text = read_text(path, LARGEST_HISTORY)
    for number, line in enumerate(text.split("\n")[:-1], start=1):  # all but the last have
        try:  # a line end
            rows.append(ROW.validate_json(line))
        except ValidationError as error:
            raise damaged(path, f"line {number}: {_first(error)}") from None
        if rows[-1].get("round") is None:
            raise damaged(path, f"line {number}: it says no round")
    return rows


def find_trials(paths: Sequence[Path | str]) -> list[TrialDirectory]:
    """Every directory at or below `paths` that has a record, sorted, each once.

    Hidden directories and symbolic links below the paths are passed over.

    Raises UserError where a path does not exist, or none holds a record.
    """
    found: dict[Path, Path] = {}
    for path in map(Path, paths):
        if not path.exists():
            raise UserError(f"{path}: no such directory")
        start = path.parent if path.name == "record.json" else path
        with as_user_errors(start, "read"):
            for folder in _folders_with_record(start):
                found.setdefault(folder.resolve(), folder)
    if not found:
        places = ", ".join(map(str, paths))
        raise UserError(f"no finished trials (record.json) in {places}; ganbench run makes some")
    return [TrialDirectory(found[key]) for key in sorted(found)]


def read_trials(directories: Iterable[TrialDirectory]) -> list[TrialResult]:
    """Record and scores of each trial, in the order given."""
    return [TrialResult(one.read_record(), one.read_scores(), one.path) for one in directories]


def read_references(directories: Iterable[TrialDirectory]) -> list[ReferenceSet]:
    """What lies beside some trials, each folder once."""
    folders = dict.fromkeys(one.path.resolve().parent / REFERENCES for one in directories)
    return [found for folder in folders for found in ReferenceDirectory(folder).read()]


def _folders_with_record(start: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise error

    for folder, below, files in os.walk(start, onerror=refuse):
        below[:] = [name for name in below if not name.startswith(".")]
        if "record.json" in files:
            below.clear()  # a trial holds no trials
            yield Path(folder)


def _text(document: Document) -> str:
    return document.model_dump_json(indent=2) + "\n"


def _read(path: Path, model: type[D]) -> D:
    text = read_text(path, LARGEST_DOCUMENT)
    try:
        json.loads(text, object_pairs_hook=_once, parse_constant=_no)
        return model.model_validate_json(text)
    except ValidationError as error:
        raise damaged(path, _first(error)) from None
    except ValueError as error:
        raise damaged(path, f"Invalid JSON: {error}") from None
    except RecursionError:
        raise damaged(path, "nested too deeply") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON. Of two values for one key none is the right one."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _no(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def _first(error: ValidationError) -> str:
    """The first complaint of a validation, in one line."""
    # The version comes first: it explains the other complaints.
    details = sorted(error.errors(), key=lambda detail: detail["loc"] != ("schema_version",))[0]
    if details["loc"] == ("schema_version",) and details["type"] == "literal_error":
        found = str(details["input"])[:20]
        return f"schema version {found}; this ganbench reads 1 and {SCHEMA_VERSION}"
    place = ".".join(map(str, details["loc"]))[:200]
    return f"{place}: {details['msg']}" if place else details["msg"]


def _nulled(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _nulled(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_nulled(item) for item in value]
    return finite(value) if isinstance(value, float) else value


def _drop_torn_line(file: BinaryIO) -> None:
    """Cut what a crash left of a last line, so that the next row starts its own."""
    file.seek(0)
    file.truncate(file.read().rfind(b"\n") + 1)
