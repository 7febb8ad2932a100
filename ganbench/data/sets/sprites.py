"""`sprites`: white shapes on black, rendered from known factors, in the manner of dSprites.

Factors (levels): shape (square, ellipse, heart), scale (4: radii 1/2, 2/3, 5/6 and 1 of the
largest), orientation (12: multiples of 30 degrees, clockwise), x and y (8 each, 1/16 of the
image apart). A shape's radius is that of its circumcircle, whose centre is the sprite's
position; none is cut off by the border.

A square looks the same every 90 degrees and an ellipse every 180: 5,376 of the
9,216 images are different. Those that look the same are in the same split.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ganbench.data import Spec, factors
from ganbench.data.dataset import Dataset

FACTORS = {"shape": 3, "scale": 4, "orientation": 12, "x": 8, "y": 8}
LOOKS = (3, 6, 12)
"""Orientations of each shape that look different."""
LATTICE = 512
"""Points across the image at which it is asked whether they lie in the shape."""
STEP = LATTICE // 16
"""Between two positions: a whole number of pixels, so that a sprite is drawn once and moved."""
WINDOW = LATTICE - (FACTORS["x"] - 1) * STEP
"""Side of the square, in points of the lattice, that a sprite moves about in."""
SCALES = (3 / 6, 4 / 6, 5 / 6, 6 / 6)
RADIUS = math.sqrt(2) * 3 * STEP
"""Of the largest circumcircle, in points: the squares are 3, 4, 5 and 6 steps wide."""


def load(spec: Spec, root: Path | None = None) -> Dataset:
    """7,370 / 923 / 923 train / validation / test images, labelled by shape; `root` is not read.

    Option size: pixels a side, 16, 32 or 64. The sprites are the same in every size: an image
    of 16 pixels is that of 64 averaged over 4 by 4, but for rounding.
    """
    size = int(spec.options["size"])
    images = torch.from_numpy(render(size)).flatten(0, 4)
    levels = factors.combinations(tuple(FACTORS.values()))
    looks = levels[:, 2] % np.array(LOOKS)[levels[:, 0]]
    _, groups = np.unique(
        np.column_stack([levels[:, [0, 1, 3, 4]], looks]), axis=0, return_inverse=True
    )
    return factors.dataset(spec.name, FACTORS, images, "shape", groups)


def render(size: int) -> NDArray[np.uint8]:
    """All images (3, 4, 12, 8, 8, 1, size, size): the share of each pixel that the shape covers.

    The same bits on every machine: products, sums and square roots of float64 alone.
    """
    cell, side = LATTICE // size, WINDOW * size // LATTICE
    across = np.arange(WINDOW) - (WINDOW - 1) / 2
    images = np.zeros((*FACTORS.values(), 1, size, size), dtype=np.uint8)
    for scale, share in enumerate(SCALES):
        for orientation in range(FACTORS["orientation"]):
            cosine, sine = _turn(orientation)
            u = (cosine * across + sine * across[:, None]) / (share * RADIUS)
            v = (cosine * across[:, None] - sine * across) / (share * RADIUS)
            for shape, inside in enumerate((_square, _ellipse, _heart)):
                cells = inside(u, v).reshape(side, cell, side, cell)
                sprite = np.rint(255 * cells.mean((1, 3)))
                for x, y in np.ndindex(FACTORS["x"], FACTORS["y"]):
                    down, right = y * size // 16, x * size // 16
                    at = slice(down, down + side), slice(right, right + side)
                    images[shape, scale, orientation, x, y, 0][at] = sprite
    return images


def _turn(orientation: int) -> tuple[float, float]:
    """Cosine and sine of so many times 30 degrees."""
    root = math.sqrt(3) / 2
    sines = (0.0, 0.5, root, 1.0, root, 0.5, 0.0, -0.5, -root, -1.0, -root, -0.5)
    return sines[(orientation + 3) % 12], sines[orientation]


# Which points (u, v) lie in a shape of circumradius 1, upright, u to the right and v down.


def _square(u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.bool_]:
    return (abs(u) <= math.sqrt(0.5)) & (abs(v) <= math.sqrt(0.5))


def _ellipse(u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Half as high as wide."""
    return u * u + 4 * v * v <= 1


def _heart(u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.bool_]:
    """A square on its tip, from (0, 0) to (1, 1) along (p, q), and a half disc on its upper sides.

    The circumcircle goes through the tip and touches the discs: its centre (t, t) is as far
    from the tip as from a disc's centre (1/2, 1) and another 1/2, which gives t = 1 / (3 - sqrt 2).
    """
    t = 1 / (3 - math.sqrt(2))
    p, q = t + t * (u - v), t - t * (u + v)  # sqrt(1/2) of the turn, sqrt(2) t of the radius
    square = (p >= 0) & (p <= 1) & (q >= 0) & (q <= 1)
    left = (p - 0.5) * (p - 0.5) + (q - 1) * (q - 1) <= 0.25
    right = (p - 1) * (p - 1) + (q - 0.5) * (q - 0.5) <= 0.25
    return square | left | right
