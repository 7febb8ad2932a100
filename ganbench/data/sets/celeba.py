"""`celeba`: 202,599 faces (Liu et al. 2015), as torchvision lays them out; streamed.

The aligned images of 178x218 pixels are cropped to the middle 178x178 and resized, see
`ganbench.data.io.decoding`. The splits are the published ones.
"""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torchvision.datasets import CelebA

from ganbench.core.errors import UserError, unknown
from ganbench.data import Spec
from ganbench.data.dataset import Dataset, Streamed
from ganbench.data.io import integrity
from ganbench.data.io.image_checks import check_files
from ganbench.data.io.image_files import Files
from ganbench.data.io.stream import cached_where_small
from ganbench.data.sets.torchvision_sets import READING

PARTITION, ATTRIBUTES, IMAGES = (
    "list_eval_partition.txt",
    "list_attr_celeba.txt",
    "img_align_celeba",
)


def load(spec: Spec, root: Path) -> Dataset:
    """162,770 / 19,867 / 19,962 train / validation / test images.

    Options: size; attribute, one of the 40, which makes two classes (0: without it).

    Raises UserError where files are neither there nor to be had, or are damaged.
    """
    place = root / CelebA.base_folder
    wanted = [PARTITION] if spec.options["attribute"] == "none" else [PARTITION, ATTRIBUTES]
    if not all((place / name).exists() for name in (*wanted, IMAGES)):
        _download(place, root, wanted)
    for _, md5, name in CelebA.file_list:
        if name in wanted:
            integrity.refuse(place / name, integrity.md5(md5))
    split = {name: int(part) for name, part in _table(place / PARTITION)}
    names = sorted(split)
    have = {entry.name for entry in os.scandir(place / IMAGES)}
    if missing := [name for name in names if name not in have]:
        raise UserError(
            f"{place / IMAGES} lacks {len(missing):,} of {len(names):,} images "
            f"({missing[0]}, say): unpack {IMAGES}.zip there again"
        )
    labels, classes = torch.zeros(len(names), dtype=torch.int64), 0
    if ATTRIBUTES in wanted:
        labels, classes = _labels(place / ATTRIBUTES, spec.options["attribute"], names), 2
    size = int(spec.options["size"])
    checked = check_files(place / IMAGES, names, [split[name] != 0 for name in names], size, 3)
    images = Files(place / IMAGES, names, checked, size, 3)
    whole = Streamed(cached_where_small(images), labels)
    part = torch.tensor([split[name] for name in names])
    train, validation, test = (whole.subset(part == i) for i in range(3))
    return Dataset(spec.name, classes, train, validation, test)


def _table(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text("ascii").splitlines() if line.strip()]


def _labels(path: Path, attribute: str, names: list[str]) -> torch.Tensor:
    _, header, *lines = _table(path)
    if attribute not in header:
        raise unknown("attribute of data set celeba:", attribute, header)
    column = header.index(attribute) + 1
    have = {line[0]: int(line[column] == "1") for line in lines}
    return torch.tensor([have[name] for name in names])


def _download(place: Path, root: Path, wanted: list[str]) -> None:
    created = [folder for folder in (place, root) if not folder.exists()]
    try:
        CelebA(str(root), download=True)
    except READING as error:
        for folder in created:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"no celeba at {place}, and no download ({reason}): put {', '.join(wanted)} and the "
            f"folder {IMAGES} with its 202,599 images there, or name the folder above with "
            f"--data-root"
        ) from error
