"""The result of a check: passed, failed, skipped or expected failure, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["passed", "failed", "skipped", "expected failure"]
Check = Callable[[Any], None]

REGISTERED: dict[str, Check] = {}
"""Every check by its name."""


class Failed(Exception):
    """A check found a fault; the message says what, where, and what to do."""


class Untrainable(Failed):
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
