"""Measurements of the fidelity metrics, in an extractor's features of two sets of images.

The real set is the training images, or a fixed choice of them: all for `fid` and `kid`, and for
those that count neighbours as many as are compared with them. Standard errors are over the
generated images with the real side fixed: by linearisation of `fid`, `kid` and the inception
score, whose bootstrap would be biased near their floor, and for shares of images as those of a
mean. Neighbours are never searched among resampled points, where duplicates shrink every ball.
"""

from __future__ import annotations

from typing import Any

from ganbench.evaluate.evidence import Evidence, gathered
from ganbench.evaluate.extractors import Extractor
from ganbench.evaluate.measurement import Measurement
from ganbench.evaluate.metrics.fidelity import fid
from ganbench.evaluate.metrics.fidelity.fid import Moments
from ganbench.evaluate.metrics.fidelity.inception_score import divergences, inception_score
from ganbench.evaluate.metrics.fidelity.mmd import kernels
from ganbench.evaluate.metrics.fidelity.precision_recall import (
    Clouds,
    Mask,
    nearest,
    occupancy,
    spans,
    supports,
)
from ganbench.evaluate.metrics.uncertainty import of_accuracy, of_mean
from ganbench.evaluate.sample_counts import (
    compared,
    enough_for_frechet,
    enough_generated,
    enough_training,
    equal,
    some,
)

K_SUPPORT, K_DENSITY = 3, 5
"""Neighbours of precision and recall, and of density and coverage: the papers' own."""


def measure_fid(evidence: Evidence) -> Measurement:
    """FID of the generated images to the training images."""
    enough_for_frechet(evidence, lambda: evidence.train_features.shape[1])
    return frechet_to_training(evidence, evidence.extractor)


def frechet_to_training(evidence: Evidence, extractor: Extractor) -> Measurement:
    """The Frechet distance of generated to training images in an extractor's features."""
    features = evidence.seen_by(extractor, "generated").features
    real, found = Moments.of(evidence.seen_by(extractor, "train").features), Moments.of(features)
    return Measurement(
        fid.frechet_distance(real, found),
        len(features),
        to_training(evidence, extractor.identity, len(features)),
        fid.standard_error(real, found, features),
    )


def measure_kid(evidence: Evidence) -> Measurement:
    """KID of the generated images to the training images."""
    enough_generated(evidence)
    enough_training(evidence)
    features = evidence.generated_features
    found = kernels(evidence.train_features.numpy(), features.numpy())
    protocol = to_training(evidence, evidence.extractor.identity, len(features))
    protocol |= {"kernel": "cubic", "estimator": "unbiased"}
    return Measurement(found.distance, len(features), protocol, found.standard_error)


def measure_inception_score(evidence: Evidence) -> Measurement:
    """Inception score of the extractor's logits of the generated images."""
    enough_generated(evidence)
    probabilities = evidence.generated_logits.double().softmax(1).numpy()
    value = inception_score(probabilities)
    # d exp(m) = exp(m) dm, and to first order m is the mean of the images' divergences
    error = value * of_mean(divergences(probabilities))
    protocol = {
        "extractor": evidence.extractor.identity,
        **evidence.image_facts(len(probabilities)),
    }
    protocol |= {"storage": "uint8", "splits": 1}
    return Measurement(value, len(probabilities), protocol, error)


def measure_precision(evidence: Evidence) -> Measurement:
    """Share of generated images in the training images' support."""
    return _overlap(evidence)["precision"]


def measure_recall(evidence: Evidence) -> Measurement:
    """Share of training images in the generated images' support."""
    return _overlap(evidence)["recall"]


def measure_density(evidence: Evidence) -> Measurement:
    """How many training images' balls hold a generated image, over k."""
    return _overlap(evidence)["density"]


def measure_coverage(evidence: Evidence) -> Measurement:
    """Share of training images whose ball holds a generated image."""
    return _overlap(evidence)["coverage"]


@gathered
def _overlap(evidence: Evidence) -> dict[str, Measurement]:
    """Precision, recall, density and coverage of equally many generated and training images.

    Standard errors are binomial (of a mean for density): of precision and density over the
    generated images, of recall and coverage over the training images, the other side fixed.
    """
    count = equal(evidence)  # raises TooFew before any image is generated
    features = compared(evidence, evidence.generated_features)
    clouds = Clouds(some(evidence.train_features, count), features)
    near = nearest(clouds.real, K_DENSITY)
    precise, recalled = supports(clouds, near[:, K_SUPPORT - 1], spans(clouds.generated, K_SUPPORT))
    held, occupied = occupancy(clouds, near[:, K_DENSITY - 1])
    density = held / K_DENSITY
    where = to_training(evidence, evidence.extractor.identity, count) | {"training": count}

    def share(of: Mask, k: int) -> Measurement:
        value = float(of.mean())
        return Measurement(value, len(of), where | {"k": k}, of_accuracy(value, len(of)))

    return {
        "precision": share(precise, K_SUPPORT),
        "recall": share(recalled, K_SUPPORT),
        "density": Measurement(
            float(density.mean()), len(density), where | {"k": K_DENSITY}, of_mean(density)
        ),
        "coverage": share(occupied, K_DENSITY),
    }


def to_training(evidence: Evidence, extractor: str, count: int) -> dict[str, Any]:
    """The facts of a comparison of `count` generated images with the training images."""
    return {
        "extractor": extractor,
        **evidence.image_facts(count),
        "training": len(evidence.train),
        "storage": "uint8",
        "dtype": "float64",
    }
