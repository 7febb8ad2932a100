"""`mnist`, `fashion_mnist`, `kmnist`, `cifar10`, `svhn`: read and downloaded by torchvision.

Every file is checked before it is read, see `ganbench.data.io.integrity`: what torchvision unpacks
from an archive by what is known of it, everything else by torchvision's md5. CIFAR-10's files are
pickles, so nothing else than the published bytes is ever unpickled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

import torch
from torch import Tensor
from torchvision.datasets import CIFAR10, KMNIST, MNIST, SVHN, FashionMNIST
from torchvision.datasets.mnist import read_image_file, read_label_file

from ganbench.core.errors import UserError
from ganbench.data import Spec
from ganbench.data.dataset import Dataset, Split
from ganbench.data.io import integrity

CLASSES = 10
VALIDATION = 5000
"""The last images of the training files are the validation split (InfoGAN trains on 50-60k)."""

READING = (
    *(OSError, RuntimeError, ValueError, AssertionError, EOFError, IndexError),
    HTTPException,
)
"""What a missing or damaged file, or a download, ends in."""


@dataclass(frozen=True)
class TorchvisionDataset:
    """A data set as torchvision knows it.

    read: (root, whether the training part, whether to download) to images and labels.
    place: the folder of its files below the root. files: how each is looked at.
    packed: what may be put there instead. train, test: images in the files. archives: what
    torchvision unpacks, as paths below the root, and how each is looked at.
    """

    read: Callable[[str, bool, bool], tuple[Tensor, Tensor]]
    place: str
    files: Mapping[str, integrity.Check]
    packed: str
    train: int
    test: int
    archives: Mapping[str, integrity.Check] = field(default_factory=dict)


def _idx(kind: type[MNIST]) -> TorchvisionDataset:
    place, train, test = f"{kind.__name__}/raw", 60_000, 10_000

    def read(root: str, training: bool, download: bool) -> tuple[Tensor, Tensor]:
        if download:
            kind(root, download=True)
        part = Path(root, place, "train" if training else "t10k")  # never the `processed` of old
        images = read_image_file(f"{part}-images-idx3-ubyte")
        return images.unsqueeze(1), read_label_file(f"{part}-labels-idx1-ubyte")

    files = {}
    for part, n in (("train", train), ("t10k", test)):
        files[f"{part}-images-idx3-ubyte"] = integrity.idx(kind.__name__, (n, 28, 28))
        files[f"{part}-labels-idx1-ubyte"] = integrity.idx(kind.__name__, (n,), CLASSES)
    archives = {
        f"{place}/{url.rpartition('/')[2]}": integrity.archive(md5) for url, md5 in kind.resources
    }
    return TorchvisionDataset(read, place, files, " (or their .gz)", train, test, archives)


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
    "cifar10": TorchvisionDataset(
        _cifar10,
        CIFAR10.base_folder,
        {
            name: integrity.md5(md5)
            for name, md5 in (
                *(CIFAR10.train_list + CIFAR10.test_list),
                (CIFAR10.meta["filename"], CIFAR10.meta["md5"]),
            )
        },
        f" (or {CIFAR10.filename} in the folder above)",
        50_000,
        10_000,
        {CIFAR10.filename: integrity.archive(CIFAR10.tgz_md5)},
    ),
    "svhn": TorchvisionDataset(
        _svhn,
        "",
        {
            name: integrity.md5(md5)
            for _, name, md5 in (SVHN.split_list["train"], SVHN.split_list["test"])
        },
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
    for file, look in known.files.items():
        integrity.refuse(place / file, look)
    if not _is_here(known, root):
        for file, look in known.archives.items():
            integrity.refuse(root / file, look)
    created = [folder for folder in (place, place.parent, root) if not folder.exists()]
    try:
        full, test = (_read(known, root, train) for train in (True, False))
    except READING as error:
        for folder in created:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        raise UserError(_missing(name, root, error)) from error
    cut = len(full) - VALIDATION
    return Dataset(spec.name, CLASSES, full[:cut], full[cut:], test)


def _is_here(known: TorchvisionDataset, root: Path) -> bool:
    return all((root / known.place / file).exists() for file in known.files)


def _read(known: TorchvisionDataset, root: Path, train: bool) -> Split:
    images, labels = known.read(str(root), train, not _is_here(known, root))
    n = known.train if train else known.test
    if len(images) != n or len(labels) != n:
        raise ValueError(f"{len(images)} images and {len(labels)} labels, not {n}")
    return Split(images.contiguous(), labels.to(torch.int64))


def _missing(name: str, root: Path, error: Exception) -> str:
    known = KNOWN[name]
    place, names = root / known.place, ", ".join(known.files)
    if _is_here(known, root):
        return f"the files in {place} are damaged; delete them, and put {names} there"
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(":")
    too_deep = known.place and root.name == known.place.partition("/")[0]
    hint = f" (--data-root {root.parent}, perhaps?)" if too_deep else ""
    above = f"the folder above {known.place}" if known.place else "their folder"
    return (
        f"no {name} at {place}, and no download ({reason}): put {names}{known.packed} there, "
        f"or name {above} with --data-root{hint}"
    )
