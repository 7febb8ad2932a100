"""`mnist`: LeCun's 70,000 handwritten digits of 28x28 pixels, through torchvision."""

from __future__ import annotations

from pathlib import Path

import torch
from torchvision.datasets import MNIST

from ganbench.data.dataset import Dataset, Split
from ganbench.errors import UserError

VALIDATION = 5000
"""The last images of the training files are the validation split (InfoGAN trains on 50-60k)."""


def load(root: Path) -> Dataset:
    """55,000 / 5,000 / 10,000 train / validation / test images.

    Reads `root/MNIST/raw` (torchvision's layout) and downloads into it what is missing.

    Raises UserError where the files are neither there nor to be had, or are damaged.
    """
    place = root / "MNIST" / "raw"
    wanted = (
        f"put train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and "
        f"t10k-labels-idx1-ubyte (or their .gz) into {place}, or name another folder "
        f"with --data-root"
    )
    try:
        parts = [_read(root, train) for train in (True, False)]
    except (OSError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"no mnist at {place} and no download ({reason}): {wanted}") from error
    except (ValueError, AssertionError, EOFError, IndexError) as error:
        raise UserError(f"a damaged mnist file in {place}: delete it, then {wanted}") from error
    for split, count in zip(parts, (60_000, 10_000), strict=True):
        if tuple(split.images.shape) != (count, 1, 28, 28) or len(split.labels) != count:
            raise UserError(f"the mnist files in {place} are not whole: delete them, then {wanted}")
    full, test = parts
    cut = len(full) - VALIDATION
    return Dataset("mnist", 10, full[:cut], full[cut:], test)


def _read(root: Path, train: bool) -> Split:
    try:
        data = MNIST(str(root), train=train, download=False)
    except RuntimeError:  # torchvision's "Dataset not found"
        data = MNIST(str(root), train=train, download=True)
    return Split(data.data.unsqueeze(1).contiguous(), data.targets.to(torch.int64))
