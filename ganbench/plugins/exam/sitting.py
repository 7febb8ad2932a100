"""Sitting the exam: all checks of a variant, or one at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ganbench.model import Game
from ganbench.plugins.exam import (
    capabilities,
    direction,
    hotpath,
    lint,
    reproducibility,
    structure,
)
from ganbench.plugins.exam.candidate import Candidate
from ganbench.plugins.exam.result import REGISTERED, Failed, Result, Skipped, Unplayable
from ganbench.plugins.exam.runner import run

PARTS = (structure, direction, reproducibility, hotpath, capabilities, lint)
CHECKS = {
    name: check
    for part in PARTS
    for name, check in REGISTERED.items()
    if check.__module__ == part.__name__
}
"""Every check by its name, in the order in which they are sat."""
FIRST = ("builds_and_trains", "ownership")
"""The checks that fail where no round can be played; all others would say the same."""


def examine(
    variant: type[Game],
    hyperparameters: Mapping[str, Any] | None = None,
    checks: Iterable[str] = (),
) -> list[Result]:
    """Sit the exam: one `Result` per check, in order (or only these checks).

    variant: any subclass of `ganbench.model.Game`. hyperparameters: as on the command line.
    torch's global generator is left as it was.

    Raises UserError for hyperparameters that the variant does not have, and ValueError for
    an unknown check.
    """
    candidate = Candidate(variant, hyperparameters)
    return [sit(candidate, name) for name in checks or CHECKS]


def sit(candidate: Candidate, name: str) -> Result:
    """One check of one candidate."""
    if name not in CHECKS:
        raise ValueError(f"no check is named {name!r}; there are {', '.join(CHECKS)}")
    excuse = candidate.exceptions.get(name)
    meant = ""

    def check(candidate: Candidate) -> None:
        nonlocal meant
        try:
            CHECKS[name](candidate)
        except Unplayable as reason:
            if name in FIRST:
                raise
            raise Skipped(f"no round can be played: see {FIRST[0]}") from reason
        except Failed:
            if CHECKS[name].__module__ == direction.__name__:
                meant = f'; if it is meant, say so: exam_exceptions = {{"{name}": "why"}}'
            raise

    found = run(name, check, candidate)
    if excuse and found.status == "passed":
        return replace(found, reason="excused in exam_exceptions without need")
    if excuse and found.status == "failed":
        return Result(name, "excused", f"{excuse} ({found.reason})")
    return replace(found, reason=found.reason + meant)
