"""What stands beside a model in a table: numbers of real images and of simple methods.

They depend on the data and the settings alone (their seed is fixed) and are kept, in memory
and in the user's cache folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.cache import digest, recall
from ganbench.data.dataset import Dataset
from ganbench.evaluate import extractors, real
from ganbench.evaluate.capabilities import CapabilityError, Unavailable, classify
from ganbench.evaluate.counts import (
    FEWEST,
    enough_for_frechet,
    enough_held_out,
    enough_training,
    equal,
    some,
)
from ganbench.evaluate.evidence import Evidence, gathered, undisturbed
from ganbench.evaluate.extractor_table import OWN
from ganbench.evaluate.metrics import (
    METRICS,
    Measurement,
    accuracy,
    error_of,
    k_means,
    trained_on,
)
from ganbench.evaluate.metrics.attacks import blur
from ganbench.evaluate.metrics.clusters import grouping, need_labels
from ganbench.evaluate.metrics.companions import companion
from ganbench.evaluate.metrics.diversity import diversity_within
from ganbench.evaluate.metrics.fidelity import (
    OVERLAP,
    distance_to_training,
    kernel_distance_to_training,
    overlap_with_training,
    score_of,
)
from ganbench.evaluate.metrics.found_modes import (
    OF_POINTS,
    OF_STACKS,
    coverage_of_points,
    coverage_of_stacks,
)
from ganbench.evaluate.metrics.histograms import feature_distance, pixel_distance
from ganbench.evaluate.metrics.memorisation import copying, held_out_distances, to_training
from ganbench.evaluate.metrics.robustness import Attacked, accuracy_of, auc_of, under_attack
from ganbench.evaluate.metrics.uncertainty import of_accuracy
from ganbench.evaluate.reference_codes import beside_codes
from ganbench.evaluate.score import Missing, Score, measured
from ganbench.evaluate.settings import Settings

SEED = 0
SIGMA = 0.5
"""Standard deviation in pixels of the blur of the negative control."""

HELD_OUT = "held-out real images"
SMOOTH = f", blurred (sigma {SIGMA}),"

FLOOR = "real images, held out"
POINTS = "real points, held out"
BLURRED = f"real images, blurred (sigma {SIGMA})"
K_MEANS = "k-means on pixels"
REAL = "real training images"
ORDINARY = "the extractor's classifier"


class Beside(NamedTuple):
    """(name, score) of each reference, and (name, metric, reason) of those that failed."""

    scores: list[tuple[str, Score]]
    missing: list[tuple[str, str, str]]


_cache: dict[str, Beside] = {}


def gather(
    dataset: Dataset, split: str, settings: Settings, device: torch.device | str = "cpu"
) -> Beside:
    """Every reference that the data set allows; one that fails does not end the others.

    device: where extractors run. `Score.seconds` are those of the first measurement.
    """
    evidence = Evidence(None, dataset, settings, SEED, split, device)
    facts = {
        "protocol": settings.protocol_id(dataset, split),
        # rows that lack weights are made again once these are here
        "weights": [
            extractors.found(name, dataset.extractor)
            for _, name in sorted(settings.extractors_for(dataset).items())
        ],
        **real.circumstances(evidence.device),
    }

    def make() -> Beside:
        with undisturbed(None, SEED, evidence.device):
            return _gather(evidence)

    key = digest(facts)
    if key not in _cache:
        _cache[key] = recall("references", facts, make, _packed, _unpacked)
    found = _cache[key]
    return Beside(list(found.scores), list(found.missing))


def _packed(found: Beside) -> bytes:
    rows = [(name, asdict(score)) for name, score in found.scores], found.missing
    return json.dumps(rows, default=lambda number: number.item()).encode()  # NumPy's


def _unpacked(content: bytes) -> Beside:
    scores, missing = json.loads(content)
    return Beside(
        [(name, Score(**score)) for name, score in scores], [tuple(one) for one in missing]
    )


def _gather(evidence: Evidence) -> Beside:
    wanted = evidence.settings.metrics_for(evidence.dataset)
    found = Beside([], [])
    for name, metric, measure in _references(evidence):
        if metric not in wanted:
            continue
        try:
            outcome = measured(METRICS[metric], measure, evidence)
        except CapabilityError as error:  # of an extractor that is asked as a model would be
            outcome = Missing(f"failed: {error}")
        if isinstance(outcome, Score):
            found.scores.append((name, outcome))
        elif outcome.applies:  # what just does not apply is said in the metric's own row
            found.missing.append((name, metric, outcome.reason))
    return found


def _references(evidence: Evidence) -> Iterator[tuple[str, str, Callable[[], Measurement]]]:
    train, held_out = evidence.train, evidence.held_out
    yield from _of_fidelity(evidence)
    yield from _of_modes(evidence)
    for own in OWN:
        yield FLOOR, own, partial(companion, own, evidence, "held-out")
    k = evidence.dataset.classes

    @cache
    def clusters() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        need_labels(evidence)
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
    yield from beside_codes(evidence)
    yield from _of_histograms(evidence)
    yield from _of_copying(evidence)
    yield REAL, "intra_class_diversity", lambda: _real_diversity(evidence)
    yield ORDINARY, "attacked_accuracy", lambda: accuracy_of(evidence, *_ordinary(evidence))
    yield ORDINARY, "attacked_auc", lambda: auc_of(evidence, *_ordinary(evidence))


Reference = tuple[str, str, Callable[[], Measurement]]


def _one(of: Callable[[], dict[str, Measurement]], name: str) -> Measurement:
    return of()[name]


def _of_fidelity(evidence: Evidence) -> Iterator[Reference]:
    """Held-out real images, and blurred ones."""
    for name, measure in _against_training(evidence, lambda: evidence.held_out_features).items():
        yield FLOOR, name, measure
    for name, measure in _against_training(
        evidence, lambda: _blurred_features(evidence), SMOOTH
    ).items():
        yield BLURRED, name, measure
    count = f"{len(evidence.held_out)} {HELD_OUT}"

    def score() -> Measurement:
        enough_held_out(evidence)
        return score_of(evidence, evidence.held_out_logits, count)

    yield FLOOR, "inception_score", score


def _against_training(
    evidence: Evidence, features: Callable[[], Tensor], how: str = ""
) -> dict[str, Callable[[], Measurement]]:
    """The fidelity metrics that compare features with those of the training images.

    features: of the held-out images; how: what was done to them.
    """
    count = f"{len(evidence.held_out)} {HELD_OUT}{how}"

    def distance() -> Measurement:
        enough_training(evidence)
        enough_held_out(evidence)
        enough_for_frechet(evidence, evidence.train_features.shape[1])
        return distance_to_training(evidence, features(), count)

    def kernel_distance() -> Measurement:
        enough_held_out(evidence)
        return kernel_distance_to_training(evidence, features(), count)

    @cache
    def overlap() -> dict[str, Measurement]:
        compared = _compared(evidence, features)
        return overlap_with_training(evidence, compared, f"{len(compared)} {HELD_OUT}{how}")

    return {"fid": distance, "kid": kernel_distance} | {
        name: partial(_one, overlap, name) for name in OVERLAP
    }


def _compared(evidence: Evidence, of_held_out: Callable[[], Tensor]) -> Tensor:
    """Of the held-out images' rows (n, ...) as many as there are generated ones beside them."""
    enough_held_out(evidence)
    return some(of_held_out(), equal(evidence))


def _of_modes(evidence: Evidence) -> Iterator[Reference]:
    """Held-out real points, or stacked digits; at most as many as are generated."""
    real = evidence.held_out.images[: evidence.settings.samples]

    @cache
    def points() -> dict[str, Measurement]:
        return coverage_of_points(evidence, real, f"{len(real)} held-out real points")

    @cache
    def stacks() -> dict[str, Measurement]:
        return coverage_of_stacks(evidence, real, f"{len(real)} held-out real images")

    for name in OF_POINTS:
        yield POINTS, name, partial(_one, points, name)
    for name in OF_STACKS:
        yield FLOOR, name, partial(_one, stacks, name)


def _of_histograms(evidence: Evidence) -> Iterator[Reference]:
    """Held-out real images, and blurred ones."""

    def pixels(images: Callable[[], Tensor], how: str) -> Measurement:
        compared = _compared(evidence, images)
        return pixel_distance(evidence, compared, f"{len(compared)} {HELD_OUT}{how}")

    def features(read: Callable[[], Tensor], how: str) -> Measurement:
        compared = _compared(evidence, read)
        return feature_distance(evidence, compared, f"{len(compared)} {HELD_OUT}{how}")

    yield FLOOR, "pixel_js", lambda: pixels(lambda: evidence.held_out.images, "")
    yield FLOOR, "feature_js", lambda: features(lambda: evidence.held_out_features, "")
    yield BLURRED, "pixel_js", lambda: pixels(lambda: _blurred(evidence), SMOOTH)
    yield BLURRED, "feature_js", lambda: features(lambda: _blurred_features(evidence), SMOOTH)


def _of_copying(evidence: Evidence) -> Iterator[Reference]:
    """Half of the held-out real images against the other half, and the training images."""

    @cache
    def new() -> dict[str, Measurement]:
        enough_held_out(evidence, 2 * FEWEST)
        known = held_out_distances(evidence)
        rows = np.random.default_rng(SEED).permutation(len(known))
        one, other = known[rows[::2]], known[rows[1::2]]
        return copying(evidence, one, other, f"{len(one)} {HELD_OUT} against {len(other)} others")

    @cache
    def copied() -> dict[str, Measurement]:
        known, found = held_out_distances(evidence), to_training(evidence, evidence.train_features)
        description = f"the training images against {len(known)} held-out real images"
        return copying(evidence, found, known, description)

    for name in ("memorisation_ratio", "memorisation_copies"):
        yield FLOOR, name, partial(_one, new, name)
        yield REAL, name, partial(_one, copied, name)


@gathered
def _blurred(evidence: Evidence) -> Tensor:
    if len(evidence.dataset.shape) != 3:
        raise Unavailable("points cannot be blurred")
    return blurred(evidence.held_out.images, SIGMA)


@gathered
def _blurred_features(evidence: Evidence) -> Tensor:
    return evidence.extractor.features(_blurred(evidence))


def _real_diversity(evidence: Evidence) -> Measurement:
    labels = evidence.train.labels
    return diversity_within(evidence, evidence.train_features, labels, "real training images")


@gathered
def _ordinary(evidence: Evidence) -> tuple[dict[str, Attacked], str]:
    """What the extractor's own classifier makes of images under attack, and its name."""
    evidence.need_classes()
    extractor, classes = evidence.extractor, evidence.dataset.classes
    found = under_attack(evidence, partial(classify, extractor, classes=classes))
    return found, extractor.identity


def blurred(images: Tensor, sigma: float) -> Tensor:
    """uint8 images (n, c, h, w) through a Gaussian filter of `sigma` pixels, rounded."""
    return blur(images.double(), sigma).round().to(torch.uint8)


def _extractor_accuracy(evidence: Evidence) -> Measurement:
    evidence.need_classes()
    labels = evidence.held_out.labels
    value = accuracy(evidence.classes_of(evidence.held_out_logits), labels)
    protocol = f"{evidence.extractor.identity} on {len(labels)} held-out real images, uint8"
    return Measurement(value, len(labels), protocol, of_accuracy(value, len(labels)))
