"""Worlds of known factors: the grid of all combinations of their levels, split at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganbench.data.dataset import Dataset, Split, Streamed, World
from ganbench.data.io.stream import Stream
from ganbench.data.splits import split_rows


def combinations(sizes: Sequence[int]) -> NDArray[np.int64]:
    """Every combination of the factors' levels (n, k) in row-major order: the last runs fastest."""
    return np.indices(sizes).reshape(len(sizes), -1).T.astype(np.int64)


def dataset(
    name: str,
    factors: dict[str, int],
    images: Tensor | Stream,
    label: str,
    groups: NDArray[np.int64] | None = None,
) -> Dataset:
    """The data set of all combinations of `factors` (name: levels), labelled by one of them.

    images: uint8 (n, c, h, w), in row-major order of the grid. groups: as in `split_rows`.
    """
    names, sizes = tuple(factors), tuple(factors.values())
    levels = combinations(sizes)
    labels = levels[:, names.index(label)]

    def render(asked: NDArray[np.int64]) -> Tensor:
        rows = np.ravel_multi_index(tuple(np.asarray(asked).T), sizes)
        return images[torch.from_numpy(rows)]

    columns = torch.from_numpy(labels), torch.from_numpy(levels)
    whole: Split | Streamed
    whole = Split(images, *columns) if isinstance(images, Tensor) else Streamed(images, *columns)
    train, validation, test = (
        whole.subset(torch.from_numpy(rows)) for rows in split_rows(labels, groups)
    )
    world = World(names, sizes, render)
    return Dataset(name, factors[label], train, validation, test, world)
