"""Where the time of rounds goes: their updates, data, optimizers, and the rest."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

PARTS = ("discriminator", "generator", "other_updates", "data", "optimizer", "rest")
"""An update is its losses, forward and backward, without the optimizer's step and the data."""


class SectionClock:
    """Seconds of named sections by the host's clock; one within another counts for itself alone.

    An instance is what `Trainer.sections` takes.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._within: list[float] = []

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Count what runs until it ends for `name`."""
        began = time.perf_counter()
        self._within.append(0.0)
        try:
            yield
        finally:
            spent = time.perf_counter() - began
            own = spent - self._within.pop()
            self.seconds[name] = self.seconds.get(name, 0.0) + own
            if self._within:
                self._within[-1] += spent


def shares(sections: Mapping[str, float], total: float) -> dict[str, float]:
    """The share of `total` in each of PARTS, from the times of a trainer's sections.

    They add up to one; `rest` is what is in no section: averages, the gauge, Python between.
    """
    found = dict.fromkeys(PARTS, 0.0)
    for name, spent in sections.items():
        kind, _, update = name.partition(" ")
        if kind == "update":
            kind = update if update in ("discriminator", "generator") else "other_updates"
        found[kind] += spent / total
    found["rest"] = 1.0 - sum(found.values())
    return found
