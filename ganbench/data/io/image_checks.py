"""Checks of image files, once, before anything is trained: damaged ones are named."""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import NamedTuple, TypeVar

import PIL
from PIL import Image

from ganbench.core.cache import recall
from ganbench.core.errors import UserError
from ganbench.data.io.decoding import FORMATS, look, unusable
from ganbench.data.io.intensity_levels import Span
from ganbench.data.io.paths import unreadable

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
"""Names of image files end so; others are left alone."""
GREY = ("1", "L", "LA", "I", "F")
"""Pillow's modes, with whatever follows a semicolon."""
MOST_PIXELS = 89_478_485
"""Pillow's own limit, beyond which it warns of decompression bombs."""
VERSION = 3
"""Of what is checked: an answer that was kept is that of the same checks."""
CHUNK = 16
"""Images that a thread takes in a row."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class Checked(NamedTuple):
    """What is known of a whole file.

    digest: SHA-256 of its bytes. grey: whether it is stored in grey. top: the highest level that
    its type has, 0 for floating-point numbers. used: the levels of its image, where it was decoded.
    """

    digest: str
    grey: bool
    top: int = 255
    used: Span | None = None


@cache
def _threads() -> ThreadPoolExecutor:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return ThreadPoolExecutor(min(cores or 1, 8), thread_name_prefix="ganbench-decode")


def check_files(
    folder: Path,
    names: Sequence[str],
    decoded: Sequence[bool],
    size: int,
    channels: int,
    span: Span | None = None,
) -> list[Checked]:
    """Read all files of a folder once, in threads, and see that each is a whole image.

    A header that cannot be parsed, a file that is cut short, a PNG whose checksums are wrong
    and a JPEG with impossible markers are found; a JPEG has no checksum, so that other damage
    inside its pixels may be taken for the picture. Where `decoded` says so the image is made
    too, by the function that makes it later: a file that is read only in the end, by the
    evaluation, must not fail there. size, channels, span: of that image, 0 channels for 1 where
    the file is stored in grey and otherwise 3.
    The answer is kept in the cache folder until a file's size or times change.

    Raises UserError naming the first bad file.
    """

    def stamp(name: str) -> list[int]:
        try:
            found = (folder / name).stat()
        except OSError as error:
            raise unreadable(folder / name, error) from error
        return [found.st_size, found.st_mtime_ns, found.st_ctime_ns]

    facts = {
        "version": [VERSION, PIL.__version__],
        "folder": str(folder.absolute()),
        "image": [size, channels, span],
        "files": [[name, *stamp(name), one] for name, one in zip(names, decoded, strict=True)],
    }

    def make() -> list[Checked]:
        return _check_all(folder, list(zip(names, decoded, strict=True)), size, channels, span)

    return recall("files", facts, make, _packed, _unpacked)


def _packed(found: list[Checked]) -> bytes:
    return json.dumps(found).encode()


def _unpacked(content: bytes) -> list[Checked]:
    return [
        Checked(digest, grey, top, used and Span(*used))
        for digest, grey, top, used in json.loads(content)
    ]


def _check_all(
    folder: Path,
    files: Sequence[tuple[str, bool]],
    size: int,
    channels: int,
    span: Span | None,
) -> list[Checked]:
    def one(file: tuple[str, bool]) -> Checked | UserError:
        try:
            return _check(folder / file[0], file[1], size, channels, span)
        except UserError as error:
            return error

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a file is refused or taken
        found = in_threads(one, files)
    bad = [one for one in found if isinstance(one, UserError)]
    if bad:
        more = f" ({len(bad) - 1} more files cannot be used either)" if len(bad) > 1 else ""
        raise UserError(f"{bad[0]}{more}")
    return [one for one in found if isinstance(one, Checked)]


def in_threads(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """`function` of every item, in their order; the first exception ends it."""

    def some(start: int) -> list[Result]:
        return [function(item) for item in items[start : start + CHUNK]]

    parts: Iterable[list[Result]] = _threads().map(some, range(0, len(items), CHUNK))
    return [one for part in parts for one in part]


def _check(path: Path, decoded: bool, size: int, channels: int, span: Span | None) -> Checked:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
    if not content:
        raise UserError(f"{path} is empty: delete it, or put the whole file in its place")
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            mode, pixels = image.mode, image.width * image.height
            whole = pixels <= MOST_PIXELS and _is_whole(image, content)
    except Exception as error:  # Pillow lets all kinds through, of every format's parser
        raise unusable(path, error) from error
    if pixels > MOST_PIXELS:
        raise UserError(
            f"{path} has {pixels:,} pixels, more than {MOST_PIXELS:,}: scale it down, or delete it"
        )
    grey = mode.partition(";")[0] in GREY
    used = None
    if decoded or not whole:
        used = look(path, size, channels or (1 if grey else 3), content, span)
    top = {"I": 65_535, "F": 0}.get(mode[0], 255)
    return Checked(hashlib.sha256(content).hexdigest(), grey, top, used)


def _is_whole(image: Image.Image, content: bytes) -> bool:
    """Whether a file is known to be whole, and an image for the rule, without decoding it.

    Raises what Pillow raises, or ValueError, where it is known not to be whole.
    """
    kind = image.format
    if kind in ("JPEG", "MPO"):  # MPO: a JPEG with further ones behind it
        return jpeg_is_whole(content)  # it may lack no more than the mark at its end
    if kind == "PNG":
        image.verify()
        return True
    if kind == "WEBP":
        if 8 + struct.unpack("<I", content[4:8])[0] > len(content):
            raise ValueError("it is cut short")
        return True
    return False


IN_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""In a JPEG's entropy-coded data: the next marker (a byte FF is followed by 00 there)."""
SEGMENTS = (0xC4, 0xDA, 0xDB, 0xDC, 0xDD, 0xFE, *range(0xE0, 0xF0))
"""Markers that may follow a scan, other than the end of the image (ITU-T T.81, B.2.1)."""
START_OF_SCAN, END_OF_IMAGE = 0xDA, 0xD9


def jpeg_is_whole(content: bytes) -> bool:
    """Whether a JPEG's markers lead from one to the next up to the end of the image.

    Raises ValueError for a marker that cannot stand within the image's data.
    """
    at, scanned = 2, False
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if scanned and marker not in SEGMENTS:
            raise ValueError("its image data is damaged")
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        if marker == START_OF_SCAN:
            found = IN_SCAN.search(content, at)
            if not found:
                return False
            at, scanned = found.end() - 2, True
            if content[at + 1] == END_OF_IMAGE:
                return True
    return False
