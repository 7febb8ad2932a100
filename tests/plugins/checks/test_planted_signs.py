"""Every loss of every installed variant, negated: a check must find each."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import pytest

from ganbench.core.specs import parse_spec
from ganbench.model import Batch, Loss, Update, Variant
from ganbench.plugins import registry
from ganbench.plugins.checks import CHECKS
from ganbench.plugins.checks.subject import Subject
from tests.plugins.checks.planted import failures

DIRECTIONS = [name for name in CHECKS if name.endswith("_direction")]
QUICK = {"vanilla", "infogan", "sgan", "vae"}
FORMS = ["infogan:information=joint", "infogan:information=separate", "infogan:information=q_only"]


def ours() -> list[str]:
    entries = registry.installed().values()
    return [e.name for e in entries if e.target.startswith("ganbench.variants.")] + FORMS


@cache
def loaded(spec: str) -> Subject:
    reference, given = parse_spec(spec)
    return Subject(registry.load(reference), given)


def losses() -> Iterator[object]:
    """Every variant with every update; those that add little to the quick ones are slow."""
    for spec in ours():
        marks = [] if spec in QUICK else [pytest.mark.slow]
        for item in loaded(spec).build(seed=0).updates():
            yield pytest.param(spec, item.name, marks=marks, id=f"{spec}-{item.name}")


def negated(variant: type[Variant], name: str) -> type[Variant]:
    """The variant, but for the sign of one update's loss."""

    def negative(loss: Callable[[Batch], Loss]) -> Callable[[Batch], Loss]:
        def of(batch: Batch) -> Loss:
            value = loss(batch)
            return (-value[0], value[1]) if isinstance(value, tuple) else -value

        return of

    class Negated(variant):  # type: ignore[misc, valid-type]
        def updates(self) -> list[Update]:
            return [
                replace(u, loss=negative(u.loss)) if u.name == name else u
                for u in super().updates()
            ]

    return Negated


@pytest.mark.parametrize(("spec", "name"), list(losses()))
def test_a_negated_loss(spec: str, name: str) -> None:
    """Found by the direction that the update is judged by; its name stands in the reason."""
    subject = loaded(spec)
    found = failures(negated(subject.variant, name), *DIRECTIONS, **subject.hyperparameters)
    assert any(f"update {name!r}" in reason for reason in found.values()), found
