"""One trial from start to finish, inside a worker process: train, evaluate, record."""

from __future__ import annotations

import hashlib
import os
import statistics
import time
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, Literal

import torch
from safetensors.torch import save
from torch import Tensor

from ganbench.core import environment
from ganbench.core.errors import Diverged, GanbenchError, UserError, of_guest
from ganbench.core.printable import printable_lines
from ganbench.data.dataset import Dataset
from ganbench.data.label_budget import choose_labelled
from ganbench.evaluate import harness
from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.plots.neighbours import neighbours_picture
from ganbench.evaluate.plots.points import codes_picture, points_picture
from ganbench.evaluate.plots.samples import samples_picture, traversal_picture
from ganbench.model import Variant
from ganbench.plugins import datasets, registry
from ganbench.plugins.error_places import located
from ganbench.records.plots import history_picture
from ganbench.records.schema import Checkpoint, Cost, Host, Record, State, Status
from ganbench.records.store import TrialDirectory, atomic_write
from ganbench.study.locks import lock
from ganbench.study.rescore import WEIGHTS, complete, load, score_set
from ganbench.study.resolve import check_source
from ganbench.study.trial import UNWRITTEN, Trial, unwritten
from ganbench.study.validation_curve import ValidationCurve
from ganbench.study.worker_tasks import Rescoring, Scoring
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


def _execute(trial: Trial) -> Record:
    directory = TrialDirectory(trial.directory)
    if directory.has_record and (record := directory.read_record()).status != "failed":
        # Finished with other scores; or ended by another command since this one was planned.
        if record.status == "finished":
            complete(
                Rescoring(
                    trial.directory,
                    Scoring(trial.evaluation),
                    device=trial.config.device,
                    data_root=trial.data_root,
                    threads=trial.threads,
                    allow_code=True,  # the user has named it
                )
            )
            reason = _redraw(trial, directory, unwritten(record, trial.directory))
            record = record.model_copy(update={"reason": reason})  # of the pictures drawn now
        return record
    work = _Work(trial, directory)
    try:
        record = work.run()
    except Diverged as error:
        record = work.record("diverged", str(error))
    except GanbenchError:
        raise
    except BaseException as error:
        if not of_guest(error):
            raise
        atomic_write(directory.error_path, printable_lines(traceback.format_exc()))
        record = work.record("failed", located(error))
    directory.write_record(record)
    directory.clear_state()
    return record


def _redraw(trial: Trial, directory: TrialDirectory, names: Sequence[str]) -> str | None:
    """Draw those pictures of a finished trial that its disk refused; returns why not."""
    if not names:
        return None
    try:
        model = load(trial.directory, trial.config.device, allow_code=True)  # he has named it
        work = _Work(trial, directory)
        dataset = datasets.load(trial.config.dataset, trial.data_root)
        return work.draw(work.evidence(model, dataset), names)
    except GanbenchError as error:  # its numbers are there
        return f"no picture of {', '.join(names)}: {error}"


def start(trial: Trial, dataset: Dataset) -> Trainer:
    """A trial's trainer before its first round.

    Raises UserError where its variant or its data are not those that were planned.
    """
    config = trial.config
    if config.device.startswith("cuda"):
        torch.cuda.set_device(config.device)  # events and streams are the current device's
    variant = registry.load(config.variant)
    check_source(config.variant, registry.source_digest(variant), config.source_digest)
    if dataset.fingerprint != config.dataset_fingerprint:
        raise UserError(
            f"data set {config.dataset} has changed after this study was planned; run the command "
            f"again"
        )
    model = build(variant, dataset.shape, dataset.classes, config.hyperparameters, config.seed)
    labelled = None
    if config.labels:
        labelled = choose_labelled(dataset.train, config.labels, dataset.classes, config.seed)
    return Trainer(
        model,
        dataset.train,
        seed=config.seed,
        batch_size=config.batch_size,
        rounds=config.rounds,
        device=config.device,
        labelled=labelled,
        execution=trial.execution,
    )


class _Work:
    """The steps of one trial, and what is known of it so far."""

    def __init__(self, trial: Trial, directory: TrialDirectory) -> None:
        self.trial = trial
        self.config = trial.config
        self.directory = directory
        self.trainer: Trainer | None = None
        self.cost: Cost | None = None
        self.weights: dict[str, str] = {}
        self.spent = 0.0
        """Seconds of training, evaluations along it left out."""
        self.began = self.written = 0.0

    def run(self) -> Record:
        trial, directory = self.trial, self.directory
        directory.clear_attempt()
        self.tell("training", 0)
        dataset = datasets.load(self.config.dataset, trial.data_root)
        self.trainer = trainer = start(trial, dataset)
        self.keep_source()
        flops = trainer.rehearse()
        environment.reset_peak_memory(self.config.device)
        curve = self.train(trainer, dataset)
        memory = environment.peak_memory_mb(self.config.device)

        began = time.perf_counter()
        model = trainer.evaluation_model()
        evidence = self.evidence(model, dataset)
        final = self.judge(evidence)
        self.cost = self.costs(trainer, self.spent, time.perf_counter() - began, memory, flops)
        areas = curve.areas(environment.machine(self.config.device)) if curve else []
        final = replace(final, scores=[*final.scores, *areas])
        directory.add_scores(score_set(final))
        self.save_weights(trainer, model)
        reasons = [self.draw(evidence), curve.missing if curve else None]
        if curve and curve.best:
            best = replace(final, scores=[one for one in final.scores if one not in areas])
            if curve.facts["round"] != trainer.round:
                evidence = self.evidence(curve.best, dataset)  # the last model's is let go
                best = self.judge(evidence)
            directory.add_scores(score_set(best, "best", curve.facts))
            self.save(curve.best.state_dict(), "best", curve.facts)
        if trainer.graphs and trainer.graphs.reason:
            reasons.append(f"rounds were not captured as CUDA graphs: {trainer.graphs.reason}")
        return self.record("finished", "; ".join(filter(None, reasons)) or None)

    def train(self, trainer: Trainer, dataset: Dataset) -> ValidationCurve | None:
        """Play all rounds, and evaluate along them where that was asked for."""
        config, curve = self.config, None
        if config.eval_every:
            settings, metrics = self.trial.evaluation, config.eval_metrics
            curve = ValidationCurve(dataset, self.directory, settings, metrics, config.seed)
        every = config.eval_every or config.rounds
        while trainer.round < config.rounds:
            self.began = time.perf_counter()
            trainer.train(min(every, config.rounds - trainer.round), HISTORY_EVERY, self.report)
            self.spent += time.perf_counter() - self.began
            if curve:
                curve.add(trainer, self.spent)
        return curve

    def evidence(self, model: Variant, dataset: Dataset) -> Evidence:
        config, settings = self.config, self.trial.evaluation
        return Evidence(model, dataset, settings, config.seed, device=config.device)

    def judge(self, evidence: Evidence) -> harness.Evaluation:
        return harness.measure_all(evidence, tell=self.tell_metric)

    def report(self, means: dict[str, float]) -> None:
        """A reading of the history: keep it, and tell who watches."""
        elapsed = self.spent + time.perf_counter() - self.began
        rate = means["images"] / elapsed
        self.directory.append_history([{**means, "images_per_second": rate}])
        if time.perf_counter() - self.written > STATE_SECONDS:
            left = elapsed / means["round"] * (self.config.rounds - means["round"])
            losses = {k: v for k, v in means.items() if k not in ("round", "images")}
            self.tell(
                "training",
                int(means["round"]),
                losses=losses,
                images_per_second=rate,
                seconds_left=left,
            )

    def tell_metric(self, metric: str, done: int, of: int) -> None:
        """What is measured now: `done` metrics of `of` are."""
        self.tell("evaluating", self.config.rounds, metric=metric, measured=done, metrics=of)

    def tell(
        self, phase: Literal["training", "evaluating"], round_number: int, **facts: Any
    ) -> None:
        """Leave a state for who watches."""
        self.written = time.perf_counter()
        self.directory.write_state(
            State(
                label=self.trial.title,
                seed=self.config.seed,
                phase=phase,
                round=round_number,
                rounds=self.config.rounds,
                pid=os.getpid(),
                updated=datetime.now(UTC),
                **facts,
            )
        )

    def keep_source(self) -> None:
        """A guest's source beside what it trained: to be read and compared, never to be run."""
        files = registry.source_of(type(self.trainer.model) if self.trainer else Variant)
        for name, content in files.texts().items():
            atomic_write(self.directory.source_path / name, content)

    def save_weights(self, trainer: Trainer, model: Variant) -> None:
        """What was evaluated, under its own names; the averaged networks' live weights beside."""
        tensors = model.state_dict()
        for average in trainer.averages.values():
            tensors |= {f"live.{k}": v for k, v in average.live.state_dict().items()}
        self.save(tensors, "final", {})

    def save(
        self, tensors: Mapping[str, Tensor], checkpoint: Checkpoint, facts: Mapping[str, Any]
    ) -> None:
        """The weights of a checkpoint, and in their metadata what is known of it."""
        cpu = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
        about = {"trial": self.trial.identity} | {k: str(v) for k, v in facts.items()}
        content = save(cpu, about)
        atomic_write(self.directory.path / WEIGHTS[checkpoint], content)
        self.weights[WEIGHTS[checkpoint]] = hashlib.sha256(content).hexdigest()

    def draw(self, evidence: Evidence, names: Collection[str] | None = None) -> str | None:
        """The pictures, or some. A model that cannot be drawn keeps its numbers; returns why."""
        place, config = self.directory.path, self.config
        title = f"{config.title}, {config.dataset}, seed {config.seed}, {config.rounds} rounds"
        history = self.directory.read_history()
        pictures_of: dict[str, Callable[[BytesIO], None]] = {
            "samples": lambda path: samples_picture(evidence, path, title),
            "traversal": lambda path: traversal_picture(evidence, path),
            "neighbours": lambda path: neighbours_picture(evidence, path),
        }
        if evidence.dataset.kind == "points":
            pictures_of = {
                "samples": lambda path: points_picture(evidence, path, title),
                "traversal": lambda path: codes_picture(evidence, path),
            }
        pictures_of["history"] = lambda path: history_picture(history, path, title)
        missing: dict[str, list[str]] = {}
        for name, draw in pictures_of.items():
            if names is not None and name not in names:
                continue
            picture = BytesIO()
            try:
                draw(picture)
            except GanbenchError:
                raise
            except Unavailable as reason:
                missing.setdefault(str(reason), []).append(name)
            except Exception as error:
                missing.setdefault(located(error), []).append(name)
            else:
                try:
                    atomic_write(place / f"{name}.png", picture.getvalue())
                except UserError as error:
                    why = getattr(error.__cause__, "strerror", None) or str(error)
                    missing.setdefault(f"{UNWRITTEN} ({why})", []).append(name)
        reasons = (f"no picture of {', '.join(n)}: {reason}" for reason, n in missing.items())
        return "; ".join(reasons) or None

    def costs(
        self, trainer: Trainer, training: float, evaluation: float, memory: float, flops: int
    ) -> Cost:
        durations = trainer.timer.read()
        deciles = statistics.quantiles(durations, n=10) if len(durations) > 1 else durations * 9
        return Cost(
            seconds_training=training,
            seconds_evaluation=evaluation,
            images_per_second=trainer.images_seen / training,
            rounds_per_second=trainer.round / training,
            ms_per_round=statistics.median(durations),
            ms_per_round_p90=deciles[8],
            peak_memory_mb=memory,
            parameters=sum(p.numel() for p in trainer.model.parameters()),
            flops_per_round=flops,
            threads=self.trial.threads,
            jobs=self.trial.jobs,
            graphs=trainer.graphs is not None and trainer.graphs.reason is None,
        )

    def record(self, status: Status, reason: str | None) -> Record:
        trainer = self.trainer
        return Record(
            **dict(self.config),
            trial=self.config.identity,
            weights=self.weights,
            images_seen=trainer.images_seen if trainer else 0,
            generator_updates=trainer.generator_updates if trainer else 0,
            status=status,
            reason=reason,
            cost=self.cost,
            host=Host.model_validate(environment.describe(self.config.device)),
            packages=environment.packages(),
            command=self.trial.command,
            study=self.trial.study,
            created=datetime.now(UTC),
        )


def failed(trial: Trial, reason: str) -> Record:
    """The record of a trial whose process could not write it."""
    return _Work(trial, TrialDirectory(trial.directory)).record("failed", reason)
