"""Labelled images, or points of the plane, with fixed train, validation and test splits."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.data.io.stream import Stream, Subset
from ganbench.data.sources import SOURCES, DatasetSpec

Kind = Literal["images", "points"]


def to_unit_range(stored: Tensor) -> Tensor:
    """uint8 images to float32 in [-1, 1]; points, which are stored so, as they are."""
    if stored.is_floating_point():
        return stored
    return stored.float().mul_(2 / 255).sub_(1)


def to_uint8(images: Tensor) -> Tensor:
    """Float images in [-1, 1] to uint8, rounded: what a stored picture would hold."""
    return images.clamp(-1, 1).add(1).mul_(127.5).round_().to(torch.uint8)


def as_stored(outputs: Tensor) -> Tensor:
    """A generator's outputs as the data set stores its own: uint8 images, or float32 points."""
    return to_uint8(outputs) if outputs.dim() == 4 else outputs.float()


@dataclass(frozen=True, repr=False)
class Split:
    """One part of a data set.

    images: uint8 (n, c, h, w), or float32 points (n, 2) in units of the mixture's scale.
    labels: int64 (n,), all 0 where the data set has no classes. factors: int64 (n, k), the
    level of each factor of the data set's `World`, where it has one.
    """

    images: Tensor
    labels: Tensor
    factors: Tensor | None = None

    def __repr__(self) -> str:
        return f"Split({len(self)} images of {tuple(self.images.shape[1:])})"

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: Tensor | slice) -> Split:
        factors = None if self.factors is None else self.factors[rows]
        return Split(self.images[rows], self.labels[rows], factors)

    def subset(self, rows: Tensor | slice) -> Split:
        """Some of its images, in the order of `rows`."""
        return self[rows]


@dataclass(frozen=True, repr=False)
class Streamed:
    """One part of a data set whose images are read when they are asked for.

    Indexing reads rows into a `Split`; `subset` cuts out rows and reads none. labels and
    factors as in `Split`.
    """

    images: Stream
    labels: Tensor
    factors: Tensor | None = None

    def __repr__(self) -> str:
        return f"Streamed({len(self)} images of {tuple(self.images.shape[1:])})"

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: Tensor | slice) -> Split:
        factors = None if self.factors is None else self.factors[rows]
        return Split(self.images[rows], self.labels[rows], factors)

    def subset(self, rows: Tensor | slice) -> Streamed:
        """Some of its images, in the order of `rows`; none is read."""
        factors = None if self.factors is None else self.factors[rows]
        return Streamed(Subset(self.images, rows), self.labels[rows], factors)


@dataclass(frozen=True)
class World:
    """Known factors of variation, and the image of every combination of their levels.

    names, sizes: of the k factors; a level is an integer from 0 to its size less 1.
    render: levels (n, k) to uint8 images (n, c, h, w).
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    render: Callable[[NDArray[np.int64]], Tensor]


@dataclass(frozen=True, eq=False)
class Mixture:
    """A mixture of equal, round Gaussians in the plane, which the data was drawn from.

    means: (k, 2), and std: in the units of the publications. scale: a point is stored
    divided by it, so that all lie within [-1, 1].
    """

    means: NDArray[np.float64]
    std: float
    scale: float


@dataclass(frozen=True)
class Dataset:
    """A named data set. Training reads `train`, choices `validation`, final scores `test`.

    classes: how many, 0 where the images have no labels. world: the factors behind the
    images, where they are known. mixture: what points were drawn from. notices: what was found in
    the user's own files that he will want to know, a sentence each. source: its declaration, and
    options: those of its spec that are not the defaults; `ganbench.data.load` fills them in.
    """

    name: str
    classes: int
    train: Split | Streamed
    validation: Split | Streamed
    test: Split | Streamed
    world: World | None = None
    mixture: Mixture | None = None
    notices: tuple[str, ...] = ()
    source: DatasetSpec | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def declaration(self) -> DatasetSpec | None:
        """Its source, or that of ganbench's own data set of its name."""
        return self.source or SOURCES.get(self.name.partition(":")[0])

    @property
    def extractor(self) -> str:
        """The extractor that fidelity is measured in by default; "" where it declares none."""
        return self.declaration.extractor if self.declaration else ""

    @property
    def facts(self) -> dict[str, Any]:
        """What the data set is, as a flat JSON object; no path, machine or spelling is in it.

        dataset: its declared name. digest: of a plug-in's source. options: those that are not the
        defaults, as `option=value`; of the user's own files the fingerprint says them.
        """
        source = self.declaration
        facts: dict[str, Any] = {"dataset": source.name if source else self.name}
        if source and source.digest:
            facts["digest"] = source.digest
        if self.options and not (source and source.takes_path):
            facts["options"] = sorted(f"{k}={v}" for k, v in self.options.items())
        return facts | {"fingerprint": self.fingerprint}

    @property
    def short_name(self) -> str:
        """A name for directories, by `facts` alone: `digits`, `celeba-size-32`, `folder-1a2b3c4d`.

        Data that somebody brings (files, a plug-in's) have the first digits of their fingerprint.
        """
        facts, source = self.facts, self.declaration
        parts = [facts["dataset"], *facts.get("options", ())]
        if source is None or source.takes_path or source.digest:
            parts.append(self.fingerprint[:8])
        return re.sub(r"[^A-Za-z0-9_.]+", "-", "-".join(parts))

    @property
    def kind(self) -> Kind:
        """What one of it is: an image, or a point of the plane."""
        return "images" if len(self.shape) == 3 else "points"

    @property
    def shape(self) -> tuple[int, ...]:
        """(channels, height, width) of images, (2,) of points."""
        return tuple(self.train.images.shape[1:])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the images and labels of all splits, 16 hex digits.

        Of images that are in memory the pixels count, of streamed ones their stream's digest.
        """
        digest = hashlib.sha256()
        for split in (self.train, self.validation, self.test):
            for tensor in (split.images, split.labels):
                if isinstance(tensor, Stream):
                    digest.update(f"{tensor.shape}{tensor.digest}".encode())
                    continue
                array = np.ascontiguousarray(tensor.numpy())
                digest.update(f"{array.dtype}{array.shape}".encode())
                digest.update(array.tobytes())
        return digest.hexdigest()[:16]
