"""MIG, modularity and IRS: the reference's values, cases by hand, invariances, edge cases."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ganbench.evaluate.metrics.disentanglement.mig_modularity_irs import (
    binned,
    entropy,
    irs,
    mig,
    modularity,
    mutual_information,
)
from tests.evaluate.test_oracles import oracle

pytestmark = pytest.mark.filterwarnings("error")

METRICS: list[Callable[..., float]] = [mig, modularity, irs]
ARRAYS = ["perfect", "noise", "dead_dims"]


def made(n: int = 300, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Three codes, two of them noisy factors, and two factors of 3 and 4 levels."""
    rng = np.random.default_rng(seed)
    factors = np.stack([rng.integers(3, size=n), rng.integers(4, size=n)], 1)
    codes = np.concatenate([factors + 0.3 * rng.normal(size=(n, 2)), rng.normal(size=(n, 1))], 1)
    return codes, factors


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ARRAYS)
def test_equal_to_the_reference(name: str, dtype: type) -> None:
    arrays, values = oracle("disentanglement")
    expected = values["expected"][name]
    codes, factors = arrays[name][:2000].astype(dtype), arrays["factors"][:2000]
    assert mig(codes, factors) == pytest.approx(expected["mig"], rel=1e-6)
    assert modularity(codes, factors) == pytest.approx(expected["modularity"], rel=1e-6)
    assert irs(codes, factors) == pytest.approx(expected["irs"], rel=1e-6)
    assert irs(codes, factors, quantile=1.0) == pytest.approx(
        expected["irs_quantile_1.0"], rel=1e-6
    )


def test_modularity_by_hand() -> None:
    factors = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    first, both = factors[:, 0].astype(float), 2.0 * factors[:, 0] + factors[:, 1]
    assert modularity(first[:, None], factors) == pytest.approx(1)
    # the second code tells both factors equally well
    assert modularity(np.stack([first, both], 1), factors) == pytest.approx(0.5)


def test_modularity_of_unequal_informations_by_hand() -> None:
    factors = np.array([[0, 0], [0, 0], [1, 0], [1, 1]])
    code = factors[:, :1].astype(float)
    h = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    other = h + math.log(2) - (0.5 * math.log(2) + 2 * 0.25 * math.log(4))
    assert modularity(code, factors) == pytest.approx(1 - (other / math.log(2)) ** 2)


def test_irs_by_hand() -> None:
    factors = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    codes = np.array([[0.0, 1.0], [0.0, 2.0], [4.0, 3.0], [4.0, 6.0]])
    # code 0 does not move within a level of factor 0. Code 1, of mean 3: within a level of
    # factor 0 it strays by 0.5 or 1.5, of factor 1 by 1 or 2; at all by 3.
    expected = np.average([1, 1 - 1 / 3], weights=[2, 3])
    assert irs(codes, factors, quantile=1.0) == pytest.approx(expected)
    assert irs(codes[:, 1], factors[:, 1], quantile=1.0) == pytest.approx(1 - 1.5 / 3)


def test_the_quantile_of_irs() -> None:
    codes = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    factors = np.zeros(5, int)  # constant: how far the code strays is a quantile of 0, 1, 1, 2, 2
    assert irs(codes, factors, quantile=0.5) == pytest.approx(1 - 1 / 2)
    assert irs(codes, factors, quantile=0.0) == pytest.approx(1)
    for wrong in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="quantile must be between 0 and 1"):
            irs(codes, factors, quantile=wrong)


def test_irs_bins_factors_of_many_levels_as_the_reference_does() -> None:
    levels = np.arange(40)
    codes = np.repeat(levels, 3).astype(float)
    assert irs(codes, np.repeat(levels % 20, 3)) < 0.6
    assert irs(codes, np.repeat(levels // 2, 3)) == pytest.approx(
        irs(codes, np.repeat(levels, 3))  # pairs of the 40 levels share one of 20 bins
    )
    assert irs(codes, np.repeat(levels // 2, 3)) == pytest.approx(1 - 0.5 / 19.5)


@pytest.mark.parametrize("metric", METRICS)
def test_what_does_not_matter(metric: Callable[..., float]) -> None:
    codes, factors = made()
    expected = metric(codes, factors)
    rng = np.random.default_rng(1)
    rows = rng.permutation(len(codes))
    assert metric(codes[rows], factors[rows]) == pytest.approx(expected, rel=1e-9)
    assert metric(codes[:, [2, 0, 1]], factors[:, ::-1]) == pytest.approx(expected, rel=1e-9)
    assert metric(codes, 1000 * factors - 7) == pytest.approx(expected, rel=1e-9)
    assert metric(codes, -factors) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("metric", [mig, modularity])
def test_scale_and_place_of_a_code_do_not_matter_to_information(
    metric: Callable[..., float],
) -> None:
    codes, factors = made()
    # powers of two, so that bins stay where they are to the bit
    moved = codes * np.array([2.0**20, 2.0**-20, -1.0])[None]
    assert metric(moved[:, :2], factors) == pytest.approx(metric(codes[:, :2], factors))
    assert metric(codes, np.array([5, -3, 100, 7])[factors]) == pytest.approx(
        metric(codes, factors)
    )


def test_irs_weighs_codes_by_their_scale() -> None:
    codes, factors = made()
    assert irs(3 * codes, factors) == pytest.approx(irs(codes, factors))
    good = codes * np.array([1000.0, 1, 1])
    assert irs(good, factors) == pytest.approx(irs(codes[:, 0], factors), abs=1e-2)


@pytest.mark.parametrize(
    "convert",
    [
        lambda c, f: (torch.tensor(c), torch.tensor(f)),
        lambda c, f: (torch.tensor(c, requires_grad=True), torch.tensor(f).int()),
        lambda c, f: (c, f.astype(np.float32)),
        lambda c, f: (c, f.astype(np.uint8)),
        lambda c, f: (c.tolist(), f.tolist()),
        lambda c, f: (np.asfortranarray(c), f),
    ],
)
@pytest.mark.parametrize("metric", METRICS)
def test_kinds_of_input(metric: Callable[..., float], convert: Callable[..., Any]) -> None:
    codes, factors = made()
    assert metric(*convert(codes, factors)) == metric(codes, factors)


@pytest.mark.parametrize("metric", METRICS)
def test_half_precision_is_read_as_float64(metric: Callable[..., float]) -> None:
    codes, factors = made()
    half = codes.astype(np.float16)
    expected = metric(half.astype(np.float64), factors)
    assert metric(half, factors) == metric(torch.tensor(half), factors) == expected
    rounded = torch.tensor(codes).bfloat16()
    assert metric(rounded, factors) == metric(rounded.float(), factors)


@pytest.mark.parametrize("constant", [0.0, 0.1, np.float32(0.1), 1e17, -3.0])
def test_constant_codes(constant: float) -> None:
    codes, factors = made()
    column = np.full((len(codes), 1), constant)
    more = np.concatenate([codes, column], 1)
    assert mig(more, factors) == pytest.approx(mig(codes, factors))
    assert modularity(more, factors) == pytest.approx(modularity(codes, factors) * 3 / 4)
    assert irs(more, factors) == pytest.approx(irs(codes, factors))
    for metric in METRICS:
        for dtype in (np.float32, np.float64):
            assert metric(np.repeat(column, 2, 1).astype(dtype), factors) == 0


def test_duplicate_codes_leave_no_gap() -> None:
    codes, factors = made()
    twice = np.concatenate([codes, codes], 1)
    assert mig(twice, factors) == 0
    assert modularity(twice, factors) == pytest.approx(modularity(codes, factors))
    assert irs(twice, factors) == pytest.approx(irs(codes, factors))


def test_a_range_too_small_to_divide() -> None:
    factors = np.arange(60) % 3
    step = np.spacing(np.float32(1))
    codes = (1 + factors[:, None] * step).astype(np.float32)  # three neighbouring floats
    assert binned(codes).tolist() == (factors[:, None] + 1).tolist()
    assert mig(np.concatenate([codes, 0 * codes], 1), factors) == pytest.approx(1)


def test_single_codes_and_single_factors() -> None:
    codes, factors = made()
    with pytest.raises(ValueError, match="at least 2 codes"):
        mig(codes[:, :1], factors)
    with pytest.raises(ValueError, match="at least 2 codes"):
        mig(codes[:, 0], factors)
    with pytest.raises(ValueError, match="at least 2"):
        modularity(codes, factors[:, 0])
    assert mig(codes, factors[:, 0]) == mig(codes, factors[:, :1])
    assert modularity(codes[:, 0], factors) == modularity(codes[:, :1], factors)
    assert irs(codes[:, 0], factors[:, 0]) == irs(codes[:, :1], factors[:, :1])


def test_constant_factors() -> None:
    codes, factors = made()
    more = np.concatenate([factors, np.full((len(factors), 1), 7)], 1)
    with pytest.raises(ValueError, match="constant factor has nothing to tell apart: column 2"):
        mig(codes, more)
    # it never is a code's best factor: what is averaged over has one more zero in it
    table = np.sort(mutual_information(binned(codes), factors), 1) ** 2
    expected = np.mean(1 - table[:, 0] / (2 * table[:, 1]))
    assert modularity(codes, more) == pytest.approx(expected)
    assert irs(codes, more) == pytest.approx(irs(codes, factors))


def test_one_level_per_image() -> None:
    codes, _ = made(30)
    factors = np.stack([np.arange(30), np.arange(30)[::-1]], 1)
    assert 0 <= mig(codes, factors) < 1
    assert modularity(codes, factors) == pytest.approx(0)
    assert irs(codes, np.arange(20).repeat(2)[:30]) <= 1


def test_very_few_images() -> None:
    codes, factors = np.array([[0.0, 5.0], [1.0, 5.0]]), np.array([[0, 1], [1, 0]])
    assert mig(codes, factors) == pytest.approx(1)
    assert modularity(codes, factors) == pytest.approx(0)
    assert irs(codes, factors) == pytest.approx(1)
    assert modularity(codes[:1], factors[:1]) == irs(codes[:1], factors[:1]) == 0
    with pytest.raises(ValueError, match="constant factor"):
        mig(codes[:1], factors[:1])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c, f: (c[:-1], f), "299 codes but 300 factors"),
        (lambda c, f: (c[:0], f[:0]), "codes are empty"),
        (lambda c, f: (c[:, :0], f), "codes are empty"),
        (lambda c, f: (c, f[:, :0]), "factors are empty"),
        (lambda c, f: (np.where(c > 2, np.nan, c), f), "codes must be finite"),
        (lambda c, f: (np.where(c > 2, np.inf, c), f), "codes must be finite"),
        (lambda c, f: (c, np.where(f > 1, np.nan, f)), "factors must be finite"),
        (lambda c, f: (c, f + 0.5), "factors must be whole numbers"),
        (lambda c, f: (c[None], f), r"codes must be of shape \(n, codes\)"),
        (lambda c, f: (c, f[None]), r"factors must be of shape \(n, factors\)"),
        (lambda c, f: (c + 1j, f), "codes must be real numbers"),
    ],
)
def test_what_is_refused(
    metric: Callable[..., float], change: Callable[..., Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        metric(*change(*made()))
    assert "\n" not in str(caught.value)


def test_bins() -> None:
    codes, factors = made()
    assert mig(codes, factors, 1) == modularity(codes, factors, bins=1) == 0
    assert mig(codes, factors, bins=50) != mig(codes, factors)
    with pytest.raises(ValueError, match="bins must be at least 1, not 0"):
        mig(codes, factors, bins=0)


def test_information_of_independent_codes_is_exactly_none() -> None:
    factors = np.array([[a, b, c] for a in range(3) for b in range(7) for c in range(11)])
    table = mutual_information(factors, factors)
    assert (table[~np.eye(3, dtype=bool)] == 0).all()
    assert np.diag(table) == pytest.approx(np.log([3, 7, 11]))
    assert entropy(factors) == pytest.approx(np.log([3, 7, 11]))
    assert modularity(factors, factors) == pytest.approx(1)
    assert entropy(np.zeros((4, 1), int))[0] == 0
