"""Inception score (Salimans et al. 2016, arXiv:1606.03498, sec. 4)."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy
from torch import Tensor

from ganbench.evaluate.metrics.arrays import as_features


def inception_score(probabilities: ArrayLike | Tensor, splits: int = 1) -> float:
    """exp of the mean KL divergence of p(y|x) from their mean p(y): from 1 to the classes.

    probabilities: (n, classes), one distribution per image. splits: cut into so many parts in
    their written order (torch-fidelity shuffles first), scored alone and averaged; each must
    have an image.

    Raises ValueError for rows that are no distributions, no rows, or splits not from 1 to n.
    """
    rows = as_features(probabilities, "probabilities")
    if not 1 <= splits <= len(rows):
        raise ValueError(f"splits must be from 1 to the {len(rows)} rows, not {splits}")
    cuts = [i * len(rows) // splits for i in range(splits + 1)]
    parts = [rows[start:end] for start, end in pairwise(cuts)]
    return float(np.mean([math.exp(divergences(part).mean()) for part in parts]))


def divergences(probabilities: ArrayLike) -> NDArray[np.float64]:
    """KL divergence (n,), in nats, of each distribution (n, classes) from their mean."""
    rows = np.array(probabilities, np.float64)
    sums = rows.sum(1, keepdims=True)
    if rows.min() < 0 or np.abs(sums - 1).max() > 1e-3:  # float16 rounds by less
        raise ValueError("probabilities must be at least 0 and sum to 1 in every row")
    rows /= sums
    mean = rows.mean(0)
    # the mean's zeros are zeros of every row, where xlogy is 0 whatever it is compared with
    found = (xlogy(rows, rows) - xlogy(rows, np.where(mean > 0, mean, 1))).sum(1)
    return np.maximum(found, 0)
