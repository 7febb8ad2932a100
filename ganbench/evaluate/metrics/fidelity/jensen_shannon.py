"""Jensen-Shannon distance between histograms of real and generated values."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import jensenshannon
from torch import Tensor

from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.evidence import Evidence, gathered
from ganbench.evaluate.measurement import Measurement
from ganbench.evaluate.metrics.arrays import as_array, as_pair
from ganbench.evaluate.metrics.uncertainty import bootstrap
from ganbench.evaluate.sample_counts import compared

LEVELS = 256
PIXEL_BINS = 16
"""Of 16 grey levels: with finer bins the 17 levels of `digits` would leave every other one empty,
and a generator's continuous outputs would be told from them by that alone."""
FEATURE_BINS = 20
TAILS = 0.01, 0.99
"""Between these quantiles of the training images a feature is cut into equal bins."""

Counts = NDArray[np.int64]


def jensen_shannon(
    real: ArrayLike | Tensor, generated: ArrayLike | Tensor, edges: ArrayLike | Tensor
) -> float:
    """Jensen-Shannon distance, base 2, between histograms of values; 0 if alike, at most 1.

    The square root of the divergence (Endres & Schindelin 2003, IEEE Trans. Inf. Theory 49(7)),
    as `scipy.spatial.distance.jensenshannon`. real, generated: values (n, d) and (m, d); the
    result is the mean over the d columns. edges: ascending, (b + 1,) or one row per column
    (d, b + 1), of b bins; a bin holds its left edge, and the first and last are open outwards.

    Raises ValueError for values or edges that are not finite or whose shapes do not fit.
    """
    sides = as_pair(real, generated)
    inner = as_array(edges, "edges")
    limits = np.broadcast_to(inner, (sides[0].shape[1], inner.shape[-1]))
    if limits.shape[1] < 2 or (np.diff(limits) < 0).any():
        raise ValueError("edges must ascend, and be at least 2")
    bins = limits.shape[1] - 1
    return _distance(*(_counts(_binned(values, limits), bins) for values in sides))


def _binned(values: NDArray[np.generic], edges: NDArray[np.generic]) -> Counts:
    """The bin, from 0, of each value (n, d) in the bins of its column, edges (d, b + 1)."""
    columns = zip(values.T, edges[:, 1:-1], strict=True)
    return np.stack([np.searchsorted(inner, v, side="right") for v, inner in columns], 1)


def _counts(binned: Counts, bins: int) -> Counts:
    """Bins (n, d) to the histogram of each column, (d, bins)."""
    columns = binned.shape[1]
    places = binned + np.arange(columns) * bins
    return np.bincount(places.ravel(), minlength=columns * bins).reshape(columns, bins)


def _distance(real: Counts, generated: Counts) -> float:
    """The mean over columns of the distance between histograms (d, bins)."""
    # rounding can leave a divergence of -1e-17, whose root would be nan
    with np.errstate(invalid="ignore"):
        return float(np.nan_to_num(jensenshannon(real, generated, base=2, axis=1)).mean())


def _pixel_counts(images: Tensor) -> Counts:
    """The histogram of every image's every channel, (n, c, bins), of uint8 (n, c, h, w)."""
    flat = images.flatten(2).numpy()
    n, channels, _ = flat.shape
    first = np.arange(n * channels).reshape(n, channels, 1) * PIXEL_BINS
    places = first + flat // (LEVELS // PIXEL_BINS)
    counts = np.bincount(places.ravel(), minlength=n * channels * PIXEL_BINS)
    return counts.reshape(n, channels, PIXEL_BINS)


@gathered
def _train_pixels(evidence: Evidence) -> Counts:
    if evidence.dataset.kind == "points":
        raise Unavailable("points have no pixels")
    return _pixel_counts(evidence.train.images).sum(0)


@gathered
def _train_histograms(evidence: Evidence) -> tuple[NDArray[np.float64], Counts]:
    """The edges (d, bins + 1) of each feature, and the training images' counts (d, bins)."""
    features = evidence.train_features.double().numpy()
    low, high = np.quantile(features, TAILS, axis=0)
    edges = np.linspace(low, high, FEATURE_BINS + 1, axis=1)
    return edges, _counts(_binned(features, edges), FEATURE_BINS)


def measure_pixel_js(evidence: Evidence) -> Measurement:
    """Jensen-Shannon distance of the histograms of pixels; its error is over the images."""
    real = _train_pixels(evidence)  # says why there is none before images are generated
    counts = _pixel_counts(compared(evidence, evidence.generated))
    return Measurement(
        _distance(real, counts.sum(0)),
        len(counts),
        evidence.image_facts(len(counts))
        | {"training": len(evidence.train), "storage": "uint8", "bins": PIXEL_BINS},
        bootstrap(lambda rows: _distance(real, rows.sum(0)), counts),
    )


def measure_feature_js(evidence: Evidence) -> Measurement:
    """Jensen-Shannon distance of the histograms of features; its error is over the images."""
    features = compared(evidence, evidence.generated_features)
    edges, real = _train_histograms(evidence)
    binned = _binned(features.double().numpy(), edges)
    return Measurement(
        _distance(real, _counts(binned, FEATURE_BINS)),
        len(binned),
        {
            "extractor": evidence.extractor.identity,
            **evidence.image_facts(len(binned)),
            "training": len(evidence.train),
            "storage": "uint8",
            "bins": FEATURE_BINS,
            "quantiles": list(TAILS),
        },
        bootstrap(lambda rows: _distance(real, _counts(rows, FEATURE_BINS)), binned),
    )
