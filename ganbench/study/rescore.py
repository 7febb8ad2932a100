"""Trained models and their scores: read from a trial's directory, measured, kept beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from ganbench.core import environment
from ganbench.core.errors import UserError
from ganbench.core.metric_specs import MetricSpec
from ganbench.data.dataset import Dataset
from ganbench.data.io.paths import MissingPath
from ganbench.evaluate import harness
from ganbench.evaluate.harness import Evaluation
from ganbench.model import Variant
from ganbench.plugins import datasets, extractors, registry, trust
from ganbench.records.files import as_user_errors, open_own
from ganbench.records.schema import Checkpoint, Record, ScoreSet
from ganbench.records.store import TrialDirectory
from ganbench.study.locks import lock
from ganbench.study.worker_tasks import Rescoring, Scoring
from ganbench.train.trainer import build

WEIGHTS: dict[Checkpoint, str] = {"final": "weights.safetensors", "best": "best.safetensors"}
"""The file of each checkpoint's weights; `best` is there where curves were asked for."""


def specs_of(scoring: Scoring, dataset: Dataset) -> list[MetricSpec]:
    """The metrics of a scoring. Runs the code of those that are not ganbench's own.

    Raises UserError for an unknown metric, and for code that cannot be loaded.
    """
    if scoring.extractor:
        extractors.load(scoring.extractor)
    own = scoring.settings.specs_for(dataset)
    if scoring.part != "all":
        wanted = scoring.part == "with extractor"
        own = [spec for spec in own if (spec.extractor in ("features", "classes")) == wanted]
    guests = [spec for name in scoring.guests for spec in registry.load_metrics(name)]
    return [*own, *guests]


def keys_of(scoring: Scoring, dataset: Dataset, split: str = "test") -> dict[str, str]:
    """The keys of the scores that a scoring gives on some data, by metric."""
    specs = specs_of(scoring, dataset)
    return {spec.name: scoring.settings.key(spec, dataset, split) for spec in specs}


def score_set(
    evaluation: Evaluation, checkpoint: Checkpoint = "final", facts: Mapping[str, Any] | None = None
) -> ScoreSet:
    """An evaluation as the document that is kept of it; facts: `round`, `chosen_by`, `host`..."""
    return ScoreSet(
        split=evaluation.split,
        settings=asdict(evaluation.settings),
        seed=evaluation.seed,
        checkpoint=checkpoint,
        scores=evaluation.scores,
        skipped=evaluation.skipped,
        seconds=evaluation.seconds,
        **(facts or {}),
    )


def load(
    directory: str | Path,
    device: str = "cpu",
    checkpoint: Checkpoint = "final",
    allow_code: bool = False,
) -> Variant:
    """The model that a finished trial was evaluated by: averaged generator, live heads.

    In eval mode; `model.generate(model.latent.draw(n, rng))` gives images in [-1, 1].
    checkpoint: `best` is the one chosen on the validation split, where `--eval-every` was given.
    allow_code: run the Python file that the record names, although you have not run it by name
    on this machine before.

    Raises UserError where the directory has no record, its weights cannot be used, or the
    variant's source is another one than it was trained with, or not known.
    """
    return _load(Path(directory), device, checkpoint, allow_code)[0]


def _load(
    directory: Path, device: str, checkpoint: Checkpoint, allow_code: bool
) -> tuple[Variant, dict[str, Any]]:
    record = TrialDirectory(directory).read_record()
    again = f"delete {directory} and run its study again"
    files = registry.source(record.variant)
    # Hashed before it is run: what a record names is not what its reader has chosen.
    if record.source_digest not in ("", files.digest(record.source.partition(":")[2])):
        raise UserError(
            f"{directory}: the source of {record.variant} is not the one that it was trained with; "
            f"bring that back, or {again}"
        )
    trust.check(files, allow_code)
    variant = registry.load(record.variant, files)
    path = directory / WEIGHTS[checkpoint]
    with open_own(path) as raw, as_user_errors(path, "read"):
        digest = hashlib.file_digest(raw, "sha256").hexdigest()
    model = _built(directory, record, variant)
    try:
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
        if not metadata.get("round", "").isdecimal():
            raise UserError(f"{path} does not say of which round it is; {again}")
        facts = {"round": int(metadata["round"]), "chosen_by": metadata["chosen_by"]}
    return model.requires_grad_(False).eval().to(device), facts


def _built(directory: Path, record: Record, variant: type[Variant]) -> Variant:
    """The variant as it was recorded, with new weights. Raises UserError where it cannot be."""
    # A plug-in's data set is not asked: its code need not run for a model that is recorded whole.
    own = not datasets.reference_of(record.dataset)
    source = datasets.source(record.dataset) if own else None
    recipe = source.recipe if source else ""
    hyperparameters = variant.resolve(record.hyperparameters, recipe, record.variant)
    shape = record.shape or (source.shape if source else ())
    classes = source.classes if source and record.classes is None else record.classes or 0
    try:
        return build(variant, shape, classes, hyperparameters, record.seed)
    except UserError:
        raise
    except Exception as error:  # sizes that it was never trained with, say
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{directory}: {record.variant} cannot be built as its record says "
            f"({type(error).__name__}: {reason})"
        ) from error


def trust_data(record: Record, directory: Path, allow_code: bool) -> None:
    """Refuse a plug-in's data set that a record names, unless it is the one and this user knows it.

    Nothing of it is run. Raises UserError.
    """
    reference = datasets.reference_of(record.dataset)
    if not reference:
        return
    files = registry.source(reference, "datasets")
    facts = record.dataset_facts
    if facts.get("digest") != files.digest(str(facts.get("dataset"))):
        raise UserError(
            f"{directory}: the source of data set {record.dataset} is not the one that it was "
            f"trained on; bring that back"
        )
    trust.check(files, allow_code)


def dataset_of(job: Rescoring) -> Dataset:
    """The data set that a trial was trained on, wherever it is now.

    Raises UserError where it is not here, or is another: its fingerprint vouches for it.
    """
    record = TrialDirectory(job.directory).read_record()
    trust_data(record, job.directory, job.allow_code)
    try:
        dataset = datasets.load(record.dataset, job.data_root, job.data)
    except MissingPath as error:
        hint = "" if job.data else "; if it was moved, say where it is now with --data PATH"
        raise UserError(f"{error}{hint}") from error
    if dataset.fingerprint != record.dataset_fingerprint:
        at = f" at {job.data}" if job.data and datasets.source(record.dataset).takes_path else ""
        raise UserError(
            f"{job.directory}: data set {record.dataset}{at} is not the one that it was trained on "
            f"(fingerprint {dataset.fingerprint}, recorded {record.dataset_fingerprint})"
        )
    return dataset


def rescore(job: Rescoring) -> list[str]:
    """Measure what the scores of a trial's saved models lack; nothing is trained.

    Returns the keys of all that the scoring asks for. Alone with the trial's directory.

    Raises UserError where the weights or the data are missing, damaged or others.
    """
    torch.set_num_threads(job.threads)
    with lock(job.directory):
        return complete(job)


def complete(job: Rescoring) -> list[str]:
    """`rescore`, for who has the directory's lock."""
    dataset = dataset_of(job)
    specs = specs_of(job.scoring, dataset)
    keys = [job.scoring.settings.key(spec, dataset, job.split) for spec in specs]
    directory = TrialDirectory(job.directory)
    record = directory.read_record()
    for checkpoint, name in WEIGHTS.items():
        if checkpoint != "final" and not (job.directory / name).exists():
            continue
        there = directory.measured(checkpoint)
        missing = [spec for spec, key in zip(specs, keys, strict=True) if key not in there]
        if not missing:
            continue
        model, facts = _load(job.directory, job.device, checkpoint, job.allow_code)
        evaluation = harness.evaluate(
            model,
            dataset,
            seed=record.seed,
            split=job.split,
            settings=job.scoring.settings,
            device=job.device,
            metrics=missing,
        )
        facts |= {"host": environment.describe(job.device), "packages": environment.packages()}
        directory.add_scores(score_set(evaluation, checkpoint, facts))
    return keys
