"""Score finished trials by another protocol: `ganbench evaluate`. Nothing is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ganbench.errors import GanbenchError, UserError
from ganbench.evaluate.evidence import SPLITS
from ganbench.evaluate.settings import Settings
from ganbench.plugins.blame import located
from ganbench.records import tables
from ganbench.records.store import Outcome, TrialDirectory, find_trials
from ganbench.study.engine import Engine, LocalProcesses, parse_jobs
from ganbench.study.plan import parse_device
from ganbench.study.scoring import Rescoring, score


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
    engine: Engine | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Evaluated:
    """Score every finished trial below `paths` by the given settings.

    What a trial has been scored by already is not measured again. A trial that did not finish
    is left out, and `tell` hears of it; one that cannot be scored is among the failures and
    does not end the others.

    Raises UserError where no trial is found, and for a wrong device, split or number of jobs.
    """
    if split not in SPLITS:
        raise UserError(f"split {split!r}: held-out images are of split {' or '.join(SPLITS)}")
    where = parse_device(device)
    finished: list[Path] = []
    protocols: dict[Path, str] = {}
    failures: list[tuple[Path, str]] = []
    for directory in find_trials(paths):
        try:
            status = directory.read_record().status
            directory.read_scores()
        except UserError as error:
            failures.append((directory.path, str(error)))
            continue
        if status == "finished":
            finished.append(directory.path)
        else:
            tell(f"{directory.path}: {status}, there is nothing to evaluate")
    if not finished and not failures:
        raise UserError(f"no trial in {', '.join(map(str, paths))} has finished")
    root = Path(data_root) if data_root else None
    work = [Rescoring(p, settings or Settings(), split, where, root) for p in finished]
    with engine or LocalProcesses() as engine:
        for job, answer in engine.run(score, work, parse_jobs(jobs, where)):
            if isinstance(answer, str):
                protocols[job.directory] = answer
                tell(f"{job.directory}: evaluated")
                continue
            told = isinstance(answer, GanbenchError)
            failures.append((job.directory, str(answer) if told else located(answer)))
    outcomes = []
    for path in finished:
        if path in protocols:
            directory = TrialDirectory(path)
            scores = [s for s in directory.read_scores() if s.protocol_id == protocols[path]]
            outcomes.append(Outcome(directory.read_record(), scores, path))
    return Evaluated(outcomes, failures)
