"""What ganbench tells a user in one line; every other exception is a fault of ours."""

from __future__ import annotations

import difflib
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


def unknown(kind: str, name: str, valid: Iterable[str]) -> UserError:
    """An unknown `name`: suggest the nearest valid one and list them all."""
    names = sorted(valid)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return UserError(f"unknown {kind} {name!r}{hint} (valid: {', '.join(names) or 'none'})")
