"""From a command to trials: every choice resolved and checked before anything runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from ganbench import data
from ganbench.data.dataset import Dataset
from ganbench.data.labels import check_labels
from ganbench.errors import UserError
from ganbench.evaluate.catalogue import chosen
from ganbench.evaluate.settings import Settings
from ganbench.model import NUMERICS, Game
from ganbench.plugins import registry
from ganbench.records.schema import label
from ganbench.study.reading import Reading, reading
from ganbench.study.trial import Trial, digest_of
from ganbench.train.modes import Execution
from ganbench.train.trainer import build

SUPERVISED_ONLY = "supervised_only"
"""The hyperparameter, false by default, by which a variant says that it is semi-supervised."""


class Spec(NamedTuple):
    """A resolved spec: how it was named, its class, what was changed, all hyperparameters."""

    reference: str
    variant: type[Game]
    changed: dict[str, Any]
    resolved: dict[str, Any]

    @property
    def label(self) -> str:
        """What the user would type."""
        return label(self.reference, self.changed)


def parse_seeds(text: str | int | Sequence[int]) -> list[int]:
    """`3` means seeds 0, 1, 2; `4,7` (or a sequence) names them.

    Raises UserError for no seeds, repeated, negative or unreadable ones.
    """
    try:
        if isinstance(text, str) and "," in text:
            seeds = [int(piece) for piece in text.split(",") if piece.strip()]
        elif isinstance(text, str | int):
            seeds = list(range(int(text)))
        else:
            seeds = [int(seed) for seed in text]
    except (ValueError, TypeError):
        raise UserError(f"seeds {text!r}: give a count (3) or a list (4,7)") from None
    if not seeds:
        raise UserError(f"seeds {text!r}: at least one seed is needed")
    if min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise UserError(f"seeds {text!r}: seeds must be different and not negative")
    return seeds


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


def plan(
    specs: Sequence[str],
    *,
    dataset: str = "digits",
    seeds: str | int | Sequence[int] = 3,
    rounds: int | None = None,
    batch_size: int | None = None,
    settings: Mapping[str, Any] | None = None,
    device: str = "auto",
    data_root: Path | None = None,
    results: Path = Path("results"),
    labels: str | int | None = None,
    evaluation: Settings | None = None,
    eval_every: int | None = None,
    eval_metrics: Sequence[str] | None = None,
    execution: Execution | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> list[Trial]:
    """Resolve a command into trials: variants in the order given, seeds within each.

    `rounds` is the budget of a variant that reads one batch of real images per round; one
    that reads k (`d_steps=k`) plays rounds / k, so that all see the same number of images.

    `labels` is a label budget: `100` in all, or `250/class`. Variants that read no labels are
    the same trials with and without it. One that reads them and has a hyperparameter
    `supervised_only` is followed by itself on the labelled images alone, as its reference.

    `evaluation` is how final models are scored; it is no part of a trial's identity.
    `eval_every` rounds, `eval_metrics` are measured on the validation split along training;
    since that leaves other files, such a trial has an identity of its own.

    `execution` is how rounds are executed; it is part of the identity where it moves the rounding.

    `tell` hears of specs that are the same trials as another's, and of those added.

    Raises UserError for everything that can be known to be wrong before training.
    """
    wrong = [spec for spec in specs if not isinstance(spec, str)]
    if wrong:
        raise UserError(f"{wrong[0]!r}: a variant is named by text: NAME, FILE.py or MODULE:Class")
    if not specs:
        raise UserError("name at least one variant, e.g. ganbench run infogan acgan")
    source = data.source(dataset)
    numbers = parse_seeds(seeds)
    budget = rounds if rounds is not None else source.rounds
    size = batch_size if batch_size is not None else source.batch_size
    for name, value, least in (("rounds", budget, 1), ("batch size", size, 2)):
        if not isinstance(value, int) or value < least:
            raise UserError(f"{name} {value}: must be a whole number of at least {least}")
    if eval_every is not None and not 1 <= eval_every <= budget:
        raise UserError(f"eval-every {eval_every}: must be from 1 to the {budget} rounds")
    if eval_metrics is not None:
        named = [m for name in eval_metrics for m in chosen([name])]
        eval_metrics = tuple(dict.fromkeys(named))  # in the order given: the first one chooses
        if eval_every is None:
            raise UserError("eval-metrics are for --eval-every N: give the rounds between two")
    where = parse_device(device)
    execution = (execution or Execution()).on(where)
    arithmetic = execution.arithmetic(where)
    asked = [_resolve(spec, source.recipe, settings or {}) for spec in specs]
    loaded = data.load(dataset, data_root)
    for line in loaded.notices:
        tell(f"warning: {line}")
    allowed = None
    if labels is not None and not loaded.classes:
        raise UserError(f"labels {labels}: {dataset} has no labels")
    if labels is not None:
        allowed = check_labels(loaded.train, labels, loaded.classes)
    if size > len(loaded.train):
        raise UserError(
            f"batch size {size}: {dataset} has {len(loaded.train)} training images; "
            f"give a smaller one with --batch-size"
        )
    plays: list[tuple[Spec, Reading]] = []
    for spec in asked:
        plays.append((spec, _rehearse(spec, loaded)))
        fewer = labels is not None and plays[-1][1].labels
        if fewer and (only := _supervised_only(spec, asked)):
            tell(f"added {only.label}: what the labelled images alone are worth")
            plays.append((only, _rehearse(only, loaded)))
    if labels is not None and not any(read.labels for _, read in plays):
        names = ", ".join(dict.fromkeys(spec.label for spec in asked))
        raise UserError(f"labels {labels}: no variant here reads labels ({names})")
    evaluation = evaluation or Settings()
    protocol = evaluation.protocol_id(loaded)
    trials: dict[str, Trial] = {}
    for spec, read in plays:
        own_rounds = max(1, round(budget / read.batches))
        own_labels = str(allowed) if allowed is not None and read.labels else None
        digest = registry.source_digest(spec.variant)
        for seed in numbers:
            facts: dict[str, Any] = {
                "data": [dataset, loaded.fingerprint],
                "variant": digest,
                "hyperparameters": spec.resolved,
                "seed": seed,
                "rounds": own_rounds,
                "batch_size": size,
                "device": torch.device(where).type,
                "numerics": NUMERICS,
            }
            if own_labels:  # only then: trials without a budget keep their identity
                facts["labels"] = own_labels
            if arithmetic:
                facts["arithmetic"] = arithmetic
            own_every = max(1, round(eval_every / read.batches)) if eval_every else None
            if own_every:
                facts["evaluations"] = [own_every, eval_metrics]
            identity = digest_of(facts)
            known = trials.get(identity)
            if known:
                if seed == numbers[0] and known.label != spec.label:
                    tell(f"{spec.label} is the same as {known.label}")
                continue
            trials[identity] = Trial(
                variant=spec.reference,
                source=f"{spec.variant.__module__}:{spec.variant.__qualname__}",
                source_digest=digest,
                changed=spec.changed,
                hyperparameters=spec.resolved,
                dataset=dataset,
                data_root=data_root,
                dataset_fingerprint=loaded.fingerprint,
                seed=seed,
                rounds=own_rounds,
                batch_size=size,
                device=where,
                identity=identity,
                results=results,
                shape=loaded.shape,
                classes=loaded.classes,
                labels=own_labels,
                evaluation=evaluation,
                protocol_id=protocol,
                eval_every=own_every,
                eval_metrics=eval_metrics,
                execution=execution,
            )
    return list(trials.values())


def _resolve(spec: str, dataset: str, settings: Mapping[str, Any]) -> Spec:
    """A spec with its class and its hyperparameters."""
    reference, own = registry.parse(spec)
    variant = registry.load(reference)
    try:
        resolved = variant.resolve({**settings, **own}, dataset, title=reference)
        preset = {"preset": resolved["preset"]} if resolved["preset"] else {}
        defaults = variant.resolve(preset, dataset, title=reference)
        json.dumps(resolved)
    except (NameError, TypeError) as error:
        raise UserError(
            f"{reference}: its hyperparameters cannot be used ({error}); they must be numbers, "
            f"text, truth values, None or tuples of these"
        ) from error
    changed = {name: value for name, value in resolved.items() if value != defaults[name]}
    return Spec(reference, variant, preset | changed, resolved)


def _supervised_only(spec: Spec, asked: Sequence[Spec]) -> Spec | None:
    """A semi-supervised spec on its labelled images alone, unless that was asked for."""
    if spec.resolved.get(SUPERVISED_ONLY) is not False:
        return None
    resolved = spec.resolved | {SUPERVISED_ONLY: True}
    named = {*spec.changed, SUPERVISED_ONLY}
    changed = {name: value for name, value in resolved.items() if name in named}
    if any((one.variant, one.resolved) == (spec.variant, resolved) for one in asked):
        return None
    return spec._replace(changed=changed, resolved=resolved)


def _rehearse(spec: Spec, loaded: Dataset) -> Reading:
    """Build a variant once, so that what cannot work is refused before any training."""
    try:
        if not loaded.classes:  # would it read labels, if there were some?
            game = build(spec.variant, loaded.shape, 2, spec.resolved, seed=0)
            if reading(game, loaded.train).labels:
                raise ValueError("it reads labels, and there are none")
        game = build(spec.variant, loaded.shape, loaded.classes, spec.resolved, seed=0)
        return reading(game, loaded.train)
    except (Exception, SystemExit) as error:
        reason = str(error).partition("\n")[0]
        if not isinstance(error, ValueError) or not reason:
            reason = f"{type(error).__name__}: {reason}"
        raise UserError(f"{spec.reference} cannot be built for {loaded.name}: {reason}") from error
