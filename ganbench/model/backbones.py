"""Generator and discriminator networks for any square image: MLPs and DCGAN-style stacks."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

MLP_LIMIT = 16
"""`auto` takes an MLP up to this many pixels a side, convolutions above."""
SMALLEST_SIDE = 4
"""Convolutional stacks halve the image while its side stays at least this long."""


class View(NamedTuple):
    """What a discriminator says of images: `score` (n,) logits, `features` (n, f)."""

    score: Tensor
    features: Tensor


class Discriminator(nn.Module):
    """A trunk that ends in `features` numbers per image, and one linear output on it.

    Further heads (Q, classes) belong to the variant and read `View.features`.
    """

    def __init__(self, trunk: nn.Module, features: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.features = features
        self.output = nn.Linear(features, 1)

    def forward(self, images: Tensor) -> View:
        """Images (n, *shape) in [-1, 1] to a `View`."""
        features = self.trunk(images)
        return View(self.output(features).squeeze(1), features)


def head(features: int, outputs: int, hidden: int) -> nn.Sequential:
    """A hidden layer with batch norm on a trunk's features: InfoGAN's Q, appendix C."""
    return nn.Sequential(
        nn.Linear(features, hidden),
        nn.BatchNorm1d(hidden),
        nn.LeakyReLU(0.1),
        nn.Linear(hidden, outputs),
    )


def choose(backbone: str, shape: tuple[int, ...]) -> str:
    """Which backbone `auto` means for images of a shape (c, h, w).

    Raises ValueError where the shape is not a square image.
    """
    _, height, width = shape
    if height != width:
        raise ValueError(f"the backbones need square images, not {height}x{width}")
    if backbone != "auto":
        return backbone
    return "mlp" if height <= MLP_LIMIT else "dcgan"


def mlp_generator(latent: int, shape: tuple[int, ...], width: int) -> nn.Sequential:
    """Two hidden layers of linear, batch norm, ReLU; tanh output."""
    channels, height, side = shape
    return nn.Sequential(
        nn.Linear(latent, width),
        nn.BatchNorm1d(width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.BatchNorm1d(width),
        nn.ReLU(),
        nn.Linear(width, channels * height * side),
        nn.Tanh(),
        nn.Unflatten(1, shape),
    )


def mlp_discriminator(shape: tuple[int, ...], width: int) -> Discriminator:
    """Two hidden layers of linear, leaky ReLU(0.1)."""
    channels, height, side = shape
    trunk = nn.Sequential(
        nn.Flatten(),
        nn.Linear(channels * height * side, width),
        nn.LeakyReLU(0.1),
        nn.Linear(width, width),
        nn.LeakyReLU(0.1),
    )
    return Discriminator(trunk, width)


def halvings(side: int) -> list[int]:
    """Sides of the feature maps from the image down: 28 -> [28, 14, 7]; 64 -> [64, ..., 4]."""
    sides = [side]
    while sides[-1] // 2 >= SMALLEST_SIDE:
        sides.append(sides[-1] // 2)
    return sides


def dcgan_generator(latent: int, shape: tuple[int, ...], width: int) -> nn.Sequential:
    """Linear to a small map, then 4x4 stride-2 transposed convolutions with batch norm.

    After Radford et al. 2016 (arXiv:1511.06434), fig. 1; at 28 px with width 64 it is the
    shape of InfoGAN's MNIST generator without its first dense layer. Odd sides are met by
    output padding.
    """
    sides = halvings(shape[1])
    widths = [width * 2**i for i in range(len(sides) - 1)]  # from the image down
    top = widths[-1] if widths else width
    layers: list[nn.Module] = [
        nn.Linear(latent, top * sides[-1] ** 2, bias=False),
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
    return nn.Sequential(*layers)


def dcgan_discriminator(shape: tuple[int, ...], width: int) -> Discriminator:
    """4x4 stride-2 convolutions; batch norm from the second on; leaky ReLU(0.1)."""
    sides = halvings(shape[1])
    layers: list[nn.Module] = []
    channels = shape[0]
    for level in range(len(sides) - 1):
        out = width * 2**level
        layers.append(nn.Conv2d(channels, out, 4, 2, 1, bias=level == 0))
        if level:
            layers.append(nn.BatchNorm2d(out))
        layers.append(nn.LeakyReLU(0.1))
        channels = out
    if len(sides) == 1:
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.LeakyReLU(0.1)]
        channels = width
    layers.append(nn.Flatten())
    return Discriminator(nn.Sequential(*layers), channels * sides[-1] ** 2)


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
