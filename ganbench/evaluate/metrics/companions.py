"""The companions of FID: the Frechet distance in DINOv2's features, and CMMD in CLIP's.

Each is defined in one extractor, whatever the settings name, and measured only if asked for.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ganbench.evaluate import extractors
from ganbench.evaluate.counts import (
    FEWEST,
    FEWEST_FRECHET,
    enough_for_frechet,
    enough_generated,
    enough_held_out,
    enough_training,
)
from ganbench.evaluate.evidence import Evidence, ImageSet
from ganbench.evaluate.extractor_table import OWN
from ganbench.evaluate.metrics.arrays import Array, as_pair
from ganbench.evaluate.metrics.frechet import Moments, frechet_distance, standard_error
from ganbench.evaluate.metrics.registry import Measurement, metric
from ganbench.evaluate.metrics.uncertainty import of_mean

SIGMA = 10.0
SCALE = 1000.0
LARGEST = 1e150
BLOCK = 1024
"""Kernel values are made in blocks of so many rows and columns: 8 MB."""

Row = NDArray[np.float64]


class Kernels(NamedTuple):
    """Mean kernels less 1: of the real rows, and of each generated row (m,) with either set."""

    real: float
    own: Row
    cross: Row

    @property
    def distance(self) -> float:
        """CMMD."""
        return max(SCALE * float(self.real + (self.own - 2 * self.cross).mean()), 0.0)

    @property
    def standard_error(self) -> float:
        """Of the distance over the generated rows, real side fixed: from its Hajek projection."""
        return of_mean(2 * SCALE * (self.own - self.cross))


def cmmd(real: ArrayLike | Tensor, generated: ArrayLike | Tensor) -> float:
    """CMMD of CLIP embeddings (n, d) and (m, d), of unit length as the authors have them.

    Jayasumana et al. 2024 (arXiv:2401.09603, sec. 4): 1000 times the squared maximum mean
    discrepancy with the kernel exp(-|x - y|^2 / (2 sigma^2)), sigma = 10, by the biased
    estimate of least variance (Gretton et al. 2012, eq. 5), as in the authors' code; each row
    counts with itself too, so it is at least 0. In float64 and in blocks. The embeddings are
    taken as they are; what is measured in `ganbench` divides them by their lengths first.

    Raises ValueError for numbers that are not finite or above 1e150, no rows, or other widths.
    """
    return kernels(*as_pair(real, generated)).distance


def kernels(real: Array, generated: Array) -> Kernels:
    """The mean kernels of embeddings (n, d) and (m, d); raises ValueError as `cmmd`."""
    x, y = real.astype(np.float64), generated.astype(np.float64)
    if max(np.abs(x).max(), np.abs(y).max()) > LARGEST:
        raise ValueError("embeddings are too large: their squares overflow float64")
    return Kernels(float(_row_means(x, x).mean()), _row_means(y, y), _row_means(y, x))


def _row_means(x: Row, y: Row) -> Row:
    """Mean over y (m, d) of the kernel, less 1, with each row of x (n, d): (n,)."""
    sums = np.zeros(len(x))
    for i in range(0, len(x), BLOCK):
        left = x[i : i + BLOCK]
        for j in range(0, len(y), BLOCK):
            right = y[j : j + BLOCK]
            squares = (left**2).sum(1)[:, None] + (right**2).sum(1) - 2 * left @ right.T
            # the ones cancel in the distance; without them its digits are not lost in theirs
            sums[i : i + BLOCK] += np.expm1(squares.clip(0) / (-2 * SIGMA**2)).sum(1)
    return sums / len(y)


@metric("fd_dinov2")
def _fd_dinov2(evidence: Evidence) -> Measurement:
    return companion("fd_dinov2", evidence, "generated")


@metric("cmmd")
def _cmmd(evidence: Evidence) -> Measurement:
    return companion("cmmd", evidence, "generated")


def companion(name: str, evidence: Evidence, images: ImageSet) -> Measurement:
    """`fd_dinov2` or `cmmd` of generated or of held-out real images to the training images.

    Raises TooFew for too few of either, before any is read.
    """
    frechet = name == "fd_dinov2"
    enough_training(evidence)
    if images == "generated":
        enough_generated(evidence, FEWEST_FRECHET if frechet else FEWEST)
    else:
        enough_held_out(evidence)
    extractor = extractors.get(OWN[name], evidence.device)
    real = evidence.seen_by(extractor, "train").features
    if frechet and images == "held-out":
        enough_for_frechet(evidence, real.shape[1])
    other = evidence.seen_by(extractor, images).features
    count = len(other)
    said = f"{count} {'generated' if images == 'generated' else 'held-out real images'}"
    protocol = f"{extractor.identity}, {said} against {len(real)} training images, uint8, float64"
    if frechet:
        moments = Moments.of(real), Moments.of(other)
        error = standard_error(*moments, other)
        return Measurement(frechet_distance(*moments), count, protocol, error)
    found = kernels(*(_unit(features) for features in (real, other)))
    return Measurement(found.distance, count, f"{protocol}, unit length", found.standard_error)


def _unit(features: Tensor) -> Row:
    rows = features.numpy().astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths == 0, 1, lengths)
