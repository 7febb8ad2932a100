"""A metric's number with everything that is needed to read and compare it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ganbench.evaluate.catalogue import Better
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.metrics.registry import Measurement, Metric


@dataclass(frozen=True)
class Score:
    """One number.

    standard_error: over the `count` items it was measured on (not over training seeds), or
    None. protocol: one line with everything that changes the number; scores with different
    lines are not to be ranked. seconds: to measure it, evidence included where it was the
    first to ask for it. parts: further numbers by name.
    """

    metric: str
    value: float
    standard_error: float | None
    count: int
    better: Better
    protocol: str
    version: int
    seconds: float
    parts: dict[str, float] = field(default_factory=dict)


def to_score(metric: Metric, measurement: Measurement, evidence: Evidence, seconds: float) -> Score:
    """Complete a measurement by what the metric and the evidence know. Parts must be finite."""
    error = measurement.standard_error
    return Score(
        metric.name,
        measurement.value,
        error if error is not None and math.isfinite(error) else None,
        measurement.count,
        metric.better,
        measurement.protocol,
        metric.version,
        seconds,
        {name: value for name, value in measurement.parts.items() if math.isfinite(value)},
    )
