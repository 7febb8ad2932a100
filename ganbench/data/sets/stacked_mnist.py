"""`stacked_mnist`: three random MNIST digits as the channels of an image, 1,000 modes.

As in PacGAN (Lin et al. 2018, arXiv:1712.04086, sec. 4.2): 128,000 training and 26,000 test
images. A digit is drawn from MNIST's split of the same name, so that no test digit was trained
on. No image is stored: which three digits it has is, and they are put together when asked for.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganbench.data import Spec, parse
from ganbench.data.dataset import Dataset, Split, Streamed
from ganbench.data.io.stream import Stream
from ganbench.data.sets import torchvision_sets

SIZES = (128_000, 10_000, 26_000)
"""Images of train, validation and test."""


class Stacked(Stream):
    """Images made of three grey ones each. digits: uint8 (m, 1, h, w). rows: int64 (n, 3)."""

    def __init__(self, digits: Tensor, rows: Tensor) -> None:
        self.digits = digits
        self.rows = rows
        self.shape = (len(rows), 3, digits.shape[2], digits.shape[3])

    def read(self, rows: Tensor) -> Tensor:
        """See `Stream.read`."""
        return self.digits[self.rows[rows]].squeeze(2)

    @cached_property
    def digest(self) -> str:
        """Of the digits, and of which three make an image."""
        found = hashlib.sha256(self.digits.numpy().tobytes())
        found.update(self.rows.numpy().tobytes())
        return found.hexdigest()


def load(spec: Spec, root: Path) -> Dataset:
    """128,000 / 10,000 / 26,000 train / validation / test images of 3x28x28; 1,000 classes.

    The label of digits a, b, c is 100a + 10b + c. Raises UserError where there is no MNIST.
    """
    mnist = torchvision_sets.load(parse("mnist"), root)
    splits = zip((mnist.train, mnist.validation, mnist.test), SIZES, strict=True)
    parts = [stacked(split[:], n, seed) for seed, (split, n) in enumerate(splits)]
    return Dataset(spec.name, 1000, parts[0], parts[1], parts[2])


def stacked(digits: Split, n: int, seed: int) -> Streamed:
    """n images of three digits each, drawn with replacement, fixed by the seed."""
    # RandomState, not Generator: its streams are frozen for all versions of NumPy (NEP 19).
    drawn = np.random.RandomState(seed).randint(0, len(digits), (n, 3))
    rows = torch.from_numpy(drawn.astype(np.int64))
    labels = digits.labels[rows] @ torch.tensor([100, 10, 1])
    return Streamed(Stacked(digits.images, rows), labels)
