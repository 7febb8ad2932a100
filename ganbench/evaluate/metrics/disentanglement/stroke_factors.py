"""Factors that can be measured in an image of a stroke: slant, thickness, width, height.

In the spirit of Morpho-MNIST (Castro et al. 2019, arXiv:1809.10780), from moments instead
of skeletons, which 8x8 pixels are too few for. Ink is (x + 1) / 2, averaged over channels:
bright strokes on a dark ground.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.evaluate.capabilities import Unavailable

FACTORS = ("slant", "thickness", "width", "height")
LEAST_INK = 1e-6
ROWS = 1000
"""Images measured at once: what bounds the memory."""


def need_strokes(shape: tuple[int, ...]) -> None:
    """Raise Unavailable for points and for colour images: no stroke can be measured there."""
    if len(shape) != 3:
        raise Unavailable("points have no factors that could be measured in an image")
    if shape[0] != 1:
        raise Unavailable("factors are measured in grey strokes only, not in colour images")


def image_factors(images: ArrayLike) -> NDArray[np.float64]:
    """The factors (n, 4) in the order of `FACTORS`, of images (n, c, h, w) in [-1, 1].

    slant: -mu_xy / mu_yy, the shear of the ink: horizontal pixels per vertical pixel, positive
    where the top leans right. thickness: 2 * ink / total variation, in pixels: a long stroke
    of width t has t pixels of ink and two edges per pixel of length. width, height: sqrt(12 mu + 1)
    in pixels, the extent of a uniform bar with the same second moment. All are 0 for an image
    without ink.
    """
    array = np.asarray(images)
    starts = range(0, len(array), ROWS)
    return np.concatenate([_factors(array[start : start + ROWS]) for start in starts])


def _factors(images: NDArray[np.generic]) -> NDArray[np.float64]:
    ink = (images.astype(np.float64).mean(1) + 1) / 2
    ink = np.clip(ink, 0, 1)
    total = ink.sum((1, 2))
    weights = ink / np.maximum(total, LEAST_INK)[:, None, None]
    y, x = np.arange(ink.shape[1])[:, None], np.arange(ink.shape[2])[None, :]
    dy = y - (weights * y).sum((1, 2))[:, None, None]
    dx = x - (weights * x).sum((1, 2))[:, None, None]
    xx, yy, xy = ((weights * a * b).sum((1, 2)) for a, b in ((dx, dx), (dy, dy), (dx, dy)))
    slant = np.where(yy > LEAST_INK, -xy / np.maximum(yy, LEAST_INK), 0.0)
    thickness = 2 * total / np.maximum(total_variation(ink), LEAST_INK)
    factors = np.stack([slant, thickness, np.sqrt(12 * xx + 1), np.sqrt(12 * yy + 1)], 1)
    factors[total <= LEAST_INK] = 0
    return np.asarray(factors, np.float64)


def total_variation(ink: NDArray[np.float64]) -> NDArray[np.float64]:
    """Isotropic total variation (n,) of images (n, h, w), with nothing around them."""
    padded = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    down = padded[:, 1:, :-1] - padded[:, :-1, :-1]
    right = padded[:, :-1, 1:] - padded[:, :-1, :-1]
    return np.asarray(np.sqrt(down**2 + right**2).sum((1, 2)), np.float64)
