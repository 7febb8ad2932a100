"""Errors of paths that cannot be read, in one line each."""

from __future__ import annotations

import errno
from pathlib import Path

from ganbench.core.errors import UserError

HINTS = {
    errno.ELOOP: "it is a link that leads to itself: delete it",
    errno.ENAMETOOLONG: "no file is called so: name one that is there",
}
"""What to do, where it is not to make the file readable."""
LONGEST = 300
"""Characters of a path that are shown whole."""


class MissingPath(UserError):
    """The user's own file or folder is not where it was said to be."""


def unreadable(path: Path, error: OSError) -> UserError:
    """The line on a path whose file or folder cannot be looked at, or read."""
    shown = str(path)
    if len(shown) > LONGEST:
        shown = f"{shown[:100]}...{shown[-100:]}"
    if isinstance(error, FileNotFoundError):
        return UserError(f"{shown} is not there any more: put it back")
    hint = HINTS.get(error.errno or 0, "make it readable or delete it")
    return UserError(f"cannot read {shown}: {error.strerror or error}; {hint}")
