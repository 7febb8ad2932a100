"""Checks of a metric: is its number repeatable, a fact about the images, and told in full?

It is measured as the harness does it, on a small model that is made by hand and has every
capability, and on data that comes with ganbench.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor, nn

from ganbench import data
from ganbench.core import protocol as protocols
from ganbench.core.metric_specs import Better, MetricSpec, Needs
from ganbench.data.dataset import Dataset
from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.evidence import Evidence, undisturbed
from ganbench.evaluate.measurement import Measurement
from ganbench.evaluate.settings import Settings
from ganbench.plugins.checks.result import Failed, Skipped
from ganbench.plugins.checks.runner import one_line, seeded, undisturbed_generators
from ganbench.plugins.checks.toy_model import ToyModel

SAMPLES = 2000
"""Generated images: as few as a Frechet distance takes."""
SEED = 3
DATA = {"anything": "digits", "images": "digits", "world": "sprites", "mixture": "ring"}
"""What a metric is measured on, by what it needs."""
ERRORS = 8
"""Standard errors by which a number may move when the images come in another order.

Where a metric draws (subsets, splits, starts), two orders give two draws. Each is off by one
standard error, so their difference by at most two, usually 1.4. Eight are 4 to 5.7 standard
deviations of that: one metric in 16,000 at worst, in 10^8 usually; and since every seed is fixed,
whoever passes once passes always on that machine."""
ROUNDING = 1e-3
"""Of the number itself. Adding up 5,000 float32 numbers in another order moves the sum by at most
5,000 x 6e-8 = 3e-4 of the sum of their sizes, on any processor."""


class Subject:
    """A metric under examination."""

    def __init__(self, spec: MetricSpec) -> None:
        self.spec = spec

    @cached_property
    def dataset(self) -> Dataset:
        """The data that it is measured on. Raises Skipped where there is none here."""
        if self.spec.needs not in DATA:
            raise Skipped(f"it needs {self.spec.needs}, of which nothing comes with ganbench")
        return data.load(DATA[self.spec.needs])

    def evidence(self, dataset: Dataset | None = None, order: int | None = None) -> Evidence:
        """New evidence of a new model."""
        dataset = dataset or self.dataset
        return Evidence(ToyModel(self.dataset, order), dataset, Settings(samples=SAMPLES), SEED)

    def measured(self, evidence: Evidence, seed: int = 0) -> Measurement:
        """What it finds. seed: of the global generators, which must not matter.

        Raises Skipped where it cannot be measured, Failed where it gives no `Measurement`.
        """
        with self.as_in_the_harness(evidence, seed):
            return self.asked(evidence)

    @contextmanager
    def as_in_the_harness(self, evidence: Evidence, seed: int = 0) -> Iterator[None]:
        """No gradients, eval mode."""
        with undisturbed(evidence.model, SEED, evidence.device), seeded(seed):
            yield

    def asked(self, evidence: Evidence) -> Measurement:
        """Call its function."""
        try:
            found = self.spec.measure(evidence)
        except Unavailable as reason:
            if not str(reason).strip():
                raise Failed(
                    "it raises Unavailable without a reason: say what is missing"
                ) from None
            raise Skipped(f"cannot be measured here: {reason}") from reason
        if not isinstance(found, Measurement):
            raise Failed(f"it returns {type(found).__name__}, not a ganbench.evaluate.Measurement")
        return found

    @cached_property
    def usual(self) -> Measurement:
        """What it finds at first."""
        return self.measured(self.evidence())


def declaration(subject: Subject) -> None:
    """Summary and group are there, and direction, needs and version are ones that there are."""
    spec = subject.spec
    one_line(spec.summary, "its summary")
    one_line(spec.group, "its group")
    for name, valid in (("better", get_args(Better)), ("needs", get_args(Needs))):
        if getattr(spec, name) not in valid:
            raise Failed(f"{name} is {getattr(spec, name)!r}: one of {', '.join(valid)}")
    if not isinstance(spec.version, int) or spec.version < 1:
        raise Failed(f"version is {spec.version!r}: a whole number from 1")


def finite(subject: Subject) -> None:
    """It gives a finite number with a count, or says why it cannot."""
    found = subject.usual
    if not isinstance(found.value, int | float) or not math.isfinite(found.value):
        raise Failed(f"its value is {found.value!r}: a finite number, or raise Unavailable")
    if not isinstance(found.count, int) or found.count < 1:
        raise Failed(f"its count is {found.count!r}: the whole number of images behind the value")
    error = found.standard_error
    if error is not None and not (isinstance(error, int | float) and error >= 0):
        raise Failed(f"its standard_error is {error!r}: a number from 0, or None")


def same_twice(subject: Subject) -> None:
    """With one seed it gives one number, whatever the global generators of random numbers do."""
    other = subject.measured(subject.evidence(), seed=1)
    if other.value != subject.usual.value:
        raise Failed(
            f"one seed gives {subject.usual.value:.6g} and then {other.value:.6g}: draw from a "
            f"generator seeded by ganbench.core.seeding.stream(evidence.seed, 'its purpose')"
        )


def leaves_all_as_found(subject: Subject) -> None:
    """Model, images and global generators of random numbers are left as they were."""
    evidence = subject.evidence()
    subject.measured(evidence)  # what is gathered once is drawn now
    kept = {
        "generated images": lambda: evidence.generated,
        "training images": lambda: evidence.train.images,
        "held-out images": lambda: evidence.held_out.images,
    }
    images = {name: look().clone() for name, look in kept.items()}
    before = _state(evidence.model)
    with subject.as_in_the_harness(evidence):
        modes = [module.training for module in evidence.model.modules()]
        with undisturbed_generators("it"):
            subject.asked(evidence)
        if modes != [module.training for module in evidence.model.modules()]:
            raise Failed("it changes the mode of the model (train or eval): leave it as it was")
    for name, tensor in _state(evidence.model).items():
        if not torch.equal(tensor, before[name]):
            raise Failed(f"it changes {name} of the model: measure, and leave no trace")
    for name, look in kept.items():
        if not torch.equal(look(), images[name]):
            raise Failed(f"it writes into the {name}, which other metrics read: clone them first")


def _state(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def order_does_not_matter(subject: Subject) -> None:
    """The images in another order give the same number, within its standard error."""
    rng = torch.Generator().manual_seed(11)
    whole = subject.dataset
    parts = {
        name: getattr(whole, name).subset(torch.randperm(len(getattr(whole, name)), generator=rng))
        for name in ("train", "validation", "test")
    }
    first = subject.usual
    other = subject.measured(subject.evidence(replace(whole, **parts), order=12))
    errors = [one.standard_error or 0.0 for one in (first, other)]
    most = ERRORS * max(errors) + ROUNDING * max(abs(first.value), abs(other.value), 1e-6)
    if abs(first.value - other.value) > most:
        raise Failed(
            f"it is {first.value:.6g}, and {other.value:.6g} of the same images in another order: "
            f"more than {most:.2g}. A number of a set does not depend on its order; where it "
            f"draws, give the standard_error of that"
        )


def protocol(subject: Subject) -> None:
    """The protocol is a flat JSON object of facts, with the count of images and no path."""
    found = subject.usual.protocol
    if not isinstance(found, Mapping) or not all(isinstance(name, str) for name in found):
        raise Failed(f"its protocol is {type(found).__name__}: a dict of facts, by their names")
    facts = dict(found)
    try:
        json.dumps(facts, allow_nan=False)
        protocols.sentence(facts)
    except (TypeError, ValueError) as error:
        raise Failed(f"its protocol is no JSON ({error})") from error
    for name, value in facts.items():
        if isinstance(value, dict):
            raise Failed(f"{name} of its protocol is an object: let it be flat")
        for text in value if isinstance(value, list | tuple) else [value]:
            if isinstance(text, str) and _is_path(text):
                raise Failed(f"{name} of its protocol is a path: it is the same number elsewhere")
    counts = [n for n in facts.values() if isinstance(n, int) and not isinstance(n, bool)]
    if sum(counts) < subject.usual.count:  # of generated and of real ones together, perhaps
        raise Failed(
            f"its protocol does not say of how many images it is ({subject.usual.count} are behind "
            f"the value): add {{'generated': {SAMPLES}}}, or what they are"
        )
    if protocols.key(subject.measured(subject.evidence()).protocol) != protocols.key(facts):
        raise Failed("its protocol changes from one measurement to the next: facts alone")


def _is_path(text: str) -> bool:
    here = (str(Path.cwd()), str(Path.home()))
    return text.startswith(("/", "./", "../", "~")) or any(len(p) > 1 and p in text for p in here)


CHECKS: dict[str, Callable[[Any], None]] = {
    check.__name__: check
    for check in (
        declaration,
        finite,
        same_twice,
        leaves_all_as_found,
        order_does_not_matter,
        protocol,
    )
}
"""Every check of a metric by its name, in the order in which they are run."""
