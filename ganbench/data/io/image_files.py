"""Image files as a stream: each is decoded when it is needed, by the rule of `decoding`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganbench.data.io.decoding import RULE, decode
from ganbench.data.io.image_checks import Checked, in_threads
from ganbench.data.io.intensity_levels import Span
from ganbench.data.io.stream import Stream


class Files(Stream):
    """Image files of a folder as a stream: `names` below `folder`, already checked.

    folder: from the root on, as files are opened when the process may be elsewhere. span: see
    `ganbench.data.io.decoding.fit`.
    """

    def __init__(
        self,
        folder: Path,
        names: Sequence[str],
        checked: Sequence[Checked],
        size: int,
        channels: int,
        span: Span | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self.names = names
        self.checked = checked
        self.span = span
        self.shape = (len(names), channels, size, size)

    def read(self, rows: Tensor) -> Tensor:
        """See `Stream.read`; in threads."""
        _, channels, size, _ = self.shape
        images = np.empty((len(rows), channels, size, size), dtype=np.uint8)

        def one(pair: tuple[int, int]) -> None:
            at, row = pair
            images[at] = decode(self.folder / self.names[row], size, channels, span=self.span)

        in_threads(one, list(enumerate(rows.tolist())))
        return torch.from_numpy(images)

    @cached_property
    def digest(self) -> str:
        """Of the files' bytes, in order, and of the rule by which they become images."""
        found = hashlib.sha256(f"{RULE}{self.shape}{self.span or ''}".encode())
        for one in self.checked:
            found.update(bytes.fromhex(one.digest))
        return found.hexdigest()
