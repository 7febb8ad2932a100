"""`mnist`, `fashion_mnist`, `kmnist`, `cifar10`, `svhn`: read and downloaded by torchvision.

Every file is checked before it is read: against its size where torchvision unpacks an archive
that it checked, otherwise against torchvision's md5. CIFAR-10's files are pickles, so nothing
else than the published bytes is ever unpickled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import torch
from torch import Tensor
from torchvision.datasets import CIFAR10, KMNIST, MNIST, SVHN, FashionMNIST
from torchvision.datasets.utils import check_integrity

from ganbench.data import Spec
from ganbench.data.dataset import Dataset, Split
from ganbench.errors import UserError

VALIDATION = 5000
"""The last images of the training files are the validation split (InfoGAN trains on 50-60k)."""

READING = (
    *(OSError, RuntimeError, ValueError, AssertionError, EOFError, IndexError),
    HTTPException,
)
"""What a missing or damaged file, or a download, ends in."""


@dataclass(frozen=True)
class Published:
    """A data set as torchvision knows it.

    read: (root, whether the training part, whether to download) to images and labels.
    place: the folder of its files below the root. files: their sizes in bytes, or md5.
    packed: what may be put there instead. train, test: images in the files.
    """

    read: Callable[[str, bool, bool], tuple[Tensor, Tensor]]
    place: str
    files: Mapping[str, int | str]
    packed: str
    train: int
    test: int


def _idx(kind: type[MNIST]) -> Published:
    def read(root: str, train: bool, download: bool) -> tuple[Tensor, Tensor]:
        data = kind(root, train=train, download=download)
        return data.data.unsqueeze(1), data.targets

    sizes = {
        "train-images-idx3-ubyte": 47_040_016,
        "train-labels-idx1-ubyte": 60_008,
        "t10k-images-idx3-ubyte": 7_840_016,
        "t10k-labels-idx1-ubyte": 10_008,
    }
    return Published(read, f"{kind.__name__}/raw", sizes, " (or their .gz)", 60_000, 10_000)


def _cifar10(root: str, train: bool, download: bool) -> tuple[Tensor, Tensor]:
    data = CIFAR10(root, train=train, download=download)
    return torch.from_numpy(data.data).movedim(-1, 1), torch.tensor(data.targets)


def _svhn(root: str, train: bool, download: bool) -> tuple[Tensor, Tensor]:
    data = SVHN(root, split="train" if train else "test", download=download)
    return torch.from_numpy(data.data), torch.from_numpy(data.labels)


KNOWN = {
    "mnist": _idx(MNIST),
    "fashion_mnist": _idx(FashionMNIST),
    "kmnist": _idx(KMNIST),
    "cifar10": Published(
        _cifar10,
        CIFAR10.base_folder,
        dict(CIFAR10.train_list + CIFAR10.test_list)
        | {CIFAR10.meta["filename"]: CIFAR10.meta["md5"]},
        f" (or {CIFAR10.filename} in the folder above)",
        50_000,
        10_000,
    ),
    "svhn": Published(
        _svhn,
        "",
        {name: md5 for _, name, md5 in (SVHN.split_list["train"], SVHN.split_list["test"])},
        "",
        73_257,
        26_032,
    ),
}


def load(spec: Spec, root: Path) -> Dataset:
    """The training files but for the last 5,000 images, these for validation, the test files.

    Reads torchvision's layout below `root`, and downloads into it what is missing.

    Raises UserError where files are neither there nor to be had, or are damaged.
    """
    name = spec.source.name
    known = KNOWN[name]
    place = root / known.place
    for file, right in known.files.items():
        _check(place / file, right)
    created = [folder for folder in (place, place.parent, root) if not folder.exists()]
    try:
        full, test = (_read(known, root, train) for train in (True, False))
    except READING as error:
        for folder in created:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        raise UserError(_missing(name, root, error)) from error
    cut = len(full) - VALIDATION
    return Dataset(spec.name, 10, full[:cut], full[cut:], test)


def _read(known: Published, root: Path, train: bool) -> Split:
    here = all((root / known.place / file).exists() for file in known.files)
    images, labels = known.read(str(root), train, not here)
    n = known.train if train else known.test
    if len(images) != n or len(labels) != n:
        raise ValueError(f"{len(images)} images and {len(labels)} labels, not {n}")
    return Split(images.contiguous(), labels.to(torch.int64))


def _check(path: Path, right: int | str) -> None:
    """Refuse a file that is there, but not as it was published."""
    try:
        if not path.exists():
            return
        size = path.stat().st_size
        if isinstance(right, int):
            wrong = f"it has {size:,} bytes, not {right:,}" if size != right else ""
        else:
            wrong = "" if check_integrity(path, right) else f"its md5 is not {right}"
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    if wrong:
        raise UserError(
            f"{path} is damaged: {wrong}; "
            f"delete it, and put a whole one there or let it be downloaded"
        )


def _missing(name: str, root: Path, error: Exception) -> str:
    known = KNOWN[name]
    place, names = root / known.place, ", ".join(known.files)
    if all((place / file).exists() for file in known.files):
        return f"the files in {place} are damaged; delete them, and put {names} there"
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(":")
    too_deep = known.place and root.name == known.place.partition("/")[0]
    hint = f" (--data-root {root.parent}, perhaps?)" if too_deep else ""
    above = f"the folder above {known.place}" if known.place else "their folder"
    return (
        f"no {name} at {place}, and no download ({reason}): put {names}{known.packed} there, "
        f"or name {above} with --data-root{hint}"
    )
