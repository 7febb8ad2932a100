"""The part of planning that runs in workers: what a variant's own code, or the data, can tell."""

from __future__ import annotations

import json

import torch
from safetensors.torch import load, save

from ganbench.core.errors import UserError, of_guest
from ganbench.core.specs import parse_spec
from ganbench.data.dataset import Split
from ganbench.data.label_budget import check_labels
from ganbench.model import NUMERICS
from ganbench.plugins import datasets, registry, trust
from ganbench.plugins.error_places import is_ours, located
from ganbench.study.rescore import keys_of
from ganbench.study.worker_tasks import (
    DataFacts,
    DataRequest,
    Rehearsal,
    Rehearsed,
    ScoringRequest,
    Spec,
    SpecRequest,
)
from ganbench.train.batches_per_round import FEW, batches_per_round, unread_hyperparameters
from ganbench.train.trainer import build


def resolve(wanted: SpecRequest) -> Spec:
    """A spec's class and hyperparameters; code that is named here is known from now on.

    Raises UserError where it names nothing, or its hyperparameters are wrong.
    """
    reference, own = parse_spec(wanted.spec)
    variant = registry.load(reference)
    trust.remember(registry.source_of(variant))
    try:
        given = {**wanted.hyperparameters, **own}
        resolved = variant.resolve(given, wanted.recipe, title=reference)
        preset = {"preset": resolved["preset"]} if resolved["preset"] else {}
        defaults = variant.resolve(preset, wanted.recipe, title=reference)
        json.dumps(resolved)
    except (NameError, TypeError) as error:
        raise UserError(
            f"{reference}: its hyperparameters cannot be used ({error}); they must be numbers, "
            f"text, truth values, None or tuples of these"
        ) from error
    changed = {name: value for name, value in resolved.items() if value != defaults[name]}
    source = f"{variant.__module__}:{variant.__qualname__}"
    digest = registry.source_digest(variant)
    name = registry.name_of(source) or variant.__qualname__
    return Spec(reference, name, source, digest, preset | changed, resolved)


def look_at_data(request: DataRequest) -> DataFacts:
    """Load the data, and check what was request of it and of the device.

    Raises UserError for data or a device that is not there, and for labels or a batch size
    that the data cannot give.
    """
    device = parse_device(request.device)
    execution = request.execution.on(device)
    loaded = datasets.load(request.dataset, request.root)
    allowed = None
    if request.labels is not None:
        if not loaded.classes:
            raise UserError(f"labels {request.labels}: {request.dataset} has no labels")
        allowed = check_labels(loaded.train, request.labels, loaded.classes)
    source = datasets.source(request.dataset)
    size = source.batch_size if request.batch_size is None else request.batch_size
    if size > len(loaded.train):
        raise UserError(
            f"batch size {size}: {request.dataset} has {len(loaded.train)} training "
            f"images; give a smaller one with --batch-size"
        )
    few = loaded.train[:FEW]
    return DataFacts(
        name=loaded.name,
        facts=loaded.facts,
        folder=loaded.short_name,
        shape=loaded.shape,
        classes=loaded.classes,
        fingerprint=loaded.fingerprint,
        allowed=allowed,
        few=save({"images": few.images.contiguous(), "labels": few.labels.contiguous()}),
        device=device,
        execution=execution,
        arithmetic=execution.arithmetic(device),
        numerics=NUMERICS,
        notices=loaded.notices,
    )


def look_at_scoring(request: ScoringRequest) -> dict[str, str]:
    """The keys of the scores that a scoring gives on some data, by metric.

    Raises UserError for data that is not there, and for metrics that cannot be loaded.
    """
    dataset = datasets.load(request.dataset, request.root, request.at)
    return keys_of(request.scoring, dataset, request.split)


def rehearse(job: Rehearsal) -> Rehearsed:
    """Build a variant once, so that what cannot work is refused before any training.

    Raises UserError where it cannot be built, or its source has changed meanwhile.
    """
    spec, facts = job
    variant = registry.load(spec.reference)
    check_source(spec.reference, registry.source_digest(variant), spec.digest)
    few = Split(**load(facts.few))
    try:
        if not facts.classes:  # would it read labels, if there were some?
            model = build(variant, facts.shape, 2, spec.resolved, seed=0)
            if batches_per_round(model, few).labels:
                raise ValueError("it reads labels, and there are none")
        model = build(variant, facts.shape, facts.classes, spec.resolved, seed=0)
        read = batches_per_round(model, few)
    except BaseException as error:
        if not of_guest(error):
            raise
        said = isinstance(error, ValueError) and is_ours(error)
        reason = str(error) if said else located(error)
        raise UserError(f"{spec.reference} cannot be built for {facts.name}: {reason}") from error
    own = [name for name in spec.changed if name != "preset"]
    idle = unread_hyperparameters(variant, facts.classes, few, spec.resolved, own) if own else []
    return Rehearsed(read, idle)


def check_source(reference: str, found: str, planned: str) -> None:
    """What runs is what was planned. Raises UserError where a plug-in was edited in between."""
    if found != planned:
        raise UserError(
            f"{reference} was edited after this study was planned; run the command again"
        )


def parse_device(name: str) -> str:
    """`auto` is CUDA where there is one, else the CPU. Raises UserError where it is not there."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise UserError(f"unknown device {name!r} (valid: auto, cpu, cuda, cuda:N)")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"device {name}: this machine's torch finds no CUDA device; use cpu")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(f"device {name}: this machine has {torch.cuda.device_count()} CUDA devices")
    return str(device)
