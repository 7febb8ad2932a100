"""A discriminator: a trunk, what it says of images, and further heads on its features."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganbench.model.layers import Dense, MinibatchDiscrimination


class DiscriminatorOutput(NamedTuple):
    """What a discriminator says of images: `score` (n,), `features` (n, f), `outputs` (n, k).

    `score` is higher for what looks more real; with one output it is that logit.
    """

    score: Tensor
    features: Tensor
    outputs: Tensor


def single_logit(outputs: Tensor) -> Tensor:
    """The score of a discriminator with one output."""
    return outputs.squeeze(1)


class Discriminator(nn.Module):
    """A trunk that ends in `features` numbers per image, and linear outputs on them.

    outputs: how many; `judge` makes a score (n,) of them. condition: number of classes
    where images come with labels, as constant planes beside their channels. kernels: of
    minibatch discrimination; only the outputs see them. Further heads (Q, classes) belong
    to the variant and read `DiscriminatorOutput.features`, which never depend on batch-mates
    through it.
    """

    def __init__(
        self,
        trunk: nn.Module,
        features: int,
        outputs: int = 1,
        judge: Callable[[Tensor], Tensor] = single_logit,
        condition: int = 0,
        kernels: tuple[int, int] = (0, 0),
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.features = features
        self.score_from_outputs = judge
        self.condition = condition
        self.minibatch = MinibatchDiscrimination(features, *kernels) if kernels[0] else None
        self.output = Dense(features + kernels[0], outputs)

    def forward(
        self, images: Tensor, labels: Tensor | None = None, rng: torch.Generator | None = None
    ) -> DiscriminatorOutput:
        """Images (n, *shape) in [-1, 1], with labels (n,) where it is conditional, to a
        `DiscriminatorOutput`.

        rng: feeds noise layers, while training.
        """
        features = self.trunk(self.conditioned(images, labels), rng)
        outputs = self.output(self.compared(features))
        return DiscriminatorOutput(self.score_from_outputs(outputs), features, outputs)

    def conditioned(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """What the trunk sees: images, with their labels where it is conditional."""
        if not self.condition:
            return images
        assert labels is not None
        return with_label_planes(images, labels, self.condition)

    def compared(self, features: Tensor) -> Tensor:
        """What the outputs see: features, with their closeness to the batch's where asked."""
        if self.minibatch is None:
            return features
        return torch.cat([features, self.minibatch(features)], 1)


def with_label_planes(images: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Images (n, c, h, w) with their labels (n,) as `classes` constant planes of 0 and 1.

    Points (n, d) with their labels as `classes` further numbers of 0 and 1.
    """
    planes = F.one_hot(labels, classes).to(images.dtype)
    planes = planes.view(*planes.shape, *[1] * (images.dim() - 2))
    return torch.cat([images, planes.expand(-1, -1, *images.shape[2:])], 1)


def head(features: int, outputs: int, hidden: int) -> nn.Sequential:
    """A hidden layer with batch norm on a trunk's features: InfoGAN's Q, appendix C."""
    return nn.Sequential(
        Dense(features, hidden),
        nn.BatchNorm1d(hidden),
        nn.LeakyReLU(0.1),
        Dense(hidden, outputs),
    )
