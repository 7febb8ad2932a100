"""The pictures: right size, right labels, nothing disturbed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
import torch
from torch import nn

from ganbench.core.latent import Categorical, Latent, LatentValue, Noise, Normal, Uniform
from ganbench.data.dataset import Dataset
from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.plots.samples import row_names, samples_picture, traversal_picture
from ganbench.evaluate.settings import Settings
from tests.evaluate.fakes import Album, Static


class Any8(nn.Module):
    """Generates something for any latent."""

    def __init__(self, *parts: Any, channels: int = 1) -> None:
        super().__init__()
        self.latent = Latent(*parts)
        self.channels = channels
        self.seen: list[LatentValue] = []

    def generate(self, latent: LatentValue) -> torch.Tensor:
        self.seen.append(latent)
        image = torch.tanh(latent.vector.sum(1)).reshape(-1, 1, 1, 1)
        return image.expand(-1, self.channels, 8, 8)


def of(model: Any, dataset: Dataset) -> Evidence:
    return Evidence(model, dataset, Settings(), seed=0)


@pytest.mark.parametrize(
    ("model", "panels"),
    [
        (Any8(Noise(3)), 1),
        (Any8(Noise(3), Categorical(4)), 1),
        (Any8(Noise(3), Uniform(2)), 2),
        (Any8(Normal(2)), 2),
        (Any8(Categorical(30), Categorical(2), Uniform(6), channels=3), 4),
    ],
)
def test_any_latent_has_pictures(model: Any8, panels: int, digits: Dataset, tmp_path: Path) -> None:
    samples_picture(of(model, digits), tmp_path / "samples.png", title="a title")
    traversal_picture(of(model, digits), tmp_path / "traversal.png")
    assert len(model.seen) == 1 + panels
    for name in ("samples", "traversal"):
        picture = matplotlib.image.imread(tmp_path / f"{name}.png")
        assert min(picture.shape[:2]) > 100
        assert (tmp_path / f"{name}.png").stat().st_size < 100_000


def test_the_walk_goes_beyond_the_training_range(digits: Dataset, tmp_path: Path) -> None:
    model = Any8(Noise(3), Categorical(2), Uniform(1, 2.0, 4.0), Uniform(1))
    traversal_picture(of(model, digits), tmp_path / "t.png")
    first, second = (value.codes for value in model.seen)
    assert first[:7, 1].tolist() == pytest.approx(np.linspace(1.5, 4.5, 7).tolist())
    assert set(first[:, 2].tolist()) == {0.0}
    assert second[:7, 2].tolist() == pytest.approx(np.linspace(-1.5, 1.5, 7).tolist())
    assert set(second[:, 1].tolist()) == {3.0}
    assert first[:, 0].tolist() == [0.0] * 7 + [1.0] * 7
    noise = model.latent.noise_of(model.seen[0])
    assert torch.equal(noise, noise[:1].expand_as(noise))


def test_the_walk_along_a_normal_code_and_uniform_noise(digits: Dataset, tmp_path: Path) -> None:
    model = Any8(Noise(40, "uniform"), Categorical(2), Normal(1))
    traversal_picture(of(model, digits), tmp_path / "t.png")
    (value,) = model.seen
    assert value.codes[:7, 1].tolist() == pytest.approx(np.linspace(-3, 3, 7).tolist())
    noise = model.latent.noise_of(value)
    assert noise.abs().max() <= 1
    assert noise.std() > 0.4


def test_rows_of_a_latent_that_is_all_codes(digits: Dataset, tmp_path: Path) -> None:
    model = Any8(Normal(2))
    traversal_picture(of(model, digits), tmp_path / "t.png")
    codes = model.seen[0].codes.unflatten(0, (-1, 7))
    assert codes[3, :, 0].tolist() == pytest.approx(np.linspace(-3, 3, 7).tolist())
    assert (codes[:, :, 1] == codes[:, :1, 1]).all()
    assert len(codes[:, 0, 1].unique()) == len(codes)


def test_columns_of_samples_are_categories(digits: Dataset, tmp_path: Path) -> None:
    model = Any8(Noise(3), Categorical(4))
    samples_picture(of(model, digits), tmp_path / "s.png")
    assert model.seen[0].codes[:, 0].tolist() == [0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0] * 10


def test_rows_are_named_after_what_they_were_matched_to(digits: Dataset) -> None:
    order = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]
    names = row_names(of(Album(digits, shuffle=order), digits))
    assert names[3] == "code 3 -> digit 0"
    assert names[9] == "code 9 -> digit 5"
    assert row_names(of(Album(digits, label=True), digits))[2] == "digit 2"
    assert row_names(of(Static(), digits))[2] == "code 2"


def test_a_picture_leaves_no_trace(digits: Dataset, tmp_path: Path) -> None:
    model = Album(digits).train()
    state = torch.get_rng_state()
    samples_picture(of(model, digits), tmp_path / "s.png")
    traversal_picture(of(model, digits), tmp_path / "t.png")
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
    import matplotlib.pyplot as plt

    assert not plt.get_fignums()


def test_a_model_without_a_generator(digits: Dataset, tmp_path: Path) -> None:
    class Mute:
        latent = Latent(Noise(2))

    with pytest.raises(Unavailable, match="no generate"):
        samples_picture(of(Mute(), digits), tmp_path / "s.png")
    with pytest.raises(Unavailable, match="no latent"):
        traversal_picture(of(object(), digits), tmp_path / "t.png")
