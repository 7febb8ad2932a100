"""Maximum mean discrepancy, and the Kernel Inception Distance.

Gretton et al. 2012 (JMLR 13, "A kernel two-sample test"); Binkowski et al. 2018
(arXiv:1801.01401, sec. 4).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ganbench.evaluate.metrics.arrays import Array, as_pair
from ganbench.evaluate.metrics.uncertainty import of_mean

Row = NDArray[np.float64]

BLOCK = 512
"""Kernel values are made in blocks of so many rows and columns."""


class Kernel(NamedTuple):
    """A kernel of two rows of features.

    prepare: rows (a, d) to float64 in the kernel's scale. pairs: prepared rows (a, d) and (b, d)
    to the kernel of each pair, (a, b). alone: prepared rows (a, d) to the kernel of each with
    itself, (a,), which the unbiased estimate leaves out; None keeps it.
    """

    prepare: Callable[[Array], Row]
    pairs: Callable[[Row, Row], Row]
    alone: Callable[[Row], Row] | None = None


class Kernels(NamedTuple):
    """Mean kernels: of two real rows, and of each generated row (m,).

    own: with the generated rows. cross: with the real rows.
    """

    real: float
    own: Row
    cross: Row

    @property
    def distance(self) -> float:
        """The squared maximum mean discrepancy (Gretton et al. 2012, eqs. 3 and 5)."""
        return float(self.real + (self.own - 2 * self.cross).mean())

    @property
    def standard_error(self) -> float:
        """Of the distance over the generated rows, real side fixed: from its Hajek projection."""
        return of_mean(2 * (self.own - self.cross))


def mean_kernels(real: Array, generated: Array, kernel: Kernel) -> Kernels:
    """The mean kernels of features (n, d) and (m, d), in float64 and in blocks."""
    n, m = len(real), len(generated)
    within = [_row_sums(rows, rows, kernel) for rows in (real, generated)]
    if kernel.alone is not None:
        n, m = n - 1, m - 1
        within = [
            sums - _each(rows, kernel, kernel.alone)
            for sums, rows in zip(within, (real, generated), strict=True)
        ]
    return Kernels(
        float(within[0].sum() / (len(real) * n)),
        within[1] / m,
        _row_sums(generated, real, kernel) / len(real),
    )


def _row_sums(x: Array, y: Array, kernel: Kernel) -> Row:
    """Sum over y (m, d) of the kernel with each row of x (n, d): (n,)."""
    sums = np.zeros(len(x))
    for i in range(0, len(x), BLOCK):
        left = kernel.prepare(x[i : i + BLOCK])
        # the kernels of a set with itself are symmetric: a block serves as its mirror image
        for j in range(i if x is y else 0, len(y), BLOCK):
            values = kernel.pairs(left, kernel.prepare(y[j : j + BLOCK]))
            sums[i : i + BLOCK] += values.sum(1)
            if x is y and j > i:
                sums[j : j + BLOCK] += values.sum(0)
    return sums


def _each(x: Array, kernel: Kernel, alone: Callable[[Row], Row]) -> Row:
    parts = (kernel.prepare(x[i : i + BLOCK]) for i in range(0, len(x), BLOCK))
    return np.concatenate([alone(part) for part in parts])


def kid(real: ArrayLike | Tensor, generated: ArrayLike | Tensor) -> float:
    """Unbiased squared maximum mean discrepancy of features (n, d) and (m, d).

    Kernel (x.y / d + 1)^3, in float64, on all pairs of rows but those of a row with itself: no
    random subsets, so the value is fixed. Where both sets are of one distribution it is as
    often below 0 as above. In memory: the features and a block of kernel values.

    Raises ValueError for features that are not finite, fewer than 2 rows, other widths, or
    numbers whose sixth powers overflow.
    """
    return kernels(*as_pair(real, generated, least=2)).distance


def kernels(real: Array, generated: Array) -> Kernels:
    """The mean cubic kernels of features (n, d) and (m, d).

    Raises ValueError for fewer than 2 rows of either, and where they overflow.
    """
    n, m = len(real), len(generated)
    if min(n, m) < 2:
        raise ValueError(f"pairs need at least 2 rows of either, not {n} real and {m} generated")
    with np.errstate(over="ignore", invalid="ignore"):
        found = mean_kernels(real, generated, CUBIC)
        if not np.isfinite(found.distance):
            raise ValueError("features are too large: their sixth powers overflow float64")
    return found


def _scaled(part: Array) -> Row:
    return part.astype(np.float64) / np.sqrt(part.shape[1])


def _cubes(products: Row) -> Row:
    products += 1
    return products * products * products


CUBIC = Kernel(
    _scaled,
    lambda left, right: _cubes(left @ right.T),
    lambda part: _cubes(np.einsum("ij,ij->i", part, part)),
)
"""KID's kernel (x.y / d + 1)^3."""
