"""Codes as references for disentanglement: the best, plain ones, random ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from torch import Tensor

from ganbench.core.latent import Latent, Normal
from ganbench.core.seeding import stream
from ganbench.data.dataset import to_unit_range
from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.metrics.disentanglement.factor_levels import levels_of
from ganbench.evaluate.networks import fresh, outputs, reader

CODES = 10
"""Codes of PCA and of the random network; of PCA fewer where the images span fewer."""
LEAST = 1e-6
"""A code that varies less than this share of the most varying one is left out."""
WIDTH = 256
"""Of the two hidden layers of the random network."""


class FactorOracle:
    """Codes that are the factors, each over its standard deviation on training images.

    It reads the factors and no image. Raises Unavailable where there are none.
    """

    facts: Mapping[str, Mapping[str, Any]] = {}

    def __init__(self, evidence: Evidence) -> None:
        self.spread = levels_of(evidence).train.std(0)

    def encode_known_factors(self, levels: NDArray[np.int64]) -> NDArray[np.float64]:
        """Levels of the factors (n, k) to codes (n, k)."""
        return np.asarray(levels / self.spread)


class PCAOnPixels:
    """Principal components of the pixels, fitted on training images and standardised there.

    Raises Unavailable where there are no factors, or the training images are all alike.
    """

    def __init__(self, evidence: Evidence) -> None:
        fitted = evidence.train[torch.from_numpy(levels_of(evidence).fitted)]
        pixels = to_unit_range(fitted.images).flatten(1).numpy()
        self.pca = PCA(min(CODES, *pixels.shape), random_state=0).fit(pixels)
        spread = np.sqrt(self.pca.explained_variance_)
        self.kept = spread > LEAST * spread[0]
        if not self.kept.any():
            raise Unavailable("the training images are all alike")
        self.spread = np.where(self.kept, spread, 1)
        count = int(self.kept.sum())
        self.latent = Latent(Normal(count))
        said = {
            "codes_by": "PCA on pixels",
            "components": count,
            "components_training": len(fitted),
        }
        self.facts = {"codes_by": said}

    def encode(self, images: Tensor) -> Tensor:
        """The components (n, codes) of images in [-1, 1]."""
        found = self.pca.transform(images.cpu().flatten(1).numpy()) / self.spread
        return torch.from_numpy(np.ascontiguousarray(found[:, self.kept]))


class RandomNetwork:
    """The outputs of an untrained network, fixed weights, standardised on training images."""

    def __init__(self, evidence: Evidence) -> None:
        levels_of(evidence)  # raises Unavailable before anything is encoded in vain
        seed = stream(evidence.seed, "random network")
        self.network = fresh(lambda: reader(evidence.dataset.shape, CODES, WIDTH), seed).eval()
        seen = outputs(self.network, evidence.train.images).numpy()
        self.mean = seen.mean(0)
        self.spread = np.where(np.ptp(seen, axis=0) > 0, seen.std(0), 1)
        self.latent = Latent(Normal(CODES))
        said = {"codes_by": f"an untrained network ({WIDTH}-{WIDTH})", "outputs": CODES}
        self.facts = {"codes_by": said}

    def encode(self, images: Tensor) -> Tensor:
        """The network's outputs (n, codes) for images in [-1, 1]."""
        found: Tensor = self.network(images.cpu())
        return torch.from_numpy((found.numpy() - self.mean) / self.spread)
