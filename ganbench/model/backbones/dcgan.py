"""Strided and transposed convolutions (Radford et al. 2016, arXiv:1511.06434, fig. 1)."""

from __future__ import annotations

import math

from torch import nn

from ganbench.model.backbones.base import (
    Backbone,
    Options,
    Shape,
    halvings,
    noise_layers,
    normal_initialisation,
)
from ganbench.model.layers import Dense, Stack


class DCGAN(Backbone):
    """4x4 convolutions of stride 2; `width` channels behind the discriminator's first.

    `dense` units in one more dense layer in either network: at 28 px with width 64 and dense
    1024 it is InfoGAN's pair for MNIST (arXiv:1606.03657, appendix C.1).
    """

    name = "dcgan"
    supports = frozenset({"dense", "weight_norm"})
    auto_side = math.inf

    def generator(self, latent: int, shape: Shape, options: Options) -> Stack:
        """Linear to a small map, then transposed convolutions with batch norm.

        The projection is normalised per unit, as InfoGAN's, not per channel. Odd sides are met by
        output padding.
        """
        width, dense, normed = options.width or self.width, options.dense, options.g_norm == "batch"
        sides = halvings(shape[1])
        widths = [width * 2**i for i in range(len(sides) - 1)]  # from the image down
        top = widths[-1] if widths else width
        layers: list[nn.Module] = []
        inputs, projected = latent, top * sides[-1] ** 2
        for units in (dense, projected) if dense else (projected,):
            layers.append(Dense(inputs, units, bias=not normed))
            layers += [nn.BatchNorm1d(units), nn.ReLU()] if normed else [nn.ReLU()]
            inputs = units
        layers.append(nn.Unflatten(1, (top, sides[-1], sides[-1])))
        channels = top
        for level in range(len(widths) - 1, -1, -1):
            last = level == 0
            out = shape[0] if last else widths[level - 1]
            pad = sides[level] - 2 * sides[level + 1]
            bias = last or not normed
            layers.append(nn.ConvTranspose2d(channels, out, 4, 2, 1, output_padding=pad, bias=bias))
            if not last:
                layers += [nn.BatchNorm2d(out), nn.ReLU()] if normed else [nn.ReLU()]
            channels = out
        if not widths:
            layers.append(nn.Conv2d(top, shape[0], 3, padding=1))
        return Stack(*layers, nn.Tanh())

    def trunk(self, shape: Shape, options: Options) -> tuple[Stack, int]:
        """Convolutions with leaky ReLU; normalised from the second on."""
        width, norm, leak = options.width or self.width, options.d_norm, options.leak
        sides = halvings(shape[1])
        layers: list[nn.Module] = []
        channels = shape[0]
        for level in range(len(sides) - 1):
            out = width * 2**level
            normed = level > 0 and norm != "none"
            layers.append(nn.Conv2d(channels, out, 4, 2, 1, bias=not normed))
            if normed:
                layers.append(nn.BatchNorm2d(out) if norm == "batch" else nn.GroupNorm(1, out))
            layers += [nn.LeakyReLU(leak), *noise_layers(options)]
            channels = out
        if len(sides) == 1:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.LeakyReLU(leak)]
            layers += noise_layers(options)
            channels = width
        layers.append(nn.Flatten())
        features, dense = channels * sides[-1] ** 2, options.dense
        if dense:
            layers.append(Dense(features, dense, bias=norm == "none"))
            if norm != "none":
                layers.append(nn.BatchNorm1d(dense) if norm == "batch" else nn.LayerNorm(dense))
            layers += [nn.LeakyReLU(leak), *noise_layers(options)]
            features = dense
        return Stack(*layers), features

    def normalises(self, shape: Shape, options: Options) -> bool:
        """From 16 pixels a side, or with a dense layer: the first convolution never is."""
        return len(halvings(shape[1])) > 2 or options.dense > 0

    def initialise(self, network: nn.Module) -> None:
        """The paper's N(0, 0.02)."""
        normal_initialisation(network)
