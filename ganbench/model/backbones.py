"""Generator and discriminator networks: MLPs and DCGAN-style stacks for any square image, MLPs
for points."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganbench.model.layers import (
    ChannelDropout,
    Dense,
    GaussianNoise,
    MinibatchDiscrimination,
    Stack,
    UpsampledConv2d,
)

MLP_LIMIT = 16
"""`auto` takes an MLP up to this many pixels a side, convolutions above."""
SMALLEST_SIDE = 4
"""Convolutional stacks halve the image while its side stays at least this long."""


class View(NamedTuple):
    """What a discriminator says of images: `score` (n,), `features` (n, f), `outputs` (n, k).

    `score` is higher for what looks more real; with one output it is that logit.
    """

    score: Tensor
    features: Tensor
    outputs: Tensor


def only(outputs: Tensor) -> Tensor:
    """The score of a discriminator with one output."""
    return outputs.squeeze(1)


class Discriminator(nn.Module):
    """A trunk that ends in `features` numbers per image, and linear outputs on them.

    outputs: how many; `judge` makes a score (n,) of them. condition: number of classes
    where images come with labels, as constant planes beside their channels. kernels: of
    minibatch discrimination; only the outputs see them. Further heads (Q, classes) belong
    to the variant and read `View.features`, which never depend on batch-mates through it.
    """

    def __init__(
        self,
        trunk: nn.Module,
        features: int,
        outputs: int = 1,
        judge: Callable[[Tensor], Tensor] = only,
        condition: int = 0,
        kernels: tuple[int, int] = (0, 0),
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.features = features
        self.judge = judge
        self.condition = condition
        self.minibatch = MinibatchDiscrimination(features, *kernels) if kernels[0] else None
        self.output = Dense(features + kernels[0], outputs)

    def forward(
        self, images: Tensor, labels: Tensor | None = None, rng: torch.Generator | None = None
    ) -> View:
        """Images (n, *shape) in [-1, 1], with labels (n,) where it is conditional, to a `View`.

        rng: feeds noise layers, while training.
        """
        features = self.trunk(self.conditioned(images, labels), rng)
        outputs = self.output(self.compared(features))
        return View(self.judge(outputs), features, outputs)

    def conditioned(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """What the trunk sees: images, with their labels where it is conditional."""
        if not self.condition:
            return images
        assert labels is not None
        return with_planes(images, labels, self.condition)

    def compared(self, features: Tensor) -> Tensor:
        """What the outputs see: features, with their closeness to the batch's where asked."""
        if self.minibatch is None:
            return features
        return torch.cat([features, self.minibatch(features)], 1)


def with_planes(images: Tensor, labels: Tensor, classes: int) -> Tensor:
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


def choose(backbone: str, shape: tuple[int, ...]) -> str:
    """Which backbone `auto` means for images of a shape (c, h, w), or points of (d,).

    Raises ValueError where the shape is neither a square image nor a point for an MLP.
    """
    if len(shape) == 1:
        if backbone not in ("auto", "mlp"):
            raise ValueError(f"backbone={backbone}: convolutions need images, not points {shape}")
        return "mlp"
    _, height, width = shape
    if height != width:
        raise ValueError(f"the backbones need square images, not {height}x{width}")
    if backbone == "upsample" and height % 4:
        raise ValueError(f"backbone=upsample doubles twice: {height} is no multiple of 4")
    if backbone != "auto":
        return backbone
    return "mlp" if height <= MLP_LIMIT else "dcgan"


def mlp_generator(
    latent: int,
    shape: tuple[int, ...],
    width: int,
    activation: Callable[[], nn.Module] = nn.ReLU,
) -> Stack:
    """Two hidden layers of linear, batch norm, ReLU; tanh output, of points a linear one."""
    bounded = [nn.Tanh()] if len(shape) == 3 else []
    return Stack(
        Dense(latent, width),
        nn.BatchNorm1d(width),
        activation(),
        Dense(width, width),
        nn.BatchNorm1d(width),
        activation(),
        Dense(width, math.prod(shape)),
        *bounded,
        nn.Unflatten(1, shape),
    )


def mlp_trunk(
    shape: tuple[int, ...], hidden: tuple[int, ...], leak: float = 0.1, noise: float = 0.0
) -> tuple[Stack, int]:
    """Hidden layers of linear, leaky ReLU and, where `noise`, Gaussian noise.

    Returns the stack and the number of its features.
    """
    layers: list[nn.Module] = [nn.Flatten()]
    inputs = math.prod(shape)
    for units in hidden:
        layers += [Dense(inputs, units), nn.LeakyReLU(leak), *_noise(noise)]
        inputs = units
    return Stack(*layers), inputs


def halvings(side: int) -> list[int]:
    """Sides of the feature maps from the image down: 28 -> [28, 14, 7]; 64 -> [64, ..., 4]."""
    sides = [side]
    while sides[-1] // 2 >= SMALLEST_SIDE:
        sides.append(sides[-1] // 2)
    return sides


def dcgan_generator(latent: int, shape: tuple[int, ...], width: int, dense: int = 0) -> Stack:
    """Linear to a small map, then 4x4 stride-2 transposed convolutions with batch norm.

    After Radford et al. 2016 (arXiv:1511.06434), fig. 1. `dense` units in one more dense
    layer in front: at 28 px with width 64 and dense 1024 it is InfoGAN's MNIST generator
    (arXiv:1606.03657, appendix C.1). The projection is normalised per unit, as there, not per
    channel. Odd sides are met by output padding.
    """
    sides = halvings(shape[1])
    widths = [width * 2**i for i in range(len(sides) - 1)]  # from the image down
    top = widths[-1] if widths else width
    layers: list[nn.Module] = []
    if dense:
        layers += [Dense(latent, dense, bias=False), nn.BatchNorm1d(dense), nn.ReLU()]
    layers += [
        Dense(dense or latent, top * sides[-1] ** 2, bias=False),
        nn.BatchNorm1d(top * sides[-1] ** 2),
        nn.ReLU(),
        nn.Unflatten(1, (top, sides[-1], sides[-1])),
    ]
    channels = top
    for level in range(len(widths) - 1, -1, -1):
        last = level == 0
        out = shape[0] if last else widths[level - 1]
        pad = sides[level] - 2 * sides[level + 1]
        layers.append(nn.ConvTranspose2d(channels, out, 4, 2, 1, output_padding=pad, bias=last))
        if not last:
            layers += [nn.BatchNorm2d(out), nn.ReLU()]
        channels = out
    if not widths:
        layers.append(nn.Conv2d(top, shape[0], 3, padding=1))
    layers.append(nn.Tanh())
    return Stack(*layers)


def dcgan_trunk(
    shape: tuple[int, ...],
    width: int,
    norm: str = "batch",
    leak: float = 0.1,
    noise: float = 0.0,
    dense: int = 0,
) -> tuple[Stack, int]:
    """4x4 stride-2 convolutions, leaky ReLU; `norm` (batch, layer, none) from the second on.

    `dense` units in a further layer behind; `noise` as in `mlp_trunk`. Returns the stack and
    the number of its features.
    """
    sides = halvings(shape[1])
    layers: list[nn.Module] = []
    channels = shape[0]
    for level in range(len(sides) - 1):
        out = width * 2**level
        normed = level > 0 and norm != "none"
        layers.append(nn.Conv2d(channels, out, 4, 2, 1, bias=not normed))
        if normed:
            layers.append(nn.BatchNorm2d(out) if norm == "batch" else nn.GroupNorm(1, out))
        layers += [nn.LeakyReLU(leak), *_noise(noise)]
        channels = out
    if len(sides) == 1:
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.LeakyReLU(leak), *_noise(noise)]
        channels = width
    layers.append(nn.Flatten())
    features = channels * sides[-1] ** 2
    if dense:
        layers.append(Dense(features, dense, bias=norm == "none"))
        if norm != "none":
            layers.append(nn.BatchNorm1d(dense) if norm == "batch" else nn.LayerNorm(dense))
        layers += [nn.LeakyReLU(leak), *_noise(noise)]
        features = dense
    return Stack(*layers), features


def upsample_generator(latent: int, shape: tuple[int, ...], width: int) -> Stack:
    """Linear to a map of a quarter of the side, then twice nearest upsampling and 3x3 convolution.

    Of the upsampling kind that Odena et al. 2016 (distill.pub, "Deconvolution and checkerboard
    artifacts") advise: 2 width, 2 width, width channels, batch norm, leaky ReLU, tanh.
    """
    side, wide = shape[1] // 4, 2 * width
    return Stack(
        Dense(latent, wide * side**2),
        nn.Unflatten(1, (wide, side, side)),
        nn.BatchNorm2d(wide),
        UpsampledConv2d(wide, wide),
        nn.BatchNorm2d(wide),
        nn.LeakyReLU(0.2),
        UpsampledConv2d(wide, width),
        nn.BatchNorm2d(width),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, shape[0], 3, padding=1),
        nn.Tanh(),
    )


def upsample_trunk(
    shape: tuple[int, ...], width: int, norm: str = "batch", leak: float = 0.1, noise: float = 0.0
) -> tuple[Stack, int]:
    """Four 3x3 convolutions of stride 2, each with leaky ReLU, 25 % channel dropout, and `norm`.

    width / 4, / 2, 1 and 2 width channels, the first without norm; `noise` as in `mlp_trunk`.
    Returns the stack and the number of its features.
    """
    layers: list[nn.Module] = []
    channels, side = shape[0], shape[1]
    for level in range(4):
        out, side = max(width * 2**level // 4, 1), (side + 1) // 2
        layers += [nn.Conv2d(channels, out, 3, 2, 1), nn.LeakyReLU(leak), ChannelDropout(0.25)]
        layers += _noise(noise)
        if level and norm != "none":
            layers.append(nn.BatchNorm2d(out) if norm == "batch" else nn.GroupNorm(1, out))
        channels = out
    return Stack(*layers, nn.Flatten()), channels * side**2


def _noise(sigma: float) -> list[nn.Module]:
    return [GaussianNoise(sigma)] if sigma else []


def initialise(network: nn.Module) -> None:
    """DCGAN's initialisation: N(0, 0.02) weights, N(1, 0.02) batch-norm gains, zero biases."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)
