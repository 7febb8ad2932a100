"""Memorisation: distances to the nearest training images, against those of new real images."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ganbench.evaluate.evidence import Evidence, gathered
from ganbench.evaluate.measurement import Measurement
from ganbench.evaluate.metrics.fidelity.precision_recall import nearest_rows
from ganbench.evaluate.metrics.uncertainty import REPLICATES
from ganbench.evaluate.sample_counts import enough_generated, enough_held_out, enough_training

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
    near = [nearest_rows(rows, train, 1)[0][:, 0] for rows in (generated, held_out)]
    return compare(*near)


def compare(generated: Distances, held_out: Distances) -> Memorisation:
    """`memorisation` from the distances (n,) and (m,) to the nearest training image."""
    scale = np.median(held_out)
    if not scale > 0:
        raise ValueError("half of the held-out images are copies of training images: no scale")
    threshold = np.quantile(held_out, CLOSEST)
    return Memorisation(float(np.median(generated) / scale), float((generated <= threshold).mean()))


def measure_memorisation_ratio(evidence: Evidence) -> Measurement:
    """Median distance of generated images to training over that of new real images."""
    return _memorisation(evidence)["ratio"]


def measure_memorisation_copies(evidence: Evidence) -> Measurement:
    """Share of generated images as near to training as the nearest 1 % of new real images."""
    return _memorisation(evidence)["copies"]


@gathered
def _memorisation(evidence: Evidence) -> dict[str, Measurement]:
    """Both numbers; errors are bootstrapped over both sets of images, each drawn on its own."""
    enough_generated(evidence)
    enough_training(evidence)
    enough_held_out(evidence)
    new = evidence.held_out_features
    if evidence.shown is not None:
        new = new[evidence.shown.new]
    known = nearest_rows(new, evidence.train_features, 1)[0][:, 0]
    found = nearest_rows(evidence.generated_features, evidence.train_features, 1)[0][:, 0]
    rng = np.random.default_rng(0)
    drawn = [
        compare(*(side[rng.integers(len(side), size=len(side))] for side in (found, known)))
        for _ in range(REPLICATES)
    ]
    value, errors = compare(found, known), np.std(drawn, axis=0, ddof=1)
    protocol = {
        "extractor": evidence.extractor.identity,
        **evidence.image_facts(len(found)),
        "training": len(evidence.train),
        "training_of": len(evidence.dataset.train),
        "held_out": len(known),
        "storage": "uint8",
    }
    return {
        name: Measurement(number, len(found), protocol, float(error))
        for name, number, error in zip(value._fields, value, errors, strict=True)
    }
