"""A whole study: plan, skip what is done, run the rest, collect, tabulate."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console

from ganbench.errors import GanbenchError, UserError, memory_limit
from ganbench.evaluate.settings import Settings
from ganbench.records import tables
from ganbench.records.schema import Record
from ganbench.records.store import Outcome, TrialDirectory, atomic_write
from ganbench.study import jobs as work
from ganbench.study.engine import Crashed, Engine, LocalProcesses, parse_jobs
from ganbench.study.progress import Progress
from ganbench.study.trial import Trial, digest_of, is_done, with_jobs
from ganbench.train.modes import Execution, Mode, Precision

if TYPE_CHECKING:
    import pandas as pd

Job = TypeVar("Job")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Result:
    """What a study leaves: records, scores and tables, and where its files are."""

    directory: Path
    outcomes: list[Outcome]
    trained: int

    @property
    def records(self) -> list[Record]:
        """One record per trial, in the order asked for."""
        return [outcome.record for outcome in self.outcomes]

    @property
    def failures(self) -> list[Record]:
        """The records of trials that failed or diverged."""
        return [record for record in self.records if record.status != "finished"]

    @property
    def comparison(self) -> tables.Comparison:
        """The trials' numbers over seeds, ready for every renderer of `records.tables`."""
        return tables.compare(self.outcomes)

    @property
    def table(self) -> pd.DataFrame:
        """Means over seeds: a row per variant or reference, a column per metric."""
        return tables.table(self.comparison)

    @property
    def pictures(self) -> list[Path]:
        """The pictures of the finished trials and of the study."""
        found = [
            directory / name
            for record, _, directory in self.outcomes
            if record.status == "finished" and directory
            for name in ("samples.png", "traversal.png", "neighbours.png", "history.png")
        ]
        own = [self.directory / name for name in ("information.png", "curves.png")]
        return [path for path in [*found, *own] if path.exists()]


def run(
    *specs: str,
    dataset: str = "digits",
    seeds: str | int | Sequence[int] = 3,
    rounds: int | None = None,
    batch_size: int | None = None,
    settings: Mapping[str, Any] | None = None,
    device: str = "auto",
    jobs: str | int = "auto",
    data_root: str | Path | None = None,
    results: str | Path = "results",
    labels: str | int | None = None,
    evaluation: Settings | None = None,
    eval_every: int | None = None,
    eval_metrics: str | Sequence[str] | None = None,
    mode: Mode = "auto",
    precision: Precision = "tf32",
    engine: Engine | None = None,
    console: Console | None = None,
) -> Result:
    """Train and evaluate variants on one data set; what is finished already is not run again.

    specs: `NAME`, `FILE.py` or `MODULE:Class`, each with `:name=value,...` behind it where
    hyperparameters differ from their defaults. settings: hyperparameters for all of them.
    seeds: a count, or a list of seeds. rounds, batch_size: None means the data set's.
    labels: how many training images are labelled, `100` in all or `250/class`; None means
    all. It adds the supervised-only references of semi-supervised variants. evaluation: how
    final models are scored. eval_every: rounds between two evaluations along training on the
    validation split, by `eval_metrics`; the first of them chooses each trial's best checkpoint.
    mode, precision: how rounds are executed, see `train.modes.Execution`. engine: where trials
    run, worker processes of this machine unless given.

    Trials that fail or diverge are in `Result.failures`; they do not end the others.

    Raises UserError for a user's mistake, before anything is trained, and
    KeyboardInterrupt where it is interrupted: finished trials are kept.
    """
    console = console or Console(stderr=True)
    place = writable(Path(results))
    if isinstance(eval_metrics, str):
        eval_metrics = [name.strip() for name in eval_metrics.split(",")]
    asked = {
        "specs": specs,
        "dataset": dataset,
        "seeds": seeds,
        "rounds": rounds,
        "batch_size": batch_size,
        "settings": settings,
        "device": device,
        "data_root": Path(data_root) if data_root else None,
        "results": place,
        "labels": labels,
        "evaluation": evaluation,
        "eval_every": eval_every,
        "eval_metrics": eval_metrics,
        "execution": Execution(mode, precision),
    }
    parse_jobs(jobs, "cpu")
    with engine or LocalProcesses() as engine:
        trials, told = _answer(engine, work.plan, asked, "planning")
        for line in told:
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        width = min(parse_jobs(jobs, trials[0].device), len(trials))
        due = [with_jobs(trial, width) for trial in trials if not is_done(trial)]
        answers: dict[str, Record] = {}
        if due:
            with Progress(due, console) as progress:
                for trial, answer in engine.run(work.execute, due, width):
                    answers[trial.identity] = record = _record(trial, answer)
                    reason = f": {record.reason}" if record.reason else ""
                    progress.end(trial, record.status + reason)
        outcomes = []
        for trial in trials:
            directory = TrialDirectory(trial.directory)
            record = answers.get(trial.identity) or directory.read_record()
            scores = [s for s in directory.read_scores() if s.protocol_id == trial.protocol_id]
            outcomes.append(Outcome(record, scores, trial.directory))
        identity = digest_of({"trials": sorted(trial.identity for trial in trials)})
        result = Result(place / "studies" / identity, outcomes, len(due))
        try:
            _leave(result)
            _answer(engine, work.draw, (result.directory, outcomes), "pictures of the study")
        except Exception as error:  # the numbers are there, and so are the trials' own pictures
            reason = str(error) if isinstance(error, GanbenchError) else repr(error)
            console.print(f"warning: {reason}", markup=False, highlight=False, soft_wrap=True)
    return result


def _answer(engine: Engine, function: Callable[[Job], Answer], job: Job, what: str) -> Answer:
    """What one job in a worker comes to; its exception is raised here. what: for the message.

    Raises GanbenchError where the worker died.
    """
    ((_, answer),) = engine.run(function, [job])
    if isinstance(answer, Crashed):
        raise GanbenchError(
            f"{what}: {answer}; it ran out of memory (free some, or raise the limit"
            f"{memory_limit()}), or a plug-in's code ended it"
        ) from answer
    if isinstance(answer, BaseException):
        raise answer
    return answer


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


def _record(trial: Trial, answer: Record | BaseException) -> Record:
    """What a trial came to, also where its process could not say so itself."""
    if isinstance(answer, Record):
        return answer
    from ganbench.study.work import failed  # rare, and with torch: it names the machine

    if isinstance(answer, GanbenchError):  # the directory is full, say, or another's
        return failed(trial, str(answer))
    if isinstance(answer, Crashed):
        reason = str(answer)
    else:
        reason = f"{type(answer).__name__}: {str(answer).partition(chr(10))[0]}"
    record = failed(trial, reason)
    directory = TrialDirectory(trial.directory)
    try:
        directory.write_record(record)
        directory.clear_state()
    except (GanbenchError, OSError):
        return record  # the row still shows the reason
    return record


def _leave(result: Result) -> None:
    """The study's own files but its pictures."""
    comparison = result.comparison
    names = [outcome.directory.name for outcome in result.outcomes if outcome.directory]
    place = result.directory
    atomic_write(place / "study.json", json.dumps({"trials": names}, indent=1) + "\n")
    atomic_write(place / "table.md", tables.render_markdown(comparison))
    atomic_write(place / "table.csv", tables.render_csv(comparison.rows))
