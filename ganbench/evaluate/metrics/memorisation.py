"""How near generated images lie to the training images, against real images that are new."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from ganbench.evaluate.counts import enough_generated, enough_held_out, enough_training
from ganbench.evaluate.evidence import Evidence, gathered
from ganbench.evaluate.metrics.arrays import as_features
from ganbench.evaluate.metrics.registry import Measurement, metric
from ganbench.evaluate.metrics.uncertainty import REPLICATES

CLOSEST = 0.01
"""A sample is a copy that lies nearer to a training image than this share of new real images."""

Distances = NDArray[np.float64]


class Memorisation(NamedTuple):
    """ratio: 1 as far as new real images, 0 copies. copies: a share of the samples."""

    ratio: float
    copies: float


def memorisation(
    generated: ArrayLike | Tensor, train: ArrayLike | Tensor, held_out: ArrayLike | Tensor
) -> Memorisation:
    """Distances to the nearest training row, of generated against held-out real rows.

    All are features (n, d); the distance is Euclidean. `ratio`: the median over generated rows,
    divided by the median over held-out ones. `copies`: the share of generated rows that are at
    most as far as the closest 1 % of held-out ones (their quantile by linear interpolation);
    0.01 is expected of new real images. The idea of asking how far real images that were not
    trained on are is Meehan et al.'s (2020, arXiv:2004.05675, sec. 2); their test compares ranks.

    Raises ValueError for features that are not finite, no rows, other widths, or held-out rows
    half of which are training rows, which leave no scale.
    """
    near = [nearest(rows, train, 1)[0][:, 0] for rows in (generated, held_out)]
    return compare(*near)


def compare(generated: Distances, held_out: Distances) -> Memorisation:
    """`memorisation` from the distances (n,) and (m,) to the nearest training image."""
    scale = np.median(held_out)
    if not scale > 0:
        raise ValueError("half of the held-out images are copies of training images: no scale")
    threshold = np.quantile(held_out, CLOSEST)
    return Memorisation(float(np.median(generated) / scale), float((generated <= threshold).mean()))


def nearest(
    rows: ArrayLike | Tensor, reference: ArrayLike | Tensor, k: int
) -> tuple[Distances, NDArray[np.int64]]:
    """The k nearest reference rows (m, d) of each row (n, d): distances and indices, (n, k).

    Nearest first, Euclidean, in float64, in bounded memory (scikit-learn). Raises ValueError for
    rows that are not finite or do not fit, or fewer than k reference rows.
    """
    pair = as_features(rows, "rows"), as_features(reference, "reference rows", least=k)
    wanted, known = (values.astype(np.float64, copy=False) for values in pair)
    found = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(known)
    indices = np.asarray(found.kneighbors(wanted, return_distance=False), np.int64)
    # measured anew: by |a|^2 + |b|^2 - 2ab, as they are searched, a copy is not quite at 0
    distances = np.stack(
        [np.linalg.norm(wanted - known[column], axis=1) for column in indices.T], 1
    )
    return distances, indices


@gathered
def held_out_distances(evidence: Evidence) -> Distances:
    """How far each held-out real image is from the nearest training image, (n,).

    Raises TooFew where they are too few to say how far new images are.
    """
    enough_training(evidence)
    enough_held_out(evidence)
    return to_training(evidence, evidence.held_out_features)


def to_training(evidence: Evidence, features: Tensor) -> Distances:
    """How far each row of features (n, d) is from the nearest training image, (n,)."""
    return nearest(features, evidence.train_features, 1)[0][:, 0]


def copying(
    evidence: Evidence, distances: Distances, known: Distances, description: str
) -> dict[str, Measurement]:
    """Both metrics by name, from distances (n,) to training against (m,) of new real images.

    Errors are bootstrapped over both, each drawn on its own.
    """
    rng = np.random.default_rng(0)
    drawn = [
        compare(*(side[rng.integers(len(side), size=len(side))] for side in (distances, known)))
        for _ in range(REPLICATES)
    ]
    value, errors = compare(distances, known), np.std(drawn, axis=0, ddof=1)
    protocol = (
        f"{evidence.extractor.identity}, nearest of {len(evidence.train)} of the "
        f"{len(evidence.dataset.train)} training images, {description}, uint8"
    )
    return {
        f"memorisation_{name}": Measurement(number, len(distances), protocol, float(error))
        for name, number, error in zip(value._fields, value, errors, strict=True)
    }


@gathered
def _of_generated(evidence: Evidence) -> dict[str, Measurement]:
    enough_generated(evidence)
    known, found = held_out_distances(evidence), to_training(evidence, evidence.generated_features)
    description = f"{len(found)} generated against {len(known)} held-out real images"
    return copying(evidence, found, known, description)


@metric("memorisation_ratio")
def _memorisation_ratio(evidence: Evidence) -> Measurement:
    return _of_generated(evidence)["memorisation_ratio"]


@metric("memorisation_copies")
def _memorisation_copies(evidence: Evidence) -> Measurement:
    return _of_generated(evidence)["memorisation_copies"]
