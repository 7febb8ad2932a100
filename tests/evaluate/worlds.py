"""A tiny world of known factors, and models of it whose right scores are known beforehand."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganbench.core.latent import Latent, Noise, Normal
from ganbench.data.dataset import Dataset, Split, World
from ganbench.evaluate.catalogue import METRICS

DISENTANGLEMENT = tuple(
    spec.name
    for spec in METRICS.values()
    if spec.group == "disentanglement" and spec.name != "within_category_correlation"
)
"""The metrics of codes of real images beside the images' factors."""

NAMES, SIZES = ("size", "x", "y"), (3, 4, 4)


def render(levels: NDArray[np.int64]) -> Tensor:
    """A bright square of 2 to 4 pixels a side, at one of 4 by 4 places of 8x8 pixels."""
    images = torch.zeros(len(levels), 1, 8, 8, dtype=torch.uint8)
    for image, (size, x, y) in zip(images, np.asarray(levels).tolist(), strict=True):
        image[0, y : y + size + 2, x : x + size + 2] = 255
    return images


def squares() -> Dataset:
    """200 / 100 / 100 random images of the 48, labelled by the square's size."""
    rng = np.random.RandomState(0)

    def split(n: int) -> Split:
        levels = np.stack([rng.randint(size, size=n) for size in SIZES], 1).astype(np.int64)
        factors = torch.from_numpy(levels)
        return Split(render(levels), factors[:, 0].clone(), factors)

    parts = split(200), split(100), split(100)
    return Dataset("squares", SIZES[0], *parts, World(NAMES, SIZES, render))


def points() -> Dataset:
    """Points of two classes in the plane."""
    rng = torch.Generator().manual_seed(0)

    def split(n: int) -> Split:
        labels = torch.arange(n) % 2
        places = 0.1 * torch.randn(n, 2, generator=rng) + (labels[:, None] - 0.5)
        return Split(places, labels)

    return Dataset("points", 2, split(400), split(100), split(100))


def without_labels(dataset: Dataset) -> Dataset:
    """The same images, of no class."""
    parts = {
        name: dataclasses.replace(split, labels=torch.zeros_like(split.labels))
        for name in ("train", "validation", "test")
        if isinstance(split := getattr(dataset, name), Split)
    }
    return dataclasses.replace(dataset, classes=0, **parts)


class Sees(nn.Module):
    """Reads the three factors off the squares; `turned` mixes them into other codes."""

    def __init__(self, turned: bool = False) -> None:
        super().__init__()
        self.latent = Latent(Noise(2), Normal(3))
        self.turn = torch.tensor([[1.0, 1, 1], [1, -1, 0], [1, 1, -2]]) if turned else torch.eye(3)
        self.read = 0

    def encode(self, images: Tensor) -> Tensor:
        assert not self.training
        assert len(images) <= 1000
        self.read += len(images)
        ink = (images[:, 0] > 0).float()
        side = ink.amax(1).sum(1)
        left, top = ink.amax(1).argmax(1), ink.amax(2).argmax(1)
        return torch.stack([side - 2, left.float(), top.float()], 1) @ self.turn.T
