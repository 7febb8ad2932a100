"""Splits into training, validation and test images, some of every class in each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganbench.core.errors import UserError

FEWEST = 30
"""Images: with fewer, validation and test would hold next to none."""
FEWEST_OF_CLASS = 3
"""One each for training, validation and the test."""
SPLIT_SEED = 0
EVERY = 10
"""One group of images in so many is for validation, and one for the test."""
NAMED = 5
"""Classes that a message names."""


def refuse_too_few(place: Path, kinds: Iterable[str], hint: str = "") -> None:
    """Raise UserError where there are too few images, or too few of a class, to be split.

    kinds: the name of every image's class, all the same where there are none.
    """
    counts = Counter(kinds)
    if counts.total() < FEWEST:
        raise UserError(f"{place} has {counts.total()} images, fewer than {FEWEST}: add more{hint}")
    few = sorted(kind for kind, n in counts.items() if n < FEWEST_OF_CLASS)
    if few:
        named = ", ".join(f"{kind} ({counts[kind]})" for kind in few[:NAMED])
        more = f" and {len(few) - NAMED} more" if len(few) > NAMED else ""
        raise UserError(
            f"{place} has fewer than {FEWEST_OF_CLASS} images of class {named}{more}: each must be "
            f"in training, validation and test; add images, or merge or delete these classes"
        )


def every_class(parts: NDArray[np.int64], kinds: NDArray[np.int64]) -> NDArray[np.int64]:
    """The splits (n,) of images, changed so far that every class (kinds, (n,)) is in all three.

    Where a class is missing in one, the last image of its largest part moves there: what lacks
    nothing stays as it is. A class of fewer than three cannot be, and is left alone.
    """
    parts = parts.copy()
    for rows in np.split(np.argsort(kinds, kind="stable"), np.cumsum(np.bincount(kinds))[:-1]):
        counts = np.bincount(parts[rows], minlength=3)
        if len(rows) < FEWEST_OF_CLASS or counts.all():
            continue
        for missing in (part for part in (2, 1, 0) if not counts[part]):
            last = rows[parts[rows] == counts.argmax()][-1]
            counts[parts[last]] -= 1
            counts[missing] += 1
            parts[last] = missing
    return parts


def split_rows(
    labels: NDArray[np.int64], groups: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], ...]:
    """Rows of train, validation and test: 80 / 10 / 10 % of each class, a fixed random choice.

    labels: (n,). groups: (n,), rows that stay together, all of one class; None: each alone.
    Classes of at least three groups are in all three.
    """
    groups = np.arange(len(labels)) if groups is None else groups
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    # RandomState, not Generator: its streams are frozen for all versions of NumPy (NEP 19).
    order = np.random.RandomState(SPLIT_SEED).permutation(len(first))
    order = order[np.argsort(labels[first][order], kind="stable")]
    part = np.zeros(len(first), dtype=np.int64)
    part[order[0::EVERY]], part[order[1::EVERY]] = 2, 1
    part[order] = every_class(part[order], labels[first][order])
    return tuple(np.flatnonzero(part[group] == i) for i in range(3))
