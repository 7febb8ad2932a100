"""The references: each one's name, what it is measured by, and how it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.references.classifiers import (
    ExtractorsClassifier,
    FreshClassifier,
    KMeansOnPixels,
)
from ganbench.evaluate.references.codes import FactorOracle, PCAOnPixels, RandomNetwork
from ganbench.evaluate.references.real_images import SIGMA, Blurred, HalfHeldOut, HeldOut, Training

OVERLAP = ("precision", "recall", "density", "coverage")

HELD_OUT = "real images, held out"
POINTS = "real points, held out"
BLURRED = f"real images, blurred (sigma {SIGMA})"
TRAINING = "real training images"
K_MEANS = "k-means on pixels"
ORACLE = "oracle (codes are the factors)"
COMPONENTS = "PCA on pixels"
RANDOM = "random network"
EXTRACTOR = "the extractor's classifier"


@dataclass(frozen=True)
class Reference:
    """A reference.

    name: of its row; two that have one name share a row. metrics: what it is measured by, names
    or groups; what of a group does not apply to it has no number. make: from the
    evidence of the real images to an object with a model's capabilities and, as `facts`, what
    protocols say of it in place of a capability, by the fact that names the capability; raises
    Unavailable where the data does not allow it. version: raised when its numbers change meaning.
    """

    name: str
    metrics: tuple[str, ...]
    make: Callable[[Evidence], Any]
    version: int = 1


REFERENCES = (
    Reference(
        HELD_OUT,
        (
            "fidelity",
            "conditional_accuracy",
            "stacked_modes_captured",
            "stacked_modes_kl",
            "pixel_js",
            "feature_js",
        ),
        HeldOut,
    ),
    Reference(HELD_OUT, ("memorisation",), HalfHeldOut),
    Reference(POINTS, ("modes_captured", "high_quality", "reverse_kl"), HeldOut),
    Reference(BLURRED, ("fid", "kid", *OVERLAP, "pixel_js", "feature_js"), Blurred),
    Reference(K_MEANS, ("clusters",), KMeansOnPixels),
    Reference(
        TRAINING,
        ("classification_accuracy_score", "intra_class_diversity", "memorisation"),
        Training,
    ),
    Reference(TRAINING, ("test_error",), FreshClassifier),
    Reference(ORACLE, ("disentanglement",), FactorOracle),
    Reference(COMPONENTS, ("disentanglement",), PCAOnPixels),
    Reference(RANDOM, ("disentanglement",), RandomNetwork),
    Reference(EXTRACTOR, ("robust_accuracy", "attack_detection_auc"), ExtractorsClassifier),
)
