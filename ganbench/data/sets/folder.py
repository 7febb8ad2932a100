"""`folder:PATH`: the user's own image files, streamed; sub-folders are classes or splits."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from ganbench.core.errors import UserError
from ganbench.data import Spec
from ganbench.data.dataset import Dataset, Streamed
from ganbench.data.io.folder_layouts import Found, notices, unread
from ganbench.data.io.image_checks import SUFFIXES, Checked, check_files
from ganbench.data.io.image_files import Files
from ganbench.data.io.intensity_levels import ENOUGH, Span, judge, left, span_of
from ganbench.data.io.paths import MissingPath, unreadable
from ganbench.data.io.stream import cached_where_small
from ganbench.data.splits import every_class, refuse_too_few

LARGEST = 1024
SPLITS = {"train": 0, "val": 1, "valid": 1, "validation": 1, "test": 2}
"""Sub-folders of these names (in any case) are splits: if any two are there, all three must be."""


def load(spec: Spec, root: Path) -> Dataset:
    """Splits train / validation / test by the sub-folders of these names, or else by a hash.

    Without such sub-folders a file's relative name decides, 80 / 10 / 10 %, so that a file
    stays where it is when others are added; but where a class has none in a split, its nearest
    one moves there. Options size, channels, range: of the images that are made, see
    `ganbench.data.io.decoding`; channels auto means 1 where every file is stored in grey.

    Raises UserError naming the file that cannot be used, and for classes too small to be split.
    """
    folder = Path(os.path.expanduser(spec.path)).absolute()  # an unknown user's ~ stays as it is
    size, span = side(spec), span_of(spec.options["range"])
    files, classes, told = survey(folder)
    names = [file.name for file in files]
    option = spec.options["channels"]
    channels = 0 if option == "auto" else int(option)
    held_out = [file.split != 0 for file in files]
    checked = check_files(folder, names, held_out, size, channels, span)
    if any(left(used, span or Span(0, top)) < ENOUGH for top, used in _used(checked).items()):
        # before that is said of all, all are looked at
        checked = check_files(folder, names, [True] * len(names), size, channels, span)
    told += _judged(folder, names, checked, spec)
    channels = channels or (1 if all(one.grey for one in checked) else 3)
    images = cached_where_small(Files(folder, names, checked, size, channels, span))
    labels = torch.tensor([classes.index(file.kind) if classes else 0 for file in files])
    whole, part = Streamed(images, labels), torch.tensor([file.split for file in files])
    train, validation, test = (whole.subset(part == i) for i in range(3))
    return Dataset(spec.name, len(classes), train, validation, test, notices=tuple(told))


def _used(checked: list[Checked]) -> dict[int, Span]:
    """By the highest level of a type: the darkest and brightest of the files that were decoded."""
    found: dict[int, Span] = {}
    for one in checked:
        if one.used:
            low, high = found.get(one.top, one.used)
            found[one.top] = Span(min(low, one.used.low), max(high, one.used.high))
    return found


def _judged(folder: Path, names: list[str], checked: list[Checked], spec: Spec) -> list[str]:
    """What to tell of the files' levels. Raises UserError where a range cannot be meant for all."""
    first = {one.top: name for name, one in reversed(list(zip(names, checked, strict=True)))}
    if len(first) > 1 and span_of(spec.options["range"]):
        one, other = sorted(first.values())[:2]
        raise UserError(
            f"{folder}: {one} and {other} have levels of different types, which no one range can "
            f"be meant for: store all images alike"
        )
    told = []
    for top, used in _used(checked).items():
        where = str(folder) if len(first) == 1 else f"{folder / first[top]} and others of its type"
        told += judge(used, top, spec, where, alike=len(first) == 1)
    return told


def side(spec: Spec) -> int:
    """The option size: a whole number from 4 to `LARGEST`. Raises UserError for others."""
    text = spec.options["size"]
    size = int(text) if text.isascii() and text.isdigit() else 0
    if not 4 <= size <= LARGEST:
        raise UserError(f"size={text}: must be a whole number from 4 to {LARGEST}")
    return size


def survey(folder: Path) -> tuple[list[Found], list[str], list[str]]:
    """The image files of a folder, sorted by name; the names of the classes, sorted; what to tell.

    Fewer than two classes are none. Raises UserError where the layout leaves open what is
    meant, for classes that are too small, and for what cannot be read.
    """
    if not folder.exists():
        raise MissingPath(f"{folder}: there is no such folder")
    if not folder.is_dir():
        other = "; for arrays there is npz:PATH" if folder.suffix == ".npz" else ""
        raise UserError(f"{folder} is no folder: name the one that the images are in{other}")
    every = list(_files(folder, "", ()))
    names = [name for name in every if name.lower().endswith(SUFFIXES)]
    counted = f"(names ending in {', '.join(SUFFIXES)} count)"
    hint = "; ".join([counted, *unread(every)])
    if not names:
        raise UserError(f"{folder} has no images {hint}")
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
    if len(classes) < 2:
        classes = []
    told = notices(folder, every, found, classes, as_splits)
    if as_splits:
        refuse_too_few(folder, ("" for _ in found), f" {hint}")
    else:
        refuse_too_few(folder, (file.kind if classes else "" for file in found), f" {hint}")
        found = _all_in_each(found, classes)
    return found, classes, told


def _all_in_each(found: list[Found], classes: list[str]) -> list[Found]:
    """The files, in their order, with some of every class in each split."""
    order = sorted(range(len(found)), key=lambda i: share(found[i].name))
    kinds = [classes.index(found[i].kind) if classes else 0 for i in order]
    parts = every_class(np.array([found[i].split for i in order]), np.array(kinds))
    split = dict(zip(order, parts.tolist(), strict=True))
    return [file._replace(split=split[i]) for i, file in enumerate(found)]


def _files(folder: Path, below: str, above: tuple[tuple[int, int], ...]) -> Iterator[str]:
    """Names of files below a folder, sorted; hidden ones and loops of links left out.

    A folder's name ends in a slash, and stands before what is in it.
    """
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
                yield f"{name}/"
                yield from _files(folder, f"{name}/", (*above, (own.st_dev, own.st_ino)))
            else:
                if entry.name.lower().endswith(SUFFIXES) and not entry.is_file():
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


def share(name: str) -> float:
    """A number from 0 to 1, the hash of a file's name, by which it is put into a split."""
    return int.from_bytes(hashlib.sha256(os.fsencode(name)).digest()[:8], "big") / 2**64


def by_hash(name: str) -> int:
    """The split of a file by its name alone: 80 % are for training, 10 % each for the others."""
    return 0 if share(name) < 0.8 else 1 if share(name) < 0.9 else 2


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
