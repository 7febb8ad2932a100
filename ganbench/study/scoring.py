"""Trained models and their scores: read from a trial's directory, measured, kept beside it."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open

from ganbench import data
from ganbench.errors import UserError
from ganbench.evaluate import harness
from ganbench.evaluate.harness import Evaluation
from ganbench.evaluate.settings import Settings
from ganbench.model import Game
from ganbench.plugins import registry
from ganbench.records.schema import Checkpoint, Reference, Score, ScoreSet, Skip
from ganbench.records.store import TrialDirectory
from ganbench.study.locks import lock
from ganbench.train.trainer import build

WEIGHTS: dict[Checkpoint, str] = {"final": "weights.safetensors", "best": "best.safetensors"}
"""The file of each checkpoint's weights; `best` is there where curves were asked for."""


def score_set(
    evaluation: Evaluation, checkpoint: Checkpoint = "final", facts: dict[str, Any] | None = None
) -> ScoreSet:
    """An evaluation as the document that is kept of it; facts: `round` and `chosen_by`."""
    return ScoreSet(
        protocol_id=evaluation.protocol_id,
        split=evaluation.split,
        settings=asdict(evaluation.settings),
        seed=evaluation.seed,
        checkpoint=checkpoint,
        scores=[Score.model_validate(asdict(score)) for score in evaluation.scores],
        skipped=[Skip(metric=metric, reason=reason) for metric, reason in evaluation.skipped],
        references=[
            Reference(name=name, score=Score.model_validate(asdict(score)))
            for name, score in evaluation.references
        ],
        seconds=evaluation.seconds,
        **(facts or {}),
    )


def load(directory: str | Path, device: str = "cpu", checkpoint: Checkpoint = "final") -> Game:
    """The model that a finished trial was evaluated by: averaged generator, live heads.

    In eval mode; `model.generate(model.latent.draw(n, rng))` gives images in [-1, 1].
    checkpoint: `best` is the one chosen on the validation split, where `--eval-every` was given.

    Raises UserError where the directory has no record or its weights cannot be used.
    """
    return _load(Path(directory), device, checkpoint)[0]


def _load(directory: Path, device: str, checkpoint: Checkpoint) -> tuple[Game, dict[str, Any]]:
    record = TrialDirectory(directory).read_record()
    variant = registry.load(record.variant)
    again = f"delete {directory} and run its study again"
    if record.source_digest not in ("", registry.source_digest(variant)):
        raise UserError(
            f"{directory}: the source of {record.variant} is not the one that it was trained with; "
            f"bring that back, or {again}"
        )
    source = data.source(record.dataset)
    hyperparameters = variant.resolve(record.hyperparameters, source.recipe, record.variant)
    shape = record.shape or source.shape
    classes = source.classes if record.classes is None else record.classes
    model = build(variant, shape, classes, hyperparameters, record.seed)
    path = directory / WEIGHTS[checkpoint]
    try:
        with path.open("rb") as raw:
            digest = hashlib.file_digest(raw, "sha256").hexdigest()
        if digest != record.weights.get(path.name, digest):
            raise UserError(f"{path} is not what was trained: its hash is another; {again}")
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {k: file.get_tensor(k) for k in file.keys() if not k.startswith("live.")}  # noqa: SIM118
        model.load_state_dict(tensors)
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"cannot use {path} ({reason}); {again}") from error
    facts: dict[str, Any] = {}
    if "chosen_by" in metadata:
        facts = {"round": int(metadata["round"]), "chosen_by": metadata["chosen_by"]}
    return model.requires_grad_(False).eval().to(device), facts


class Rescoring(NamedTuple):
    """A finished trial that is to be scored by some settings."""

    directory: Path
    settings: Settings
    split: str = "test"
    device: str = "cpu"
    data_root: Path | None = None
    threads: int = 1


def score(job: Rescoring) -> str:
    """`rescore`, alone with the trial's directory."""
    with lock(job.directory):
        return rescore(job)


def protocol_of(job: Rescoring) -> str:
    """The protocol that a job's scores will have. Raises UserError where the data is not here."""
    record = TrialDirectory(job.directory).read_record()
    dataset = data.load(record.dataset, job.data_root)
    if dataset.fingerprint != record.dataset_fingerprint:
        raise UserError(
            f"{job.directory}: data set {record.dataset} is not the one that it was trained on "
            f"(fingerprint {dataset.fingerprint}, recorded {record.dataset_fingerprint})"
        )
    return job.settings.protocol_id(dataset, job.split)


def rescore(job: Rescoring) -> str:
    """Evaluate the saved weights of a trial, those of every checkpoint; nothing is trained.

    What is scored by this protocol already is left alone. Returns the protocol's id.

    Raises UserError where the weights or the data are missing, damaged or others.
    """
    torch.set_num_threads(job.threads)
    protocol = protocol_of(job)
    directory = TrialDirectory(job.directory)
    record = directory.read_record()
    dataset = data.load(record.dataset, job.data_root)
    for checkpoint, name in WEIGHTS.items():
        if checkpoint != "final" and not (job.directory / name).exists():
            continue
        if directory.has_scores(protocol, checkpoint):
            continue
        model, facts = _load(job.directory, job.device, checkpoint)
        seed, settings, device = record.seed, job.settings, job.device
        evaluation = harness.evaluate(
            model, dataset, seed=seed, split=job.split, settings=settings, device=device
        )
        directory.add_scores(score_set(evaluation, checkpoint, facts))
    return protocol
