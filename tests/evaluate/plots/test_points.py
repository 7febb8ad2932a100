"""Pictures of points: they are drawn for any latent, or not with the reason."""

from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from ganbench import data
from ganbench.core.latent import Categorical, Latent, LatentValue, Noise, Normal, Uniform
from ganbench.data.dataset import Dataset
from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.plots.points import codes_picture, points_picture
from ganbench.evaluate.settings import Settings


@pytest.fixture(scope="module")
def ring() -> Dataset:
    return data.load("ring")


class Spray:
    """Points at the first two numbers of the latent's vector, so far from the middle."""

    def __init__(self, *parts: Any, reach: float = 0.5) -> None:
        self.latent = Latent(*parts)
        self.reach = reach

    def generate(self, latent: LatentValue) -> torch.Tensor:
        return self.reach * latent.vector[:, :2].tanh()


def of(model: Any, dataset: Dataset) -> Evidence:
    return Evidence(model, dataset, Settings(), seed=0)


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were saved."""
    found: list[Figure] = []
    save = Figure.savefig

    def saved(figure: Figure, *arguments: Any, **settings: Any) -> None:
        found.append(figure)
        save(figure, *arguments, **settings)

    monkeypatch.setattr(Figure, "savefig", saved)
    return found


def test_generated_points_over_real_ones(
    ring: Dataset, tmp_path: Path, figures: list[Figure]
) -> None:
    points_picture(of(Spray(Noise(2)), ring), tmp_path / "s.png", title="a title")
    assert min(matplotlib.image.imread(tmp_path / "s.png").shape[:2]) > 300
    (axes,) = figures[0].axes
    real, centres, generated = (np.asarray(c.get_offsets()) for c in axes.collections)
    assert len(real) == len(generated) == 2000
    assert np.allclose(np.linalg.norm(real, axis=1), 1, atol=0.06)  # in the papers' units
    assert ring.mixture is not None
    assert np.allclose(centres, ring.mixture.means)
    assert abs(generated).max() <= 0.5 * ring.mixture.scale
    assert axes.get_xlabel() == ""


def test_points_outside_the_frame_are_counted(
    ring: Dataset, tmp_path: Path, figures: list[Figure]
) -> None:
    points_picture(of(Spray(Noise(2), reach=100), ring), tmp_path / "s.png")
    label = figures[0].axes[0].get_xlabel()
    assert int(label.split()[0]) > 1900
    assert "outside" in label


@pytest.mark.parametrize(
    ("parts", "panels"),
    [
        ((Noise(2), Categorical(25)), 1),
        ((Noise(2), Categorical(8, label=True), Uniform(1)), 2),
        ((Normal(6),), 4),
    ],
)
def test_one_panel_per_code(
    parts: tuple[Any, ...], panels: int, ring: Dataset, tmp_path: Path, figures: list[Figure]
) -> None:
    codes_picture(of(Spray(*parts), ring), tmp_path / "t.png")
    assert len(figures[0].axes) == panels
    for axes in figures[0].axes:
        colours = np.asarray(axes.collections[-1].get_facecolors())
        assert len(np.unique(colours, axis=0)) > 5  # one per value, not one for all


def test_without_codes_or_a_generator_the_reason_is_given(ring: Dataset, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no codes"):
        codes_picture(of(Spray(Noise(2)), ring), tmp_path / "t.png")

    class Mute:
        latent = Latent(Noise(2))

    with pytest.raises(Unavailable, match="no generate"):
        points_picture(of(Mute(), ring), tmp_path / "s.png")
    assert not list(tmp_path.iterdir())
