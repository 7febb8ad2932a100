"""From a command to trials: every choice resolved and checked before anything runs."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ganbench import data
from ganbench.data.dataset import Dataset
from ganbench.errors import UserError
from ganbench.model import NUMERICS
from ganbench.plugins import registry
from ganbench.records.schema import label
from ganbench.train.trainer import build, real_batches


@dataclass(frozen=True)
class Trial:
    """One variant with its hyperparameters on one data set with one seed and one budget.

    `identity` hashes all that can change the training; evaluation is not part of it.
    """

    variant: str
    source: str
    source_digest: str
    changed: dict[str, Any]
    hyperparameters: dict[str, Any]
    dataset: str
    data_root: Path | None
    dataset_fingerprint: str
    seed: int
    rounds: int
    batch_size: int
    device: str
    identity: str
    results: Path
    jobs: int = 1
    threads: int = 1

    @property
    def label(self) -> str:
        """What the user would type: `infogan:info_weight=0.5`."""
        return label(self.variant, self.changed)

    @property
    def directory(self) -> Path:
        """Where the trial's files go."""
        slug = re.sub(r"[^A-Za-z0-9._=-]+", "-", self.label).strip("-.")[:80]
        return self.results / self.dataset / f"{slug}-seed{self.seed}-{self.identity}"


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
    tell: Callable[[str], None] = lambda line: None,
) -> list[Trial]:
    """Resolve a command into trials: variants in the order given, seeds within each.

    `rounds` is the budget of a variant that reads one batch of real images per round; one
    that reads k (`d_steps=k`) plays rounds / k, so that all see the same number of images.
    `tell` hears of specs that are the same trials as another's.

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
    where = parse_device(device)
    variants = [_resolve(spec, dataset, settings or {}) for spec in specs]
    loaded = data.load(dataset, data_root)
    if size > len(loaded.train):
        raise UserError(f"batch size {size}: {dataset} has {len(loaded.train)} training images")
    trials: dict[str, Trial] = {}
    for reference, variant, changed, resolved in variants:
        steps = _rehearse(reference, variant, resolved, loaded)
        own_rounds = max(1, round(budget / steps))
        digest = registry.source_digest(variant)
        for seed in numbers:
            facts = {
                "data": [dataset, loaded.fingerprint],
                "variant": digest,
                "hyperparameters": resolved,
                "seed": seed,
                "rounds": own_rounds,
                "batch_size": size,
                "device": torch.device(where).type,
                "numerics": NUMERICS,
            }
            identity = digest_of(facts)
            known = trials.get(identity)
            if known:
                if seed == numbers[0] and known.label != label(reference, changed):
                    tell(f"{label(reference, changed)} is the same as {known.label}")
                continue
            trials[identity] = Trial(
                variant=reference,
                source=f"{variant.__module__}:{variant.__qualname__}",
                source_digest=digest,
                changed=changed,
                hyperparameters=resolved,
                dataset=dataset,
                data_root=data_root,
                dataset_fingerprint=loaded.fingerprint,
                seed=seed,
                rounds=own_rounds,
                batch_size=size,
                device=where,
                identity=identity,
                results=results,
            )
    return list(trials.values())


def digest_of(facts: Mapping[str, Any]) -> str:
    """A short hash (12 hex digits) of JSON-like facts."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _resolve(
    spec: str, dataset: str, settings: Mapping[str, Any]
) -> tuple[str, Any, dict[str, Any], dict[str, Any]]:
    """A spec's reference, class, what differs from its defaults, and all hyperparameters."""
    reference, own = registry.parse(spec)
    variant = registry.load(reference)
    try:
        defaults = variant.resolve({}, dataset, title=reference)
        resolved = variant.resolve({**settings, **own}, dataset, title=reference)
        json.dumps(resolved)
    except (NameError, TypeError) as error:
        raise UserError(
            f"{reference}: its hyperparameters cannot be used ({error}); they must be numbers, "
            f"text, truth values, None or tuples of these"
        ) from error
    changed = {name: value for name, value in resolved.items() if value != defaults[name]}
    return reference, variant, changed, resolved


def _rehearse(reference: str, variant: Any, resolved: dict[str, Any], loaded: Dataset) -> int:
    """Build a variant once, so that what cannot work is refused before any training."""
    try:
        game = build(variant, loaded.shape, loaded.classes, resolved, seed=0)
        return real_batches(game.updates())
    except (Exception, SystemExit) as error:
        reason = str(error).partition("\n")[0]
        if not isinstance(error, ValueError) or not reason:
            reason = f"{type(error).__name__}: {reason}"
        raise UserError(f"{reference} cannot be built for {loaded.name}: {reason}") from error
