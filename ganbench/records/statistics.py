"""Mean, spread and interval of one metric over seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

LEVEL = 0.95


@dataclass(frozen=True)
class Summary:
    """A metric over `n` seeds. `std` has n - 1 below the bar, and is None for one value.

    `ci_low` and `ci_high` are the 95 % t interval of the mean, None below three values.
    """

    mean: float
    std: float | None
    ci_low: float | None
    ci_high: float | None
    n: int
    median: float


def summarise(values: Iterable[float]) -> Summary:
    """Summarise finite values. Raises ValueError where there are none."""
    numbers = [float(value) for value in values]
    if not numbers or not all(map(math.isfinite, numbers)):
        raise ValueError("summarise: one finite value at least, and no others")
    n = len(numbers)
    mean = statistics.fmean(numbers)
    std = statistics.stdev(numbers) if n > 1 else None
    half = None
    if std is not None and n >= 3:
        # The quantile behind scipy.stats.t.ppf, without the slow import of scipy.stats.
        from scipy.special import stdtrit

        half = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * std / math.sqrt(n)
    low, high = (None, None) if half is None else (mean - half, mean + half)
    return Summary(mean, std, low, high, n, statistics.median(numbers))
