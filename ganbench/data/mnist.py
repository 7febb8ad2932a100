"""`mnist`: LeCun's 70,000 handwritten digits of 28x28 pixels, through torchvision."""

from __future__ import annotations

from pathlib import Path

import torch
from torchvision.datasets import MNIST

from ganbench.data import Spec
from ganbench.data.dataset import Dataset, Split
from ganbench.errors import UserError

VALIDATION = 5000
"""The last images of the training files are the validation split (InfoGAN trains on 50-60k)."""


FILES = {
    "train-images-idx3-ubyte": 47_040_016,
    "train-labels-idx1-ubyte": 60_008,
    "t10k-images-idx3-ubyte": 7_840_016,
    "t10k-labels-idx1-ubyte": 10_008,
}
"""The files of the data set, and their sizes in bytes."""


def load(spec: Spec, root: Path) -> Dataset:
    """55,000 / 5,000 / 10,000 train / validation / test images.

    Reads `root/MNIST/raw` (torchvision's layout) and downloads into it what is missing.

    Raises UserError where the files are neither there nor to be had, or are damaged.
    """
    place = root / "MNIST" / "raw"
    for name, size in FILES.items():
        path = place / name
        if path.exists() and path.stat().st_size != size:
            raise UserError(
                f"{path} is damaged: it has {path.stat().st_size:,} bytes, not {size:,}; "
                f"delete it, and put a whole one there or let it be downloaded"
            )
    created = [folder for folder in (place, place.parent, root) if not folder.exists()]
    try:
        full, test = (_read(root, train) for train in (True, False))
    except (OSError, RuntimeError, ValueError, AssertionError, EOFError, IndexError) as error:
        for folder in created:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        raise UserError(_missing(root, place, error)) from error
    cut = len(full) - VALIDATION
    return Dataset("mnist", 10, full[:cut], full[cut:], test)


def _missing(root: Path, place: Path, error: Exception) -> str:
    names = ", ".join(FILES)
    if all((place / name).exists() for name in FILES):
        return f"the files in {place} are damaged; delete them, and put {names} there"
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(":")
    hint = f" (--data-root {root.parent}, perhaps?)" if (root / "raw").is_dir() else ""
    return (
        f"no mnist at {place}, and no download ({reason}): put {names} (or their .gz) there, "
        f"or name the folder above MNIST/raw with --data-root{hint}"
    )


def _read(root: Path, train: bool) -> Split:
    try:
        data = MNIST(str(root), train=train, download=False)
    except RuntimeError:  # torchvision's "Dataset not found"
        data = MNIST(str(root), train=train, download=True)
    return Split(data.data.unsqueeze(1).contiguous(), data.targets.to(torch.int64))
