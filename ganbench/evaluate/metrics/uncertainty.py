"""Standard errors of one evaluation's numbers: binomial, of a mean, bootstrap."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

REPLICATES = 50


def of_accuracy(accuracy: float, count: int) -> float:
    """Binomial standard error sqrt(p (1 - p) / n) of an accuracy."""
    return math.sqrt(accuracy * (1 - accuracy) / count)


def of_mean(values: ArrayLike) -> float:
    """Standard error s / sqrt(n) of the mean of values (n,), s with n - 1; 0 for one value."""
    array = np.asarray(values, dtype=np.float64)
    return float(array.std(ddof=1) / math.sqrt(len(array))) if len(array) > 1 else 0.0


def bootstrap(
    statistic: Callable[..., float], *arrays: ArrayLike, replicates: int = REPLICATES
) -> float:
    """Bootstrap standard error of `statistic(*arrays)` (Efron 1979), rows drawn together.

    arrays: (n, ...) each. The same rows are drawn for the same n: the generator is fixed.
    """
    data: list[NDArray[np.generic]] = [np.asarray(array) for array in arrays]
    rng = np.random.default_rng(0)
    n = len(data[0])
    values = []
    for _ in range(replicates):
        rows = rng.integers(n, size=n)
        values.append(statistic(*(array[rows] for array in data)))
    return float(np.std(values, ddof=1))
