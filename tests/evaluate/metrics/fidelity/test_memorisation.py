"""Memorisation: by hand, and on generators that copy, nearly copy, and do not."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import torch
from torch import Tensor

from ganbench.core.latent import LatentValue
from ganbench.data.dataset import Dataset, Split
from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.harness import Evaluation, Settings, evaluate
from ganbench.evaluate.metrics.fidelity.memorisation import memorisation
from ganbench.evaluate.metrics.fidelity.precision_recall import nearest_rows
from ganbench.evaluate.plots.neighbours import neighbours_picture
from tests.evaluate.beside import reasons, rows
from tests.evaluate.fakes import Album

SETTINGS = Settings(samples=2000, metrics=("memorisation",))


def test_by_hand() -> None:
    train = np.zeros((1, 1))
    held_out = np.arange(1.0, 102)[:, None]  # distances 1 to 101: median 51, 1 % quantile 2
    assert memorisation(train, train, held_out) == (0, 1)
    assert memorisation(held_out, train, held_out) == (1, 2 / 101)
    assert memorisation([[2.0], [-2.0], [25.5], [102.0]], train, held_out) == (13.75 / 51, 0.5)
    assert memorisation(torch.tensor([[102.0]]), torch.zeros(1, 1), held_out) == (2, 0)


def test_nearest_rows_in_order() -> None:
    reference = np.array([[0.0, 0], [3, 4], [0, 1], [6, 8]])
    distances, indices = nearest_rows([[0.0, 0.0], [6, 8]], reference, 3)
    assert indices.tolist() == [[0, 2, 1], [3, 1, 2]]
    assert distances == pytest.approx(np.array([[0, 1, 5], [0, 5, np.sqrt(85)]]))


def test_the_distance_of_a_copy_is_zero() -> None:
    rng = np.random.default_rng(0)
    reference = (1e4 + rng.normal(size=(500, 64))).astype(np.float32)
    distances, indices = nearest_rows(reference, reference, 1)
    assert (distances == 0).all()
    assert indices[:, 0].tolist() == list(range(500))
    expected = np.linalg.norm(reference[:1].astype(float) - reference[1:].astype(float), axis=1)
    assert nearest_rows(reference[:1], reference[1:], 1)[0][0, 0] == pytest.approx(expected.min())


def test_what_cannot_be_compared() -> None:
    rows = np.ones((4, 2))
    with pytest.raises(ValueError, match="copies of training images"):
        memorisation(rows, rows, rows)
    with pytest.raises(ValueError, match="finite"):
        memorisation(np.full((4, 2), np.inf), rows, 2 * rows)
    with pytest.raises(ValueError, match="features"):
        memorisation(np.ones((4, 3)), rows, 2 * rows)
    with pytest.raises(ValueError, match="at least 5 rows"):
        nearest_rows(rows, rows, 5)


class Noisy(Album):
    """Training images with a little noise: half a pixel in a hundred."""

    def generate(self, latent: LatentValue) -> Tensor:
        images = super().generate(latent)
        noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
        return (images + 0.02 * noise).clamp(-1, 1)


def numbers(found: Evaluation) -> dict[str, tuple[float, float]]:
    assert not found.skipped
    return {s.metric: (s.value, s.standard_error or 0.0) for s in found.scores}


def test_copies_of_training_images_are_exposed(digits: Dataset) -> None:
    found = numbers(evaluate(Album(digits), digits, seed=0, settings=SETTINGS))
    assert found == {"memorisation_ratio": (0, 0), "memorisation_copies": (1, 0)}


def test_copies_with_a_little_noise_are_exposed(digits: Dataset) -> None:
    found = numbers(evaluate(Noisy(digits), digits, seed=0, settings=SETTINGS))
    assert 0 < found["memorisation_ratio"][0] < 0.3
    assert found["memorisation_copies"][0] > 0.9


def test_unseen_real_images_are_not(digits: Dataset) -> None:
    unseen = Album(dataclasses.replace(digits, train=digits.validation))
    found = numbers(evaluate(unseen, digits, seed=0, settings=SETTINGS))
    ratio, ratio_error = found["memorisation_ratio"]
    copies, copies_error = found["memorisation_copies"]
    assert abs(ratio - 1) < 4 * ratio_error < 0.2
    assert abs(copies - 0.01) < 4 * copies_error < 0.1


def test_copies_show_where_not_all_training_images_are_searched(digits: Dataset) -> None:
    some = dataclasses.replace(SETTINGS, max_real_images=200)
    found = evaluate(Album(digits), digits, seed=0, settings=some)
    assert found.scores[0].protocol["training"] == 200
    assert "200 training images, of 1097 in all" in found.scores[0].protocol_text
    copies = numbers(found)["memorisation_copies"][0]
    assert copies == pytest.approx(200 / 1097, abs=0.05)


def test_the_rows_beside_it(digits: Dataset) -> None:
    found = evaluate(object(), digits, seed=0, settings=SETTINGS)
    assert set(reasons(found).values()) == {"no latent"}
    beside = rows(digits, SETTINGS)
    new = beside["real images, held out", "memorisation_ratio"]
    assert new.standard_error is not None
    assert abs(new.value - 1) < 4 * new.standard_error
    assert beside["real training images", "memorisation_ratio"].value == 0
    assert beside["real training images", "memorisation_copies"].value == 1


def picture_of(
    model: Album, dataset: Dataset, path: Path
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The columns of samples, of gaps, and of nearest training images: where they are drawn."""
    neighbours_picture(Evidence(model, dataset, SETTINGS, seed=0), path / "n.png")
    sheet = matplotlib.image.imread(path / "n.png")[40:440, 115:395, :3]
    columns = sheet.reshape(10, 40, 7, 40, 3)[:, 2:34, :, 2:34]
    return columns[:, :, 0], columns[:, :, 1], columns[:, :, 2]


def test_copies_stand_beside_their_originals(digits: Dataset, tmp_path: Path) -> None:
    sample, gap, found = picture_of(Album(digits), digits, tmp_path)
    assert (gap == 1).all()
    assert sample.std() > 0.3
    assert np.abs(sample - found).mean() < 0.05


def test_new_images_differ_from_their_neighbours(digits: Dataset, tmp_path: Path) -> None:
    unseen = Album(dataclasses.replace(digits, train=digits.validation))
    sample, _, found = picture_of(unseen, digits, tmp_path)
    assert np.abs(sample - found).mean(axis=(1, 2, 3)).min() > 0.05


def test_neighbours_in_pixels_without_an_extractor(digits: Dataset, tmp_path: Path) -> None:
    strange = dataclasses.replace(digits, name="strange")
    sample, _, found = picture_of(Album(strange), strange, tmp_path)
    assert np.abs(sample - found).mean() < 0.05


def test_points_are_not_drawn(digits: Dataset, tmp_path: Path) -> None:
    points = Split(torch.zeros(20, 2), torch.zeros(20, dtype=torch.int64))
    plane = Dataset("plane", 0, points, points, points)
    with pytest.raises(Unavailable, match="points"):
        neighbours_picture(Evidence(Album(digits), plane, SETTINGS, seed=0), tmp_path / "n.png")
    assert not (tmp_path / "n.png").exists()
