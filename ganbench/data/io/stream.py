"""Streams: images that are read when they are indexed, for data sets too large for memory."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from functools import cached_property

import torch
from torch import Tensor

CACHE_BYTES = 256 << 20
"""Bytes: decoded images that take no more than this are kept once they were read."""


class Stream(ABC):
    """uint8 images (n, c, h, w) that are read when they are indexed.

    A subclass says its `shape`, how rows are read, and what identifies the images. Rows may
    be read by several threads at once.
    """

    shape: tuple[int, int, int, int]
    dtype = torch.uint8

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Tensor | slice) -> Tensor:
        return self.read(as_indices(rows, len(self)))

    @abstractmethod
    def read(self, rows: Tensor) -> Tensor:
        """The images (k, c, h, w) of rows (k,), int64 from 0 to n - 1, in that order.

        Raises UserError, naming the file, for an image that cannot be read.
        """

    @property
    @abstractmethod
    def digest(self) -> str:
        """A hash of all that fixes the images, found without decoding them."""


def as_indices(rows: Tensor | slice, n: int) -> Tensor:
    """Rows of n as int64 (k,), whatever way they are given. Raises IndexError beyond n."""
    return torch.arange(n)[rows.cpu() if isinstance(rows, Tensor) else rows]


class Subset(Stream):
    """Some rows of a stream, none of them read."""

    def __init__(self, whole: Stream, rows: Tensor | slice) -> None:
        self.whole = whole
        self.rows = as_indices(rows, len(whole))
        self.shape = (len(self.rows), *whole.shape[1:])

    def read(self, rows: Tensor) -> Tensor:
        """See `Stream.read`."""
        return self.whole.read(self.rows[rows])

    @cached_property
    def digest(self) -> str:
        """Of the whole stream and of which rows these are."""
        found = hashlib.sha256(self.whole.digest.encode())
        found.update(self.rows.numpy().tobytes())
        return found.hexdigest()


class CachedStream(Stream):
    """A stream whose images stay in memory once they were read."""

    def __init__(self, whole: Stream) -> None:
        self.whole = whole
        self.shape = whole.shape
        self._images = torch.empty(self.shape, dtype=torch.uint8)  # pages come as they are written
        self._known = torch.zeros(len(whole), dtype=torch.bool)

    def read(self, rows: Tensor) -> Tensor:
        """See `Stream.read`. Two threads may read one image twice: they write the same bytes."""
        new = rows[~self._known[rows]].unique()
        if len(new):
            self._images[new] = self.whole.read(new)
            self._known[new] = True
        return self._images[rows]

    @property
    def digest(self) -> str:
        """The stream's own."""
        return self.whole.digest


def cached_where_small(whole: Stream) -> Stream:
    """The stream, with a memory where all its images fit into `CACHE_BYTES` bytes."""
    n, channels, height, width = whole.shape
    return CachedStream(whole) if n * channels * height * width <= CACHE_BYTES else whole
