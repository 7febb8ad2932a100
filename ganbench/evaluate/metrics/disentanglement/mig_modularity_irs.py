"""MIG, modularity and IRS: disentanglement by mutual information and interventions.

All follow disentanglement_lib (Locatello et al. 2019, arXiv:1811.12359), to 1e-6.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.evaluate.metrics.inputs import pairs, varying

BINS = 20
ROUNDING = 1e-12
"""Less mutual information than this, in nats, is rounding noise: no finite sample has so little."""


def binned(codes: ArrayLike, bins: int = BINS) -> NDArray[np.int64]:
    """Bin each column of codes (n, d) into `bins` equal parts of its range, from 1 on.

    Raises ValueError for fewer than 1 bins.
    """
    if bins < 1:
        raise ValueError(f"bins must be at least 1, not {bins}")
    return np.stack([_bin(column, bins) for column in np.asarray(codes).T], 1)


def _bin(column: NDArray[Any], bins: int) -> NDArray[np.int64]:
    try:
        # `np.histogram` rounds its edges in the codes' own type; so does the reference.
        edges = np.histogram(column, bins)[1]
    except ValueError:  # so small a range that floats do not divide it: each value is a bin
        return np.unique(column, return_inverse=True)[1].astype(np.int64) + 1
    return np.digitize(column, edges[:-1]).astype(np.int64)


def mutual_information(codes: ArrayLike, factors: ArrayLike) -> NDArray[np.float64]:
    """Mutual information (d, k) in nats of discrete codes (n, d) and factors (n, k).

    The plug-in estimate. Rounding noise is exactly 0, as for a constant code.
    """
    c, f = np.asarray(codes), np.asarray(factors)
    indices, sizes = zip(*(_indexed(column) for column in f.T), strict=True)
    starts = np.cumsum((0, *sizes[:-1]))
    at = np.stack(indices, 1) + starts  # levels of all factors side by side
    of_level = np.bincount(at.ravel(), minlength=sum(sizes)) / len(f)
    rows = []
    for column in c.T:
        index, bins = _indexed(column)
        cells = (index[:, None] * sum(sizes) + at).ravel()
        joint = np.bincount(cells, minlength=bins * sum(sizes)).reshape(bins, -1) / len(c)
        apart = (np.bincount(index) / len(c))[:, None] * of_level
        ratio = np.divide(joint, apart, out=np.ones_like(joint), where=joint > 0)
        rows.append(np.add.reduceat((joint * np.log(ratio)).sum(0), starts))
    table = np.array(rows, np.float64)
    return np.where(table < ROUNDING, 0.0, table)


def entropy(factors: ArrayLike) -> NDArray[np.float64]:
    """Entropy (k,) in nats of discrete factors (n, k); 0 for a constant one."""
    shares = [np.bincount(_indexed(column)[0]) / len(column) for column in np.asarray(factors).T]
    return np.array([np.abs((p * np.log(p)).sum()) for p in shares], np.float64)


def _indexed(column: NDArray[Any]) -> tuple[NDArray[np.int64], int]:
    values, index = np.unique(column, return_inverse=True)
    return index.astype(np.int64), len(values)


def mig(codes: ArrayLike, factors: ArrayLike, bins: int = BINS) -> float:
    """Mutual information gap (Chen et al. 2018, arXiv:1802.04942, eq. 6), 0 to 1.

    codes: (n, c), binned by `binned`. factors: (n, k) or (n,), integers. For each factor, the
    gap of its two largest mutual informations with a code over the factor's entropy; the mean
    over factors. The plug-in estimate is biased on few images.

    Raises ValueError with fewer than 2 codes or a constant factor.
    """
    c, f = pairs(codes, factors)
    if c.shape[1] < 2:
        raise ValueError(f"the gap needs at least 2 codes, not shape {c.shape}")
    varying(f)
    return float(np.mean(gaps(mutual_information(binned(c, bins), f)) / entropy(f)))


def gaps(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the largest of each column (codes, k) has more than the second largest, (k,)."""
    largest = np.sort(table, axis=0)
    return np.asarray(largest[-1] - largest[-2])


def modularity(codes: ArrayLike, factors: ArrayLike, bins: int = BINS) -> float:
    """How alone the best factor of a code is (Ridgeway & Mozer 2018, arXiv:1802.05312, sec. 3).

    codes: (n, c), binned by `binned`. factors: (n, k) or (n,), integers. For each code 1 -
    (sum of its squared mutual informations without the largest) / (largest squared * (k - 1));
    0 for a code without any. The mean over codes, 0 to 1.

    Raises ValueError with fewer than 2 factors.
    """
    c, f = pairs(codes, factors)
    if f.shape[1] < 2:
        raise ValueError("modularity compares a code's factors: it needs at least 2")
    squared = np.square(mutual_information(binned(c, bins), f))
    largest = squared.max(1)
    others = (squared.sum(1) - largest) / (f.shape[1] - 1)
    return float(np.mean(np.where(largest > 0, 1 - others / np.where(largest > 0, largest, 1), 0)))


def irs(codes: ArrayLike, factors: ArrayLike, quantile: float = 0.99) -> float:
    """Interventional robustness score (Suter et al. 2019, arXiv:1811.00007), at most 1.

    codes: (n, c). factors: (n, k) or (n,), integers, binned by `binned` as the reference does:
    20 or fewer evenly spaced values stay apart. How far a code strays from its mean while a
    factor is held: the `quantile` of its deviations within a level, averaged over levels, over
    its largest deviation at all. A code's score is 1 less that for its best factor; the mean
    over codes, weighted by their largest deviations. The paper's maximum is quantile 1.0.
    Constant codes are dropped; 0 where all are.

    Raises ValueError for a quantile outside 0 to 1.
    """
    if not 0 <= quantile <= 1:
        raise ValueError(f"quantile must be between 0 and 1, not {quantile}")
    c, f = pairs(codes, factors)
    c = c[:, (c != c[0]).any(0)]
    if not c.shape[1]:
        return 0.0
    largest = np.abs(c - c.mean(0)).max(0)
    strays = [
        np.mean([_stray(c[held == level], quantile) for level in np.unique(held)], axis=0)
        for held in binned(f.astype(np.float64)).T
    ]
    robust = 1 - np.min(strays, axis=0) / largest
    return float(np.average(robust, weights=largest))


def _stray(codes: NDArray[Any], quantile: float) -> NDArray[np.float64]:
    strays = np.quantile(np.abs(codes - codes.mean(0)), quantile, axis=0)
    return strays.astype(np.float64)  # from the codes' own type, like the bins
