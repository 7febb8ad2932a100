"""What stands beside a model in a table: numbers of real images and of simple methods.

They depend on the data and the settings alone (their seed is fixed) and are kept in memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import cache, partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

from ganbench.data.dataset import Dataset
from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.evidence import Evidence, undisturbed
from ganbench.evaluate.metrics import (
    METRICS,
    Measurement,
    accuracy,
    error_of,
    k_means,
    trained_on,
)
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
    k = evidence.dataset.classes

    @cache
    def clusters() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return k_means(train.images.flatten(1), held_out.images.flatten(1), k)

    def grouped(score: str) -> Measurement:
        fitted, found = clusters()
        pairs = (fitted, train.labels), (found, held_out.labels)
        return grouping(score, *pairs, by=f"{K_MEANS}, k = {k},")

    for score in ("cluster_accuracy", "nmi", "ari"):
        yield K_MEANS, score, partial(grouped, score)
    yield K_MEANS, "representation_cluster_accuracy", partial(grouped, "cluster_accuracy")
    yield REAL, "conditional_accuracy", lambda: _extractor_accuracy(evidence)

    @cache
    def fresh() -> Measurement:
        return trained_on(
            evidence, train.images, train.labels, f"{len(train)} real training images"
        )

    yield REAL, "classification_accuracy_score", fresh
    yield REAL, "test_error", lambda: error_of(fresh())


def blurred(images: Tensor, sigma: float) -> Tensor:
    """uint8 images (n, c, h, w) through a Gaussian filter of `sigma` pixels, rounded."""
    smooth = gaussian_filter(images.numpy().astype(np.float64), (0, 0, sigma, sigma))
    return torch.from_numpy(smooth.round().astype(np.uint8))


def _extractor_accuracy(evidence: Evidence) -> Measurement:
    labels = evidence.held_out.labels
    value = accuracy(evidence.held_out_logits.argmax(1), labels)
    protocol = f"{evidence.extractor.identity} on {len(labels)} held-out real images, uint8"
    return Measurement(value, len(labels), protocol, of_accuracy(value, len(labels)))
