"""Score finished trials by another protocol: `ganbench evaluate`. Nothing is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ganbench.data import SOURCES
from ganbench.errors import GanbenchError, UserError
from ganbench.evaluate.evidence import SPLITS
from ganbench.evaluate.settings import Settings
from ganbench.plugins import registry
from ganbench.plugins.blame import located
from ganbench.records import tables
from ganbench.records.store import Outcome, TrialDirectory, find_trials
from ganbench.study import jobs as worker_jobs
from ganbench.study.engine import Engine, LocalProcesses, parse_jobs
from ganbench.study.jobs import BesideAsked, Rescoring
from ganbench.study.resolve import parse_device
from ganbench.study.scoring import score


@dataclass(frozen=True)
class Evaluated:
    """What an evaluation of finished trials leaves: their scores, and what went wrong.

    outcomes: with the scores of this protocol alone. failures: (directory, reason).
    """

    outcomes: list[Outcome]
    failures: list[tuple[Path, str]]

    @property
    def comparison(self) -> tables.Comparison:
        """The trials' numbers over seeds, ready for every renderer of `records.tables`."""
        return tables.compare(self.outcomes)


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
) -> Evaluated:
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
    finished: list[Path] = []
    owners: dict[Path, str] = {}
    protocols: dict[Path, str] = {}
    failures: list[tuple[Path, str]] = []
    for directory in find_trials(paths):
        try:
            record = directory.read_record()
            directory.read_scores()
            owners[directory.path] = registry.owner(record.variant)
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
    common = Rescoring(
        Path(), settings or Settings(), split, where, root, data=at, allow_code=allow_code
    )
    work = [common._replace(directory=path) for path in finished]
    with engine or LocalProcesses() as engine:
        work = _with_references(engine, work, owners, failures)
        for job, answer in engine.run(
            score, work, parse_jobs(jobs, where), lambda job: owners[job.directory]
        ):
            if isinstance(answer, str):
                protocols[job.directory] = answer
                tell(f"{job.directory}: evaluated")
                continue
            failures.append((job.directory, _reason(answer)))
    outcomes = []
    for path in finished:
        if path in protocols:
            directory = TrialDirectory(path)
            scores = [s for s in directory.read_scores() if s.protocol_id == protocols[path]]
            outcomes.append(Outcome(directory.read_record(), scores, path))
    return Evaluated(outcomes, failures)


def _with_references(
    engine: Engine,
    work: list[Rescoring],
    owners: dict[Path, str],
    failures: list[tuple[Path, str]],
) -> list[Rescoring]:
    """Guests' jobs with what stands beside them, measured where no guest's code has been."""
    asked: dict[Path, BesideAsked] = {}
    for job in work:
        if owners[job.directory]:
            dataset = TrialDirectory(job.directory).read_record().dataset
            asked[job.directory] = BesideAsked(
                dataset, job.data_root, job.data, job.settings, job.split, job.device
            )
    found = dict(engine.run(worker_jobs.beside, list(dict.fromkeys(asked.values()))))
    able = []
    for job in work:
        beside = found.get(asked[job.directory]) if job.directory in asked else None
        if isinstance(beside, UserError):  # no data, say: the job itself will tell more of it
            able.append(job)
        elif isinstance(beside, BaseException):
            failures.append((job.directory, _reason(beside)))
        else:
            able.append(job._replace(beside=beside))
    return able


def _reason(error: BaseException) -> str:
    return str(error) if isinstance(error, GanbenchError) else located(error)


def _has_path(directory: Path) -> bool:
    """Whether a trial's data set is the user's own folder or file."""
    source = SOURCES.get(TrialDirectory(directory).read_record().dataset.partition(":")[0])
    return source is not None and source.takes_path
