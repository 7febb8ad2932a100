"""A label budget: the few training images whose labels may be read.

`100` is a total, `250/class` a number per class. The labelled images are a class-balanced
random choice that the trial's seed fixes; a larger budget holds all of a smaller one's.
"""

from __future__ import annotations

import re
import zlib

import numpy as np
import torch
from numpy.typing import NDArray

from ganbench.core.errors import UserError
from ganbench.data.dataset import Split, Streamed

STREAM = zlib.crc32(b"labels")
"""The choice's own random stream: no other draw of the seed moves it, nor it another."""


def parse_labels(budget: str | int, classes: int) -> int:
    """The number of labelled images, over all classes, that a budget names.

    Raises UserError for what is neither `N` nor `N/class` with N of at least 1.
    """
    match = re.fullmatch(r"\s*(\d{1,18})\s*(/\s*class)?\s*", str(budget))
    if match is None or not int(match[1]):
        raise UserError(f"labels {budget!r}: give a total (100) or a number per class (250/class)")
    return int(match[1]) * (classes if match[2] else 1)


def check_labels(split: Split | Streamed, budget: str | int, classes: int) -> int | None:
    """The number of labelled images of a budget; None where that is all of the split.

    Raises UserError where the budget cannot be read, where there are no labels, or where the
    split or one of its classes has too few images for it.
    """
    if not classes:
        raise UserError(f"labels {budget}: the images have no labels")
    total = parse_labels(budget, classes)
    if total == len(split):
        return None
    if total > len(split):
        raise UserError(f"labels {budget}: there are only {len(split)} training images")
    have = np.bincount(split.labels.numpy(), minlength=classes)
    each, extra = divmod(total, classes)
    if int((have > each).sum()) < extra:
        each += 1
    if each > have.min():
        raise UserError(
            f"labels {budget}: {each} labels per class, but class {have.argmin()} has "
            f"{have.min()} training images"
        )
    return total


def choose_labelled(
    split: Split | Streamed, budget: str | int, classes: int, seed: int
) -> Split | Streamed:
    """The labelled images of a split, in their written order; those of a stream are not read.

    Of N labels each of K classes gets floor(N / K), and N mod K of them, drawn by the seed
    among those with more images, get one more. Which images is drawn by the seed too.

    Raises UserError as `check_labels` does.
    """
    total = check_labels(split, budget, classes)
    if total is None:
        return split
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(STREAM,)))
    labels = split.labels.numpy()
    shuffled = [rng.permutation(np.flatnonzero(labels == label)) for label in range(classes)]
    each, extra = divmod(total, classes)
    order = [label for label in rng.permutation(classes) if len(shuffled[label]) > each]
    lucky = set(order[:extra])
    chosen: list[NDArray[np.int64]] = [
        rows[: each + (label in lucky)] for label, rows in enumerate(shuffled)
    ]
    return split.subset(torch.from_numpy(np.sort(np.concatenate(chosen))))
