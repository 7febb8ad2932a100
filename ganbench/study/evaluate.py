"""Score finished trials by another protocol: `ganbench evaluate`. Nothing is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ganbench.core.errors import GanbenchError, UserError
from ganbench.data import SOURCES
from ganbench.evaluate.evidence import SPLITS
from ganbench.evaluate.settings import Settings
from ganbench.plugins.error_places import located
from ganbench.records.schema import ReferenceSet
from ganbench.records.store import (
    ReferenceDirectory,
    TrialDirectory,
    TrialResult,
    find_trials,
    read_references,
)
from ganbench.records.tables import frames
from ganbench.study import worker_tasks as worker_jobs
from ganbench.study.engines.local import Engine, LocalProcesses, parse_jobs
from ganbench.study.plan import owner_of_references, owner_of_scoring, scorings_of
from ganbench.study.rescore import trust_data
from ganbench.study.resolve import parse_device
from ganbench.study.worker_tasks import ReferencesRequest, Rescoring, ScoringRequest


@dataclass(frozen=True)
class EvaluationResult:
    """What an evaluation of finished trials leaves: their scores, and what went wrong.

    outcomes: with the scores of this protocol alone. failures: (directory, reason).
    """

    trial_results: list[TrialResult]
    references: list[ReferenceSet]
    failures: list[tuple[Path, str]]

    @property
    def comparison(self) -> frames.Comparison:
        """The trials' numbers over seeds, ready for every renderer of `records.tables.frames`."""
        return frames.compare(self.trial_results, self.references)


def evaluate(
    *paths: str | Path,
    settings: Settings | None = None,
    split: str = "test",
    device: str = "auto",
    jobs: str | int = "auto",
    data_root: str | Path | None = None,
    allow_code: bool = False,
    data: str | Path | None = None,
    engine: Engine | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> EvaluationResult:
    """Score every finished trial below `paths` by the given settings.

    What a trial has been scored by already is not measured again. A trial that did not finish
    is left out, and `tell` hears of it; one that cannot be scored is among the failures and
    does not end the others. allow_code: run the Python files that records name, although you
    have not run them by name on this machine before. data: where the images of trials on
    `folder:PATH` or `npz:PATH` are now, if they were moved; their fingerprint must be the
    recorded one.

    Raises UserError where no trial is found, where `data` is given and no trial has a path of its
    own, and for a wrong device, split or number of jobs.
    """
    if split not in SPLITS:
        raise UserError(f"split {split!r}: held-out images are of split {' or '.join(SPLITS)}")
    where = parse_device(device)
    scorings = scorings_of(settings or Settings())
    finished: list[Path] = []
    named: dict[Path, tuple[str, str]] = {}
    failures: list[tuple[Path, str]] = []
    for directory in find_trials(paths):
        try:
            record = directory.read_record()
            directory.read_scores()
            named[directory.path] = record.dataset, record.variant
        except UserError as error:
            failures.append((directory.path, str(error)))
            continue
        if record.status == "finished":
            finished.append(directory.path)
        else:
            tell(f"{directory.path}: {record.status}, there is nothing to evaluate")
    if not finished and not failures:
        raise UserError(f"no trial in {', '.join(map(str, paths))} has finished")
    root = Path(data_root).absolute() if data_root else None
    at = Path(data).expanduser().absolute() if data else None
    if at and not any(_has_path(path) for path in finished):
        raise UserError(
            f"data {at}: it is for trials on folder:PATH or npz:PATH, and there are none; other "
            f"data sets are looked for below --data-root"
        )
    keys: dict[Path, set[str]] = {path: set() for path in finished}
    with engine or LocalProcesses() as engine:
        for scoring in scorings:
            common = Rescoring(Path(), scoring, split, where, root, data=at, allow_code=allow_code)
            able = [path for path in finished if path in keys]
            for reason in _references(engine, able, common):
                tell(f"warning: no reference rows: {reason}")
            for job, answer in engine.run(
                worker_jobs.rescore,
                [common._replace(directory=path) for path in able],
                parse_jobs(jobs, where),
                lambda job: _owner(job, *named[job.directory]),
            ):
                if isinstance(answer, BaseException):
                    failures.append((job.directory, _reason(answer)))
                    keys.pop(job.directory)
                else:
                    keys[job.directory] |= set(answer)
                    tell(f"{job.directory}: evaluated")
    trial_results = []
    for path, wanted in keys.items():
        directory = TrialDirectory(path)
        outcome = TrialResult(directory.read_record(), directory.read_scores(), path)
        trial_results.append(outcome.only(wanted))
    references = read_references(TrialDirectory(path) for path in keys)
    return EvaluationResult(trial_results, references, failures)


def _owner(job: Rescoring, dataset: str, variant: str) -> str:
    return owner_of_scoring(dataset, job.scoring, variant)


def _references(engine: Engine, trials: list[Path], common: Rescoring) -> Iterator[str]:
    """Measure what stands beside the trials, once for each place and data; yields failures."""
    asked: dict[tuple[Path, str], ReferencesRequest] = {}
    for path in trials:
        record = TrialDirectory(path).read_record()
        try:
            trust_data(record, path, common.allow_code)
        except UserError:  # the trial's own job will tell
            continue
        place = ReferenceDirectory.beside(path).path
        of = ScoringRequest(
            record.dataset, common.data_root, common.data, common.split, common.scoring
        )
        asked.setdefault(
            (place, record.dataset_fingerprint), ReferencesRequest(of, place, common.device)
        )
    jobs = list(asked.values())
    for _, answer in engine.run(worker_jobs.references, jobs, 1, owner_of_references):
        if isinstance(answer, BaseException):
            yield _reason(answer)


def _reason(error: BaseException) -> str:
    return str(error) if isinstance(error, GanbenchError) else located(error)


def _has_path(directory: Path) -> bool:
    """Whether a trial's data set is the user's own folder or file."""
    source = SOURCES.get(TrialDirectory(directory).read_record().dataset.partition(":")[0])
    return source is not None and source.takes_path
