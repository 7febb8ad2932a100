"""Locks on trials' directories, across processes and machines."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ganbench.core.errors import UserError
from ganbench.records.files import refuse_link

SOON, RARELY = 1.0, 600.0
"""Seconds of waiting before it is told, and between the next times."""


@contextmanager
def lock(directory: Path) -> Iterator[None]:
    """Alone with a trial's directory: a second command waits, and finds the work done.

    Raises UserError where the directory cannot be made or written.
    """
    held, holder = FileLock(directory / ".lock"), directory / ".lock-holder"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        refuse_link(directory / ".lock")
        _acquire(held, directory, holder)
    except OSError as error:
        raise UserError(
            f"cannot write {directory}: {error.strerror or error}; allow it, or evaluate a copy"
        ) from error
    try:
        with contextlib.suppress(OSError):  # a full disk: then who waits learns no name
            holder.unlink(missing_ok=True)
            about = {"pid": os.getpid(), "host": platform.node(), "since": time.time()}
            holder.write_text(json.dumps(about))
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink(missing_ok=True)
        held.release()


def _acquire(held: FileLock, directory: Path, holder: Path) -> None:
    patience = SOON
    while True:
        try:
            held.acquire(timeout=patience)
            return
        except Timeout:
            patience = RARELY
        print(f"ganbench: waiting for {directory}, which {_who(holder)}", file=sys.stderr)


def _who(holder: Path) -> str:
    """Who has the lock, and for how long; what cannot be read or is stale names nobody."""
    try:
        if not holder.is_file():
            raise ValueError("no holder")
        with holder.open("rb") as file:
            about = json.loads(file.read(1000))
        pid, host = int(about["pid"]), str(about["host"])
        minutes = (time.time() - float(about["since"])) / 60
        if not host.isprintable() or not 0 <= minutes < 1e6 or _is_gone(pid, host):
            raise ValueError("nobody's")
    except (OSError, ValueError, TypeError, LookupError, OverflowError, RecursionError):
        return "another process holds"
    return f"process {pid} on {host} has held for {minutes:.0f} min"


def _is_gone(pid: int, host: str) -> bool:
    if host != platform.node():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
