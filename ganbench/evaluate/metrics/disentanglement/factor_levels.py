"""The factors behind real images, as integer levels: known ones, or measured in the images."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ganbench.data.dataset import Split, to_unit_range
from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.evidence import Evidence, gathered
from ganbench.evaluate.metrics.disentanglement.stroke_factors import (
    FACTORS,
    image_factors,
    need_strokes,
)

PARTS = 5
"""Classes that a factor measured in images is cut into: one per fifth of the training images."""
FITTED, TESTED = 1000, 1000
"""Training and held-out images of the metrics that fit classifiers: a fixed random choice."""


class Levels(NamedTuple):
    """Levels of the factors of real images.

    names: of the k factors. train: (n, k) and held_out: (m, k), of all images. fitted, tested:
    rows of either that classifiers are fitted and tested on. source: what the factors are.
    """

    names: tuple[str, ...]
    train: NDArray[np.int64]
    held_out: NDArray[np.int64]
    fitted: NDArray[np.int64]
    tested: NDArray[np.int64]
    source: str


@gathered
def levels_of(evidence: Evidence) -> Levels:
    """The factors of the data set's world; else those of strokes, in fifths, and the class.

    Factors that do not vary among the rows, or share no level between them, are left out.
    Raises Unavailable for points, for colour images without a world, and where none is left.
    """
    world = evidence.dataset.world
    found = _known(evidence) if world is not None else _measured(evidence)
    train, held_out = found.train[found.fitted], found.held_out[found.tested]
    usable = [
        j
        for j in range(len(found.names))
        if len(np.unique(train[:, j])) > 1
        and len(np.unique(held_out[:, j])) > 1
        and np.isin(held_out[:, j], train[:, j]).any()
    ]
    if not usable:
        raise Unavailable("no factor varies among the real images")
    return found._replace(
        names=tuple(found.names[j] for j in usable),
        train=found.train[:, usable],
        held_out=found.held_out[:, usable],
    )


def _known(evidence: Evidence) -> Levels:
    world, parts = evidence.dataset.world, (evidence.train, evidence.held_out)
    assert world is not None
    train, held_out = (_array(part.factors) for part in parts)
    return Levels(world.names, train, held_out, *_rows(evidence), "known")


def _array(factors: Tensor | None) -> NDArray[np.int64]:
    if factors is None:
        raise Unavailable("its images come without their factors")
    return factors.numpy()


def _measured(evidence: Evidence) -> Levels:
    need_strokes(evidence.dataset.shape)
    seen = _seen(evidence.train)
    cuts = np.quantile(seen, np.arange(1, PARTS) / PARTS, axis=0)
    train, held_out = _cut(seen, cuts), _cut(_seen(evidence.held_out), cuts)
    names: tuple[str, ...] = FACTORS
    if evidence.dataset.classes:
        names = (*FACTORS, "class")
        train = np.column_stack([train, evidence.train.labels.numpy()])
        held_out = np.column_stack([held_out, evidence.held_out.labels.numpy()])
    return Levels(names, train, held_out, *_rows(evidence), "measured in the image, in fifths")


def _seen(split: Split) -> NDArray[np.float64]:
    return np.concatenate(
        [image_factors(to_unit_range(part).numpy()) for part in split.images.split(1000)]
    )


def _cut(values: NDArray[np.float64], cuts: NDArray[np.float64]) -> NDArray[np.int64]:
    columns = zip(values.T, cuts.T, strict=True)
    return np.stack([np.searchsorted(c, v, side="right") for v, c in columns], 1)


def _rows(evidence: Evidence) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    counts = (len(evidence.train), FITTED), (len(evidence.held_out), TESTED)
    # RandomState, not Generator: its streams are frozen for all versions of NumPy (NEP 19)
    fitted, tested = (np.random.RandomState(0).permutation(n)[:limit] for n, limit in counts)
    return np.sort(fitted), np.sort(tested)
