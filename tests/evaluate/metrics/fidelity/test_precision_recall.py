"""Precision, recall, density, coverage by hand and against all distances written out."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from ganbench.evaluate.metrics.fidelity import precision_recall as neighbours
from ganbench.evaluate.metrics.fidelity.precision_recall import density_coverage, precision_recall

Found = tuple[float, float, float, float]


def ours(real: Any, generated: Any, k: int) -> Found:
    return (*precision_recall(real, generated, k), *density_coverage(real, generated, k))


def plain(real: np.ndarray, generated: np.ndarray, k: int) -> Found:
    """All distances by differences of coordinates, in rational numbers."""

    def squared(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        exact = [[Fraction(float(value)) for value in row] for row in x]
        other = [[Fraction(float(value)) for value in row] for row in y]
        return np.array(
            [[sum((a - b) ** 2 for a, b in zip(p, q, strict=True)) for q in other] for p in exact]
        )

    def radii(x: np.ndarray) -> np.ndarray:
        return np.sort(squared(x, x), axis=1)[:, k]  # the first is the point itself

    across = squared(generated, real)
    r, g = radii(real), radii(generated)
    held = across < r
    return (
        (across <= r).any(1).mean(),
        (across <= g[:, None]).any(0).mean(),
        1 / k * held.sum(1).mean(),
        held.any(0).mean(),
    )


def clouds(n: int = 50, m: int = 40, d: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, d)), rng.normal(0.5, 0.8, size=(m, d))


def test_by_hand() -> None:
    # balls around 0, 1, 3 with k = 1: radii 1, 1, 2. Around 2, 10: radii 8, 8
    real, generated = [[0.0], [1.0], [3.0]], [[2.0], [10.0]]
    assert precision_recall(real, generated, k=1) == (1 / 2, 1)
    # 2 is on the border of 1's ball and in 3's; nobody is in 0's and 1's
    assert density_coverage(real, generated, k=1) == (1 / 2, 1 / 3)


def test_the_border_belongs_to_precision_and_not_to_density() -> None:
    real, generated = [[0.0], [1.0], [9.0]], [[-1.0], [-1.0]]
    assert precision_recall(real, generated, k=1).precision == 1
    assert density_coverage(real[:2], generated, k=1) == (0, 0)


@pytest.mark.parametrize("k", [1, 3, 7])
@pytest.mark.parametrize("shape", [(50, 40, 3), (9, 30, 1), (30, 8, 20), (12, 12, 2)])
def test_every_distance_written_out(k: int, shape: tuple[int, int, int]) -> None:
    pair = clouds(*shape)
    assert ours(*pair, k) == plain(*pair, k)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_ties_and_duplicates(k: int) -> None:
    rng = np.random.default_rng(k)
    lattice = [rng.integers(0, 3, size=(40, 2)) for _ in range(2)]
    assert ours(*lattice, k) == plain(*lattice, k)
    # the same lattice where no number is exact and the products round
    real, generated = (part * 0.1 + 1 / 3 for part in lattice)
    assert ours(real, generated, k) == plain(real, generated, k)


def test_a_far_point_does_not_blur_the_near_ones() -> None:
    real, generated = clouds()
    real[0], generated[0] = 1e9, -1e9  # the squares of the rest vanish beside theirs
    assert ours(real, generated, 3) == plain(real, generated, 3)


def test_copies_of_real_points_are_at_distance_zero() -> None:
    rng = np.random.default_rng(0)
    real = np.repeat(rng.normal(1e4, 1, size=(20, 30)), 6, axis=0)  # every ball is a point
    generated = np.concatenate([real[::6], real[::6] + 1e-7])
    assert precision_recall(real, generated, k=5).precision == 1 / 2
    assert density_coverage(real, generated, k=5) == (0, 0)


def test_a_set_against_itself() -> None:
    real, _ = clouds(300, d=16)
    assert ours(real, real, 4) == (1, 1, 1, 1)
    assert ours(real, real[np.random.default_rng(0).permutation(300)], 4) == (1, 1, 1, 1)


def test_identical_points() -> None:
    assert ours(np.full((30, 4), 0.1), np.full((20, 4), 0.1), 3) == (1, 1, 0, 0)
    assert ours(np.full((30, 4), 0.1), np.full((20, 4), 0.2), 3) == (0, 0, 0, 0)


def test_constant_features_change_nothing() -> None:
    pair = clouds()
    wide = [np.concatenate([part, np.full((len(part), 2), 1e6)], 1) for part in pair]
    assert ours(*wide, 3) == ours(*pair, 3)


@pytest.mark.parametrize("scale", [1e-300, 1e-20, 2.0**40, 1e200])
def test_scale_does_not_matter(scale: float) -> None:
    assert ours(*(part * scale for part in clouds()), 3) == ours(*clouds(), 3)


def test_offset_does_not_matter() -> None:
    pair = [np.round(part * 64) / 64 for part in clouds()]  # exact after the offset as well
    assert ours(*(part + 2.0**40 for part in pair), 3) == ours(*pair, 3)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    real, generated = clouds()
    generated[:5] = real[:5]
    whole = ours(real, generated, 3)
    for rows, columns, coordinates in ((1, 1, 1), (7, 50, 4), (50, 3, 1000)):
        monkeypatch.setattr(neighbours, "ROWS", rows)
        monkeypatch.setattr(neighbours, "COLUMNS", columns)
        monkeypatch.setattr(neighbours, "COORDINATES", coordinates)
        assert ours(real, generated, 3) == whole


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.int8, np.uint8])
def test_types_are_turned_to_float64(kind: Any) -> None:
    rng = np.random.default_rng(0)
    pair = [rng.integers(0, 100, size=(60, 4)).astype(kind) for _ in range(2)]
    assert ours(*pair, 3) == plain(*pair, 3)


def test_tensors() -> None:
    real, generated = (torch.from_numpy(part) for part in clouds())
    assert ours(real.requires_grad_(), generated, 3) == ours(*clouds(), 3)
    rounded = [part.detach().bfloat16() for part in (real, generated)]
    assert ours(*rounded, 3) == ours(*(part.double() for part in rounded), 3)


@pytest.mark.parametrize(
    ("k", "n", "m", "message"),
    [
        (3, 3, 9, "number of real points less 1, not 3 of 3"),
        (3, 9, 3, "number of generated points less 1, not 3 of 3"),
        (0, 9, 9, "k must be from 1"),
        (1, 1, 9, "not 1 of 1"),
    ],
)
def test_too_few_points(k: int, n: int, m: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        precision_recall(np.zeros((n, 2)), np.zeros((m, 2)), k)


def test_density_needs_a_single_generated_point() -> None:
    # it is in the balls of 0 and 2, of radius 2, and not in that of 9
    assert density_coverage([[0.0], [2.0], [9.0]], [[1.0]], k=1) == (2, 2 / 3)


@pytest.mark.parametrize(
    ("real", "generated", "message"),
    [
        (np.zeros((0, 2)), np.zeros((5, 2)), "real features must be .* at least 1 row"),
        (np.zeros((9, 2)), np.zeros((0, 2)), "generated features must be"),
        (np.zeros(9), np.zeros(9), "must be"),
        (np.zeros((9, 2)), np.zeros((9, 3)), "differ in width"),
        (np.full((9, 2), np.nan), np.zeros((9, 2)), "real features must be finite"),
    ],
)
def test_what_is_refused(real: np.ndarray, generated: np.ndarray, message: str) -> None:
    for function in (precision_recall, density_coverage):
        with pytest.raises(ValueError, match=message):
            function(real, generated)


@pytest.mark.parametrize("scale", [1e-100, 1.0, 1e150])
def test_nearest_rows_are_those_of_a_full_sort(
    scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "ROWS", 7)  # several blocks, none whole
    monkeypatch.setattr(neighbours, "COLUMNS", 11)
    rng = np.random.default_rng(0)
    rows, known = rng.integers(-2, 3, (40, 3)), rng.integers(-2, 3, (60, 3))  # ties and copies
    squares = ((rows[:, None] - known) ** 2).sum(2)
    wanted = np.argsort(squares, axis=1, kind="stable")[:, :5]
    distances, indices = neighbours.nearest_rows(scale * rows, scale * known, 5)
    assert (indices == wanted).all()
    expected = scale * np.sqrt(np.take_along_axis(squares, wanted, 1))
    assert distances == pytest.approx(expected, rel=1e-12, abs=0)


def test_nearest_rows_in_float32_are_measured_in_float64() -> None:
    rng = np.random.default_rng(1)
    known = (1e4 + rng.normal(size=(300, 16))).astype(np.float32)
    rows = known[:20] + np.float32(0.5)
    distances, indices = neighbours.nearest_rows(rows, known, 3)
    gaps = rows.astype(np.float64)[:, None] - known.astype(np.float64)
    exact = np.linalg.norm(gaps, axis=2)
    assert (indices == np.argsort(exact, axis=1)[:, :3]).all()
    assert distances == pytest.approx(np.sort(exact, axis=1)[:, :3], rel=1e-12, abs=0)
