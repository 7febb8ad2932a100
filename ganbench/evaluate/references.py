"""What stands beside a model in a table: numbers of real images and of simple methods.

They depend on the data and the settings alone (their seed is fixed) and are kept in memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from sklearn.cluster import KMeans
from torch import Tensor

from ganbench.data.dataset import Dataset, Split
from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.evidence import Evidence, undisturbed
from ganbench.evaluate.metrics import METRICS, Measurement, accuracy, trained_on
from ganbench.evaluate.metrics.clusters import grouping
from ganbench.evaluate.metrics.fidelity import distance_to_training
from ganbench.evaluate.metrics.uncertainty import of_accuracy
from ganbench.evaluate.score import Score, to_score
from ganbench.evaluate.settings import Settings

SEED = 0
SIGMA = 0.5
"""Standard deviation in pixels of the blur of the negative control."""

FLOOR = "real images, held out"
BLURRED = f"real images, blurred (sigma {SIGMA})"
K_MEANS = "k-means on pixels"
REAL = "real training images"

_cache: dict[tuple[str, str, str, Settings], list[tuple[str, Score]]] = {}


def gather(dataset: Dataset, split: str, settings: Settings) -> list[tuple[str, Score]]:
    """(name, score) of every reference that the data set allows."""
    key = (dataset.name, dataset.fingerprint, split, settings)
    if key not in _cache:
        evidence = Evidence(None, dataset, settings, SEED, split)
        with undisturbed(None, SEED, evidence.device):
            _cache[key] = list(_gather(evidence))
    return list(_cache[key])


def _gather(evidence: Evidence) -> Iterator[tuple[str, Score]]:
    for name, metric, measure in _references(evidence):
        start = time.perf_counter()
        try:
            measurement = measure()
        except Unavailable:  # no extractor: the metric's own row says so
            continue
        yield name, to_score(METRICS[metric], measurement, evidence, time.perf_counter() - start)


def _references(evidence: Evidence) -> Iterator[tuple[str, str, Callable[[], Measurement]]]:
    train, held_out = evidence.train, evidence.held_out
    yield (
        FLOOR,
        "fid",
        lambda: distance_to_training(
            evidence, evidence.held_out_features, f"{len(held_out)} held-out real images"
        ),
    )
    yield (
        BLURRED,
        "fid",
        lambda: distance_to_training(
            evidence,
            evidence.extractor.features(blurred(held_out.images, SIGMA)),
            f"{len(held_out)} held-out real images, blurred (sigma {SIGMA}),",
        ),
    )
    clusters: list[NDArray[np.int64]] = []
    for metric in ("cluster_accuracy", "nmi", "ari"):

        def measure(metric: str = metric) -> Measurement:
            if not clusters:
                clusters.extend(k_means(train, held_out, evidence.dataset.classes))
            fitted, found = clusters
            pairs = (fitted, train.labels), (found, held_out.labels)
            return grouping(metric, *pairs, by=f"{K_MEANS}, k = {evidence.dataset.classes},")

        yield K_MEANS, metric, measure
    yield REAL, "conditional_accuracy", lambda: _extractor_accuracy(evidence)
    yield (
        REAL,
        "classification_accuracy_score",
        lambda: trained_on(
            evidence, train.images, train.labels, f"{len(train)} real training images"
        ),
    )


def blurred(images: Tensor, sigma: float) -> Tensor:
    """uint8 images (n, c, h, w) through a Gaussian filter of `sigma` pixels, rounded."""
    smooth = gaussian_filter(images.numpy().astype(np.float64), (0, 0, sigma, sigma))
    return torch.from_numpy(smooth.round().astype(np.uint8))


def k_means(train: Split, held_out: Split, k: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Clusters of the training and the held-out images: k-means on training pixels."""
    pixels = [split.images.flatten(1).numpy().astype(np.float32) for split in (train, held_out)]
    model = KMeans(k, n_init=10, random_state=SEED).fit(pixels[0])
    fitted, found = (np.asarray(model.predict(part), np.int64) for part in pixels)
    return fitted, found


def _extractor_accuracy(evidence: Evidence) -> Measurement:
    labels = evidence.held_out.labels
    value = accuracy(evidence.held_out_logits.argmax(1), labels)
    protocol = f"{evidence.extractor.identity} on {len(labels)} held-out real images, uint8"
    return Measurement(value, len(labels), protocol, of_accuracy(value, len(labels)))
