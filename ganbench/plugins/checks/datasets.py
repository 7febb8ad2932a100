"""Checks of a data set: range, labels, splits, and whether two loads give the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ganbench import data
from ganbench.data import Spec
from ganbench.data.dataset import Dataset, Split, Streamed
from ganbench.evaluate.extractor_table import KNOWN
from ganbench.plugins import registry
from ganbench.plugins.checks.result import Failed, Skipped
from ganbench.plugins.checks.runner import one_line, seeded, undisturbed_generators

MOST = 20_000
"""Images of a split that are looked at, the same ones every time."""
CHUNK = 500


class Subject:
    """A data set under examination: what its spec says, and what a load of it gives."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    def loaded(self, seed: int) -> Dataset:
        """Load it. seed: of the global generators of random numbers, which must not matter."""
        with seeded(seed), undisturbed_generators("loading it"):
            return data.read(self.spec)

    @cached_property
    def dataset(self) -> Dataset:
        """One load of it."""
        found = self.loaded(0)
        for name, part in _parts(found).items():
            if not isinstance(part, Split | Streamed) or not len(part):
                raise Failed(f"{name} is {part!r}: a ganbench.data.dataset.Split with images in it")
        return found

    @cached_property
    def splits(self) -> dict[str, Split | Streamed]:
        """Its splits, of the large ones some images."""
        return {name: _some(part) for name, part in _parts(self.dataset).items()}


def _parts(dataset: Dataset) -> dict[str, Split | Streamed]:
    return {name: getattr(dataset, name) for name in ("train", "validation", "test")}


def _some(part: Split | Streamed) -> Split | Streamed:
    if len(part) <= MOST:
        return part
    rows = torch.randperm(len(part), generator=torch.Generator().manual_seed(0))[:MOST]
    return part.subset(rows.sort().values)


def _chunks(part: Split | Streamed) -> Iterator[Split]:
    for start in range(0, len(part), CHUNK):
        yield part[start : start + CHUNK]


def declaration(subject: Subject) -> None:
    """It says what a study must know before it loads: a summary, a budget, a shape, options."""
    source = subject.spec.source
    one_line(source.summary, "its summary")
    for name in ("rounds", "batch_size"):
        value = getattr(source, name)
        if not isinstance(value, int) or value < 1:
            raise Failed(f"{name} is {value!r}: a whole number from 1")
    for name, values in source.options.items():
        if isinstance(values, str) or not values or not all(isinstance(v, str) for v in values):
            raise Failed(f"option {name} has the values {values!r}: a tuple of text, default first")
    extractors = {*KNOWN, *registry.installed("extractors")}
    beside = registry.is_outside(source.extractor)
    if source.extractor and source.extractor not in extractors and not beside:
        raise Failed(
            f"extractor is {source.extractor!r}, which is none of {', '.join(sorted(extractors))}"
        )


def images(subject: Subject) -> None:
    """Images are uint8 (n, c, h, w), or points float32 (n, 2) in [-1, 1], of the declared shape."""
    found, declared = subject.dataset.shape, subject.spec.source.shape
    is_usual = not subject.spec.source.changed(subject.spec.options)
    if declared and is_usual and tuple(declared) != found:
        raise Failed(f"images have the shape {found}, declared is {tuple(declared)}")
    if len(found) != 3 and found != (2,):
        raise Failed(f"images have the shape {found}: (c, h, w), or (2,) for points")
    for name, part in subject.splits.items():
        if tuple(part.images.shape[1:]) != found:
            raise Failed(f"{name} has images of {tuple(part.images.shape[1:])}, train of {found}")
        wanted = torch.uint8 if len(found) == 3 else torch.float32
        if part.images.dtype != wanted:
            raise Failed(f"{name} has images of {part.images.dtype}, not {wanted}")
        for chunk in _chunks(part) if wanted == torch.float32 else ():
            if not bool((chunk.images.abs() <= 1).all()):  # what is not a number is not, either
                raise Failed(f"{name} has points beyond [-1, 1]: divide them by a scale")


def labels(subject: Subject) -> None:
    """Labels are int64 (n,) from 0 to classes - 1, and all 0 where there are no classes."""
    classes, declared = subject.dataset.classes, subject.spec.source.classes
    is_usual = not subject.spec.source.changed(subject.spec.options)
    if declared and is_usual and declared != classes:
        raise Failed(f"it has {classes} classes, declared are {declared}")
    for name, part in _parts(subject.dataset).items():
        found = part.labels
        if found.dtype != torch.int64 or tuple(found.shape) != (len(part.images),):
            raise Failed(
                f"labels of {name} are {found.dtype} {tuple(found.shape)}, not torch.int64 "
                f"({len(part.images)},)"
            )
        low, high = int(found.min()), int(found.max())
        if low < 0 or high >= max(classes, 1):
            raise Failed(f"labels of {name} go from {low} to {high}, of {classes} classes")


def every_class_in_train(subject: Subject) -> None:
    """There are training images of every class."""
    if not subject.dataset.classes:
        raise Skipped("it has no classes")
    there = set(subject.dataset.train.labels.tolist())
    missing = [label for label in range(subject.dataset.classes) if label not in there]
    if missing:
        raise Failed(f"train has no images of class {', '.join(map(str, missing[:10]))}")


def splits_are_disjoint(subject: Subject) -> None:
    """No image is in two splits: what was trained on is no test."""
    seen: dict[bytes, str] = {}
    for name, part in subject.splits.items():
        own: set[bytes] = set()
        for chunk in _chunks(part):
            own.update(map(_hash, chunk.images))
        both = [seen[one] for one in own if one in seen]
        if both:
            raise Failed(f"{len(both)} images of {name} are in {both[0]}, too, to the last pixel")
        seen |= dict.fromkeys(own, name)


def _hash(image: Tensor) -> bytes:
    return hashlib.sha256(image.numpy().tobytes()).digest()[:16]


def same_twice(subject: Subject) -> None:
    """Two loads have one fingerprint, and neither draws from a global generator."""
    first, other = subject.dataset.fingerprint, subject.loaded(1).fingerprint
    if first != other:
        raise Failed(
            f"its fingerprint is {first} and then {other}: fix what is drawn by a seed of its own "
            f"(numpy.random.RandomState(0)), and the order of files by their names"
        )


def read_in_any_order(subject: Subject) -> None:
    """Streamed images are the same whatever is read before them."""
    streamed = {n: part for n, part in subject.splits.items() if isinstance(part, Streamed)}
    if not streamed:
        raise Skipped("its images are in memory")
    for name, part in streamed.items():
        rows = torch.randperm(len(part), generator=torch.Generator().manual_seed(2))[:64]
        forward, back = part[rows].images, part[rows.flip(0)].images.flip(0)
        single = torch.cat([part[row : row + 1].images for row in rows.tolist()[:8]])
        if not torch.equal(forward, back) or not torch.equal(single, forward[:8]):
            raise Failed(f"an image of {name} depends on the order in which images are read")


CHECKS: dict[str, Callable[[Any], None]] = {
    check.__name__: check
    for check in (
        declaration,
        images,
        labels,
        every_class_in_train,
        splits_are_disjoint,
        same_twice,
        read_in_any_order,
    )
}
"""Every check of a data set by its name, in the order in which they are run."""
