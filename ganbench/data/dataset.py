"""Labelled images with fixed train, validation and test splits."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor


def to_unit_range(images: Tensor) -> Tensor:
    """uint8 images to float32 in [-1, 1]."""
    return images.float().mul_(2 / 255).sub_(1)


def to_uint8(images: Tensor) -> Tensor:
    """Float images in [-1, 1] to uint8, rounded: what a stored picture would hold."""
    return images.clamp(-1, 1).add(1).mul_(127.5).round_().to(torch.uint8)


@dataclass(frozen=True, repr=False)
class Split:
    """One part of a data set: uint8 images (n, c, h, w) and int64 labels (n,)."""

    images: Tensor
    labels: Tensor

    def __repr__(self) -> str:
        return f"Split({len(self)} images of {tuple(self.images.shape[1:])})"

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: Tensor | slice) -> Split:
        return Split(self.images[rows], self.labels[rows])


@dataclass(frozen=True)
class Dataset:
    """A named data set. Training reads `train`, choices `validation`, final scores `test`."""

    name: str
    classes: int
    train: Split
    validation: Split
    test: Split

    @property
    def shape(self) -> tuple[int, ...]:
        """(channels, height, width)."""
        return tuple(self.train.images.shape[1:])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the pixels and labels of all splits, 16 hex digits."""
        digest = hashlib.sha256()
        for split in (self.train, self.validation, self.test):
            for tensor in (split.images, split.labels):
                array = np.ascontiguousarray(tensor.numpy())
                digest.update(f"{array.dtype}{array.shape}".encode())
                digest.update(array.tobytes())
        return digest.hexdigest()[:16]
