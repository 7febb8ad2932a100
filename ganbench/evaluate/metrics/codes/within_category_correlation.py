"""Rank correlation of continuous codes with image factors, within categories."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from ganbench.data.dataset import to_unit_range
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.measurement import Measurement
from ganbench.evaluate.metrics.disentanglement.stroke_factors import (
    FACTORS,
    image_factors,
    need_strokes,
)
from ganbench.evaluate.metrics.uncertainty import bootstrap

FEWEST = 3
"""A category with fewer images has no rank correlation."""


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


def measure_within_category_correlation(evidence: Evidence) -> Measurement:
    """Each continuous code's largest |Spearman| with an image factor, mean over the codes."""
    names = [code.name for code in evidence.continuous]
    within = evidence.categorical[0]  # its column is the first
    need_strokes(evidence.dataset.shape)
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

    protocol = {
        "generated": len(codes),
        "factors": list(FACTORS),
        "factors_are": "measured in the image",
        "within": within.name,
        "storage": "uint8",
    }
    return Measurement(best(*inputs), len(codes), protocol, bootstrap(best, *inputs), parts)
