"""Frechet distance (Heusel et al. 2017, arXiv:1706.08500, eq. 6)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.metrics.registry import Measurement, metric
from ganbench.evaluate.metrics.uncertainty import bootstrap

FEWEST = 2000
"""With fewer generated images the distance is too biased to be printed."""


def fid(real: ArrayLike, generated: ArrayLike) -> float:
    """Squared Frechet distance of two Gaussians fitted to features (n, d) and (m, d).

    |mu1 - mu2|^2 + tr(S1 + S2 - 2 sqrt(S1 S2)), covariances with n - 1, in float64, through
    torch-fidelity's functions. At least 0: rounding below it is cut off.

    Raises ValueError for features that are not finite, fewer than 2 rows, or other widths.
    """
    return _distance(_statistics(real), _statistics(generated))


def _statistics(features: ArrayLike) -> Any:
    array = np.asarray(features, dtype=np.float64)
    if array.ndim != 2 or len(array) < 2:
        raise ValueError(f"features must be (n, d) with at least 2 rows, not {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("features must be finite")
    # imported here: it brings all of torchvision's models, 1.4 s that commands need not wait for
    from torch_fidelity.metric_fid import fid_features_to_statistics

    statistics = fid_features_to_statistics(torch.from_numpy(array))
    # one feature: numpy's covariance is a bare number
    return statistics | {"sigma": np.atleast_2d(statistics["sigma"])}


def _distance(real: Any, generated: Any) -> float:
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_statistics_to_metric

    if real["mu"].shape != generated["mu"].shape:
        raise ValueError(f"features differ in width: {len(real['mu'])} and {len(generated['mu'])}")
    return max(float(fid_statistics_to_metric(real, generated, False)[KEY_METRIC_FID]), 0.0)


@metric("fid")
def _fid(evidence: Evidence) -> Measurement:
    count = evidence.settings.samples
    if count < FEWEST:
        raise Unavailable(f"needs at least {FEWEST} generated images, not {count}")
    return distance_to_training(evidence, evidence.generated_features, f"{count} generated")


def distance_to_training(
    evidence: Evidence, features: torch.Tensor, description: str
) -> Measurement:
    """FID of features (n, d) to the training images; its error is over the n images."""
    real = _statistics(evidence.train_features)
    return Measurement(
        _distance(real, _statistics(features)),
        len(features),
        f"{evidence.extractor.identity}, {description} against {len(evidence.train)} training "
        "images, uint8, float64",
        bootstrap(lambda rows: _distance(real, _statistics(rows)), features),
    )
