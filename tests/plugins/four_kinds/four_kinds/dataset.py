"""`stripes`: grey images of 8x8 pixels, black and white across or along, with some noise."""

import numpy as np
import torch

from ganbench.data import DatasetSpec
from ganbench.data.dataset import Dataset, Split

SIZES = (400, 100, 100)


def load(spec, root):
    """400 / 100 / 100 train / validation / test images; the label says which way they run."""
    rng = np.random.RandomState(0)
    side = int(spec.options["size"])
    train, validation, test = (_split(n, side, rng) for n in SIZES)
    return Dataset(spec.name, 2, train, validation, test)


def _split(n, side, rng):
    labels = rng.permutation(np.arange(n) % 2)
    wave = 127.5 + 90 * np.where(np.arange(side) // 2 % 2, 1, -1)
    across = np.broadcast_to(wave, (side, side))
    images = np.where(labels[:, None, None], across, across.T) + rng.normal(0, 20, (n, side, side))
    pixels = torch.from_numpy(images.clip(0, 255).round().astype(np.uint8))
    return Split(pixels[:, None], torch.from_numpy(labels))


STRIPES = DatasetSpec(
    name="stripes",
    summary="600 images of stripes, 8x8 grey, across or along",
    target=load,
    size=sum(SIZES),
    shape=(1, 8, 8),
    classes=2,
    origin="drawn by ganbench-four-kinds",
    rounds=40,
    batch_size=32,
    embedded=True,
    options={"size": ("8", "16")},
    extractor="profile",
)
