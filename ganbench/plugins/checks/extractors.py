"""Checks of an extractor: features of one image alone, the same every time, under one name."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from ganbench.evaluate import extractors
from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.extractor_table import ExtractorSpec
from ganbench.evaluate.extractors import Extractor, Read
from ganbench.plugins.checks.result import Failed, Skipped
from ganbench.plugins.checks.runner import one_line, seeded, undisturbed_generators

IMAGES = 24
ANY = (3, 32, 32)
"""Of the images where an extractor reads any size."""
TOLERANCE = 1e-3
"""Of features in another batch, as a share of the largest. Another size of the batch lets a
library add up in another order, which moves a float32 sum of 10,000 numbers by at most 10,000 x
6e-8 = 6e-4 of the sum of their sizes and in practice by a hundredth of that; statistics of the
batch, which this looks for, move features by tenths."""


class Subject:
    """An extractor under examination, known to this process by a name.

    images: uint8 (24, c, h, w), patterns in noise.
    """

    def __init__(self, name: str, spec: ExtractorSpec) -> None:
        self.name = name
        self.spec = spec

    def made(self, seed: int) -> Extractor:
        """Make it anew. seed: of the global generators. Raises Skipped where it lacks weights."""
        try:
            with seeded(seed):
                made = self.spec.make("cpu")
        except Unavailable as reason:
            raise Skipped(str(reason)) from reason
        if not isinstance(made, Extractor):
            raise Failed(
                f"its target gives {type(made).__name__}, not a ganbench.evaluate.Extractor"
            )
        made.name = self.spec.name
        return made

    @cached_property
    def extractor(self) -> Extractor:
        """One of it."""
        return self.made(0)

    @property
    def images(self) -> Tensor:
        """Images of a shape that it reads, made anew whenever they are asked for."""
        shape = [size or any_ for size, any_ in zip(self.extractor.shape, ANY, strict=True)]
        rng = torch.Generator().manual_seed(5)
        base = torch.randint(0, 256, (4, *shape), generator=rng)
        noise = torch.randint(-40, 41, (IMAGES, *shape), generator=rng)
        return (base[torch.arange(IMAGES) % 4] + noise).clamp(0, 255).to(torch.uint8)

    def read(self, extractor: Extractor, images: Tensor, seed: int = 0) -> Read:
        """What it says. Raises Failed where that is not one row of finite numbers per image."""
        try:
            with seeded(seed), undisturbed_generators("reading images"):
                return extractor.read(images)
        except Unavailable as reason:
            raise Failed(
                f"{reason} (asked for {IMAGES} images of {tuple(images.shape[1:])})"
            ) from None


def declaration(subject: Subject) -> None:
    """It has a summary, and says how many features there are."""
    one_line(subject.spec.summary, "its summary")
    if not isinstance(subject.spec.features, int) or subject.spec.features < 1:
        raise Failed(f"features is {subject.spec.features!r}: how many numbers an image gets")


def features(subject: Subject) -> None:
    """It gives as many finite features an image as it declares, and logits where it says so."""
    found = subject.read(subject.extractor, subject.images)
    if found.features.shape[1] != subject.spec.features:
        raise Failed(
            f"it gives {found.features.shape[1]} features, declares {subject.spec.features}"
        )
    if (found.logits is not None) != subject.spec.has_logits:
        gives = "no logits" if found.logits is None else "logits"
        raise Failed(f"it gives {gives}, and declares has_logits={subject.spec.has_logits}")
    if float((found.features - found.features[:1]).abs().max()) == 0:
        raise Failed("it gives every image the same features: it does not read them")


def same_twice(subject: Subject) -> None:
    """Read twice, and made anew, it gives the same features; the images stay as they are."""
    images = subject.images
    first = subject.read(subject.extractor, images, seed=0).features
    if not torch.equal(images, subject.images):
        raise Failed("look() writes into the images: clone them first")
    if not torch.equal(first, subject.read(subject.extractor, images, seed=1).features):
        raise Failed("reading the same images twice gives other features: put it into eval mode")
    if not torch.equal(first, subject.read(subject.made(1), images).features):
        raise Failed("made anew it gives other features: its weights are drawn without a seed")


def answers_without_batch_mates(subject: Subject) -> None:
    """Features of an image are the same whatever else is in the batch."""
    extractor, images = subject.extractor, subject.images
    whole = subject.read(extractor, images).features
    scale = float(whole.abs().max()) + 1e-12
    mixed = torch.randperm(len(images), generator=torch.Generator().manual_seed(6))
    others = {
        "in halves": torch.cat(
            [subject.read(extractor, half).features for half in images.chunk(2)]
        ),
        "alone": torch.cat([subject.read(extractor, one).features for one in images[:6].split(1)]),
        "in another order": subject.read(extractor, images[mixed]).features[mixed.argsort()],
    }
    for how, other in others.items():
        off = float((other - whole[: len(other)]).abs().max())
        if off > TOLERANCE * scale:
            raise Failed(
                f"features of an image depend on the batch: {off:.3g} off when it is read {how} "
                f"(largest feature {scale:.3g}); use running statistics (eval mode)"
            )


def needs_no_gradients(subject: Subject) -> None:
    """Its networks are frozen: eval mode, no parameter that wants a gradient."""
    for name, value in vars(subject.extractor).items():
        for module in value.modules() if isinstance(value, nn.Module) else ():
            if module.training:
                raise Failed(f"{name} is in training mode: call eval()")
        if isinstance(value, nn.Module) and any(p.requires_grad for p in value.parameters()):
            raise Failed(f"{name} has parameters that want gradients: requires_grad_(False)")
    with torch.no_grad():
        found, _ = subject.extractor.look(subject.images)
    if found.requires_grad:
        raise Failed("look() turns gradients on: leave that to the caller")


def identity_is_stable(subject: Subject) -> None:
    """What it is called in protocols is known before it is made, and stays."""
    before = extractors.identity(subject.name, "")
    try:
        made = extractors.get(subject.name).identity
    except Unavailable as reason:
        raise Skipped(str(reason)) from reason
    after = extractors.identity(subject.name, "")
    if not before == made == after:
        raise Failed(f"its identity is {before!r}, made it is {made!r}, and then {after!r}")


CHECKS: dict[str, Callable[[Any], None]] = {
    check.__name__: check
    for check in (
        declaration,
        features,
        same_twice,
        answers_without_batch_mates,
        needs_no_gradients,
        identity_is_stable,
    )
}
"""Every check of an extractor by its name, in the order in which they are run."""
