"""What a check is, and what it says: passed, failed, skipped or excused, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

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
