"""Integrity of published files, verified before anything of them is read."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from pathlib import Path

from torchvision.datasets.utils import check_integrity

from ganbench.core.errors import UserError
from ganbench.data.io.paths import unreadable

Check = Callable[[Path], str]
"""What is wrong with a file, as it goes on behind its name; "" for nothing."""

MNIST_SUMS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""SHA-256 of MNIST's unpacked files. Of the sets in its format we know no such sums:
torchvision has those of the archives alone."""


def refuse(path: Path, look: Check) -> None:
    """Raise UserError for a file that is there, but not as it was published."""
    try:
        wrong = look(path) if path.exists() else ""
    except OSError as error:
        raise unreadable(path, error) from error
    if wrong:
        raise UserError(
            f"{path} {wrong}; delete it, and put the published one there or let it be downloaded"
        )


def md5(right: str) -> Check:
    """A file with this md5."""
    return lambda path: (
        "" if check_integrity(path, right) else f"is damaged: its md5 is not {right}"
    )


def archive(right: str) -> Check:
    """An archive with this md5: a sound one may have been packed by somebody else."""
    return lambda path: (
        ""
        if check_integrity(path, right)
        else f"is not the archive that was published, or not all of it: its md5 is not {right}"
    )


def idx(kind: str, shape: tuple[int, ...], below: int = 256) -> Check:
    """A file of unsigned bytes in MNIST's format, of a set of this name.

    Its header is two zero bytes, 8 for the type, the number of dimensions and, each in four
    bytes, the sizes `shape`; labels are less than `below`. MNIST's own files have `MNIST_SUMS`,
    and no other set's.
    """
    header = bytes([0, 0, 8, len(shape)]) + b"".join(n.to_bytes(4, "big") for n in shape)
    size = len(header) + math.prod(shape)

    def look(path: Path) -> str:
        if (have := path.stat().st_size) != size:
            return f"is damaged: it has {have:,} bytes, not {size:,}"
        content = path.read_bytes()
        if not content.startswith(header):
            found = content[: len(header)].hex(" ", 4)
            return f"is damaged: it begins with {found}, not with {header.hex(' ', 4)}"
        if below < 256 and (most := max(labels := content[len(header) :])) >= below:
            at = labels.index(most)
            return f"is damaged: label {most} (of image {at:,}) is none of 0 to {below - 1}"
        found = hashlib.sha256(content).hexdigest()
        if kind == "MNIST" and found != MNIST_SUMS[path.name]:
            return f"is not MNIST's, or damaged: its SHA-256 is not {MNIST_SUMS[path.name]}"
        if kind != "MNIST" and found in MNIST_SUMS.values():
            return f"is MNIST's, not {kind}'s"
        return ""

    return look
