"""Multilayer perceptrons, for small images and for points."""

from __future__ import annotations

import math

from torch import nn

from ganbench.model.backbones.base import Backbone, Kind, Options, Shape, kind_of, noise_layers
from ganbench.model.layers import Dense, Stack


class MLP(Backbone):
    """Two hidden layers of `width` units each way; the trunk's may be others, by `hidden`."""

    name = "mlp"
    width = 256
    kinds = frozenset[Kind]({"images", "points"})
    supports = frozenset({"hidden", "weight_norm"})
    auto_side = 16

    def generator(self, latent: int, shape: Shape, options: Options) -> Stack:
        """Two hidden layers of linear, batch norm, activation; tanh output, of points linear."""
        width = options.width or self.width
        activation = nn.ReLU if options.g_activation == "relu" else nn.Softplus
        layers: list[nn.Module] = []
        for inputs in (latent, width):
            layers.append(Dense(inputs, width))
            layers += [nn.BatchNorm1d(width)] if options.g_norm == "batch" else []
            layers.append(activation())
        layers.append(Dense(width, math.prod(shape)))
        layers += [nn.Tanh()] if kind_of(shape) == "images" else []
        return Stack(*layers, nn.Unflatten(1, shape))

    def trunk(self, shape: Shape, options: Options) -> tuple[Stack, int]:
        """Hidden layers of linear, leaky ReLU and, where asked, Gaussian noise."""
        width = options.width or self.width
        layers: list[nn.Module] = [nn.Flatten()]
        inputs = math.prod(shape)
        for units in options.hidden or (width, width):
            layers += [Dense(inputs, units), nn.LeakyReLU(options.leak), *noise_layers(options)]
            inputs = units
        return Stack(*layers), inputs
