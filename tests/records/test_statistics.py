"""Means and intervals against numbers computed by hand."""

import math

import pytest

from ganbench.records.statistics import summarise


def test_three_values() -> None:
    # mean 2, std 1 (n - 1); t(2, 0.975) = 4.302653, so half = 4.302653 / sqrt(3) = 2.484138
    summary = summarise([1.0, 2.0, 3.0])
    assert (summary.mean, summary.std, summary.n, summary.median) == (2.0, 1.0, 3, 2.0)
    assert summary.ci_low == pytest.approx(2 - 2.484138, abs=1e-6)
    assert summary.ci_high == pytest.approx(2 + 2.484138, abs=1e-6)


def test_five_values_against_a_table_of_t() -> None:
    # squares about the mean 4: 4 + 1 + 0 + 1 + 4 = 10, std sqrt(2.5); t(4, 0.975) = 2.776445
    summary = summarise([2, 3, 4, 5, 6])
    assert summary.std == pytest.approx(math.sqrt(2.5))
    assert summary.ci_high == pytest.approx(4 + 2.776445 * math.sqrt(2.5 / 5), abs=1e-6)


def test_agrees_with_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    values = [0.71, 0.84, 0.62, 0.93]
    low, high = stats.t.interval(0.95, 3, loc=sum(values) / 4, scale=stats.sem(values))
    summary = summarise(values)
    assert (summary.ci_low, summary.ci_high) == pytest.approx((low, high), abs=1e-12)


def test_too_few_for_an_interval_or_a_spread() -> None:
    two = summarise([1.0, 3.0])
    assert two.std == pytest.approx(math.sqrt(2))
    assert (two.ci_low, two.ci_high) == (None, None)
    one = summarise([0.5])
    assert (one.mean, one.std, one.ci_low, one.n, one.median) == (0.5, None, None, 1, 0.5)


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf]])
def test_nothing_to_summarise(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        summarise(values)
