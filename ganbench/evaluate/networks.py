"""The small networks of evaluation: what extractors, fresh classifiers and probes are made of."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganbench.core.optim import Adam
from ganbench.data.dataset import to_unit_range

Module = TypeVar("Module", bound=nn.Module)

FEATURES = 32
BATCH = 1000
"""Images per forward pass when nothing is trained."""


class Network(nn.Module):
    """3x3 convolutions, a linear layer of `FEATURES` numbers, ReLU, a linear output.

    shape: (channels, height, width) of the images, at least 4 pixels a side. The image is
    pooled until its side is at most 4. `features` is the linear layer before its ReLU.
    width: channels of the first convolution; the others have twice as many.
    """

    def __init__(self, shape: tuple[int, ...], outputs: int, width: int = 16) -> None:
        super().__init__()
        channels, height, side = shape
        if min(height, side) < 4:
            raise ValueError(f"images need at least 4 pixels a side, not {height}x{side}")
        layers: list[nn.Module] = [*_convolution(channels, width)]
        channels = width
        while max(height, side) > 8:
            layers += [nn.MaxPool2d(2), *_convolution(channels, 2 * width)]
            channels, height, side = 2 * width, height // 2, side // 2
        layers += [*_convolution(channels, 2 * width), nn.MaxPool2d(2), nn.Flatten()]
        self.trunk = nn.Sequential(*layers)
        self.bottleneck = nn.Linear(2 * width * (height // 2) * (side // 2), FEATURES)
        self.output = nn.Linear(FEATURES, outputs)

    def features(self, images: Tensor) -> Tensor:
        """Images (n, *shape) in [-1, 1] to (n, FEATURES)."""
        features: Tensor = self.bottleneck(self.trunk(images))
        return features

    def head(self, features: Tensor) -> Tensor:
        """Features (n, FEATURES) to (n, outputs)."""
        outputs: Tensor = self.output(F.relu(features))
        return outputs

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, *shape) in [-1, 1] to (n, outputs)."""
        return self.head(self.features(images))


def _convolution(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return convolution, nn.BatchNorm2d(outputs), nn.ReLU()


def reader(shape: tuple[int, ...], outputs: int, width: int = 256) -> nn.Sequential:
    """An MLP that reads numbers off images of a shape, wherever in the pixels they are.

    Two hidden layers of linear, batch norm, leaky ReLU. Pooling and a narrow layer, which
    help `Network` to classify, made probes miss codes that are there.
    """
    layers: list[nn.Module] = [nn.Flatten()]
    inputs = math.prod(shape)
    for _ in range(2):
        layers += [nn.Linear(inputs, width), nn.BatchNorm1d(width), nn.LeakyReLU(0.1)]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(width, outputs))


def fresh(make: Callable[[], Module], seed: int) -> Module:
    """A network with initial weights fixed by `seed`; torch's global generators are untouched."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed CUDA too
        return make()


def shifted(images: Tensor, pixels: int, rng: torch.Generator) -> Tensor:
    """Each image (n, c, h, w) in [-1, 1] moved by up to `pixels` both ways; -1 comes in."""
    n, _, height, width = images.shape
    padded = F.pad(images, [pixels] * 4, value=-1.0)
    top, left = torch.randint(2 * pixels + 1, (2, n, 1), generator=rng)
    rows = (top + torch.arange(height))[:, None, :, None]
    columns = (left + torch.arange(width))[:, None, None, :]
    channels = torch.arange(images.shape[1])[None, :, None, None]
    return padded[torch.arange(n)[:, None, None, None], channels, rows, columns]


def fit(
    network: nn.Module,
    images: Tensor,
    targets: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor],
    *,
    seed: int,
    steps: int,
    batch_size: int = 100,
    lr: float = 3e-3,
    noise: float = 0.0,
    shift: int = 0,
) -> None:
    """Train a network for `steps` Adam steps with a learning rate that falls linearly to 0.

    images: uint8 (n, c, h, w). targets: (n, ...), handed to `loss(outputs, targets)`.
    noise: standard deviation of Gaussian noise, drawn anew for every batch, on the images
    in [-1, 1]. shift: pixels by which images are moved at random.
    """
    rng = torch.Generator().manual_seed(seed)
    optimizer = Adam(network.parameters(), lr)
    network.train()
    order = torch.empty(0, dtype=torch.int64)
    with torch.enable_grad():
        for step in range(steps):
            if len(order) < min(batch_size, len(images)):
                order = torch.randperm(len(images), generator=rng)
            rows, order = order[:batch_size], order[batch_size:]
            batch = to_unit_range(images[rows])
            if shift:
                batch = shifted(batch, shift, rng)
            if noise:
                batch = batch + noise * torch.randn(batch.shape, generator=rng)
            loss(network(batch), targets[rows]).backward()
            optimizer.step()
            network.zero_grad(set_to_none=True)
            # linearly from 1 to 0.01 of it, step by step as torch's LinearLR has it
            lr *= 1.0 + (0.01 - 1.0) / (steps + step * (0.01 - 1.0))
            optimizer.param_groups[0]["lr"] = lr
    network.eval()


@torch.no_grad()
def outputs(network: nn.Module, images: Tensor, *, noise: float = 0.0, seed: int = 0) -> Tensor:
    """Outputs (n, outputs) of a network in eval mode for uint8 images (n, c, h, w)."""
    rng = torch.Generator().manual_seed(seed)
    parts = []
    for batch in map(to_unit_range, images.split(BATCH)):
        if noise:
            batch = batch + noise * torch.randn(batch.shape, generator=rng)
        parts.append(network(batch))
    return torch.cat(parts)
