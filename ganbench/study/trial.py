"""One trial from start to finish, inside a worker process: train, evaluate, record."""

from __future__ import annotations

import os
import statistics
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import torch
from filelock import FileLock
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from ganbench import data
from ganbench.data.dataset import Dataset
from ganbench.data.labels import choose_labelled
from ganbench.errors import Diverged, GanbenchError, UserError
from ganbench.evaluate import harness, pictures
from ganbench.evaluate.capabilities import Unavailable
from ganbench.model import NUMERICS, Game
from ganbench.plugins import registry
from ganbench.records.plots import history_picture
from ganbench.records.schema import (
    Cost,
    Host,
    Record,
    Reference,
    Score,
    ScoreSet,
    Skip,
    State,
    Status,
)
from ganbench.records.store import TrialDirectory, atomic_write
from ganbench.study import host
from ganbench.study.plan import Trial
from ganbench.train.trainer import Trainer, build

HISTORY_EVERY = 50
"""Rounds between two readings of the history."""
STATE_SECONDS = 0.5
"""At most one state.json per this many seconds."""


def execute(trial: Trial) -> Record:
    """Train and evaluate a trial and leave its directory; returns its record.

    A trial that diverges or fails leaves a record that says why.

    Raises UserError where the directory cannot be written.
    """
    torch.set_num_threads(trial.threads)
    with lock(trial.directory):
        return _execute(trial)


def lock(directory: Path) -> FileLock:
    """The lock of a trial's directory: a second command waits, and finds the work done.

    Raises UserError where the directory cannot be made.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {directory}: {error.strerror or error}") from error
    return FileLock(directory / ".lock")


def _execute(trial: Trial) -> Record:
    directory = TrialDirectory(trial.directory)
    if directory.has_record and (record := directory.read_record()).status != "failed":
        # Finished with other scores; or ended by another command since this one was planned.
        return rescore(trial) if record.status == "finished" else record
    work = _Work(trial, directory)
    try:
        record = work.run()
    except Diverged as error:
        record = work.record("diverged", str(error))
    except GanbenchError:
        raise
    except Exception as error:
        atomic_write(directory.path / "error.txt", traceback.format_exc())
        record = work.record("failed", _reason(error))
    directory.write_record(record)
    directory.clear_state()
    return record


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"


def start(trial: Trial, dataset: Dataset) -> Trainer:
    """A trial's trainer before its first round."""
    variant = registry.load(trial.variant)
    game = build(variant, dataset.shape, dataset.classes, trial.hyperparameters, trial.seed)
    labelled = None
    if trial.labels:
        labelled = choose_labelled(dataset.train, trial.labels, dataset.classes, trial.seed)
    return Trainer(
        game,
        dataset.train,
        seed=trial.seed,
        batch_size=trial.batch_size,
        rounds=trial.rounds,
        device=trial.device,
        labelled=labelled,
    )


class _Work:
    """The steps of one trial, and what is known of it so far."""

    def __init__(self, trial: Trial, directory: TrialDirectory) -> None:
        self.trial = trial
        self.directory = directory
        self.trainer: Trainer | None = None
        self.cost: Cost | None = None
        self.began = self.written = 0.0

    def run(self) -> Record:
        trial, directory = self.trial, self.directory
        directory.clear_attempt()
        self.tell("training", 0, {})
        dataset = data.load(trial.dataset, trial.data_root)
        self.trainer = trainer = start(trial, dataset)
        flops = trainer.rehearse()
        host.reset_peak_memory(trial.device)
        self.began = time.perf_counter()
        trainer.play(trial.rounds, HISTORY_EVERY, self.report)
        seconds = time.perf_counter() - self.began
        memory = host.peak_memory_mb(trial.device)
        self.tell("evaluating", trial.rounds, {})

        began = time.perf_counter()
        model = trainer.evaluation_model()
        evaluation = harness.evaluate(model, dataset, seed=trial.seed, device=trial.device)
        self.cost = self.costs(trainer, seconds, time.perf_counter() - began, memory, flops)
        directory.add_scores(score_set(evaluation))
        self.save_weights(trainer, model)
        return self.record("finished", self.draw(model, dataset))

    def report(self, means: dict[str, float]) -> None:
        """A reading of the history: keep it, and tell who watches."""
        elapsed = time.perf_counter() - self.began
        rate = means["images"] / elapsed
        self.directory.append_history([{**means, "images_per_second": rate}])
        if time.perf_counter() - self.written > STATE_SECONDS:
            left = elapsed / means["round"] * (self.trial.rounds - means["round"])
            losses = {k: v for k, v in means.items() if k not in ("round", "images")}
            self.tell("training", int(means["round"]), losses, rate, left)

    def tell(
        self,
        phase: Literal["training", "evaluating"],
        round_number: int,
        losses: Mapping[str, float | None],
        rate: float | None = None,
        left: float | None = None,
    ) -> None:
        self.written = time.perf_counter()
        self.directory.write_state(
            State(
                label=self.trial.title,
                seed=self.trial.seed,
                phase=phase,
                round=round_number,
                rounds=self.trial.rounds,
                losses=dict(losses),
                images_per_second=rate,
                seconds_left=left,
                pid=os.getpid(),
                updated=datetime.now(UTC),
            )
        )

    def save_weights(self, trainer: Trainer, model: Game) -> None:
        """What was evaluated, under its own names; the averaged networks' live weights beside."""
        tensors = model.state_dict()
        for average in trainer.averages.values():
            tensors |= {f"live.{k}": v for k, v in average.live.state_dict().items()}
        cpu = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
        path = self.directory.path / "weights.safetensors"
        atomic_write(path, save(cpu, {"trial": self.trial.identity}))

    def draw(self, model: Game, dataset: Dataset) -> str | None:
        """The pictures. A model that cannot be drawn keeps its numbers; returns why."""
        place, trial = self.directory.path, self.trial
        title = f"{trial.title}, {trial.dataset}, seed {trial.seed}, {trial.rounds} rounds"
        history = self.directory.read_history()
        pictures_of: dict[str, Callable[[Path], None]] = {
            "samples": lambda path: pictures.samples_picture(model, path, trial.seed, title),
            "traversal": lambda path: pictures.traversal_picture(model, dataset, path, trial.seed),
            "history": lambda path: history_picture(history, path, title),
        }
        missing: dict[str, list[str]] = {}
        for name, draw in pictures_of.items():
            try:
                draw(place / f"{name}.png")
            except GanbenchError:
                raise
            except Unavailable as reason:
                missing.setdefault(str(reason), []).append(name)
            except Exception as error:
                missing.setdefault(_reason(error), []).append(name)
        reasons = (f"no picture of {', '.join(n)}: {reason}" for reason, n in missing.items())
        return "; ".join(reasons) or None

    def costs(
        self, trainer: Trainer, training: float, evaluation: float, memory: float, flops: int
    ) -> Cost:
        durations = trainer.stopwatch.read()
        deciles = statistics.quantiles(durations, n=10) if len(durations) > 1 else durations * 9
        return Cost(
            seconds_training=training,
            seconds_evaluation=evaluation,
            images_per_second=trainer.images_seen / training,
            rounds_per_second=trainer.round / training,
            ms_per_round=statistics.median(durations),
            ms_per_round_p90=deciles[8],
            peak_memory_mb=memory,
            parameters=sum(p.numel() for p in trainer.game.parameters()),
            flops_per_round=flops,
            threads=self.trial.threads,
            jobs=self.trial.jobs,
        )

    def record(self, status: Status, reason: str | None) -> Record:
        trial, trainer = self.trial, self.trainer
        return Record(
            trial=trial.identity,
            variant=trial.variant,
            source=trial.source,
            source_digest=trial.source_digest,
            numerics=NUMERICS,
            hyperparameters=trial.hyperparameters,
            changed=trial.changed,
            dataset=trial.dataset,
            dataset_fingerprint=trial.dataset_fingerprint,
            shape=trial.shape,
            classes=trial.classes,
            seed=trial.seed,
            rounds=trial.rounds,
            batch_size=trial.batch_size,
            labels=trial.labels,
            images_seen=trainer.images_seen if trainer else 0,
            generator_updates=trainer.generator_updates if trainer else 0,
            device=trial.device,
            status=status,
            reason=reason,
            cost=self.cost,
            host=Host.model_validate(host.describe(trial.device)),
            packages=host.packages(),
            created=datetime.now(UTC),
        )


def score_set(evaluation: harness.Evaluation) -> ScoreSet:
    """An evaluation as the document that is kept of it."""
    return ScoreSet(
        protocol_id=evaluation.protocol_id,
        split=evaluation.split,
        settings=asdict(evaluation.settings),
        seed=evaluation.seed,
        scores=[_score(score) for score in evaluation.scores],
        skipped=[Skip(metric=metric, reason=reason) for metric, reason in evaluation.skipped],
        references=[
            Reference(name=name, score=_score(score)) for name, score in evaluation.references
        ],
        seconds=evaluation.seconds,
    )


def _score(score: Any) -> Score:
    return Score.model_validate(asdict(score))


def is_done(trial: Trial, protocol: str) -> bool:
    """Whether a trial has ended and, if it finished, was scored by this protocol.

    A diverged trial is done: it would diverge again. A failed one is tried again.
    """
    directory = TrialDirectory(trial.directory)
    if not directory.has_record:
        return False
    status = directory.read_record().status
    return status == "diverged" or (status == "finished" and directory.has_scores(protocol))


def with_jobs(trial: Trial, jobs: int) -> Trial:
    """The trial as one of `jobs` at once, which its throughput is recorded with."""
    return replace(trial, jobs=jobs)


def failed(trial: Trial, reason: str) -> Record:
    """The record of a trial whose process could not write it."""
    return _Work(trial, TrialDirectory(trial.directory)).record("failed", reason)


def rescore(trial: Trial) -> Record:
    """Evaluate a finished trial's saved weights by the current protocol; nothing is trained.

    A trial that has these scores already is left alone.

    Raises UserError where the weights are missing or damaged.
    """
    directory = TrialDirectory(trial.directory)
    dataset = data.load(trial.dataset, trial.data_root)
    if directory.has_scores(harness.Settings().protocol_id(dataset)):
        return directory.read_record()
    model = load(trial.directory, trial.device)
    evaluation = harness.evaluate(model, dataset, seed=trial.seed, device=trial.device)
    directory.add_scores(score_set(evaluation))
    return directory.read_record()


def load(directory: str | Path, device: str = "cpu") -> Game:
    """The model that a finished trial was evaluated by: averaged generator, live heads.

    In eval mode; `model.generate(model.latent.draw(n, rng))` gives images in [-1, 1].

    Raises UserError where the directory has no record or its weights cannot be used.
    """
    record = TrialDirectory(directory).read_record()
    variant = registry.load(record.variant)
    source = data.source(record.dataset)
    hyperparameters = variant.resolve(record.hyperparameters, source.name, record.variant)
    shape = record.shape or source.shape
    classes = source.classes if record.classes is None else record.classes
    model = build(variant, shape, classes, hyperparameters, record.seed)
    path = Path(directory) / "weights.safetensors"
    try:
        tensors = load_file(path)
        model.load_state_dict({k: v for k, v in tensors.items() if not k.startswith("live.")})
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(f"cannot use {path} ({reason}); delete {path.parent}") from error
    return model.requires_grad_(False).eval().to(device)
