import numpy as np
import pytest
import torch

from ganbench import data


@pytest.mark.parametrize(
    ("name", "modes", "std", "fingerprint"),
    [("ring", 8, 0.01, "c008dce905ada3b1"), ("grid", 25, 0.05, "54c2a62e5ea1c40f")],
)
def test_mixtures(name: str, modes: int, std: float, fingerprint: str) -> None:
    found = data.load(name)
    mixture = found.mixture
    assert mixture is not None
    assert found.shape == data.source(name).shape == (2,)
    assert found.classes == data.source(name).classes == len(mixture.means) == modes
    assert mixture.std == std
    assert found.fingerprint == fingerprint
    for split, size in ((found.train, 50_000), (found.validation, 5_000), (found.test, 5_000)):
        assert split.images.shape == (size, 2)
        assert split.images.dtype == torch.float32
        assert split.images.abs().max() <= 1
        assert set(np.bincount(split.labels)) == {size // modes}
        offset = split.images.double().numpy() * mixture.scale - mixture.means[split.labels]
        assert offset.std(0) == pytest.approx(std, rel=0.05)
        assert abs(offset.mean(0)).max() < 5 * std / size**0.5
        assert abs(np.corrcoef(offset.T)[0, 1]) < 0.06


def test_the_geometry_of_the_papers() -> None:
    ring, grid = data.load("ring").mixture, data.load("grid").mixture
    assert ring is not None
    assert grid is not None
    assert np.hypot(*ring.means.T) == pytest.approx(np.ones(8))
    assert np.diff(np.unwrap(np.arctan2(*ring.means.T[::-1]))) == pytest.approx(np.pi / 4)
    assert {tuple(mean) for mean in grid.means} == {
        (x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)
    }
    assert grid.means[1].tolist() == [-4, -2]  # the second coordinate runs fastest
