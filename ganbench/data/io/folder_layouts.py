"""Notices on folders of images that are probably not laid out as they were meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

OTHER_IMAGES = (
    *(".jfif", ".jpe", ".avif", ".heic", ".heif", ".jp2", ".j2k", ".jxl", ".ppm", ".pgm", ".pbm"),
    *(".pnm", ".tga", ".psd", ".svg", ".ico", ".exr", ".hdr", ".dds", ".dng", ".cr2", ".nef"),
    *(".arw", ".raw", ".dcm", ".fits"),
)
"""Names of images that are not read end so."""
NAMED = 3
"""Folders that a sentence names."""


class Found(NamedTuple):
    """An image file: its name below the folder, its class's folder ("" for none), its split."""

    name: str
    kind: str
    split: int


def unread(names: Iterable[str]) -> list[str]:
    """A sentence on the image files of types that are not read, if there are any."""
    found = Counter(Path(name).suffix.lower() for name in names if _is_other(name))
    if not found:
        return []
    kinds = ", ".join(f"{suffix} {n:,}" for suffix, n in found.most_common())
    return [
        f"image files of other types are not read ({kinds}): convert them to PNG or "
        f"JPEG, or, where they are JPEGs, call them .jpg"
    ]


def notices(
    folder: Path, every: Sequence[str], found: Sequence[Found], classes: Sequence[str], splits: bool
) -> list[str]:
    """What to tell of a folder. every: all names in it, those of folders ending in a slash.

    splits: whether its sub-folders are splits. classes: empty where there are no labels.
    """
    told = [
        *unread(every),
        *_without_images(every, found, splits),
        *_deeper(found, classes, splits),
    ]
    if splits and classes:
        for split, name in ((1, "validation"), (2, "test")):
            there = {file.kind for file in found if file.split == split}
            if lacking := [kind for kind in classes if kind not in there]:
                told.append(f"none of the images for {name} are of class {_listed(lacking)}")
    return [f"{folder}: {line}" for line in told]


def _is_other(name: str) -> bool:
    return name.lower().endswith(OTHER_IMAGES)


def _without_images(every: Sequence[str], found: Sequence[Found], splits: bool) -> list[str]:
    """Folders that stand where those of classes do, and have no image that is read."""
    depth = 2 if splits else 1
    taken = {"/".join(file.name.split("/")[:depth]) for file in found if file.kind}
    if not taken:
        return []
    places = {name.rstrip("/") for name in every if name.endswith("/") and name.count("/") == depth}
    empty = sorted(place for place in places if place not in taken)
    if not empty:
        return []
    return [f"{_listed(empty)} {_have(empty)} no images that are read, and so no class is made"]


def _deeper(found: Sequence[Found], classes: Sequence[str], splits: bool) -> list[str]:
    """Sub-folders of what is taken for one class: perhaps they are the classes, or the splits."""
    below: dict[str, dict[str, str]] = {}
    for file in found:
        if file.kind:
            parts = file.name.split("/")[1 if splits else 0 :]
            inner = "/".join(parts[1:-1])
            below.setdefault(file.kind, {}).setdefault(inner, "/".join(file.name.split("/")[:-1]))
    several: Mapping[str, dict[str, str]] = {k: v for k, v in below.items() if len(v) > 1}
    if not several:
        return []
    examples = list(next(iter(several.values())).values())
    so = "their names are lost" if classes else "there are no labels"
    return [
        f"images in sub-folders of {_listed(sorted(several))} count as of one class, and {so} "
        f"({_listed(sorted(examples))}): if those are the classes, or splits, name the folder "
        f"that they lie in"
    ]


def _have(names: Sequence[str]) -> str:
    return "has" if len(names) == 1 else "have"


def _listed(names: Sequence[str]) -> str:
    few = ", ".join(f"{name}/" for name in names[:NAMED])
    return few if len(names) <= NAMED else f"{few} and {len(names) - NAMED} more"
