"""Jensen-Shannon distances: hand-computed, against SciPy, and growing with the damage."""

from __future__ import annotations

import dataclasses
import math
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from torch import Tensor

from ganbench.data.dataset import Dataset, Split, as_stored, to_unit_range
from ganbench.evaluate.capabilities import RealImages, Unavailable
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.harness import Settings, evaluate
from ganbench.evaluate.metrics.fidelity.jensen_shannon import (
    jensen_shannon,
    measure_feature_js,
    measure_pixel_js,
)
from ganbench.evaluate.metrics.robustness.attacks import blur
from ganbench.evaluate.sample_counts import FEWEST
from tests.evaluate.beside import rows
from tests.evaluate.fakes import Album

HALF = math.sqrt(0.811278124459133 - 0.5)
"""(1/2, 1/2) against (1, 0): the root of H(3/4, 1/4) - H(1/2, 1/2) / 2, in bits."""


def column(*values: float) -> np.ndarray:
    return np.array(values)[:, None]


def test_by_hand() -> None:
    edges = [0, 1, 2]
    assert jensen_shannon(column(0.5, 1.5), column(1.5, 0.5, 0.5, 1.5), edges) == 0
    assert jensen_shannon(column(0.5), column(1.5), edges) == 1
    assert jensen_shannon(column(0.5, 1.5), column(0.1, 0.2, 0.3), edges) == pytest.approx(HALF)


def test_the_mean_over_columns_each_with_its_edges() -> None:
    real, generated = np.array([[0.5, 10], [1.5, 10]]), np.array([[0.1, 10], [0.2, 10]])
    assert jensen_shannon(real, generated, [[0, 1, 2], [0, 5, 20]]) == pytest.approx(HALF / 2)


def test_bins_hold_their_left_edge_and_the_outer_ones_are_open() -> None:
    edges = [0, 1, 2]
    assert jensen_shannon(column(1.0), column(1.5), edges) == 0
    assert jensen_shannon(column(1.0), column(0.999), edges) == 1
    assert jensen_shannon(column(-1e9, 1e9), column(0.0, 2.0), edges) == 0


def test_it_is_scipys() -> None:
    rng = np.random.default_rng(0)
    real, generated = rng.normal(size=(300, 1)), rng.normal(0.3, 2, size=(500, 1))
    edges = np.linspace(-8, 8, 12)
    counts = [np.histogram(part, edges)[0] for part in (real, generated)]
    expected = jensenshannon(*counts, base=2)
    assert jensen_shannon(real, generated, edges) == pytest.approx(expected, rel=1e-12)
    tensors = torch.from_numpy(real), torch.from_numpy(generated)
    assert jensen_shannon(*tensors, edges) == pytest.approx(expected, rel=1e-12)


def test_nearly_equal_histograms_are_no_nan() -> None:
    rng = np.random.default_rng(0)
    for n in range(2, 200):
        values = rng.integers(7, size=(n, 3))
        repeated = np.concatenate([values] * 3)  # the same shares, rounded otherwise
        assert jensen_shannon(values, repeated, np.arange(8)) < 1e-7


def test_a_constant_feature_has_a_histogram() -> None:
    same = np.full((4, 1), 2.0)
    assert jensen_shannon(same, same, [2.0, 2.0, 2.0]) == 0
    assert jensen_shannon(same, same - 1, [2.0, 2.0, 2.0]) == 1


def test_what_cannot_be_counted() -> None:
    good, edges = np.zeros((3, 2)), [0.0, 1.0]
    with pytest.raises(ValueError, match="finite"):
        jensen_shannon(good, np.full((3, 2), np.nan), edges)
    with pytest.raises(ValueError, match="width"):
        jensen_shannon(good, np.zeros((3, 3)), edges)
    with pytest.raises(ValueError, match="at least 1 row"):
        jensen_shannon(good, np.zeros((0, 2)), edges)
    for wrong in ([1.0, 0.0], [1.0]):
        with pytest.raises(ValueError, match="edges must ascend"):
            jensen_shannon(good, good, wrong)


@pytest.fixture(scope="module")
def evidence(digits: Dataset) -> Evidence:
    return Evidence(None, digits, Settings(), seed=0)


def both(evidence: Evidence, images: Tensor) -> tuple[float, float]:
    return pixels(evidence, images), measure_feature_js(showing(evidence, images)).value


def showing(evidence: Evidence, images: Tensor) -> Evidence:
    """The evidence of what shows these images, of the same data."""
    images = torch.cat([images] * math.ceil(FEWEST / len(images)))  # the same histograms
    labels = torch.zeros(len(images), dtype=torch.int64)
    shown = RealImages(images, labels, "held-out", None)
    model = SimpleNamespace(shown_real_images=lambda: shown)
    return Evidence(model, evidence.dataset, evidence.settings, seed=0)


def pixels(evidence: Evidence, images: Tensor) -> float:
    return measure_pixel_js(showing(evidence, images)).value


def test_noise_and_blur_move_both(evidence: Evidence) -> None:
    images = to_unit_range(evidence.held_out.images)
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    noisy = [both(evidence, as_stored(images + sigma * noise)) for sigma in (0, 0.1, 0.2, 0.4)]
    smooth = [both(evidence, as_stored(blur(images, sigma))) for sigma in (0, 0.5, 0.8)]
    for ladder in (noisy, smooth):
        for less, more in pairwise(ladder):
            assert less[0] < more[0]
            assert less[1] < more[1]


def test_missing_classes_move_the_features(evidence: Evidence) -> None:
    images, labels = evidence.held_out.images, evidence.held_out.labels
    ladder = [both(evidence, images[labels >= dropped])[1] for dropped in (0, 1, 5, 9)]
    assert ladder == sorted(ladder)
    assert ladder[-1] > 2 * ladder[0]


def test_the_mean_over_channels(digits: Dataset) -> None:
    def coloured(split: Split) -> Split:
        return Split(split.images.expand(-1, 3, -1, -1).contiguous(), split.labels)

    parts = {name: coloured(getattr(digits, name)) for name in ("train", "validation", "test")}
    colour = Evidence(None, dataclasses.replace(digits, **parts), Settings(), seed=0)
    grey = Evidence(None, digits, Settings(), seed=0)
    plain = pixels(grey, grey.held_out.images)
    assert pixels(colour, colour.held_out.images) == pytest.approx(plain)
    black = colour.held_out.images.clone()
    black[:, 0] = 0
    one_black = grey.held_out.images.clone() * 0
    expected = (2 * plain + pixels(grey, one_black)) / 3
    assert pixels(colour, black) == pytest.approx(expected)


def test_points_have_no_pixels(digits: Dataset) -> None:
    points = Split(torch.zeros(20, 2), torch.zeros(20, dtype=torch.int64))
    plane = Dataset("plane", 0, points, points, points)
    with pytest.raises(Unavailable, match="points have no pixels"):
        pixels(Evidence(None, plane, Settings(), seed=0), points.images)


def test_in_the_harness(digits: Dataset) -> None:
    settings = Settings(samples=2000, metrics=("pixel_js", "feature_js"))
    found = evaluate(Album(digits), digits, seed=0, settings=settings)
    beside = rows(digits, settings)
    for score in found.scores:
        floor, blurred = (
            beside[name, score.metric]
            for name in ("real images, held out", "real images, blurred (sigma 0.5)")
        )
        assert score.value < 2 * floor.value < blurred.value
        assert score.standard_error is not None
        assert 0 < score.standard_error < 0.02
