"""A metric's number with everything that is needed to read and compare it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ganbench.evaluate.capabilities import CapabilityError, NoWeights, TooFew, Unavailable
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


@dataclass(frozen=True)
class Missing:
    """Why a metric has no number.

    applies: it does apply to this model and these data, but went wrong, or there are too few
    images. again: weights that it takes are not here, so that it is worth another try.
    """

    reason: str
    applies: bool = True
    again: bool = False


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


def measured(
    metric: Metric, measure: Callable[[], Measurement], evidence: Evidence
) -> Score | Missing:
    """The score, or why there is none: nothing that goes wrong in a metric leaves it.

    Raises CapabilityError where it is the model that went wrong.
    """
    start = time.perf_counter()
    try:
        measurement = measure()
    except Unavailable as reason:
        few, again = isinstance(reason, TooFew), isinstance(reason, NoWeights)
        return Missing(str(reason), applies=few or again, again=again)
    except CapabilityError:
        raise
    except Exception as error:  # a metric must not end the evaluation
        text = str(error).strip().splitlines()
        return Missing(f"failed: {type(error).__name__}" + (f": {text[0]}" if text else ""))
    if not math.isfinite(measurement.value):
        return Missing(f"not a finite number: {measurement.value}")
    return to_score(metric, measurement, evidence, time.perf_counter() - start)
