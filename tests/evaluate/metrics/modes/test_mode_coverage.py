"""Mode coverage by hand and by PacGAN's own arithmetic; in the harness, on points and digits."""

from __future__ import annotations

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ganbench.core.latent import Latent, LatentValue, Noise
from ganbench.data.dataset import Dataset, Mixture, Split
from ganbench.evaluate import references
from ganbench.evaluate.capabilities import RealImages
from ganbench.evaluate.catalogue import METRICS
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.harness import Settings, evaluate
from ganbench.evaluate.metrics.modes.mode_coverage import mode_coverage, stacked_mode_coverage
from tests.evaluate.beside import reasons, row, rows

MEANS = np.array([[0.0, 0], [10, 0], [0, 10]])


def pacgans(samples: np.ndarray, means: np.ndarray, std: float) -> tuple[int, float, float]:
    """Point by point: the nearest mode by scaled distance, counted where it is below 3."""
    counts = [0] * len(means)
    for sample in samples:
        distances = [math.sqrt(sum((sample - mean) ** 2 / std**2)) for mean in means]
        nearest = min(range(len(means)), key=distances.__getitem__)
        counts[nearest] += distances[nearest] < 3
    shares = [count / sum(counts) for count in counts if count]
    entropy = -sum(share * math.log(share) for share in shares)
    return (
        sum(count > 0 for count in counts),
        sum(counts) / len(samples),
        math.log(len(means)) - entropy,
    )


def test_by_hand() -> None:
    near = MEANS[[0, 0, 0, 1]] + [[1, 1], [0, 0], [2, -2], [-2.9, 0]]
    far = [[5.0, 5.0], [3.0, 0.0], [0.0, 6.9]]  # 3 standard deviations are too many
    found = mode_coverage(np.concatenate([near, far]), MEANS, 1)
    assert found.captured == 2
    assert found.high_quality == 4 / 7
    expected = 3 / 4 * np.log(3 / 4 * 3) + 1 / 4 * np.log(1 / 4 * 3)
    assert found.reverse_kl == pytest.approx(expected, rel=1e-12)


def test_pacgans_arithmetic() -> None:
    rng = np.random.default_rng(0)
    for std in (0.05, 0.5, 3.0):
        samples = MEANS[rng.integers(3, size=300)] + rng.normal(0, 1.3 * std, size=(300, 2))
        assert mode_coverage(samples, MEANS, std) == pytest.approx(pacgans(samples, MEANS, std))


def test_nothing_captured_and_everything_on_one_mode() -> None:
    assert mode_coverage([[50.0, 50.0]], MEANS, 1) == (0, 0, math.inf)
    assert mode_coverage([[0.0, 0.0]] * 9, MEANS, 1) == (1, 1, pytest.approx(np.log(3)))
    assert mode_coverage(MEANS, MEANS, 1e-200) == (3, 1, 0)
    assert mode_coverage([[1e200, 0.0]], MEANS, 1e-200).captured == 0


def test_types_and_widths() -> None:
    samples = torch.tensor([[0, 1], [10, 2]], dtype=torch.float16)
    expected = (2, 1, pytest.approx(np.log(3 / 2)))
    assert mode_coverage(samples, torch.from_numpy(MEANS), torch.tensor(1.0)) == expected
    assert mode_coverage([[0], [4]], [[0], [4], [8]], np.array(1.0)) == expected


@pytest.mark.parametrize(
    ("samples", "means", "std", "message"),
    [
        (np.zeros((0, 2)), MEANS, 1, "samples must be .* at least 1 row"),
        (np.full((3, 2), np.nan), MEANS, 1, "samples must be finite"),
        (np.zeros((3, 1)), MEANS, 1, "differ in width: 1 and 2"),
        (np.zeros((3, 2)), MEANS[:0], 1, "means must be"),
        (np.zeros((3, 2)), MEANS, 0, "std must be a positive number"),
        (np.zeros((3, 2)), MEANS, np.nan, "std must be"),
        (np.zeros((3, 2)), MEANS, np.ones(3), "std must be"),
    ],
)
def test_what_is_refused(samples: np.ndarray, means: np.ndarray, std: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mode_coverage(samples, means, std)


def test_stacked_digits_by_hand() -> None:
    everything = np.stack(np.meshgrid(*[np.arange(10)] * 3), -1).reshape(-1, 3)
    assert stacked_mode_coverage(everything) == (1000, pytest.approx(0, abs=1e-12))
    found = stacked_mode_coverage(torch.tensor([[0, 0, 7], [0, 7, 0], [0, 7, 0], [7, 0, 0]]))
    expected = sum(share * np.log(share * 1000) for share in (1 / 4, 1 / 2, 1 / 4))
    assert found == (3, pytest.approx(expected, rel=1e-12))
    assert stacked_mode_coverage([[9.0, 9.0, 9.0]]) == (1, pytest.approx(np.log(1000)))


def test_the_floor_of_perfect_draws() -> None:
    draws = np.random.default_rng(0).integers(10, size=(26_000, 3))
    found = stacked_mode_coverage(draws)
    assert found == (1000, pytest.approx(999 / 52_000, rel=0.1))


@pytest.mark.parametrize(
    "digits", [np.zeros((0, 3)), np.zeros((5, 2)), [[0, 0, 10]], [[0, -1, 0]], [[0, 0.5, 0]]]
)
def test_what_is_no_digit(digits: np.ndarray) -> None:
    with pytest.raises(ValueError, match="digits must be"):
        stacked_mode_coverage(digits)


@pytest.fixture(scope="module")
def plane() -> Dataset:
    """Three modes far from the origin's unit, stored in units of 20."""
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    points = torch.from_numpy((MEANS[labels] + rng.normal(size=(300, 2))) / 20).float()
    split = Split(points, torch.from_numpy(labels))
    return Dataset("plane", 3, split, split, split, mixture=Mixture(MEANS, 1.0, 20.0))


class Dots(nn.Module):
    """Generates points around some of the modes, in stored units."""

    def __init__(self, means: np.ndarray, std: float = 1.0) -> None:
        super().__init__()
        self.latent = Latent(Noise(3))
        self.means = torch.from_numpy(means).float()
        self.std = std

    def generate(self, latent: LatentValue) -> Tensor:
        noise = self.latent.noise_of(latent)
        which = (torch.special.ndtr(noise[:, 0]) * len(self.means)).long()
        return (self.means[which] + self.std * noise[:, 1:]) / 20


MODES = Settings(samples=500, metrics=("modes",))


def test_points_in_the_harness(plane: Dataset) -> None:
    found = evaluate(Dots(MEANS[:2]), plane, seed=0, settings=MODES)
    scores = {score.metric: score for score in found.scores}
    assert scores["modes_captured"].value == 2
    assert scores["high_quality"].value == pytest.approx(1 - np.exp(-4.5), abs=0.02)
    assert scores["reverse_kl"].value == pytest.approx(np.log(3 / 2), abs=0.01)
    assert scores["reverse_kl"].protocol_text.startswith(
        "500 generated, 3 modes, high quality within 3 std"
    )
    assert all(score.standard_error is not None for score in found.scores)
    assert scores["modes_captured"].standard_error == 0
    beside = rows(plane, MODES)
    assert beside[references.POINTS, "modes_captured"].value == 3
    assert beside[references.POINTS, "reverse_kl"].value == pytest.approx(0, abs=1e-3)
    assert {name for name, _ in beside} == {references.POINTS}
    assert reasons(found).keys() == {"stacked_modes_captured", "stacked_modes_kl"}


def test_no_point_near_a_mode(plane: Dataset) -> None:
    found = evaluate(Dots(MEANS + 100), plane, seed=0, settings=MODES)
    assert {score.metric: score.value for score in found.scores} == {
        "modes_captured": 0,
        "high_quality": 0,
    }
    reason = "no point is within 3 standard deviations of a mode"
    assert reasons(found)["reverse_kl"] == reason


def test_images_have_no_modes_and_points_no_features(digits: Dataset, plane: Dataset) -> None:
    found = evaluate(Dots(MEANS), digits, seed=0, settings=MODES)
    why = reasons(found)
    assert why["modes_captured"] == "only for points of a known mixture"
    assert why["stacked_modes_kl"] == "only for stacked_mnist"
    named = dataclasses.replace(MODES, metrics=("kid", "precision", "inception_score"))
    found = evaluate(Dots(MEANS), plane, seed=0, settings=named)
    assert all("these are points" in reason for reason in reasons(found).values())
    assert len(found.skipped) == 3


def test_the_share_is_of_points_in_published_units(plane: Dataset) -> None:
    stored = torch.from_numpy(MEANS / 20).float()
    shown = RealImages(stored, torch.zeros(3, dtype=torch.int64), "held-out", None)
    evidence = Evidence(SimpleNamespace(shown_real_images=lambda: shown), plane, MODES, seed=0)
    names = ("modes_captured", "high_quality", "reverse_kl")
    assert {name: METRICS[name].measure(evidence).value for name in names} == {
        "modes_captured": 3,
        "high_quality": 1,
        "reverse_kl": 0,
    }


class Stacks(nn.Module):
    """Repeats given images of three channels."""

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self.latent = Latent(Noise(1))
        self.images = images.float() / 127.5 - 1

    def generate(self, latent: LatentValue) -> Tensor:
        return self.images[torch.arange(len(latent)) % len(self.images)]


def test_stacked_digits_in_the_harness(mnist_root: object) -> None:
    from ganbench import data

    mnist = data.load("mnist", mnist_root).test
    tidy = torch.stack([mnist.images[mnist.labels == digit][:20, 0] for digit in range(10)])
    triples = [(0, 1, 2), (0, 1, 2), (3, 3, 3), (9, 8, 7)]
    images = torch.cat(
        [torch.stack([tidy[digit] for digit in triple], 1) for triple in triples]
    )  # (80, 3, 28, 28)
    split = Split(images, torch.zeros(len(images), dtype=torch.int64))
    stacked = Dataset("stacked_mnist", 1000, split, split, split)
    settings = Settings(samples=160, metrics=("stacked_modes_captured", "stacked_modes_kl"))
    found = evaluate(Stacks(images[:40]), stacked, seed=0, settings=settings)
    scores = {score.metric: score for score in found.scores}
    assert scores["stacked_modes_captured"].value < 6  # one triple, read by a classifier
    assert scores["stacked_modes_kl"].value == pytest.approx(np.log(1000), abs=0.5)
    said = scores["stacked_modes_kl"].protocol_text
    assert said.startswith("mnist-v1@")
    assert "reads each channel, 160 generated, uint8" in said
    beside = row(references.HELD_OUT, stacked, settings)
    assert 3 <= beside["stacked_modes_captured"].value < 9
    assert beside["stacked_modes_captured"].count == 80
