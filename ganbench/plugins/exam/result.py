"""What a check is, and what it says: passed, failed, skipped or excused, with the reason."""

from __future__ import annotations

import sysconfig
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ganbench.evaluate.capabilities import CapabilityError

if TYPE_CHECKING:
    from ganbench.plugins.exam.candidate import Candidate

Status = Literal["passed", "failed", "skipped", "excused"]
Check = Callable[["Candidate"], None]

REGISTERED: dict[str, Check] = {}
"""Every check by its name."""


class Failed(Exception):
    """A check found a fault; the message says what, where, and what to do."""


class Unplayable(Failed):
    """No round can be played at all; only the first checks say so, the others are skipped."""


class Skipped(Exception):
    """A check does not apply; the message says which capability is missing."""


@dataclass(frozen=True)
class Result:
    """What one check said of one variant. `reason` is empty where it passed."""

    name: str
    status: Status
    reason: str = ""

    def to_dict(self) -> dict[str, str]:
        """As it stands in `ganbench check --json`."""
        return asdict(self)


def check(function: Check) -> Check:
    """Register a check under its function's name."""
    REGISTERED[function.__name__] = function
    return function


CORE = Path(__file__).resolve().parents[2]
STDLIB = Path(sysconfig.get_path("stdlib")).resolve()
LIBRARIES = {"torch", "torchvision", "numpy", "scipy"}


def is_guests(path: Path) -> bool:
    """Whether a file is a plug-in's: not the core's, a numeric library's or Python's own."""
    if CORE in path.parents:
        return CORE / "variants" in path.parents
    if LIBRARIES & set(path.parts):
        return False
    inside = STDLIB in path.resolve().parents and "site-packages" not in path.parts
    return path.is_absolute() and not inside


def place(error: BaseException) -> str:
    """Where in the plug-in an error was raised: ` (mygan.py:23)`, or nothing."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if is_guests(path):
            return f" ({path.name}:{frame.lineno})"
    return ""


def told(error: BaseException) -> str:
    """An unexpected error in one line, with its place in the plug-in."""
    if isinstance(error, CapabilityError):
        if error.__cause__ is None:  # what it returned is wrong
            return str(error)
        error = error.__cause__
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}{place(error)}"
