"""The networks of the textbook loops, in plain torch, layer by layer as ganbench's.

Each returns a generator (latent to images) and a trunk (images to features) with its width.
"""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor, nn

Shape = tuple[int, int, int]


class Heads(nn.Module):
    """A trunk and one linear output per kind of answer; `q` has InfoGAN's hidden layer."""

    def __init__(
        self, trunk: nn.Module, features: int, outputs: int, classes: int, q: tuple[int, int]
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.output = nn.Linear(features, outputs)
        self.classes = nn.Linear(features, classes) if classes else None
        width, codes = q
        self.q = (
            nn.Sequential(
                nn.Linear(features, width),
                nn.BatchNorm1d(width),
                nn.LeakyReLU(0.1, inplace=True),
                nn.Linear(width, codes),
            )
            if codes
            else None
        )

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Outputs (n, outputs), class logits and Q's outputs where there are such heads."""
        features = self.trunk(images)
        classes = self.classes(features) if self.classes else None
        return self.output(features), classes, self.q(features) if self.q else None


def upsampling(latent: int, shape: Shape) -> tuple[nn.Module, nn.Module, int]:
    """After the many repositories that share these networks: upsampling, 3x3 convolutions."""
    channels, side, _ = shape
    small = side // 4

    def block(inputs: int, outputs: int, norm: bool = True) -> list[nn.Module]:
        layers = [
            nn.Conv2d(inputs, outputs, 3, 2, 1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Dropout2d(0.25),
        ]
        return [*layers, nn.BatchNorm2d(outputs)] if norm else layers

    generator = nn.Sequential(
        nn.Linear(latent, 128 * small**2),
        nn.Unflatten(1, (128, small, small)),
        nn.BatchNorm2d(128),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(128, 128, 3, 1, 1),
        nn.BatchNorm2d(128),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(128, 64, 3, 1, 1),
        nn.BatchNorm2d(64),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(64, channels, 3, 1, 1),
        nn.Tanh(),
    )
    widths = (16, 32, 64, 128)
    blocks = [*block(channels, 16, norm=False)]
    for inputs, outputs in pairwise(widths):
        blocks += block(inputs, outputs)
    return generator, nn.Sequential(*blocks, nn.Flatten()), 128 * math.ceil(side / 16) ** 2


def transposed(latent: int, shape: Shape) -> tuple[nn.Module, nn.Module, int]:
    """InfoGAN's MNIST networks (arXiv:1606.03657, appendix C.1), for 28 px."""
    channels = shape[0]
    generator = nn.Sequential(
        nn.Linear(latent, 1024, bias=False),
        nn.BatchNorm1d(1024),
        nn.ReLU(inplace=True),
        nn.Linear(1024, 128 * 7 * 7, bias=False),
        nn.BatchNorm1d(128 * 7 * 7),
        nn.ReLU(inplace=True),
        nn.Unflatten(1, (128, 7, 7)),
        nn.ConvTranspose2d(128, 64, 4, 2, 1, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(inplace=True),
        nn.ConvTranspose2d(64, channels, 4, 2, 1),
        nn.Tanh(),
    )
    trunk = nn.Sequential(
        nn.Conv2d(channels, 64, 4, 2, 1),
        nn.LeakyReLU(0.1, inplace=True),
        nn.Conv2d(64, 128, 4, 2, 1, bias=False),
        nn.BatchNorm2d(128),
        nn.LeakyReLU(0.1, inplace=True),
        nn.Flatten(),
        nn.Linear(128 * 7 * 7, 1024, bias=False),
        nn.BatchNorm1d(1024),
        nn.LeakyReLU(0.1, inplace=True),
    )
    return generator, trunk, 1024


def dense(latent: int, shape: Shape) -> tuple[nn.Module, nn.Module, int]:
    """The MLPs of ganbench's digits recipes: two hidden layers of 256."""
    pixels = math.prod(shape)
    generator = nn.Sequential(
        nn.Linear(latent, 256),
        nn.BatchNorm1d(256),
        nn.ReLU(inplace=True),
        nn.Linear(256, 256),
        nn.BatchNorm1d(256),
        nn.ReLU(inplace=True),
        nn.Linear(256, pixels),
        nn.Tanh(),
        nn.Unflatten(1, shape),
    )
    trunk = nn.Sequential(
        nn.Flatten(),
        nn.Linear(pixels, 256),
        nn.LeakyReLU(0.1, inplace=True),
        nn.Linear(256, 256),
        nn.LeakyReLU(0.1, inplace=True),
    )
    return generator, trunk, 256
