"""Examines a plug-in of whatever kind, all checks or, under pytest, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from typing import Any

from ganbench.core.errors import UserError
from ganbench.core.specs import parse_spec
from ganbench.evaluate.catalogue import METRICS
from ganbench.model import Variant
from ganbench.plugins import datasets, registry
from ganbench.plugins import extractors as guests
from ganbench.plugins.checks import datasets as data_checks
from ganbench.plugins.checks import extractors as extractor_checks
from ganbench.plugins.checks import metrics as metric_checks
from ganbench.plugins.checks import variants
from ganbench.plugins.checks.result import Result
from ganbench.plugins.checks.runner import run
from ganbench.plugins.checks.subject import Subject

CHECKS: Mapping[str, Mapping[str, Any]] = {
    "variants": variants.CHECKS,
    "metrics": metric_checks.CHECKS,
    "datasets": data_checks.CHECKS,
    "extractors": extractor_checks.CHECKS,
}
"""Every check of each kind, in order."""


def subject_of(spec: str | type[Variant], kind: str) -> Any:
    """What the checks of a kind look at. Runs the plug-in's code.

    spec: a reference to one plug-in, with hyperparameters or options behind it; or a variant's
    class. Raises UserError where it names nothing of that kind, or more than one.
    """
    if not isinstance(spec, str):
        return Subject(spec)
    if kind == "variants":
        reference, given = parse_spec(spec)
        return Subject(registry.load(reference), given)
    if kind == "datasets":
        return data_checks.Subject(datasets.parse(spec))
    if kind == "extractors":
        extractor = guests.load(spec)
        if extractor is None:
            raise UserError(f"extractor {spec} is a program of your own, which declares nothing")
        return extractor_checks.Subject(spec, extractor)
    found = [METRICS[spec]] if spec in METRICS else registry.load_metrics(spec)
    if len(found) != 1:
        names = ", ".join(metric.name for metric in found)
        raise UserError(f"{spec} declares {names}: name one with {spec}:NAME")
    return metric_checks.Subject(found[0])


def examine(spec: str, kind: str) -> list[Result]:
    """All checks of a plug-in, in order. Raises UserError as `subject_of`."""
    subject = subject_of(spec, kind)
    return [examine_one(subject, kind, name) for name in CHECKS[kind]]


def examine_one(subject: Any, kind: str, name: str) -> Result:
    """One check of a subject."""
    if kind == "variants":
        return variants.run_check(subject, name)
    return run(name, CHECKS[kind][name], subject)


@lru_cache(maxsize=4)
def _subject(spec: Any, kind: str) -> Any:
    return subject_of(spec, kind)


def _test(spec: Any, kind: str, name: str) -> None:
    """One check as a test: fails with its reason, skips, or is expected to fail."""
    import pytest

    result = examine_one(_subject(spec, kind), kind, name)
    if result.status == "skipped":
        pytest.skip(result.reason)
    if result.status == "expected failure":
        pytest.xfail(result.reason)
    if result.status == "failed":
        pytest.fail(f"{name}: {result.reason}", pytrace=False)


def parametrize_with_checks(
    plug_ins: Iterable[str | type[Variant]], kind: str = "variants"
) -> Callable[..., Any]:
    """A pytest decorator: the test gets `check`, once per plug-in and check, and calls it.

        @parametrize_with_checks(["mypackage.mygan:MyGAN", "mypackage.mygan:MyGAN:width=32"])
        def test_conforms(check):
            check()

    plug_ins: what one would type behind `ganbench check`, or classes of variants. kind: "variants",
    "metrics", "datasets" or "extractors". They are loaded when a test runs, so that one that cannot
    be fails its tests and no others.
    """
    import pytest

    cases = [
        pytest.param(
            partial(_test, plug_in, kind, name),
            id=f"{plug_in if isinstance(plug_in, str) else plug_in.__name__}-{name}",
        )
        for plug_in in plug_ins
        for name in CHECKS[kind]
    ]
    return pytest.mark.parametrize("check", cases)
