"""A whole study: plan, skip what is done, run the rest, collect, tabulate."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ganbench.errors import GanbenchError, UserError
from ganbench.evaluate.settings import Settings
from ganbench.plugins import registry
from ganbench.plugins.blame import located
from ganbench.records import tables
from ganbench.records.schema import Record
from ganbench.records.store import Outcome, TrialDirectory, atomic_write
from ganbench.study import jobs as work
from ganbench.study.engine import Crashed, Engine, LocalProcesses, answer_of, parse_jobs
from ganbench.study.jobs import BesideAsked
from ganbench.study.plan import plan
from ganbench.study.progress import Progress, say
from ganbench.study.trial import Trial, digest_of, is_done
from ganbench.train.modes import Execution, Mode, Precision

if TYPE_CHECKING:
    import pandas as pd


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
    place = writable(Path(results).absolute())  # a plug-in may move its process elsewhere
    if isinstance(eval_metrics, str):
        eval_metrics = [name.strip() for name in eval_metrics.split(",")]
    asked: dict[str, Any] = {
        "dataset": dataset,
        "seeds": seeds,
        "rounds": rounds,
        "batch_size": batch_size,
        "settings": settings,
        "device": device,
        "data_root": Path(data_root).absolute() if data_root else None,
        "results": place,
        "labels": labels,
        "evaluation": evaluation,
        "eval_every": eval_every,
        "eval_metrics": eval_metrics,
        "execution": Execution(mode, precision),
    }
    parse_jobs(jobs, "cpu")
    with engine or LocalProcesses() as engine:
        tell = partial(say, console)
        trials = plan(specs, **asked, tell=tell, ask=partial(answer_of, engine, what="planning"))
        width = min(parse_jobs(jobs, trials[0].device), len(trials))
        due = [replace(trial, jobs=width) for trial in trials if not is_done(trial)]
        owners = {name: registry.owner(name) for name in {trial.variant for trial in due}}
        due = _with_references(engine, due, owners)
        answers: dict[str, Record] = {}
        if due:
            with Progress(due, console) as progress:
                for trial, answer in engine.run(
                    work.execute, due, width, lambda trial: owners[trial.variant]
                ):
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
            answer_of(engine, work.draw, (result.directory, outcomes), "", "pictures of the study")
        except Exception as error:  # the numbers are there, and so are the trials' own pictures
            reason = str(error) if isinstance(error, GanbenchError) else repr(error)
            say(console, f"warning: {reason}")
    return result


def _with_references(engine: Engine, trials: list[Trial], owners: dict[str, str]) -> list[Trial]:
    """Guests' trials with what stands beside them, measured where no guest's code has been."""
    guests = [trial for trial in trials if owners[trial.variant]]
    if not guests:
        return trials
    first = guests[0]  # they share data and settings, as all trials of a study
    asked = BesideAsked(
        first.dataset, first.data_root, None, first.evaluation, "test", first.device
    )
    beside = answer_of(engine, work.beside, asked, "", "reference rows")
    return [replace(trial, beside=beside) if owners[trial.variant] else trial for trial in trials]


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
    reason = str(answer) if isinstance(answer, Crashed) else located(answer)
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
