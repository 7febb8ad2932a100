"""Nearest upsampling and 3x3 convolutions (Odena et al. 2016, distill.pub)."""

from __future__ import annotations

from torch import nn

from ganbench.model.backbones.base import (
    Backbone,
    Options,
    Shape,
    noise_layers,
    normal_initialisation,
)
from ganbench.model.layers import ChannelDropout, Dense, Stack, UpsampledConv2d


class Upsample(Backbone):
    """Upsampling in place of transposed convolutions, as Odena et al. 2016 ("Deconvolution and
    checkerboard artifacts") advise; `width` channels in the generator's last layer but one."""

    name = "upsample"
    supports = frozenset({"weight_norm"})
    smallest = 4

    def refuse(self, shape: Shape) -> None:
        """Raise ValueError also where a side is no multiple of 4: it doubles twice."""
        super().refuse(shape)
        if shape[1] % 4:
            raise ValueError(f"backbone=upsample doubles twice: {shape[1]} is no multiple of 4")

    def generator(self, latent: int, shape: Shape, options: Options) -> Stack:
        """Linear to a map of a quarter of the side, then twice upsampling and convolution.

        2 width, 2 width, width channels, batch norm, leaky ReLU, tanh.
        """
        width = options.width or self.width
        side, wide = shape[1] // 4, 2 * width
        normed = options.g_norm == "batch"

        def norm(channels: int) -> list[nn.Module]:
            return [nn.BatchNorm2d(channels)] if normed else []

        return Stack(
            Dense(latent, wide * side**2),
            nn.Unflatten(1, (wide, side, side)),
            *norm(wide),
            UpsampledConv2d(wide, wide),
            *norm(wide),
            nn.LeakyReLU(0.2),
            UpsampledConv2d(wide, width),
            *norm(width),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, shape[0], 3, padding=1),
            nn.Tanh(),
        )

    def trunk(self, shape: Shape, options: Options) -> tuple[Stack, int]:
        """Four 3x3 convolutions of stride 2 with leaky ReLU, 25 % channel dropout, and norm.

        width / 4, / 2, 1 and 2 width channels, the first without norm.
        """
        width, norm = options.width or self.width, options.d_norm
        layers: list[nn.Module] = []
        channels, side = shape[0], shape[1]
        for level in range(4):
            out, side = max(width * 2**level // 4, 1), (side + 1) // 2
            layers += [nn.Conv2d(channels, out, 3, 2, 1), nn.LeakyReLU(options.leak)]
            layers += [ChannelDropout(0.25), *noise_layers(options)]
            if level and norm != "none":
                layers.append(nn.BatchNorm2d(out) if norm == "batch" else nn.GroupNorm(1, out))
            channels = out
        return Stack(*layers, nn.Flatten()), channels * side**2

    def normalises(self, shape: Shape, options: Options) -> bool:
        """From the second convolution on."""
        return True

    def initialise(self, network: nn.Module) -> None:
        """DCGAN's N(0, 0.02)."""
        normal_initialisation(network)
