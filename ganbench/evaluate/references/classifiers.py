"""Simple methods as references: k-means on pixels, and classifiers of real images."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganbench.core.latent import Latent, Normal
from ganbench.core.seeding import stream
from ganbench.data.dataset import as_stored
from ganbench.evaluate import capabilities, probe
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.metrics.classification.cluster_accuracy import fit_k_means, need_labels


class KMeansOnPixels:
    """Groups images by k-means on their pixels, fitted on training images; k is the classes.

    Its codes are the pixels. Raises Unavailable where the data set has no classes.
    """

    def __init__(self, evidence: Evidence) -> None:
        need_labels(evidence)
        pixels, classes = evidence.train.images.flatten(1).numpy(), evidence.dataset.classes
        self.latent = Latent(Normal(pixels.shape[1]))
        self.k_means = fit_k_means(pixels, classes)
        self.facts: dict[str, dict[str, Any]] = {
            "categories_by": {"categories_by": "k-means on pixels", "clusters": classes},
            "codes_by": {"codes_by": "pixels"},
        }

    def encode(self, images: Tensor) -> Tensor:
        """The pixels (n, d) of images in [-1, 1], as the data set stores them."""
        return as_stored(images).flatten(1).float()

    def cluster(self, images: Tensor) -> Tensor:
        """The cluster (n,) of each image."""
        pixels = self.encode(images).cpu().numpy()
        return torch.from_numpy(np.asarray(self.k_means.predict(pixels), np.int64))


class FreshClassifier:
    """A classifier trained on the real training images.

    Raises Unavailable where the data set has no classes.
    """

    def __init__(self, evidence: Evidence) -> None:
        need_labels(evidence)
        train, steps = evidence.train, evidence.settings.classifier_steps
        self.network = probe.classifier(
            train.images,
            train.labels,
            evidence.dataset.classes,
            steps=steps,
            seed=stream(evidence.seed, "fresh classifier"),
        )
        said = {"classes_by": "a fresh classifier", "classifier_steps": steps}
        self.facts = {"classes_by": {**said, "training": len(train), "storage": "uint8"}}

    def classify(self, images: Tensor) -> Tensor:
        """Logits (n, classes) of images in [-1, 1]."""
        logits: Tensor = self.network(images.cpu())
        return logits


class ExtractorsClassifier:
    """The classes that the extractor sees, where these are the data set's."""

    def __init__(self, evidence: Evidence) -> None:
        evidence.need_classes()
        self.extractor = evidence.extractor
        said = {"classes_by": "the extractor", "extractor": self.extractor.identity}
        self.facts = {"classes_by": said}

    def classify(self, images: Tensor) -> Tensor:
        """Logits (n, classes) of images in [-1, 1], differentiable where the extractor is."""
        logits: Tensor = capabilities.ask(self.extractor, "classify", images)
        return logits
