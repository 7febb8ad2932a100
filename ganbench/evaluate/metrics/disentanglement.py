"""What single codes stand for: mutual information gap, correlation with image factors."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata
from sklearn.metrics import mutual_info_score

from ganbench.data.dataset import to_unit_range
from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.metrics.factors import FACTORS, image_factors
from ganbench.evaluate.metrics.registry import Measurement, metric
from ganbench.evaluate.metrics.uncertainty import bootstrap

BINS = 20
FEWEST = 3
"""A category with fewer images has no rank correlation."""


def binned(codes: ArrayLike, bins: int = BINS) -> NDArray[np.int64]:
    """Bin each column of codes (n, d) into `bins` equal parts of its range, from 1 on."""
    array = np.asarray(codes)
    # `np.histogram` rounds its edges in the codes' own type; so does the reference.
    columns = [np.digitize(c, np.histogram(c, bins)[1][:-1]) for c in array.T]
    return np.stack(columns, 1).astype(np.int64)


def mutual_information(codes: ArrayLike, factors: ArrayLike) -> NDArray[np.float64]:
    """Mutual information (d, k) in nats of discrete codes (n, d) and factors (n, k)."""
    c, f = np.asarray(codes), np.asarray(factors)
    return np.array([[mutual_info_score(f_, c_) for f_ in f.T] for c_ in c.T], np.float64)


def entropy(factors: ArrayLike) -> NDArray[np.float64]:
    """Entropy (k,) in nats of discrete factors (n, k)."""
    f = np.asarray(factors)
    return np.array([mutual_info_score(f_, f_) for f_ in f.T], np.float64)


def mig(codes: ArrayLike, factors: ArrayLike, bins: int = BINS) -> float:
    """Mutual information gap (Chen et al. 2018, arXiv:1802.04942, eq. 6), 0 to 1.

    codes: (n, d), binned by `binned`. factors: (n, k) or (n,), discrete. For each factor,
    the gap of its two largest mutual informations with a code over the factor's entropy;
    the mean over factors. As disentanglement_lib computes it.

    Raises ValueError with fewer than 2 codes or a constant factor.
    """
    c, f = np.asarray(codes), np.asarray(factors)
    f = f[:, None] if f.ndim == 1 else f
    if c.ndim != 2 or c.shape[1] < 2:
        raise ValueError(f"the gap needs at least 2 codes, not shape {c.shape}")
    if not (entropies := entropy(f)).all():
        raise ValueError("a constant factor has no information to share")
    largest = np.sort(mutual_information(binned(c, bins), f), axis=0)
    return float(np.mean((largest[-1] - largest[-2]) / entropies))


def spearman(a: ArrayLike, b: ArrayLike) -> float:
    """Spearman's rank correlation of (n,) and (n,), ties at their mean rank; 0 for a constant."""
    ranks = [rankdata(np.asarray(column))[:, None] for column in (a, b)]
    return float(_correlation(*ranks).item())


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pearson correlation (d, k) of columns (n, d) and (n, k); 0 where one is constant."""
    a, b = a - a.mean(0), b - b.mean(0)
    norms = np.sqrt(np.square(a).sum(0))[:, None] * np.sqrt(np.square(b).sum(0))[None, :]
    return np.asarray(np.divide(a.T @ b, norms, out=np.zeros_like(norms), where=norms > 0))


def within_category_correlation(
    codes: ArrayLike, factors: ArrayLike, categories: ArrayLike
) -> NDArray[np.float64]:
    """|Spearman| (d, k) of codes (n, d) and factors (n, k), the mean over categories (n,).

    A category with fewer than 3 images is left out; where all are, ValueError.
    """
    c, f, group = np.asarray(codes), np.asarray(factors), np.asarray(categories)
    tables = [
        np.abs(_correlation(rankdata(c[rows], axis=0), rankdata(f[rows], axis=0)))
        for rows in (group == category for category in np.unique(group))
        if rows.sum() >= FEWEST
    ]
    if not tables:
        raise ValueError(f"no category has {FEWEST} images")
    return np.asarray(np.mean(tables, axis=0))


@metric("mig")
def _mig(evidence: Evidence) -> Measurement:
    codes = evidence.latent.codes
    if len(codes) < 2:
        raise Unavailable("its latent carries a single code, which leaves no gap")
    bins = max(BINS, *(code.classes for code in codes))  # no two categories in one bin
    read, labels = evidence.held_out_codes.numpy(), evidence.held_out.labels.numpy()
    statistic = partial(mig, bins=bins)
    information = mutual_information(binned(read, bins), labels[:, None])[:, 0]
    parts = {code.name: float(value) for code, value in zip(codes, information, strict=True)}
    protocol = f"codes by encode() on {len(labels)} held-out real images, {bins} bins, class factor"
    error = bootstrap(statistic, read, labels)
    return Measurement(statistic(read, labels), len(labels), protocol, error, parts)


@metric("within_category_correlation")
def _within_category_correlation(evidence: Evidence) -> Measurement:
    names = [code.name for code in evidence.continuous]
    within = evidence.categorical[0]  # its column is the first
    codes = evidence.generated_latent.codes.numpy()
    factors = image_factors(to_unit_range(evidence.generated).numpy())
    inputs = codes[:, -len(names) :], factors, codes[:, 0]
    table = within_category_correlation(*inputs)
    parts = {
        f"{name} {factor}": float(table[i, j])
        for i, name in enumerate(names)
        for j, factor in enumerate(FACTORS)
    }

    def best(*arrays: ArrayLike) -> float:
        return float(within_category_correlation(*arrays).max(1).mean())

    protocol = f"{len(codes)} generated, best of {', '.join(FACTORS)} within {within.name}, uint8"
    return Measurement(best(*inputs), len(codes), protocol, bootstrap(best, *inputs), parts)
