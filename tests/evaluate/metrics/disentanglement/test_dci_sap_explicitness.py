"""DCI, SAP and explicitness: the reference's values, cases by hand, invariances, edge cases."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from ganbench.evaluate.metrics.disentanglement.dci_sap_explicitness import (
    DCI,
    areas,
    completeness_of,
    dci,
    disentanglement_of,
    explicitness,
    sap,
)
from tests.evaluate.metrics.disentanglement.test_mig_modularity_irs import ARRAYS, made
from tests.evaluate.test_oracles import oracle

pytestmark = pytest.mark.filterwarnings("error")

METRICS: list[Callable[..., Any]] = [dci, sap, explicitness]
Four = tuple[NDArray[Any], ...]


def four(n: int = 120, m: int = 60) -> Four:
    codes, factors = made(n + m)
    return codes[:n], factors[:n], codes[n:], factors[n:]


def fine(value: float | DCI) -> bool:
    return all(0 <= number <= 1 for number in np.atleast_1d(value))


@pytest.mark.parametrize("name", ARRAYS)
def test_sap_and_explicitness_equal_the_reference(name: str) -> None:
    arrays, values = oracle("disentanglement")
    codes, factors, expected = arrays[name], arrays["factors"], values["expected"][name]
    parted = codes[:2000], factors[:2000], codes[2000:], factors[2000:]
    assert sap(*parted) == pytest.approx(expected["sap"], abs=5e-3)
    wanted = expected["explicitness_test"]
    if wanted is None:  # the reference stumbles over dead codes: they must not matter
        alive = codes[:, codes.std(0) > 0]
        wanted = explicitness(alive[:2000], factors[:2000], alive[2000:], factors[2000:])
    assert explicitness(*parted) == pytest.approx(wanted, abs=5e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", ARRAYS)
def test_dci_equals_the_reference(name: str) -> None:
    arrays, values = oracle("disentanglement")
    codes, factors, expected = arrays[name], arrays["factors"], values["expected"][name]["dci"]
    found = dci(codes[:2000], factors[:2000], codes[2000:], factors[2000:])
    assert found.disentanglement == pytest.approx(expected["disentanglement"], abs=0.02)
    assert found.completeness == pytest.approx(expected["completeness"], abs=0.02)
    assert found.informativeness == pytest.approx(expected["informativeness_test"], abs=0.02)


def test_disentanglement_and_completeness_by_hand() -> None:
    importance = np.array([[0.5, 0.5], [0.5, 0.0], [0.0, 0.5]])
    # code 0 matters for both factors alike, codes 1 and 2 for one each; it weighs half
    assert disentanglement_of(importance) == pytest.approx(0.5)
    assert completeness_of(importance) == pytest.approx(1 - math.log(2) / math.log(3))
    weighted = np.array([[0.9, 0.0], [0.1, 1.0]])
    both = -(math.log(0.1 / 1.1) * 0.1 / 1.1 + math.log(1 / 1.1) * 1 / 1.1) / math.log(2)
    assert disentanglement_of(weighted) == pytest.approx((0.9 + 1.1 * (1 - both)) / 2)
    assert disentanglement_of(np.zeros((3, 2))) == completeness_of(np.zeros((3, 2))) == 0


def test_dci_of_perfect_and_of_mixed_codes() -> None:
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(3, size=300), rng.integers(3, size=300)], 1)
    codes = factors.astype(float)
    found = dci(codes[:200], factors[:200], codes[200:], factors[200:])
    assert found == pytest.approx((1, 1, 1), abs=1e-6)
    mixed = np.stack([codes.sum(1), codes[:, 0] - codes[:, 1]], 1)
    found = dci(mixed[:200], factors[:200], mixed[200:], factors[200:])
    assert found.informativeness == 1
    assert found.disentanglement < 0.3
    assert found.completeness < 0.3


def test_sap_by_hand() -> None:
    # code 0 tells the factor, code 1 says nothing: right in every row, and in half of them
    train = np.array([[-5.0, 0], [-5, 0], [5, 0], [5, 0]] * 10)
    factors = np.array([0, 0, 1, 1] * 10)
    assert sap(train, factors, train, factors) == pytest.approx(0.5)
    assert sap(train[:, [0, 0]], factors, train[:, [0, 0]], factors) == 0
    # one of four test rows is wrong for code 0
    test = np.array([[-5.0, 0], [-5, 0], [5, 0], [-5, 0]])
    assert sap(train, factors, test, factors[:4]) == pytest.approx(0.75 - 0.5)


def test_sap_depends_on_the_scale() -> None:
    codes, factors, *test = four()
    assert sap(codes / 1e6, factors, test[0] / 1e6, test[1]) < sap(codes, factors, *test)


def test_explicitness_by_hand() -> None:
    train, factors = np.array([[0.0], [1.0], [2.0], [3.0]] * 5), np.array([0, 0, 1, 1] * 5)
    # of the test rows of class 1 the code is 2, 0, of class 0 it is 1: one of two pairs is right
    assert explicitness(train, factors, [2, 0, 1], [1, 1, 0]) == pytest.approx(0.5)
    assert explicitness(train, factors, [2, 2, 1], [1, 1, 0]) == pytest.approx(1)
    assert explicitness(train, factors, [1, 0, 1], [1, 1, 0]) == pytest.approx(0.25)  # a tie


def test_the_areas_and_their_standard_error() -> None:
    train, train_factors, test, test_factors = four(300, 200)
    found, moved = areas(train, train_factors, test, test_factors)
    assert found.mean() == explicitness(train, train_factors, test, test_factors)
    assert moved.sum() == pytest.approx(0, abs=1e-12)
    rng, again = np.random.default_rng(0), []
    for _ in range(60):
        rows = rng.integers(200, size=200)
        again.append(areas(train, train_factors, test[rows], test_factors[rows])[0].mean())
    error = math.sqrt(np.square(moved).sum())
    assert error == pytest.approx(np.std(again), rel=0.35)


def test_areas_are_scikit_learns() -> None:
    from sklearn.linear_model import LogisticRegression

    codes, factors, test, truth = four()
    mean, spread = codes.mean(0), codes.std(0)
    model = LogisticRegression().fit((codes - mean) / spread, factors[:, 1])
    expected = roc_auc_score(
        truth[:, 1], model.predict_proba((test - mean) / spread), multi_class="ovr"
    )
    assert explicitness(codes, factors[:, 1], test, truth[:, 1]) == pytest.approx(expected)


@pytest.mark.parametrize("metric", METRICS)
def test_what_does_not_matter(metric: Callable[..., Any]) -> None:
    codes, factors, test, truth = four()
    close = 0.05 if metric is dci else 1e-3  # trees break ties between codes by their order
    expected = pytest.approx(tuple(np.atleast_1d(metric(codes, factors, test, truth))), abs=close)

    def found(*arrays: Any) -> tuple[float, ...]:
        return tuple(np.atleast_1d(metric(*arrays)))

    order = [2, 0, 1]
    assert found(codes[:, order], factors[:, ::-1], test[:, order], truth[:, ::-1]) == expected
    names = np.array([-7, 1000, 3, 40])  # of the levels, not evenly spaced, nor in order
    assert found(codes, names[factors], test, names[truth]) == expected
    if metric is not sap:
        scale = np.array([2.0**10, 2.0**-10, 4.0])
        assert found(codes * scale, factors, test * scale, truth) == expected


@pytest.mark.parametrize("metric", METRICS)
def test_kinds_of_input(metric: Callable[..., Any]) -> None:
    codes, factors, test, truth = four(60, 30)
    arrays = codes, factors % 2, test, truth % 2
    expected = metric(*arrays)
    assert metric(*map(torch.tensor, arrays)) == expected
    assert metric(*(array.tolist() for array in arrays)) == expected
    half = [a.astype(np.float16) if a.dtype.kind == "f" else a for a in arrays]
    doubled = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in half]
    assert metric(*half) == metric(*doubled)
    single = metric(*(a.astype(np.float32) for a in arrays))
    assert np.atleast_1d(single) == pytest.approx(np.atleast_1d(expected), abs=1e-3)
    whole = [np.round(10 * a).astype(int) if a.dtype.kind == "f" else a for a in arrays]
    assert fine(metric(*whole))


@pytest.mark.parametrize("metric", METRICS)
def test_constant_and_duplicate_codes(metric: Callable[..., Any]) -> None:
    codes, factors, test, truth = four(90, 45)
    expected = metric(codes, factors, test, truth)
    for dtype in (np.float32, np.float64):
        dead = [
            np.concatenate([c, np.full((len(c), 1), 0.1)], 1).astype(dtype) for c in (codes, test)
        ]
        found = metric(dead[0], factors, dead[1], truth)
        if metric is dci:  # a further code, of no importance: the unit of completeness grows
            assert found.disentanglement == pytest.approx(expected.disentanglement, abs=0.05)
            assert found.informativeness == pytest.approx(expected.informativeness, abs=0.05)
        else:
            assert found == pytest.approx(expected, abs=1e-6)
        none = [np.full((len(c), 2), 0.1, dtype) for c in (codes, test)]
        value = metric(none[0], factors, none[1], truth)
        if metric is dci:
            assert value[:2] == (0, 0)
        else:
            assert value == {sap: 0, explicitness: 0.5}[metric]
    twice = [np.concatenate([c, c], 1) for c in (codes, test)]
    assert fine(metric(twice[0], factors, twice[1], truth))
    if metric is sap:
        assert sap(twice[0], factors, twice[1], truth) == 0


def test_single_codes_and_single_factors() -> None:
    codes, factors, test, truth = four(60, 30)
    for metric in (sap, dci):
        with pytest.raises(ValueError, match="at least 2"):
            metric(codes[:, :1], factors, test[:, :1], truth)
    assert fine(explicitness(codes[:, 0], factors, test[:, 0], truth))
    with pytest.raises(ValueError, match=r"disentanglement .* at least 2"):
        dci(codes, factors[:, 0], test, truth[:, 0])
    for metric in (sap, explicitness):
        flat = metric(codes, factors[:, 0], test, truth[:, 0])
        assert flat == metric(codes, factors[:, :1], test, truth[:, :1])


@pytest.mark.parametrize("metric", METRICS)
def test_levels_that_one_side_lacks(metric: Callable[..., Any]) -> None:
    codes, factors, test, truth = four(90, 45)
    assert fine(metric(codes, np.where(factors == 1, 0, factors), test, truth))
    assert fine(metric(codes, factors, test, np.where(truth == 1, 0, truth)))
    other = truth.copy()
    other[:, 0] += 10
    if metric is explicitness:
        with pytest.raises(ValueError, match="factor 0 has no level in the test rows"):
            metric(codes, factors, test, other)
    else:
        assert fine(metric(codes, factors, test, other))
    constant = factors.copy()
    constant[:, 1] = 5
    with pytest.raises(ValueError, match="constant factor has nothing to tell apart: column 1"):
        metric(codes, constant, test, truth)


def test_explicitness_leaves_out_what_one_side_lacks() -> None:
    train, factors = np.array([[0.0], [1.0], [2.0]] * 20), np.array([0, 1, 2] * 20)
    # level 9 was never trained on: its row counts as a negative of the other levels
    assert explicitness(train, factors, [0, 2, 1], [0, 2, 9]) == pytest.approx(1)
    assert explicitness(train, factors, [0, 2, 0], [0, 2, 9]) == pytest.approx((0.75 + 1) / 2)


def test_levels_that_are_never_predicted_are_wrong() -> None:
    codes, factors, test, truth = four(60, 30)
    assert dci(codes, factors, test, truth + 10).informativeness == 0
    assert sap(codes, factors, test, truth + 10) == 0


@pytest.mark.parametrize("metric", METRICS)
def test_few_images_and_one_level_per_image(metric: Callable[..., Any]) -> None:
    codes, factors = np.array([[0.0, 5.0], [1.0, 5.0]]), np.array([[0, 1], [1, 0]])
    assert fine(metric(codes, factors, codes, factors))
    codes, _ = made(8)
    factors = np.stack([np.arange(8), np.arange(8)[::-1]], 1)
    assert fine(metric(codes, factors, codes, factors))
    with pytest.raises(ValueError, match="constant factor"):
        metric(codes[:1], factors[:1], codes, factors)
    assert fine(metric(codes, factors % 2, codes[:2], factors[:2] % 2))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("scale", [1e-30, 1e6, 1e30])
def test_extreme_scales_do_not_warn(metric: Callable[..., Any], scale: float) -> None:
    codes, factors, test, truth = four(60, 30)
    assert fine(metric(scale * codes, factors % 2, scale * test, truth % 2))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c, f, d, g: (c[:-1], f, d, g), "59 training codes but 60 training factors"),
        (lambda c, f, d, g: (c, f, d, g[:-1]), "30 test codes but 29 test factors"),
        (lambda c, f, d, g: (c[:, :2], f, d, g), "2 codes in training rows but 3 in test rows"),
        (lambda c, f, d, g: (c, f[:, :1], d, g), "1 factors in training rows but 2 in test rows"),
        (lambda c, f, d, g: (c, f, d[:0], g[:0]), "test codes are empty"),
        (lambda c, f, d, g: (c, f, d * np.nan, g), "test codes must be finite"),
        (lambda c, f, d, g: (c, f + 0.5, d, g), "training factors must be whole numbers"),
        (lambda c, f, d, g: (c, f, d * 1e300, g), "too large to fit a classifier on"),
    ],
)
def test_what_is_refused(
    metric: Callable[..., Any], change: Callable[..., Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        metric(*change(*four(60, 30)))
    assert "\n" not in str(caught.value)


def test_the_same_bits_again() -> None:
    assert dci(*four(60, 30)) == dci(*four(60, 30))
