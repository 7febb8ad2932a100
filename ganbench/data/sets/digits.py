"""`digits`: 1,797 real handwritten digits of 8x8 pixels that come inside scikit-learn.

DatasetSpec: the test part of the UCI "Optical Recognition of Handwritten Digits" data.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ganbench.data import Spec
from ganbench.data.dataset import Dataset, Split

SPLIT = Path(__file__).with_name("digits-split.json")
"""Rows of the held-out images: those of scikit-learn's stratified `train_test_split`, 500 for
the test split and then 200 of the rest for validation, each with random_state 0. Written down,
so that no version of it can move them."""


def load(spec: Spec | None = None, root: Path | None = None) -> Dataset:
    """Stratified 1,097 / 200 / 500 train / validation / test images, the same everywhere.

    The 17 grey levels 0..16 are stored as uint8, round(255 * level / 16). Neither `spec` nor
    `root` is used: the data is part of scikit-learn.
    """
    table = torch.from_numpy(_table())
    images = table[:, :-1].mul(255 / 16).round().to(torch.uint8).reshape(-1, 1, 8, 8)
    targets = table[:, -1].long()
    held_out = json.loads(SPLIT.read_text("utf-8"))
    validation, test = held_out["validation"], held_out["test"]
    train = sorted({*range(len(targets))} - {*validation, *test})
    parts = [Split(images[rows], targets[rows]) for rows in (train, validation, test)]
    return Dataset("digits", 10, parts[0], parts[1], parts[2])


def _table() -> NDArray[np.float64]:
    """64 pixels of 0..16 and the label, (1797, 65).

    scikit-learn's own file where it is where it has always been: planning and timing do not
    need the rest of that package, which takes a second to import.
    """
    package = find_spec("sklearn")
    if package and package.origin:
        file = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
        if file.exists():
            return np.loadtxt(file, delimiter=",")
    from sklearn.datasets import load_digits

    return np.column_stack(load_digits(return_X_y=True))
