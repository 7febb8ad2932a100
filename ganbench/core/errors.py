"""Errors that a user is shown as one line; every other exception is a fault of ganbench."""

from __future__ import annotations

import difflib
import errno
import os
import signal
from collections.abc import Iterable


class GanbenchError(Exception):
    """Base of the errors that are shown as one line, without a traceback."""


class Unsupported(NotImplementedError):
    """Raised by a capability's method to say that the model does not have it, and why.

    Nothing else says so: a NotImplementedError may be an accident, such as a network without
    `forward`. It is one all the same, so that code which catches that goes on.
    """


class UserError(GanbenchError):
    """A user's mistake: unknown name, wrong type, missing data. The CLI exits with 2."""


class Diverged(GanbenchError):
    """A loss stopped being a finite number; says which and in which rounds."""


class Interrupted(KeyboardInterrupt):
    """The user ended the work by Ctrl-C or SIGTERM. The CLI exits with 130."""


class Ended(BaseException):
    """A worker was told to end: what it leaves half done is cleaned up on the way out."""


def of_guest(error: BaseException) -> bool:
    """Whether an exception out of a plug-in's code is that code's failure, not an order to stop.

    Workers and the command line turn Ctrl-C into no KeyboardInterrupt; elsewhere it is the user's.
    """
    if isinstance(error, KeyboardInterrupt):
        return signal.getsignal(signal.SIGINT) is not signal.default_int_handler and not isinstance(
            error, Interrupted
        )
    return not isinstance(error, Ended)


def within(name: str, value: object, least: int, most: int) -> int:
    """A whole number that a user gave, between two bounds. Raises UserError with both."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise UserError(f"{name} {value}: must be a whole number from {least:,} to {most:,}")
    return value


def unknown(kind: str, name: str, valid: Iterable[str]) -> UserError:
    """An unknown `name`: suggest the nearest valid one and list them all."""
    names = sorted(valid)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return UserError(f"unknown {kind} {name!r}{hint} (valid: {', '.join(names) or 'none'})")


LACKING = (
    "can't allocate",
    "cannot allocate",
    "can't start new thread",
    "failed to map segment",
    "memory exhausted",
    "not enough memory",
    "resource temporarily unavailable",
)
"""How libraries say that the system gave them no memory, where it is not a MemoryError."""


def out_of_memory(error: BaseException) -> UserError | None:
    """What to tell the user where an exception means that this process got no memory, or None.

    The memory of a GPU is not meant.
    """
    said = []
    if isinstance(error, ImportError | OSError | RuntimeError):
        lines = f"{error}".splitlines()
        said = [line for line in lines if any(words in line.lower() for words in LACKING)]
    plain = isinstance(error, MemoryError) or getattr(error, "errno", 0) == errno.ENOMEM
    # an import that failed without a word: Python's own code lacked memory for the exception
    mute = isinstance(error, SystemError) and memory_limit()
    if not (said or plain or mute):
        return None
    detail = f" ({said[0].strip()})" if said else ""
    return UserError(
        f"not enough memory{detail}: free some, run fewer at once (--jobs 1), "
        f"or raise the limit{memory_limit()}"
    )


def too_long(error: BaseException) -> UserError | None:
    """What to tell the user of a path that no file system takes, or None."""
    if getattr(error, "errno", 0) != errno.ENAMETOOLONG:
        return None
    name = str(getattr(error, "filename", ""))
    shown = name if len(name) < 80 else f"{name[:60]}...{name[-16:]}"
    return UserError(f"{shown}: the name is too long for a file; use a shorter one")


def check_memory() -> None:
    """Raise UserError where a limit leaves too little for the libraries that are imported next.

    OpenBLAS, which comes with numpy and scipy, does not fail then: it tries again, for ever, and
    no signal but SIGKILL ends that. torch, the largest by far, says so and is to come first.
    """
    if memory_limit():
        import mmap

        try:
            mmap.mmap(-1, (256 + 48 * (os.cpu_count() or 1)) << 20).close()
        except OSError as error:
            raise out_of_memory(error) or error from None


def memory_limit() -> str:
    """The limit that the user's shell has set on a process's memory, if any."""
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return "" if limit == resource.RLIM_INFINITY else f" (ulimit -v is {limit >> 10})"
