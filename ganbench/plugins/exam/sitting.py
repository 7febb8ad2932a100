"""Sitting the exam: all checks of a variant, or one at a time under pytest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from typing import Any

import torch

from ganbench.errors import of_guest
from ganbench.model import Game
from ganbench.plugins import registry
from ganbench.plugins.blame import located
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
    try:
        with torch.random.fork_rng(devices=[]):
            CHECKS[name](candidate)
    except Skipped as reason:
        return Result(name, "skipped", str(reason))
    except Unplayable as reason:
        if name not in FIRST:
            return Result(name, "skipped", f"no round can be played: see {FIRST[0]}")
        why = str(reason)
    except Failed as reason:
        why = str(reason)
        if CHECKS[name].__module__ == direction.__name__:
            meant = f'; if it is meant, say so: exam_exceptions = {{"{name}": "why"}}'
    except BaseException as error:  # the plug-in's own: the exam goes on
        if not of_guest(error):
            raise
        why = located(error)
    else:
        return Result(name, "passed", "excused in exam_exceptions without need" if excuse else "")
    if excuse:
        return Result(name, "excused", f"{excuse} ({why})")
    return Result(name, "failed", why + meant)


@lru_cache(maxsize=4)
def _candidate(reference: Any) -> Candidate:
    if isinstance(reference, type):
        return Candidate(reference)
    name, given = registry.parse(reference)
    return Candidate(registry.load(name), given)


def _run(reference: Any, name: str) -> None:
    """One check as a test: fails with its reason, skips, or is expected to fail."""
    import pytest

    result = sit(_candidate(reference), name)
    if result.status == "skipped":
        pytest.skip(result.reason)
    if result.status == "excused":
        pytest.xfail(result.reason)
    if result.status == "failed":
        pytest.fail(f"{name}: {result.reason}", pytrace=False)


def parametrize_with_checks(variants: Iterable[str | type[Game]]) -> Callable[..., Any]:
    """A pytest decorator: the test gets `check`, once per variant and check, and calls it.

        @parametrize_with_checks(["mypackage.mygan:MyGAN", "mypackage.mygan:MyGAN:width=32"])
        def test_conforms(check):
            check()

    variants: classes, or what one would type behind `ganbench check`. They are loaded when
    a test runs, so that one that cannot be fails its tests and no others.
    """
    import pytest

    cases = [
        pytest.param(
            partial(_run, variant, name),
            id=f"{variant.__name__ if isinstance(variant, type) else variant}-{name}",
        )
        for variant in variants
        for name in CHECKS
    ]
    return pytest.mark.parametrize("check", cases)
