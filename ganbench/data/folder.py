"""`folder:PATH`: the user's own image files, streamed; sub-folders are classes or splits."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch

from ganbench.data import Spec
from ganbench.data.checks import SUFFIXES, check_files
from ganbench.data.dataset import Dataset, Streamed
from ganbench.data.files import Files
from ganbench.data.paths import unreadable
from ganbench.data.stream import kept_where_small
from ganbench.errors import UserError

FEWEST = 30
"""Images: with fewer, validation and test would hold next to none."""
LARGEST = 1024
SPLITS = {"train": 0, "val": 1, "valid": 1, "validation": 1, "test": 2}
"""Sub-folders of these names (in any case) are splits: if any two are there, all three must be."""


class Found(NamedTuple):
    """An image file: its name below the folder, its class's folder ("" for none), its split."""

    name: str
    kind: str
    split: int


def load(spec: Spec, root: Path) -> Dataset:
    """Splits train / validation / test by the sub-folders of these names, or else by a hash.

    Without such sub-folders a file's relative name decides, 80 / 10 / 10 %, so that a file
    stays where it is when others are added. Options size, channels: of the images that are
    made, see `ganbench.data.images`; channels auto means 1 where every file is stored in grey.

    Raises UserError naming the file that cannot be used.
    """
    folder = Path(os.path.expanduser(spec.path))  # which leaves an unknown user's ~ as it is
    size = side(spec)
    files, classes = survey(folder)
    if len(files) < FEWEST:
        raise UserError(
            f"{folder} has {len(files)} images, fewer than {FEWEST}: add more "
            f"(names ending in {', '.join(SUFFIXES)} count)"
        )
    for split, name in enumerate(("train", "validation", "test")):
        if not any(file.split == split for file in files):
            raise UserError(
                f"{folder}: none of its {len(files)} images falls to {name}: add more, or make "
                f"sub-folders train/, val/ and test/"
            )
    names = [file.name for file in files]
    option = spec.options["channels"]
    channels = 0 if option == "auto" else int(option)
    checked = check_files(folder, names, [file.split != 0 for file in files], size, channels)
    channels = channels or (1 if all(one.grey for one in checked) else 3)
    images = kept_where_small(Files(folder, names, checked, size, channels))
    labels = torch.tensor([classes.index(file.kind) if classes else 0 for file in files])
    whole, part = Streamed(images, labels), torch.tensor([file.split for file in files])
    train, validation, test = (whole.subset(part == i) for i in range(3))
    return Dataset(spec.name, len(classes), train, validation, test)


def side(spec: Spec) -> int:
    """The option size: a whole number from 4 to `LARGEST`. Raises UserError for others."""
    text = spec.options["size"]
    size = int(text) if text.isascii() and text.isdigit() else 0
    if not 4 <= size <= LARGEST:
        raise UserError(f"size={text}: must be a whole number from 4 to {LARGEST}")
    return size


def survey(folder: Path) -> tuple[list[Found], list[str]]:
    """The image files of a folder, sorted by name, and the names of the classes, sorted.

    Fewer than two classes are none. Raises UserError where the layout leaves open what is
    meant, and for what cannot be read.
    """
    if not folder.exists():
        raise UserError(f"{folder}: there is no such folder")
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder: name the one that the images are in")
    names = list(_images(folder, "", ()))
    if not names:
        raise UserError(f"{folder} has no images (names ending in {', '.join(SUFFIXES)})")
    tops = {name.partition("/")[0] for name in names if "/" in name}
    kinds = {SPLITS[top.casefold()] for top in tops if top.casefold() in SPLITS}
    as_splits = len(kinds) > 1 or bool(kinds and len(tops) == 1)
    if as_splits:
        _three(folder, tops, names)
        found = [_inside_split(name) for name in names]
    else:
        found = [Found(name, _top(name), by_hash(name)) for name in names]
    _one_layout(folder, found)
    classes = sorted({file.kind for file in found} - {""})
    trained = {file.kind for file in found if file.split == 0}
    for file in found:
        if as_splits and file.kind not in trained:
            raise UserError(
                f"{folder / file.name} is of class {file.kind}, which train/ has no images of: "
                f"add some there, or delete this class"
            )
    return found, classes if len(classes) > 1 else []


def _images(folder: Path, below: str, above: tuple[tuple[int, int], ...]) -> Iterator[str]:
    """Names of image files below a folder, sorted; hidden ones and loops of links left out."""
    place = folder / below
    try:
        own = place.stat()
        if (own.st_dev, own.st_ino) in above:
            return
        with os.scandir(place) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
        for entry in entries:
            if entry.name.startswith("."):
                continue
            name = below + entry.name
            if entry.is_dir():
                yield from _images(folder, f"{name}/", (*above, (own.st_dev, own.st_ino)))
            elif entry.name.lower().endswith(SUFFIXES):
                if not entry.is_file():
                    raise UserError(f"{folder / name} is no file (a broken link?): delete it")
                yield name
    except OSError as error:
        raise unreadable(Path(error.filename or place), error) from error


def _top(name: str) -> str:
    """The folder that a name begins with, "" for none."""
    return name.rpartition("/")[0].partition("/")[0]


def _inside_split(name: str) -> Found:
    top, _, rest = name.partition("/")
    return Found(name, _top(rest), SPLITS[top.casefold()])


def by_hash(name: str) -> int:
    """The split of a file by its name alone: 80 % are for training, 10 % each for the others."""
    share = int.from_bytes(hashlib.sha256(os.fsencode(name)).digest()[:8], "big") / 2**64
    return 0 if share < 0.8 else 1 if share < 0.9 else 2


def _three(folder: Path, tops: set[str], names: list[str]) -> None:
    """Refuse sub-folders that are splits, but not all three, or not splits alone."""
    beside = [name for name in names if name.partition("/")[0].casefold() not in SPLITS]
    if beside:
        raise UserError(
            f"{folder / beside[0]} lies beside the splits {_listed(tops)}: move it into one, or "
            f"rename them"
        )
    if sorted(SPLITS[top.casefold()] for top in tops) != [0, 1, 2]:
        raise UserError(
            f"{folder} has {_listed(tops)}: as splits, exactly train/, val/ and test/ with images "
            f"must be there; otherwise name one of them as the folder"
        )


def _one_layout(folder: Path, found: list[Found]) -> None:
    """Refuse images that lie beside folders of classes: their class is not known."""
    sorted_in = [file for file in found if file.kind]
    loose = [file for file in found if not file.kind]
    if sorted_in and loose:
        raise UserError(
            f"{folder / loose[0].name} lies beside folders of classes "
            f"({_listed({file.kind for file in sorted_in})}): move it into one of them, or the "
            f"folders elsewhere"
        )


def _listed(names: set[str]) -> str:
    few = sorted(names)[:3]
    return ", ".join(f"{name}/" for name in few) + (", ..." if len(names) > 3 else "")
