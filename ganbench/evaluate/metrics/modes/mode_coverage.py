"""Mode coverage of a known distribution: PacGAN's measures.

Lin, Khetan, Fanti & Oh 2018, arXiv:1712.04086, sec. 4, after VEEGAN (Srivastava et al. 2017,
arXiv:1705.07761, sec. 4).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ganbench.evaluate.metrics.arrays import as_array, as_features

Indices = NDArray[np.int64]

REACH = 3
"""A sample is of high quality within so many standard deviations of a mode."""
DIGITS = 10
STACKED = DIGITS**3


class ModeCoverage(NamedTuple):
    """Modes with a high-quality sample, the share of such samples, and their reverse KL in nats."""

    captured: int
    high_quality: float
    reverse_kl: float


class StackedModeCoverage(NamedTuple):
    """Of the 1,000 triples of digits: how many occur, and their KL from uniform in nats."""

    captured: int
    kl: float


def mode_coverage(
    samples: ArrayLike | Tensor, means: ArrayLike | Tensor, std: float
) -> ModeCoverage:
    """Coverage of a mixture of equal, round Gaussians with means (k, d), by samples (n, d).

    A sample belongs to the nearest mean, and is of high quality where that is less than 3
    standard deviations away. A mode is captured by one such sample. reverse_kl is the KL
    divergence of their distribution over the modes from the uniform one: 0 to ln k, and
    infinite where there is no such sample. On n samples its floor is about (k - 1) / 2n.

    Raises ValueError for no samples, numbers that are not finite, other widths, or a std that
    is not positive.
    """
    modes = nearest_modes(samples, means, std)
    count = len(as_features(means, "means"))
    good = modes[modes >= 0]
    return ModeCoverage(captured(good), len(good) / len(modes), kl_from_uniform(good, count))


def nearest_modes(samples: ArrayLike | Tensor, means: ArrayLike | Tensor, std: float) -> Indices:
    """The mode (n,) that each sample is of high quality for, or -1; as `mode_coverage`."""
    points, centres = as_features(samples, "samples"), as_features(means, "means")
    if points.shape[1] != centres.shape[1]:
        raise ValueError(
            f"samples and means differ in width: {points.shape[1]} and {centres.shape[1]}"
        )
    if not (np.ndim(std) == 0 and math.isfinite(std) and std > 0):
        raise ValueError(f"std must be a positive number, not {std}")
    nearest, best = np.zeros(len(points), np.int64), np.full(len(points), np.inf)
    with np.errstate(over="ignore"):
        for mode, centre in enumerate(centres.astype(np.float64)):
            distance = (((points.astype(np.float64) - centre) / float(std)) ** 2).sum(1)
            nearer = distance < best
            nearest[nearer], best[nearer] = mode, distance[nearer]
    return np.where(np.sqrt(best) < REACH, nearest, -1)


def stacked_mode_coverage(digits: ArrayLike | Tensor) -> StackedModeCoverage:
    """Coverage of stacked MNIST's 1,000 modes by the digits (n, 3) of its three channels.

    KL divergence of the generated triples from uniform: 0 to ln 1000. Its floor is about
    999 / 2n: 0.02 for 26,000 perfect draws, the published count, and 0.1 for 5,000.

    Raises ValueError for another shape, no rows, or what is no digit from 0 to 9.
    """
    modes = stacked_modes(digits)
    return StackedModeCoverage(captured(modes), kl_from_uniform(modes, STACKED))


def stacked_modes(digits: ArrayLike | Tensor) -> Indices:
    """Triples of digits (n, 3) as numbers from 0 to 999, the first digit worth most."""
    array = as_array(digits, "digits")
    if array.ndim != 2 or array.shape[1] != 3 or not len(array):
        raise ValueError(f"digits must be (n, 3) with at least 1 row, not {array.shape}")
    whole = array.astype(np.int64)
    if (whole != array).any() or whole.min() < 0 or whole.max() >= DIGITS:
        raise ValueError("digits must be whole numbers from 0 to 9")
    return whole @ np.array([100, 10, 1])


def captured(modes: Indices) -> int:
    """How many different modes (n,) there are."""
    return len(np.unique(modes))


def kl_from_uniform(modes: Indices, count: int) -> float:
    """KL divergence in nats of the distribution of modes (n,) from uniform over `count`."""
    if not len(modes):
        return math.inf
    shares = np.unique(modes, return_counts=True)[1] / len(modes)
    return max(float((shares * np.log(shares * count)).sum()), 0.0)
