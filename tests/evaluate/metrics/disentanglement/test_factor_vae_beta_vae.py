"""FactorVAE's and beta-VAE's scores: loops written out, worlds by hand, edge cases."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression

from ganbench.evaluate.metrics.disentanglement.factor_vae_beta_vae import (
    ROWS,
    beta_vae_score,
    factor_vae_score,
)

pytestmark = pytest.mark.filterwarnings("error")

SIZES = (3, 4, 6)
BATCH = 8
Levels = NDArray[np.int64]
BOTH: list[Callable[..., float]] = [factor_vae_score, beta_vae_score]
FEW: dict[Any, dict[str, int]] = {
    factor_vae_score: {"train_votes": 1000, "test_votes": 500},
    beta_vae_score: {"train_points": 1000, "test_points": 500},
}


def mixed(levels: Levels) -> NDArray[np.float64]:
    """Five codes that each read several factors."""
    weights = np.random.default_rng(3).normal(size=(3, 5))
    return np.tanh((levels / np.array(SIZES)) @ weights)


def loop_factor_vae(represent: Callable[[Levels], Any], seed: int, train: int, test: int) -> float:
    rng = np.random.default_rng(seed)
    overall = represent(rng.integers(SIZES, size=(10_000, 3))).var(0, ddof=1)
    tables = []
    for count in (train, test):
        table = np.zeros((3, len(overall)))
        for _ in range(count):
            factor = rng.integers(3)
            levels = rng.integers(SIZES, size=(BATCH, 3))
            levels[:, factor] = levels[0, factor]
            table[factor, np.argmin(represent(levels).var(0, ddof=1) / overall)] += 1
        tables.append(table)
    names = tables[0].argmax(0)
    return float(sum(tables[1][name, i] for i, name in enumerate(names)) / test)


def loop_beta_vae(represent: Callable[[Levels], Any], seed: int, train: int, test: int) -> float:
    rng = np.random.default_rng(seed)

    def points(count: int) -> tuple[list[Any], list[int]]:
        found, factors = [], []
        for _ in range(count):
            factor = int(rng.integers(3))
            first, second = rng.integers(SIZES, size=(2, BATCH, 3))
            second[:, factor] = first[:, factor]
            found.append(np.abs(represent(first) - represent(second)).mean(0))
            factors.append(factor)
        return found, factors

    model = LogisticRegression().fit(*points(train))
    return float(model.score(*points(test)))


@pytest.mark.parametrize(
    ("score", "loop"), [(factor_vae_score, loop_factor_vae), (beta_vae_score, loop_beta_vae)]
)
def test_as_loops_that_are_written_out(
    score: Callable[..., float], loop: Callable[..., float]
) -> None:
    expected = [loop(mixed, seed, 1000, 500) for seed in range(3)]
    found = [score(mixed, SIZES, seed, batch_size=BATCH, **FEW[score]) for seed in range(8)]
    assert 0.35 < np.mean(expected) < 0.98
    error = math.hypot(np.std(found, ddof=1) / math.sqrt(8), np.std(found, ddof=1) / math.sqrt(3))
    assert abs(np.mean(found) - np.mean(expected)) < 4 * error


@pytest.mark.parametrize("score", BOTH)
def test_codes_that_are_the_factors(score: Callable[..., float]) -> None:
    few = FEW[score]
    assert score(lambda levels: levels, SIZES, 0, **few) == 1
    assert score(lambda levels: torch.tensor(levels).float(), SIZES, 0, **few) == 1
    assert score(lambda levels: (levels * 0.5).astype(np.float16), SIZES, 0, **few) == 1
    assert score(lambda levels: (-levels[:, ::-1]).tolist(), SIZES, 0, **few) == 1
    twice = score(lambda levels: np.concatenate([levels, levels], 1), SIZES, 0, **few)
    assert twice == 1


@pytest.mark.parametrize("score", BOTH)
def test_codes_that_say_nothing(score: Callable[..., float]) -> None:
    noise = np.random.default_rng(0)
    found = score(lambda levels: noise.normal(size=(len(levels), 4)), SIZES, 0, **FEW[score])
    assert found == pytest.approx(1 / 3, abs=0.1)


def test_a_code_of_one_factor_tells_that_one_only() -> None:
    def only(levels: Levels) -> ArrayLike:
        return levels[:, 0]

    # a single active code gets every vote: the most frequent factor's share is right
    assert factor_vae_score(only, SIZES, 0) == pytest.approx(1 / 3, abs=0.03)
    # differences are 0 when factor 0 is held, and alike when another is: one of two is right
    assert beta_vae_score(only, SIZES, 0) == pytest.approx(2 / 3, abs=0.03)


def test_the_threshold_is_absolute() -> None:
    few = FEW[factor_vae_score]
    scale = np.sqrt(np.square(np.array(SIZES, float)) - 1) / math.sqrt(12)

    def of_deviation(deviations: list[float]) -> Callable[[Levels], ArrayLike]:
        return lambda levels: levels / scale * deviations

    assert factor_vae_score(of_deviation([0.06, 0.06, 0.06]), SIZES, 0, **few) == 1
    assert factor_vae_score(of_deviation([0.06, 0.06, 0.04]), SIZES, 0, **few) < 0.9
    assert factor_vae_score(of_deviation([0.04, 0.04, 0.04]), SIZES, 0, **few) == 0
    small = of_deviation([0.04, 0.04, 0.04])
    assert factor_vae_score(small, SIZES, 0, threshold=0.01, **few) == 1


@pytest.mark.parametrize("score", BOTH)
def test_constant_codes(score: Callable[..., float]) -> None:
    few = FEW[score]
    dead = score(lambda levels: np.full((len(levels), 2), 0.1), SIZES, 0, **few)
    assert dead == 0 if score is factor_vae_score else dead == pytest.approx(1 / 3, abs=0.1)
    one = score(lambda levels: np.column_stack([levels, np.zeros(len(levels))]), SIZES, 0, **few)
    assert one == 1


@pytest.mark.parametrize("score", BOTH)
def test_worlds_of_one_factor_and_of_constant_ones(score: Callable[..., float]) -> None:
    few = FEW[score]
    assert score(lambda levels: levels, (5,), 0, **few) == 1
    assert score(lambda levels: levels, (1,), 0, **few) == (score is beta_vae_score)
    half = score(lambda levels: levels, (1, 1), 0, **few)
    assert half == 0 if score is factor_vae_score else half == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("score", BOTH)
def test_the_seed_fixes_it(score: Callable[..., float]) -> None:
    few = {"batch_size": BATCH, **FEW[score]}
    found = [score(mixed, SIZES, seed, **few) for seed in (0, 0, 1, 2)]
    assert found[0] == found[1]
    assert len(set(found)) > 1


def test_the_calls_are_few_and_bounded() -> None:
    calls: list[int] = []

    def represent(levels: Levels) -> ArrayLike:
        assert levels.dtype == np.int64
        assert (levels >= 0).all()
        assert (levels < SIZES).all()
        calls.append(len(levels))
        return levels

    factor_vae_score(represent, SIZES, 0)
    assert sum(calls) == 10_000 + 64 * 15_000
    beta_vae_score(represent, SIZES, 0)
    assert sum(calls) == 10_000 + 64 * 15_000 + 2 * 64 * 15_000
    assert max(calls) <= ROWS
    assert len(calls) < 60


@pytest.mark.parametrize("scale", [1e-6, 1e3, 1e6])
def test_no_scale_warns(scale: float) -> None:
    for score in BOTH:
        assert 0 <= score(lambda levels: scale * mixed(levels), SIZES, 0, **FEW[score]) <= 1


@pytest.mark.parametrize("score", BOTH)
def test_what_is_refused(score: Callable[..., float]) -> None:
    for sizes in ((), (0, 2), 3, (2.5, 2)):
        with pytest.raises(ValueError, match="factor_sizes"):
            score(lambda levels: levels, sizes, 0)
    with pytest.raises(ValueError, match="codes must be finite"):
        score(lambda levels: levels * np.nan, SIZES, 0)
    with pytest.raises(ValueError, match=r"represent made .* codes of .* images"):
        score(lambda levels: levels[1:], SIZES, 0)


def test_a_variance_takes_two() -> None:
    for few in ({"batch_size": 1}, {"variance_rows": 1}):
        with pytest.raises(ValueError, match="must be at least 2 for a variance"):
            factor_vae_score(mixed, SIZES, 0, **few)
