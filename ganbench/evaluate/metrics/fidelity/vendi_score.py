"""The Vendi score, for diversity within a class (Friedman & Dieng 2023, arXiv:2210.02410)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.measurement import Measurement
from ganbench.evaluate.metrics.arrays import as_features
from ganbench.evaluate.metrics.uncertainty import REPLICATES

MOST_PER_CLASS = 250
FEWEST_PER_CLASS = 10


def vendi_score(features: ArrayLike | Tensor) -> float:
    """The effective number of different rows of features (n, d): 1 if all alike, at most n.

    exp of the entropy of the eigenvalues of K / n (eq. 2), where K is the cosine similarity of
    the rows (the kernel of the paper's image experiments). It grows with n: compare only equal
    n. In float64; at most d, the rank of K.

    Raises ValueError for no rows, features that are not finite, or a row of zeros, which has
    no direction.
    """
    rows = as_features(features, "features").astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not lengths.all():
        raise ValueError("a row of zeros has no cosine similarity to the others")
    rows = rows / lengths
    # K and its dual have the same eigenvalues but for zeros: the smaller one is taken
    small = rows.T @ rows if rows.shape[1] < len(rows) else rows @ rows.T
    shares = np.linalg.eigvalsh(small / len(rows))
    shares = shares[shares > 0]  # rounding leaves some just below 0, and 0 ln 0 is 0
    return float(np.exp(-(shares * np.log(shares)).sum()))


def measure_intra_class_diversity(evidence: Evidence) -> Measurement:
    """Vendi score of the features of generated images within a class, mean over classes.

    Of each class its first images are used, as many as there are training images of the rarest
    class, at most `MOST_PER_CLASS` and half of what one class gets of the samples. The error is
    over these images (bootstrap within each class). parts: each class.
    Raises Unavailable for classes with too few images.
    """
    labels, features = evidence.generated_labels, evidence.generated_features
    classes = evidence.dataset.classes
    real = torch.bincount(evidence.train.labels, minlength=classes)
    count = min(int(real.min()), MOST_PER_CLASS, evidence.settings.samples // (2 * classes))
    if count < FEWEST_PER_CLASS:
        raise Unavailable(f"needs at least {FEWEST_PER_CLASS} images of each class, not {count}")
    groups: list[NDArray[np.float64]] = []
    for label in range(classes):
        rows = features[labels == label][:count].double().numpy()
        if len(rows) < count:
            raise Unavailable(f"{len(rows)} images of class {label}, fewer than {count}")
        groups.append(rows)
    scores = [vendi_score(rows) for rows in groups]
    rng = np.random.default_rng(0)
    drawn = [
        np.mean([vendi_score(rows[rng.integers(count, size=count)]) for rows in groups])
        for _ in range(REPLICATES)
    ]
    return Measurement(
        float(np.mean(scores)),
        count * classes,
        {
            "extractor": evidence.extractor.identity,
            "kernel": "cosine",
            **evidence.image_facts(count * classes),
            "per_class": count,
            "storage": "uint8",
        },
        float(np.std(drawn, ddof=1)),
        {f"class {label}": score for label, score in enumerate(scores)},
    )
