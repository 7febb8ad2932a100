"""Real images as references: they are shown where a model generates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganbench.evaluate.capabilities import RealImages, Unavailable
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.metrics.robustness.attacks import blur
from ganbench.evaluate.sample_counts import FEWEST, enough_held_out

SIGMA = 0.5
"""Standard deviation in pixels of the blur of the negative control."""


class HeldOut:
    """Held-out real images, or points, in place of generated ones: the floor of every distance."""

    facts: Mapping[str, Mapping[str, Any]] = {}

    def __init__(self, evidence: Evidence) -> None:
        self.split = evidence.held_out

    def shown_real_images(self) -> RealImages:
        """All of them."""
        return RealImages(self.split.images, self.split.labels, "held-out")


class HalfHeldOut(HeldOut):
    """Half of the held-out real images, for metrics that compare with new images: the other half.

    Raises TooFew where the halves are.
    """

    def __init__(self, evidence: Evidence) -> None:
        enough_held_out(evidence, 2 * FEWEST)
        super().__init__(evidence)
        rows = torch.from_numpy(np.random.default_rng(0).permutation(len(self.split)))
        self.rows, self.others = rows[::2], rows[1::2]

    def shown_real_images(self) -> RealImages:
        """A random half."""
        half = self.split[self.rows]
        return RealImages(half.images, half.labels, "held-out", self.rows, new=self.others)


class Blurred(HeldOut):
    """The held-out real images through a Gaussian filter: what metrics of quality must see.

    Raises Unavailable for points.
    """

    def __init__(self, evidence: Evidence) -> None:
        if evidence.dataset.kind == "points":
            raise Unavailable("points cannot be blurred")
        super().__init__(evidence)
        self.images = blurred(self.split.images, SIGMA)

    def shown_real_images(self) -> RealImages:
        """All of them, blurred."""
        return RealImages(self.images, self.split.labels, "held-out", None, blur=SIGMA)


class Training:
    """The real training images: a model that repeats them."""

    facts: Mapping[str, Mapping[str, Any]] = {}

    def __init__(self, evidence: Evidence) -> None:
        self.split = evidence.train

    def shown_real_images(self) -> RealImages:
        """All that are used."""
        return RealImages(self.split.images, self.split.labels, "train")


def blurred(images: Tensor, sigma: float) -> Tensor:
    """uint8 images (n, c, h, w) through a Gaussian filter of `sigma` pixels, rounded."""
    return blur(images.double(), sigma).round().to(torch.uint8)
