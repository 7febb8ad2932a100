"""Frechet distance of Gaussians fitted to features (Heusel et al. 2017, arXiv:1706.08500, eq. 6).

Statistics are gathered batch by batch, so that a set of any size needs d x d numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ganbench.evaluate.metrics.arrays import Array, as_features, as_pair
from ganbench.evaluate.metrics.uncertainty import of_mean

Matrix = NDArray[np.float64]

ROWS = 4096
"""Rows that are turned to float64 at once."""
TOO_LARGE = "features are too large: their squares overflow float64"


class Moments:
    """Count, mean (d,) and covariance (d, d) of features that come in batches, in float64.

    Batches are merged by their own means and scatters (Chan, Golub & LeVeque 1983, "Algorithms
    for computing the sample variance", eq. 2.1), so that no large sums cancel and the result
    does not depend on how the features were cut, but for rounding.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean: Matrix = np.zeros(0)
        self._scatter: Matrix = np.zeros((0, 0))

    @classmethod
    def of(cls, features: ArrayLike | Tensor) -> Moments:
        """The moments of one set of features (n, d)."""
        moments = cls()
        moments.add(features)
        return moments

    def add(self, features: ArrayLike | Tensor) -> None:
        """Take in a batch (n, d). Raises ValueError for NaN, no rows or another width."""
        array = as_features(features, "features")
        if self.count and array.shape[1] != len(self.mean):
            raise ValueError(f"features of width {array.shape[1]} after {len(self.mean)}")
        for start in range(0, len(array), ROWS):
            self._merge(array[start : start + ROWS])

    def _merge(self, part: Array) -> None:
        if not self.count:
            width = part.shape[1]
            self.mean, self._scatter = np.zeros(width), np.zeros((width, width))
        with np.errstate(over="ignore", invalid="ignore"):  # refused in `covariance`
            rows = part.astype(np.float64)
            mean = rows.mean(0)
            rows -= mean
            share = len(rows) / (self.count + len(rows))
            gap = mean - self.mean
            self._scatter += rows.T @ rows
            self._scatter += np.outer(gap, gap * (self.count * share))
            self.mean = self.mean + gap * share
        self.count += len(rows)

    @property
    def covariance(self) -> Matrix:
        """With n - 1. Raises ValueError for fewer than 2 rows, or where it overflows."""
        if self.count < 2:
            raise ValueError(f"a covariance needs at least 2 rows, not {self.count}")
        if not np.isfinite(self._scatter).all():
            raise ValueError(TOO_LARGE)
        return self._scatter / (self.count - 1)


def fid(real: ArrayLike | Tensor, generated: ArrayLike | Tensor) -> float:
    """Squared Frechet distance of two Gaussians fitted to features (n, d) and (m, d).

    |mu1 - mu2|^2 + tr(S1 + S2 - 2 sqrt(S1 S2)), covariances with n - 1, in float64. Fewer rows
    than columns, constant and duplicate columns are no exception. At least 0: rounding below
    it is cut off.

    Raises ValueError for features that are not finite, fewer than 2 rows, other widths, or
    numbers whose squares overflow.
    """
    return frechet_distance(*map(Moments.of, as_pair(real, generated, least=2)))


def frechet_distance(real: Moments, generated: Moments) -> float:
    """The squared Frechet distance of two Gaussians of the same width; as `fid`."""
    roots = _root(real.covariance), _root(generated.covariance)
    # sqrt(S1 S2) has the singular values of F1^T F2 for eigenvalues, where S = F F^T. The
    # eigenvalues of S1 S2 itself would be known to half as many digits
    shared = np.linalg.svd(roots[0].T @ roots[1], compute_uv=False).sum()
    spread = np.trace(real.covariance) + np.trace(generated.covariance) - 2 * shared
    with np.errstate(over="ignore"):
        distance = float(((real.mean - generated.mean) ** 2).sum() + spread)
    if not np.isfinite(distance):
        raise ValueError(TOO_LARGE)
    return max(distance, 0.0)


def standard_error(real: Moments, generated: Moments, features: ArrayLike | Tensor) -> float:
    """Standard error of `frechet_distance` over the generated features (m, d), real side fixed.

    The infinitesimal jackknife (Efron 1981, "Nonparametric estimates of standard error"): of
    the mean of the distance's derivatives by the weight of each row. With T the optimal map
    from the generated to the real Gaussian, that is y'(I - T)y + 2 y'(mu2 - mu1), y centred.
    """
    left = _root(real.covariance)
    u, s, _ = np.linalg.svd(left.T @ _root(generated.covariance), full_matrices=False)
    kept = s > s[:1] * len(left) * np.finfo(np.float64).eps
    half = left @ (u[:, kept] / np.sqrt(s[kept]))  # T = half half'
    rows = np.asarray(features, np.float64) - generated.mean
    gap = generated.mean - real.mean
    return of_mean((rows**2).sum(1) - ((rows @ half) ** 2).sum(1) + 2 * rows @ gap)


def _root(covariance: Matrix) -> Matrix:
    """F (d, r) with F F^T = covariance: Cholesky's, or by eigenvalues where a rank is missing."""
    least = len(covariance) * np.finfo(np.float64).eps
    try:
        root: Matrix = np.asarray(np.linalg.cholesky(covariance), np.float64)
        # a pivot that is rounding noise means a missing rank as well
        if (root.diagonal() ** 2 > least * covariance.diagonal()).all():
            return root
    except np.linalg.LinAlgError:
        pass
    values, vectors = np.linalg.eigh(covariance)
    kept = values > least * values[-1]
    return np.asarray(vectors[:, kept] * np.sqrt(values[kept]))
