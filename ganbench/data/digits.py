"""`digits`: 1,797 real handwritten digits of 8x8 pixels that come inside scikit-learn.

Source: the test part of the UCI "Optical Recognition of Handwritten Digits" data.
"""

from __future__ import annotations

from pathlib import Path

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from ganbench.data import Spec
from ganbench.data.dataset import Dataset, Split

SPLIT_SEED = 0


def load(spec: Spec | None = None, root: Path | None = None) -> Dataset:
    """Stratified 1,097 / 200 / 500 train / validation / test images, the same everywhere.

    The 17 grey levels 0..16 are stored as uint8, round(255 * level / 16). Neither `spec` nor
    `root` is used: the data is part of scikit-learn.
    """
    pixels, labels = load_digits(return_X_y=True)
    images = torch.from_numpy(pixels).mul(255 / 16).round().to(torch.uint8).reshape(-1, 1, 8, 8)
    targets = torch.from_numpy(labels).long()
    rest, test = train_test_split(
        range(len(labels)), test_size=500, stratify=labels, random_state=SPLIT_SEED
    )
    train, validation = train_test_split(
        rest, test_size=200, stratify=labels[rest], random_state=SPLIT_SEED
    )
    parts = [Split(images[rows], targets[rows]) for rows in map(sorted, (train, validation, test))]
    return Dataset("digits", 10, parts[0], parts[1], parts[2])
