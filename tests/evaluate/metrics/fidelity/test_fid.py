"""FID against the textbook, by hand, in streams, and where a covariance lacks a rank."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

from ganbench.evaluate.metrics.fidelity import fid as frechet
from ganbench.evaluate.metrics.fidelity.fid import Moments, fid, frechet_distance, standard_error

Pair = tuple[np.ndarray, np.ndarray]


def textbook(real: np.ndarray, generated: np.ndarray) -> float:
    mu = real.mean(0) - generated.mean(0)
    a, b = np.cov(real, rowvar=False), np.cov(generated, rowvar=False)
    return float(mu @ mu + np.trace(a + b - 2 * np.real(sqrtm(a @ b))))


def of_features(real: np.ndarray, generated: np.ndarray) -> float:
    """The same from the features themselves: tr sqrt(S1 S2) is a nuclear norm of them."""
    x, y = real - real.mean(0), generated - generated.mean(0)
    shared = np.linalg.norm(x @ y.T, "nuc") / np.sqrt((len(x) - 1) * (len(y) - 1))
    spread = (x**2).sum() / (len(x) - 1) + (y**2).sum() / (len(y) - 1)
    return float(((real.mean(0) - generated.mean(0)) ** 2).sum() + spread - 2 * shared)


def torch_fidelitys(real: np.ndarray, generated: np.ndarray) -> float:
    statistics = [fid_features_to_statistics(torch.from_numpy(part)) for part in (real, generated)]
    found = fid_statistics_to_metric(*statistics, False)
    return float(found["frechet_inception_distance"])


def clouds(n: int = 200, d: int = 6, m: int | None = None) -> Pair:
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(d, d))
    return rng.normal(size=(n, d)), rng.normal(0.3, 1, size=(m or n, d)) @ mix


def test_the_textbook_formula() -> None:
    for pair in (clouds(), clouds(m=57)):
        assert fid(*pair) == pytest.approx(textbook(*pair), rel=1e-9)


def test_a_shift_by_hand() -> None:
    real, _ = clouds()
    assert fid(real, real + np.array([3, 4, 0, 0, 0, 0])) == pytest.approx(25, abs=1e-6)


def test_a_stretch_by_hand() -> None:
    x = np.array([[-1.0], [1.0]]) / np.sqrt(2)  # variance 1 with n - 1
    assert fid(x, 3 * x) == pytest.approx((3 - 1) ** 2)


def test_identical_sets() -> None:
    for real, _ in (clouds(), clouds(n=20, d=40)):
        assert fid(real, real) == pytest.approx(0, abs=1e-9)
        assert fid(real, real) >= 0


def test_identical_points() -> None:
    assert fid(np.full((9, 3), 0.1), np.full((5, 3), 0.1)) == pytest.approx(0, abs=1e-12)
    assert fid(np.full((9, 3), 1), np.full((5, 3), 3)) == 12
    assert fid(np.zeros((9, 2)), np.array([[-1.0, 0], [1, 0]])) == pytest.approx(2)


@pytest.mark.parametrize("shape", [(20, 40, 30), (2, 10, 2), (100, 30, 12), (10, 64, 300)])
def test_fewer_images_than_features(shape: tuple[int, int, int]) -> None:
    pair = clouds(*shape)
    assert fid(*pair) == pytest.approx(of_features(*pair), rel=1e-9)
    assert fid(*pair) == pytest.approx(torch_fidelitys(*pair), rel=1e-6)


def test_constant_duplicate_and_nearly_duplicate_features() -> None:
    real, generated = clouds()
    for extra in (lambda x: 0 * x + 7, lambda x: x, lambda x: x + 1e-9 * x[::-1]):
        pair = [np.concatenate([part, extra(part)], 1) for part in (real, generated)]
        assert fid(*pair) == pytest.approx(of_features(*pair), rel=1e-6)
    mixed = [np.concatenate([part, constant], 1) for part, constant in (
        (real, np.zeros((200, 1))), (generated, clouds()[0][:, :1]))]  # fmt: skip
    assert fid(*mixed) == pytest.approx(of_features(*mixed), rel=1e-9)


def test_a_single_feature() -> None:
    pair = clouds(d=1)
    assert fid(*pair) == pytest.approx(of_features(*pair), rel=1e-12)


@pytest.mark.parametrize(("offset", "scale"), [(1e8, 1), (-1e6, 1), (0, 1e100), (0, 1e-100)])
def test_large_offsets_and_scales(offset: float, scale: float) -> None:
    real, generated = clouds()
    found = fid(real * scale + offset, generated * scale + offset)
    assert found == pytest.approx(fid(real, generated) * scale**2, rel=1e-6)


def test_features_of_unlike_scales() -> None:
    pair = [part * np.logspace(-6, 6, 6) for part in clouds()]
    assert fid(*pair) == pytest.approx(of_features(*pair), rel=1e-9)


@pytest.mark.parametrize("cast", [np.float16, np.float32, np.int64, "tensor", "gradient", "list"])
def test_types_are_computed_in_float64(cast: Any) -> None:
    pair = [np.round(4 * part) for part in clouds()]
    if cast == "list":
        found = fid(*(part.tolist() for part in pair))
    elif isinstance(cast, str):
        found = fid(*(torch.tensor(part, requires_grad=cast == "gradient") for part in pair))
    else:
        found = fid(*(part.astype(cast) for part in pair))
    assert found == fid(*pair)


def test_a_stream_is_as_good_as_the_whole() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(1e4, 1, size=(1000, 8)) * np.arange(1, 9)
    whole, stream = Moments.of(features), Moments()
    for batch in np.split(features, [1, 2, 300, 301, 999]):
        stream.add(torch.from_numpy(batch))
    assert stream.count == whole.count == 1000
    for moments in (whole, stream):
        np.testing.assert_allclose(moments.mean, features.mean(0), rtol=1e-12)
        np.testing.assert_allclose(moments.covariance, np.cov(features.T), rtol=1e-9, atol=1e-9)
    other = Moments.of(features[:500] * 1.1)
    assert frechet_distance(stream, other) == pytest.approx(frechet_distance(whole, other))


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fid(*clouds())
    for rows in (1, 3, 150):
        monkeypatch.setattr(frechet, "ROWS", rows)
        assert fid(*clouds()) == pytest.approx(whole, rel=1e-12)


def test_moments_refuse_what_does_not_fit() -> None:
    moments = Moments.of(np.zeros((1, 3)))
    with pytest.raises(ValueError, match="at least 2 rows, not 1"):
        _ = moments.covariance
    with pytest.raises(ValueError, match="width 4 after 3"):
        moments.add(np.zeros((5, 4)))
    with pytest.raises(ValueError, match="finite"):
        moments.add(np.full((5, 3), np.nan))


@pytest.mark.parametrize("spread", [1.0, 1.5])
def test_its_standard_error_is_that_of_fresh_samples(spread: float) -> None:
    rng = np.random.default_rng(0)
    real = rng.normal(size=(1000, 4))
    found, errors = [], []
    for _ in range(300):
        generated = rng.normal(0.3, spread, size=(400, 4))
        found.append(fid(real, generated))
        errors.append(standard_error(Moments.of(real), Moments.of(generated), generated))
    assert np.mean(errors) == pytest.approx(np.std(found), rel=0.15)


def test_a_standard_error_where_ranks_are_missing() -> None:
    real, generated = clouds(n=20, d=40)
    for pair in ((real, generated), (np.zeros((5, 40)), generated), (real, np.ones((9, 40)))):
        error = standard_error(*map(Moments.of, pair), pair[1])
        assert np.isfinite(error)
        assert error >= 0


@pytest.mark.parametrize(
    ("real", "generated", "message"),
    [
        (np.zeros((1, 2)), np.zeros((5, 2)), "real features must be .* at least 2 rows"),
        (np.zeros((5, 2)), np.zeros((0, 2)), "generated features must be .* at least 2 rows"),
        (np.zeros(5), np.zeros(5), "at least 2 rows"),
        (np.ones((5, 2)), np.ones((5, 3)), "differ in width"),
        (np.ones((5, 2)), np.full((5, 2), np.nan), "generated features must be finite"),
        (np.full((5, 2), -np.inf), np.ones((5, 2)), "real features must be finite"),
        (1e200 * clouds()[0], clouds()[1], "too large"),
        (np.full((5, 2), 1e200), np.zeros((5, 2)), "too large"),
    ],
)
def test_what_is_refused(real: np.ndarray, generated: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fid(real, generated)
