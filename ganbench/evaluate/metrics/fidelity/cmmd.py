"""CMMD: the maximum mean discrepancy of CLIP's embeddings.

Jayasumana et al. 2024, arXiv:2401.09603. It is defined in one extractor, whatever the settings
name, and measured only on request.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from ganbench.evaluate import extractors
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.measurement import Measurement
from ganbench.evaluate.metrics.arrays import Array, as_pair
from ganbench.evaluate.metrics.fidelity.measurements import to_training
from ganbench.evaluate.metrics.fidelity.mmd import Kernel, Kernels, Row, mean_kernels
from ganbench.evaluate.sample_counts import enough_generated, enough_training

EXTRACTOR = "clip"
SIGMA = 10.0
SCALE = 1000.0
LARGEST = 1e150


def cmmd(real: ArrayLike | Tensor, generated: ArrayLike | Tensor) -> float:
    """CMMD of CLIP embeddings (n, d) and (m, d), of unit length as the authors have them.

    1000 times the squared maximum mean discrepancy with the kernel
    exp(-|x - y|^2 / (2 sigma^2)), sigma = 10 (sec. 4), by the biased
    estimate of least variance (Gretton et al. 2012, eq. 5), as in the authors' code; each row
    counts with itself too, so it is at least 0. In float64 and in blocks. The embeddings are
    taken as they are; what is measured in `ganbench` divides them by their lengths first.

    Raises ValueError for numbers that are not finite or above 1e150, no rows, or other widths.
    """
    return distance(kernels(*as_pair(real, generated)))


def kernels(real: Array, generated: Array) -> Kernels:
    """The mean kernels less 1 of embeddings (n, d) and (m, d); raises ValueError as `cmmd`."""
    if max(np.abs(real).max(), np.abs(generated).max()) > LARGEST:
        raise ValueError("embeddings are too large: their squares overflow float64")
    return mean_kernels(real, generated, GAUSSIAN)


def distance(found: Kernels) -> float:
    """CMMD from the mean kernels."""
    return max(SCALE * found.distance, 0.0)


def standard_error(found: Kernels) -> float:
    """Standard error of CMMD over the generated rows, real side fixed."""
    return SCALE * found.standard_error


def _gaussian(left: Row, right: Row) -> Row:
    squares = (left**2).sum(1)[:, None] + (right**2).sum(1) - 2 * left @ right.T
    # the ones cancel in the distance; without them its digits are not lost in theirs
    values: Row = np.expm1(squares.clip(0) / (-2 * SIGMA**2))
    return values


GAUSSIAN = Kernel(lambda part: part.astype(np.float64), _gaussian)
"""The kernel exp(-|x - y|^2 / (2 sigma^2)), less 1."""


def measure_cmmd(evidence: Evidence) -> Measurement:
    """CMMD of generated images to the training images.

    Raises TooFew for too few of either, before any is read.
    """
    enough_training(evidence)
    enough_generated(evidence)
    extractor = extractors.get(EXTRACTOR, evidence.device)
    real, other = (_unit(evidence.seen_by(extractor, s).features) for s in ("train", "generated"))
    found = kernels(real, other)
    protocol = to_training(evidence, extractor.identity, len(other))
    protocol |= {
        "kernel": "Gaussian",
        "sigma": SIGMA,
        "estimator": "biased",
        "scaled_to": "unit length",
    }
    return Measurement(distance(found), len(other), protocol, standard_error(found))


def _unit(features: Tensor) -> Row:
    rows = features.numpy().astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths == 0, 1, lengths)
