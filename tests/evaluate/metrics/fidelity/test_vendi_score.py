"""The Vendi score: hand-computed cases, and what it says of classes."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from ganbench.core.latent import LatentValue
from ganbench.data.dataset import Dataset, Split
from ganbench.evaluate.harness import Settings, evaluate
from ganbench.evaluate.metrics.fidelity.vendi_score import vendi_score
from tests.evaluate.beside import reasons, row
from tests.evaluate.fakes import Album, Static

SETTINGS = Settings(metrics=("intra_class_diversity",))


def test_alike_rows_count_as_one() -> None:
    assert vendi_score(np.ones((7, 3))) == pytest.approx(1)
    assert vendi_score([[2.0, 1.0]]) == pytest.approx(1)
    assert vendi_score([[1.0, 2.0], [3.0, 6.0]]) == pytest.approx(1)  # one direction


def test_orthogonal_rows_count_each() -> None:
    assert vendi_score(np.eye(5)) == pytest.approx(5)
    assert vendi_score(5 * np.eye(5, 9)) == pytest.approx(5)
    assert vendi_score(np.repeat(np.eye(3), 4, axis=0)) == pytest.approx(3)


def test_two_rows_at_an_angle() -> None:
    # K / 2 = [[1, c], [c, 1]] / 2 has the eigenvalues (1 + c) / 2 and (1 - c) / 2
    c = 0.6
    shares = (1 + c) / 2, (1 - c) / 2
    expected = math.exp(-sum(p * math.log(p) for p in shares))
    assert vendi_score([[1.0, 0.0], [0.6, 0.8]]) == pytest.approx(expected)


@pytest.mark.parametrize("shape", [(40, 6), (6, 40), (10, 10)])
def test_from_the_whole_similarity_matrix(shape: tuple[int, int]) -> None:
    features = np.random.default_rng(0).normal(size=shape)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    shares = np.linalg.eigvalsh(unit @ unit.T / len(unit))
    shares = shares[shares > 1e-12]
    expected = np.exp(-(shares * np.log(shares)).sum())
    assert vendi_score(features) == pytest.approx(expected, rel=1e-9)
    assert vendi_score(torch.from_numpy(features)) == pytest.approx(expected, rel=1e-9)
    assert vendi_score(features) <= min(shape)


def test_what_has_no_direction() -> None:
    with pytest.raises(ValueError, match="row of zeros"):
        vendi_score([[0.0, 0.0], [1.0, 0.0]])
    with pytest.raises(ValueError, match="finite"):
        vendi_score([[np.nan, 0.0]])
    with pytest.raises(ValueError, match="at least 1 row"):
        vendi_score(np.ones((0, 3)))


class Single(Album):
    """One training image for each class, always the same."""

    def generate(self, latent: LatentValue) -> Tensor:
        return torch.stack([self.pages[c][0] for c in latent.codes[:, 0].long().tolist()])


def test_real_images_are_as_diverse_as_real_images(digits: Dataset) -> None:
    found = evaluate(Album(digits, label=True), digits, seed=0, settings=SETTINGS)
    (score,), (real,) = found.scores, row("real training images", digits, SETTINGS).values()
    assert len(score.parts) == len(real.parts) == 10
    assert np.mean(list(score.parts.values())) == pytest.approx(score.value)
    # drawn with replacement: a little less
    assert 0.85 * real.value < score.value < real.value
    assert score.standard_error is not None
    assert 0 < score.standard_error < 0.1
    assert score.count == real.count  # the score depends on the number of images
    assert "1060 generated, 106 of each class" in score.protocol_text
    assert "1060 training images shown, 106 of each class" in real.protocol_text


def test_one_image_per_class_has_no_diversity(digits: Dataset) -> None:
    (score,) = evaluate(Single(digits, label=True), digits, seed=0, settings=SETTINGS).scores
    assert score.value == pytest.approx(1)
    assert score.standard_error == pytest.approx(0, abs=1e-9)


def test_images_are_counted_within_the_intended_class(digits: Dataset) -> None:
    swapped = [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]
    (score,) = evaluate(
        Album(digits, label=True, shuffle=swapped), digits, seed=0, settings=SETTINGS
    ).scores
    (plain,) = evaluate(Album(digits, label=True), digits, seed=0, settings=SETTINGS).scores
    moved = [score.parts[f"class {swapped[c]}"] for c in range(10)]
    assert moved == pytest.approx([plain.parts[f"class {c}"] for c in range(10)], rel=0.2)


def test_reasons(digits: Dataset) -> None:
    def reason(model: object, dataset: Dataset, settings: Settings) -> str:
        return reasons(evaluate(model, dataset, seed=0, settings=settings))["intra_class_diversity"]

    album = Album(digits, label=True)
    assert reason(Static(), digits, SETTINGS) == "its latent carries no class label"
    few = dataclasses.replace(SETTINGS, samples=100)
    assert reason(album, digits, few) == "needs at least 10 images of each class, not 5"
    keep = digits.train.labels != 3
    train = Split(digits.train.images[keep], digits.train.labels[keep])
    missing = dataclasses.replace(digits, train=train)
    assert reason(album, missing, SETTINGS) == "needs at least 10 images of each class, not 0"
