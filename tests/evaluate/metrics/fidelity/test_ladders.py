"""Real images, damaged step by step: what each fidelity metric sees, and what it does not.

`SEES` is the table; docs/metrics.md repeats it. Where a metric sees a damage it must get worse
at every step. Where it does not, the test says what it does instead.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from ganbench import data
from ganbench.data.dataset import Dataset, to_uint8, to_unit_range
from ganbench.evaluate.catalogue import METRICS
from ganbench.evaluate.extractors import Extractor, get
from ganbench.evaluate.metrics.fidelity.fid import fid
from ganbench.evaluate.metrics.fidelity.inception_score import inception_score
from ganbench.evaluate.metrics.fidelity.mmd import kid
from ganbench.evaluate.metrics.fidelity.precision_recall import density_coverage, precision_recall
from ganbench.evaluate.references.real_images import blurred

NOISE = (0.0, 0.1, 0.2, 0.4)
"""Standard deviation, of images in [-1, 1]."""
BLUR = (0.0, 0.5, 0.8)
"""Standard deviation in pixels."""
FIELDS = "images", "labels"
DROPPED = (0, 1, 5, 9)
"""Classes that are left out."""

SEES = {
    "fid": {"noise", "blur", "dropped"},
    "kid": {"noise", "blur", "dropped"},
    "inception_score": {"noise", "blur", "dropped"},
    "precision": {"noise", "blur"},  # what is left looks as real as before
    "recall": {"blur", "dropped"},  # noise scatters images, which widens their balls
    "density": {"noise", "blur"},  # as precision
    "coverage": {"noise", "blur", "dropped"},
}


class Case(NamedTuple):
    """Real images that are referred to, and others, with their labels, that are damaged."""

    extractor: Extractor
    real: Tensor
    images: Tensor
    labels: Tensor


@pytest.fixture(scope="module", params=["digits", "mnist"])
def case(request: pytest.FixtureRequest, digits: Dataset) -> Case:
    if request.param == "digits":
        parts = digits.test, digits.validation
        images, labels = (torch.cat([getattr(p, name) for p in parts]) for name in FIELDS)
        return Case(get("digits-v1"), digits.train.images, images, labels)
    root: Path = request.getfixturevalue("mnist_root")
    mnist = data.load("mnist", root)
    some = mnist.train[2000:3000]  # the first test images are easier than the rest
    return Case(get("mnist-v1"), mnist.train[:2000].images, some.images, some.labels)


def noisy(images: Tensor, sigma: float) -> Tensor:
    rng = torch.Generator().manual_seed(0)
    noise = torch.randn(images.shape, generator=rng)
    return to_uint8(to_unit_range(images) + sigma * noise)


def measured(case: Case, images: Tensor) -> dict[str, float]:
    real, seen = case.extractor.features(case.real), case.extractor.read(images)
    assert seen.logits is not None
    return {
        "fid": fid(real, seen.features),
        "kid": kid(real, seen.features),
        "inception_score": inception_score(seen.logits.double().softmax(1)),
        **precision_recall(real, seen.features)._asdict(),
        **density_coverage(real, seen.features)._asdict(),
    }


@pytest.fixture(scope="module")
def ladders(case: Case) -> dict[str, dict[str, list[float]]]:
    """damage -> metric -> its values, one per step."""
    few = case.images[:500]
    steps = {
        "noise": [noisy(few, sigma) for sigma in NOISE],
        "blur": [blurred(few, sigma) if sigma else few for sigma in BLUR],
        # all of the others: the same number of each class that is left
        "dropped": [case.images[case.labels >= count] for count in DROPPED],
    }
    found = {
        damage: [measured(case, images) for images in rungs] for damage, rungs in steps.items()
    }
    return {
        damage: {name: [rung[name] for rung in rungs] for name in SEES}
        for damage, rungs in found.items()
    }


def losses(name: str, values: list[float]) -> list[float]:
    """How much worse the metric gets at each step."""
    sign = 1 if METRICS[name].better == "lower" else -1
    return [sign * (after - before) for before, after in pairwise(values)]


@pytest.mark.parametrize(
    ("name", "damage"), [(name, damage) for name, seen in SEES.items() for damage in sorted(seen)]
)
def test_it_gets_worse_at_every_step(
    ladders: dict[str, dict[str, list[float]]], name: str, damage: str
) -> None:
    values = ladders[damage][name]
    assert all(loss > 0 for loss in losses(name, values)), values


@pytest.mark.parametrize("name", ["precision", "density"])
def test_dropped_classes_are_not_seen(
    ladders: dict[str, dict[str, list[float]]], name: str
) -> None:
    values = ladders["dropped"][name]
    assert all(value > 0.85 * values[0] for value in values), values


def test_recall_sees_strong_noise_alone(ladders: dict[str, dict[str, list[float]]]) -> None:
    values = ladders["noise"]["recall"]
    assert all(value < values[0] + 0.02 for value in values), values
    assert values[-1] < values[0] - 0.03, values


def test_the_table_is_of_metrics_that_there_are() -> None:
    assert set(SEES) < set(METRICS)
