"""Residual networks (Gulrajani et al. 2017, arXiv:1704.00028, appendix F; Miyato et al. 2018,
arXiv:1802.05957, table 4)."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor, nn

from ganbench.model.backbones.base import Backbone, Options, Shape, halvings, noise_layers
from ganbench.model.layers import Dense, Stack, UpsampledConv2d

LAST_SIDE = 8
"""The trunk halves the image down to at most this many pixels a side, at least once."""
PLAIN_BLOCKS = 2
"""Residual blocks behind those that halve."""


def norm_layers(kind: str, channels: int) -> list[nn.Module]:
    """A normalisation by its name, batch or layer; nothing for none."""
    if kind == "none":
        return []
    return [nn.BatchNorm2d(channels) if kind == "batch" else nn.GroupNorm(1, channels)]


class UpBlock(nn.Module):
    """Residual block that doubles the side by nearest upsampling; as many channels as before."""

    def __init__(self, channels: int, norm: str) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *norm_layers(norm, channels),
            nn.ReLU(),
            UpsampledConv2d(channels, channels),
            *norm_layers(norm, channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )
        self.shortcut = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) to (n, c, 2h, 2w)."""
        # a 1x1 convolution and nearest upsampling may change places
        return self.body(x) + F.interpolate(self.shortcut(x), scale_factor=2.0)


class DownBlock(nn.Module):
    """Residual block of a trunk; `halve` averages 2x2 pixels behind it.

    first: it sees the image itself, which goes into its convolution without activation and norm.
    """

    def __init__(
        self, inputs: int, outputs: int, options: Options, halve: bool = True, first: bool = False
    ) -> None:
        super().__init__()
        before = [] if first else [*norm_layers(options.d_norm, inputs), nn.LeakyReLU(options.leak)]
        # the first block's second convolution is behind a norm only where others are
        between = [] if first else norm_layers(options.d_norm, outputs)
        self.body = nn.Sequential(
            *before,
            nn.Conv2d(inputs, outputs, 3, padding=1),
            *between,
            nn.LeakyReLU(options.leak),
            nn.Conv2d(outputs, outputs, 3, padding=1),
        )
        straight = inputs == outputs and not halve
        self.shortcut = nn.Identity() if straight else nn.Conv2d(inputs, outputs, 1)
        self.pool = nn.AvgPool2d(2) if halve else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) to (n, outputs, h, w), or half of the side."""
        return self.pool(self.body(x)) + self.shortcut(self.pool(x))


class SpatialPool(nn.Module):
    """The sum of every channel over its pixels, or their mean."""

    def __init__(self, total: bool) -> None:
        super().__init__()
        self.total = total

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) to (n, c)."""
        return x.sum((2, 3)) if self.total else x.mean((2, 3))


class ResNet(Backbone):
    """Residual blocks of `width` channels all the way, in either network.

    At 32 px the blocks are table 4's of SNGAN (there 256 channels in the generator, 128 in the
    discriminator). Weights start from Glorot's uniform distribution, of gain sqrt(2) within
    blocks.
    """

    name = "resnet"
    smallest = 8

    def refuse(self, shape: Shape) -> None:
        """Raise ValueError also where the side cannot be halved exactly down to 4 to 7."""
        super().refuse(shape)
        sides = halvings(shape[1])
        times = 2 ** (len(sides) - 1)
        if sides[-1] * times != shape[1]:
            raise ValueError(
                f"backbone=resnet doubles {len(sides) - 1} times: {shape[1]} is no multiple of "
                f"{times}"
            )

    def generator(self, latent: int, shape: Shape, options: Options) -> Stack:
        """Linear to a map of 4 to 7 pixels a side, blocks that double it, ReLU, a convolution."""
        width, norm = options.width or self.width, options.g_norm
        sides = halvings(shape[1])
        return Stack(
            Dense(latent, width * sides[-1] ** 2),
            nn.Unflatten(1, (width, sides[-1], sides[-1])),
            *(UpBlock(width, norm) for _ in sides[1:]),
            *norm_layers(norm, width),
            nn.ReLU(),
            nn.Conv2d(width, shape[0], 3, padding=1),
            nn.Tanh(),
        )

    def trunk(self, shape: Shape, options: Options) -> tuple[Stack, int]:
        """Blocks that halve, two that do not, leaky ReLU, and the mean over pixels.

        Under spectral norm, which keeps every layer's outputs small, their sum, as SNGAN's.
        """
        width = options.width or self.width
        blocks: list[nn.Module] = [DownBlock(shape[0], width, options, first=True)]
        side = shape[1] // 2
        while side > LAST_SIDE:
            blocks += [*noise_layers(options), DownBlock(width, width, options)]
            side //= 2
        for _ in range(PLAIN_BLOCKS):
            blocks += [*noise_layers(options), DownBlock(width, width, options, halve=False)]
        last = [nn.LeakyReLU(options.leak), SpatialPool(options.spectral_norm)]
        return Stack(*blocks, *last, *noise_layers(options)), width

    def normalises(self, shape: Shape, options: Options) -> bool:
        """In every block but the first."""
        return True

    def initialise(self, network: nn.Module) -> None:
        """Glorot's uniform weights, of gain sqrt(2) for 3x3 convolutions; biases zero."""
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                inside = isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3)
                nn.init.xavier_uniform_(module.weight, math.sqrt(2) if inside else 1.0)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
