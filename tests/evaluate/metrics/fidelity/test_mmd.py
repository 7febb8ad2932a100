"""The kernel distance by hand, against the plain formula, and where it is easily wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from ganbench.evaluate.metrics.fidelity import mmd
from ganbench.evaluate.metrics.fidelity.mmd import kid


def plain(real: np.ndarray, generated: np.ndarray) -> float:
    def k(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (x @ y.T / x.shape[1] + 1) ** 3

    n, m = len(real), len(generated)
    own = [(k(x, x).sum() - np.trace(k(x, x))) / (len(x) * (len(x) - 1)) for x in (real, generated)]
    return float(sum(own) - 2 * k(real, generated).sum() / (n * m))


def clouds(n: int = 60, m: int = 40, d: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, d)), rng.normal(0.3, 1.2, size=(m, d))


def test_by_hand() -> None:
    # kernels: real 1 * 2 -> 27, generated 0 * 0 -> 1, across all 1
    assert kid([[1.0], [2.0]], [[0.0], [0.0]]) == 27 + 1 - 2


def test_the_plain_formula_with_other_counts() -> None:
    assert kid(*clouds()) == pytest.approx(plain(*clouds()), rel=1e-12)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = kid(*clouds())
    for block in (1, 7, 40):
        monkeypatch.setattr(mmd, "BLOCK", block)
        assert kid(*clouds()) == pytest.approx(whole, rel=1e-12)


def test_sides_may_be_changed() -> None:
    assert kid(*clouds()) == pytest.approx(kid(*clouds()[::-1]), rel=1e-12)


def test_it_is_unbiased() -> None:
    rng = np.random.default_rng(0)
    found = [kid(rng.normal(size=(30, 4)), rng.normal(size=(20, 4))) for _ in range(2000)]
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(2000)
    assert min(found) < 0


def test_identical_points_are_at_distance_zero() -> None:
    assert kid(np.full((50, 3), 0.1), np.full((20, 3), 0.1)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    "cast", [np.float16, np.float32, np.int64, torch.from_numpy, np.ndarray.tolist]
)
def test_types_are_turned_to_float64(cast: Any) -> None:
    whole = [np.round(part * 4) for part in clouds()]  # numbers that every type holds exactly
    if isinstance(cast, type):
        pair = [part.astype(cast) for part in whole]
    else:
        pair = [cast(part) for part in whole]
    assert kid(*pair) == pytest.approx(kid(*whole), rel=1e-12)


def test_large_features() -> None:
    real, generated = (1e6 * part for part in clouds())
    assert kid(real, generated) == pytest.approx(plain(real, generated), rel=1e-9)
    with pytest.raises(ValueError, match="too large"):
        kid(1e60 * real, generated)


def test_its_standard_error_is_that_of_fresh_samples() -> None:
    rng = np.random.default_rng(0)
    real = rng.normal(size=(200, 4))
    found = [mmd.kernels(real, rng.normal(0.2, 1.1, size=(300, 4))) for _ in range(300)]
    spread = np.std([one.distance for one in found])
    assert np.mean([one.standard_error for one in found]) == pytest.approx(spread, rel=0.15)


@pytest.mark.parametrize(
    ("real", "generated", "message"),
    [
        (np.zeros((1, 2)), np.zeros((5, 2)), "real features must be .* at least 2 rows"),
        (np.zeros((5, 2)), np.zeros((1, 2)), "generated features must be .* at least 2 rows"),
        (np.zeros((0, 2)), np.zeros((5, 2)), "at least 2 rows"),
        (np.zeros((5, 0)), np.zeros((5, 0)), "must be"),
        (np.zeros((5, 2)), np.zeros((5, 3)), "differ in width: 2 real, 3 generated"),
        (np.zeros((5, 2)), np.full((5, 2), np.inf), "generated features must be finite"),
        (np.zeros((5, 2)), np.zeros((5, 2), complex), "real numbers"),
    ],
)
def test_what_is_refused(real: np.ndarray, generated: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kid(real, generated)
