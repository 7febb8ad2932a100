"""A whole study: plan, skip what is done, run the rest, collect, tabulate."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ganbench.core.errors import GanbenchError, UserError
from ganbench.plugins.error_places import located
from ganbench.records.schema import Record, ReferenceSet
from ganbench.records.store import ReferenceDirectory, TrialDirectory, TrialResult, atomic_write
from ganbench.records.tables import frames
from ganbench.study import worker_tasks as work
from ganbench.study.config import StudyConfig
from ganbench.study.engines.local import Engine, LocalProcesses, WorkerDied, answer_of, parse_jobs
from ganbench.study.plan import Plan, owner_of_references, plan
from ganbench.study.progress import Progress, say
from ganbench.study.trial import Trial, is_done, is_finished, measured
from ganbench.study.worker_tasks import ReferencesRequest, Rescoring

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Result:
    """What a study leaves: records, scores and tables, and where its files are."""

    directory: Path
    trial_results: list[TrialResult]
    references: list[ReferenceSet]
    trained: int

    @property
    def records(self) -> list[Record]:
        """One record per trial, in the order asked for."""
        return [outcome.record for outcome in self.trial_results]

    @property
    def failures(self) -> list[Record]:
        """The records of trials that failed or diverged."""
        return [record for record in self.records if record.status != "finished"]

    @property
    def comparison(self) -> frames.Comparison:
        """The trials' numbers over seeds, ready for every renderer of `records.tables.frames`."""
        return frames.compare(self.trial_results, self.references)

    @property
    def table(self) -> pd.DataFrame:
        """Means over seeds: a row per variant or reference, a column per metric."""
        return frames.table(self.comparison)

    @property
    def pictures(self) -> list[Path]:
        """The pictures of the finished trials and of the study."""
        found = [
            directory / name
            for record, _, directory in self.trial_results
            if record.status == "finished" and directory
            for name in ("samples.png", "traversal.png", "neighbours.png", "history.png")
        ]
        own = [self.directory / name for name in ("information.png", "curves.png")]
        return [path for path in [*found, *own] if path.exists()]


def run(
    *specs: str, engine: Engine | None = None, console: Console | None = None, **options: Any
) -> Result:
    """Train and evaluate variants on one data set; what is finished already is not run again.

    specs and options: see `StudyConfig`. engine: where trials run, worker processes of this
    machine unless given.

    Trials that fail or diverge are in `Result.failures`; they do not end the others.

    Raises UserError for a user's mistake, before anything is trained, and
    KeyboardInterrupt where it is interrupted: finished trials are kept.
    """
    config = StudyConfig.of(specs, options)
    console = console or Console(stderr=True)
    place = writable(config.place)
    parse_jobs(config.jobs, "cpu")
    with engine or LocalProcesses() as engine:
        tell = partial(say, console)
        planned = plan(config, tell=tell, ask=partial(answer_of, engine, what="planning"))
        trained = _train(planned, config, engine, console)
        max_workers = parse_jobs(config.jobs, planned.trials[0].config.device)
        for line in _measure_guests(planned, engine, max_workers):
            tell(f"warning: {line}")
        result = Result(place / "studies" / planned.identity, *_collected(planned, trained))
        try:
            write_study_files(result, config)
            drawn = result.directory, result.trial_results
            answer_of(engine, work.draw, drawn, "", "pictures of the study")
        except Exception as error:  # the numbers are there, and so are the trials' own pictures
            reason = str(error) if isinstance(error, GanbenchError) else repr(error)
            say(console, f"warning: {reason}")
    return result


def _train(
    planned: Plan, config: StudyConfig, engine: Engine, console: Console
) -> dict[str, Record]:
    """Run what is not done, and the references where they are missing; records by identity."""
    trials = planned.trials
    max_workers = min(parse_jobs(config.jobs, trials[0].config.device), len(trials))
    due = [replace(trial, jobs=max_workers) for trial in trials if not is_done(trial)]
    owners = {trial.identity: planned.owner_of(trial) for trial in trials}
    wanted = planned.references()
    records: dict[str, Record] = {}

    def owner(job: Trial | ReferencesRequest) -> str:
        if isinstance(job, Trial):
            return owners[job.identity]
        return owner_of_references(job)

    if due or wanted:
        with Progress(due, console) as progress:
            jobs: list[Trial | ReferencesRequest] = [*wanted, *due]
            for job, answer in engine.run(work.perform, jobs, max_workers, owner):
                if isinstance(job, Trial):
                    records[job.identity] = record = _record(job, answer)
                    reason = f": {record.reason}" if record.reason else ""
                    progress.end(job, record.status + reason)
                elif isinstance(answer, BaseException):
                    say(console, f"warning: no reference rows: {_reason(answer)}")
    return records


def _measure_guests(planned: Plan, engine: Engine, max_workers: int) -> Iterator[str]:
    """Measure what is not ganbench's own, from saved weights and in processes of its own.

    Yields what went wrong.
    """
    for scoring, keys in zip(planned.scorings[1:], planned.keys[1:], strict=True):
        jobs = [
            Rescoring(
                trial.directory,
                scoring,
                device=trial.config.device,
                data_root=trial.data_root,
                threads=trial.threads,
                allow_code=True,  # the user has named it
            )
            for trial in planned.trials
            if is_finished(trial) and not set(keys.values()) <= measured(trial)
        ]
        owners = {trial.directory: planned.owner_of(trial, scoring) for trial in planned.trials}
        owner = partial(_owner, owners)
        for job, answer in engine.run(work.rescore, jobs, max_workers, owner):
            if isinstance(answer, BaseException):
                yield f"{job.directory}: no {', '.join(keys)}: {_reason(answer)}"


def _owner(owners: Mapping[Path, str], job: Rescoring) -> str:
    return owners[job.directory]


def _collected(
    planned: Plan, trained: Mapping[str, Record]
) -> tuple[list[TrialResult], list[ReferenceSet], int]:
    """Every trial with the scores that were asked for, the references, how many ran now."""
    wanted = {key for keys in planned.keys for key in keys.values()}
    trial_results = []
    for trial in planned.trials:
        directory = TrialDirectory(trial.directory)
        record = trained.get(trial.identity) or directory.read_record()
        trial_results.append(
            TrialResult(record, directory.read_scores(), trial.directory).only(wanted)
        )
    references = ReferenceDirectory.beside(planned.trials[0].directory).read()
    return trial_results, references, len(trained)


def writable(results: Path) -> Path:
    """The results directory, made where it is missing. Raises UserError where it cannot be."""
    try:
        results.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=results, prefix=".writable-"):
            pass
    except OSError as error:
        raise UserError(
            f"cannot write results to {results}: {error.strerror or error}; "
            f"name another directory with --results"
        ) from error
    return results


def _reason(error: BaseException) -> str:
    return str(error) if isinstance(error, GanbenchError | WorkerDied) else located(error)


def _record(trial: Trial, answer: Record | int | BaseException) -> Record:
    """What a trial came to, also where its process could not say so itself."""
    if isinstance(answer, Record):
        return answer
    from ganbench.study.run_trial import failed  # rare, and with torch: it names the machine

    assert isinstance(answer, BaseException)
    record = failed(trial, _reason(answer))
    if isinstance(answer, GanbenchError):  # the directory is full, say, or another's
        return record
    directory = TrialDirectory(trial.directory)
    try:
        directory.write_record(record)
        directory.clear_state()
    except (GanbenchError, OSError):
        return record  # the row still shows the reason
    return record


def write_study_files(result: Result, config: StudyConfig) -> None:
    """The study's own files but its pictures."""
    comparison = result.comparison
    names = [outcome.directory.name for outcome in result.trial_results if outcome.directory]
    place = result.directory
    about = {"name": config.name, "command": config.command, "trials": names}
    atomic_write(place / "study.json", json.dumps(about, indent=1) + "\n")
    atomic_write(place / "table.md", frames.render_markdown(comparison))
    atomic_write(place / "table.csv", frames.render_csv(comparison.rows))
