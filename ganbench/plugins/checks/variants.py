"""Runs the checks of variants: all of them, or one at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ganbench.model import Variant
from ganbench.plugins.checks import (
    capabilities,
    direction,
    host_sync,
    lint,
    reproducibility,
    structure,
)
from ganbench.plugins.checks.result import REGISTERED, Failed, Result, Skipped, Untrainable
from ganbench.plugins.checks.runner import run
from ganbench.plugins.checks.subject import Subject

PARTS = (structure, direction, reproducibility, host_sync, capabilities, lint)
CHECKS = {
    name: check
    for part in PARTS
    for name, check in REGISTERED.items()
    if check.__module__ == part.__name__
}
"""Every check by its name, in the order in which they run."""
FIRST = ("builds_and_trains", "ownership")
"""The checks that fail where no round can be played; all others would say the same."""


def examine(
    variant: type[Variant],
    hyperparameters: Mapping[str, Any] | None = None,
    checks: Iterable[str] = (),
) -> list[Result]:
    """Run the checks: one `Result` each, in order (or only these).

    variant: any subclass of `ganbench.model.Variant`. hyperparameters: as on the command line.
    torch's global generator is left as it was.

    Raises UserError for hyperparameters that the variant does not have, and ValueError for
    an unknown check.
    """
    subject = Subject(variant, hyperparameters)
    return [run_check(subject, name) for name in checks or CHECKS]


def run_check(subject: Subject, name: str) -> Result:
    """One check of one subject."""
    if name not in CHECKS:
        raise ValueError(f"no check is named {name!r}; there are {', '.join(CHECKS)}")
    excuse = subject.expected_failures.get(name)
    meant = ""

    def check(subject: Subject) -> None:
        nonlocal meant
        try:
            CHECKS[name](subject)
        except Untrainable as reason:
            if name in FIRST:
                raise
            raise Skipped(f"no round can be played: see {FIRST[0]}") from reason
        except Failed:
            if CHECKS[name].__module__ == direction.__name__:
                meant = f'; if it is meant, say so: expected_failures = {{"{name}": "why"}}'
            raise

    found = run(name, check, subject)
    if excuse and found.status == "passed":
        return replace(found, reason="listed in expected_failures without need")
    if excuse and found.status == "failed":
        return Result(name, "expected failure", f"{excuse} ({found.reason})")
    return replace(found, reason=found.reason + meant)
