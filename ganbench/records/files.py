"""Files of a trial: written whole or not at all; read where they are plain files of some size.

A file that lies in a directory of somebody else's may be anything: a pipe that nobody writes
to, a device without end, a link to a file of the user's.
"""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from collections.abc import Iterator
from io import BufferedRandom
from pathlib import Path
from typing import cast

from ganbench.core.errors import UserError

# Opening neither waits for another end nor follows a link. Windows has no such flags.
CAREFULLY = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
LARGEST = 16 * 2**30
"""Bytes of a file that is read at all: more than any weights."""


def is_file(path: Path) -> bool:
    """Whether a regular file is there, itself: a symbolic link to one is none."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def is_hidden(path: Path) -> bool:
    """Whether a name begins with a dot: what editors, file systems and this one keep there."""
    return path.name.startswith(".")


def refuse_link(path: Path) -> None:
    """Raise UserError where a part of a trial is a symbolic link: it may lead anywhere."""
    if path.is_symlink():
        raise UserError(f"{path} is a symbolic link, and a trial keeps its own files; put a copy")


def open_own(path: Path, flags: int = os.O_RDONLY, mode: str = "rb") -> BufferedRandom:
    """Open a regular file, never a link to one. Never waits.

    Raises UserError where it is something else, is too large or does not open.
    """
    with as_user_errors(path, "read" if flags == os.O_RDONLY else "write"):
        refuse_link(path)
        try:
            descriptor = os.open(path, flags | CAREFULLY, 0o666)
        except ValueError as error:  # a null byte in the name
            raise UserError(f"cannot read {path}: {error}") from error
        try:
            about = os.fstat(descriptor)
            if not stat.S_ISREG(about.st_mode):
                raise UserError(f"{path} is no regular file; restore it, or move its trial away")
            if about.st_size > LARGEST:
                raise too_large(path, LARGEST)
            return cast(BufferedRandom, os.fdopen(descriptor, mode))
        except BaseException:
            os.close(descriptor)
            raise


def read_text(path: Path, limit: int) -> str:
    """The text of a regular file of at most `limit` bytes.

    Raises UserError where it is larger, no regular file or not UTF-8.
    """
    with as_user_errors(path, "read"), open_own(path) as file:
        content = file.read(limit + 1)  # it may grow meanwhile
    if len(content) > limit:
        raise too_large(path, limit)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise damaged(path, "not UTF-8 text") from None


def atomic_write(path: Path | str, content: str | bytes, durable: bool = True) -> None:
    """Write a file whole or not at all: readers see the old content or the new.

    A symbolic link of that name is replaced, not followed. durable: wait until it is on the disk.

    Raises UserError with the system's reason where it cannot be written.
    """
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    with as_user_errors(path, "write"):
        path.parent.mkdir(parents=True, exist_ok=True)
        # In the same directory, since a rename is atomic only within one file system.
        draft = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
        try:
            draft.unlink(missing_ok=True)  # of a process of this number that was killed
            with draft.open("xb") as file:
                file.write(data)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(draft, path)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise


@contextlib.contextmanager
def as_user_errors(path: Path, what: str) -> Iterator[None]:
    """Turn the system's refusal into one line with the path and its reason."""
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot {what} {path}: {error.strerror or error}") from error


def too_large(path: Path, limit: int) -> UserError:
    """What is said of a file that is larger than any of its kind."""
    return UserError(
        f"{path} is larger than the {limit:,} bytes that are read of such a file; "
        "restore it, or move its trial away"
    )


def damaged(path: Path, what: str) -> UserError:
    """What is said of a file with the wrong content."""
    return UserError(f"{path} cannot be used ({what}); restore it, or move its trial away")
