"""`ring` and `grid`: points of narrow Gaussians in the plane, where lost modes can be counted.

Geometry as in VEEGAN (Srivastava et al. 2017, arXiv:1705.07761, sec. 4.1) and PacGAN (Lin et
al. 2018, arXiv:1712.04086, sec. 4.1): 8 Gaussians of standard deviation 0.01 on the unit
circle, and 25 of 0.05 at (-4, -2, 0, 2, 4) squared.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ganbench.data import Spec
from ganbench.data.dataset import Dataset, Mixture, Split

SEED = 0
SIZES = (50_000, 5_000, 5_000)
"""Points of the train, validation and test split: of each mode equally many."""


def _ring() -> Mixture:
    angles = 2 * np.pi * np.arange(8) / 8
    return Mixture(np.column_stack([np.cos(angles), np.sin(angles)]), std=0.01, scale=1.2)


def _grid() -> Mixture:
    side = np.arange(-4.0, 5.0, 2.0)
    return Mixture(np.stack(np.meshgrid(side, side, indexing="ij"), -1).reshape(-1, 2), 0.05, 4.5)


MIXTURES = {"ring": _ring, "grid": _grid}


def load(spec: Spec, root: Path | None = None) -> Dataset:
    """50,000 / 5,000 / 5,000 train / validation / test points; the label is the mode.

    They are divided by the mixture's scale and then within [-1, 1]. `root` is not read.
    """
    name = spec.source.name
    mixture = MIXTURES[name]()
    # RandomState, not Generator: its streams are frozen for all versions of NumPy (NEP 19).
    rng = np.random.RandomState(SEED)
    train, validation, test = (_draw(mixture, n, rng) for n in SIZES)
    return Dataset(name, len(mixture.means), train, validation, test, mixture=mixture)


def _draw(mixture: Mixture, n: int, rng: np.random.RandomState) -> Split:
    labels = rng.permutation(np.arange(n) % len(mixture.means))
    points = mixture.means[labels] + mixture.std * rng.standard_normal((n, 2))
    return Split(
        torch.from_numpy((points / mixture.scale).astype(np.float32)), torch.from_numpy(labels)
    )
