"""How the fidelity metrics are measured: an extractor's features of two sets of images.

The real set is the training images, or a fixed choice of them: all for `fid` and `kid`, and for
those that count neighbours as many as are compared with them. Standard errors are over the
generated images with the real side fixed: by linearisation of `fid`, `kid` and the inception
score, whose bootstrap would be biased near their floor, and for shares of images as those of a
mean. Neighbours are never searched among resampled points, where duplicates shrink every ball.
"""

from __future__ import annotations

from torch import Tensor

from ganbench.evaluate.counts import FEWEST_FRECHET, enough_generated, enough_training, equal, some
from ganbench.evaluate.evidence import Evidence, gathered
from ganbench.evaluate.metrics import frechet
from ganbench.evaluate.metrics.frechet import Moments
from ganbench.evaluate.metrics.inception import divergences, inception_score
from ganbench.evaluate.metrics.kernel import kernels
from ganbench.evaluate.metrics.neighbours import (
    Clouds,
    Mask,
    nearest,
    occupancy,
    spans,
    supports,
)
from ganbench.evaluate.metrics.registry import Measurement, metric
from ganbench.evaluate.metrics.uncertainty import of_accuracy, of_mean

K_SUPPORT, K_DENSITY = 3, 5
"""Neighbours of precision and recall, and of density and coverage: the papers' own."""
OVERLAP = "precision", "recall", "density", "coverage"


@metric("fid")
def _fid(evidence: Evidence) -> Measurement:
    enough_generated(evidence, FEWEST_FRECHET)
    return distance_to_training(evidence, *_generated(evidence))


@metric("kid")
def _kid(evidence: Evidence) -> Measurement:
    enough_generated(evidence)
    return kernel_distance_to_training(evidence, *_generated(evidence))


@metric("inception_score")
def _inception_score(evidence: Evidence) -> Measurement:
    enough_generated(evidence)
    return score_of(evidence, evidence.generated_logits, _generated(evidence)[1])


@metric("precision")
def _precision(evidence: Evidence) -> Measurement:
    return _overlap(evidence)["precision"]


@metric("recall")
def _recall(evidence: Evidence) -> Measurement:
    return _overlap(evidence)["recall"]


@metric("density")
def _density(evidence: Evidence) -> Measurement:
    return _overlap(evidence)["density"]


@metric("coverage")
def _coverage(evidence: Evidence) -> Measurement:
    return _overlap(evidence)["coverage"]


@gathered
def _overlap(evidence: Evidence) -> dict[str, Measurement]:
    count = equal(evidence)
    features = evidence.generated_features[:count]
    return overlap_with_training(evidence, features, f"{count} generated")


def _generated(evidence: Evidence) -> tuple[Tensor, str]:
    return evidence.generated_features, f"{evidence.settings.samples} generated"


@gathered
def _training_moments(evidence: Evidence) -> Moments:
    return Moments.of(evidence.train_features)


def distance_to_training(evidence: Evidence, features: Tensor, description: str) -> Measurement:
    """FID of features (n, d), which `description` names, to the training images.

    Raises TooFew for too few training images.
    """
    enough_training(evidence)
    real, found = _training_moments(evidence), Moments.of(features)
    return Measurement(
        frechet.frechet_distance(real, found),
        len(features),
        f"{_against_training(evidence, description)}, uint8, float64",
        frechet.standard_error(real, found, features),
    )


def kernel_distance_to_training(
    evidence: Evidence, features: Tensor, description: str
) -> Measurement:
    """KID of features (n, d), which `description` names, to the training images.

    Raises TooFew for too few training images.
    """
    enough_training(evidence)
    found = kernels(evidence.train_features.numpy(), features.numpy())
    protocol = (
        f"{_against_training(evidence, description)}, uint8, float64, "
        "cubic kernel, unbiased, no subsets"
    )
    return Measurement(found.distance, len(features), protocol, found.standard_error)


def overlap_with_training(
    evidence: Evidence, features: Tensor, description: str
) -> dict[str, Measurement]:
    """Precision, recall, density and coverage of features (n, d), named by `description`.

    Against them stand as many training images, a fixed random choice: each number depends on
    both counts. Standard errors are binomial (of a mean for density): of precision and density
    over these images, of recall and coverage over the training images, the other side fixed.
    """
    clouds = Clouds(some(evidence.train_features, len(features)), features)
    near = nearest(clouds.real, K_DENSITY)
    precise, recalled = supports(clouds, near[:, K_SUPPORT - 1], spans(clouds.generated, K_SUPPORT))
    held, occupied = occupancy(clouds, near[:, K_DENSITY - 1])
    density = held / K_DENSITY
    extractor, count = evidence.extractor.identity, len(clouds.real)
    where = f"{extractor}, {description} against {count} training images, uint8, float64, k ="

    def share(of: Mask, k: int) -> Measurement:
        value = float(of.mean())
        return Measurement(value, len(of), f"{where} {k}", of_accuracy(value, len(of)))

    return {
        "precision": share(precise, K_SUPPORT),
        "recall": share(recalled, K_SUPPORT),
        "density": Measurement(
            float(density.mean()), len(density), f"{where} {K_DENSITY}", of_mean(density)
        ),
        "coverage": share(occupied, K_DENSITY),
    }


def score_of(evidence: Evidence, logits: Tensor, description: str) -> Measurement:
    """Inception score of an extractor's logits (n, k) of images that `description` names."""
    probabilities = logits.double().softmax(1).numpy()
    value = inception_score(probabilities)
    # d exp(m) = exp(m) dm, and to first order m is the mean of the images' divergences
    error = value * of_mean(divergences(probabilities))
    protocol = f"{evidence.extractor.identity}, {description}, uint8, 1 split"
    return Measurement(value, len(logits), protocol, error)


def _against_training(evidence: Evidence, description: str) -> str:
    training = f"{len(evidence.train)} training images"
    return f"{evidence.extractor.identity}, {description} against {training}"
