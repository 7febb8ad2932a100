"""How a metric is registered: a function from evidence to a measurement, under a catalogue name.

@metric("fid")
def _fid(evidence: Evidence) -> Measurement: ...
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ganbench.errors import unknown
from ganbench.evaluate.catalogue import CATALOGUE, Better, Entry
from ganbench.evaluate.evidence import Evidence


@dataclass(frozen=True)
class Measurement:
    """What a metric found.

    standard_error: of the value, over what it was averaged on (not over seeds), or None.
    count: how many items that is. protocol: what changes the number besides the data set,
    the split and the version. parts: further numbers by name, such as one per code.
    """

    value: float
    count: int
    protocol: str
    standard_error: float | None = None
    parts: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Metric:
    """A registered metric: its catalogue entry and how it is measured."""

    entry: Entry
    measure: Callable[[Evidence], Measurement]

    @property
    def name(self) -> str:
        """The name of its score."""
        return self.entry.name

    @property
    def version(self) -> int:
        """Raised when its numbers change meaning."""
        return self.entry.version

    @property
    def better(self) -> Better:
        """Which way is better."""
        return self.entry.better

    @property
    def summary(self) -> str:
        """What it says, in one line."""
        return self.entry.summary


METRICS: dict[str, Metric] = {}
"""Every registered metric by name."""


def metric(
    name: str,
) -> Callable[[Callable[[Evidence], Measurement]], Callable[[Evidence], Measurement]]:
    """Register a function under a name of the catalogue.

    Raises UserError where the catalogue has no such name, ValueError where it is taken.
    """
    if name not in CATALOGUE:
        raise unknown("metric", name, CATALOGUE)
    if name in METRICS:
        raise ValueError(f"metric {name!r} is registered twice")

    def register(
        measure: Callable[[Evidence], Measurement],
    ) -> Callable[[Evidence], Measurement]:
        METRICS[name] = Metric(CATALOGUE[name], measure)
        return measure

    return register
