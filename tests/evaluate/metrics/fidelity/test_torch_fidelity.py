"""The whole way from images to numbers, ours against torch-fidelity's own, on the same images.

torch-fidelity is driven by its public call: it reads the images, asks our extractor through
its registry, and computes with its own functions. Nothing of ours but the network is shared.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import torch_fidelity
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset
from torch_fidelity.feature_extractor_base import FeatureExtractorBase
from torch_fidelity.registry import register_feature_extractor

from ganbench import data
from ganbench.data.dataset import Dataset
from ganbench.evaluate.extractors import get
from ganbench.evaluate.metrics.fidelity.fid import fid
from ganbench.evaluate.metrics.fidelity.inception_score import inception_score
from ganbench.evaluate.metrics.fidelity.mmd import kid
from ganbench.evaluate.metrics.fidelity.precision_recall import precision_recall
from ganbench.evaluate.references.real_images import blurred

TOLERANCE = 1e-4


class Bare(TorchDataset[Tensor]):
    """Items that are tensors and nothing else."""

    def __init__(self, images: Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> Tensor:
        return self.images[row]


@cache
def registered(name: str) -> str:
    """One of our extractors as torch-fidelity wants it: a class, not an instance."""

    class Registered(FeatureExtractorBase):
        def __init__(self, name: str, features_list: list[str], **_: Any) -> None:
            super().__init__(name, features_list)
            self.extractor = get(name.removeprefix("ganbench-"))

        @staticmethod
        def get_provided_features_list() -> tuple[str, ...]:
            return ("features", "logits")

        @staticmethod
        def get_default_feature_layer_for_metric(metric: str) -> str:
            return "logits" if metric == "isc" else "features"

        def forward(self, input: Tensor) -> tuple[Tensor, ...]:
            seen = self.extractor.read(input)
            return tuple(getattr(seen, name).double() for name in self.features_list)

    register_feature_extractor(f"ganbench-{name}", Registered)
    return f"ganbench-{name}"


def compare(extractor: str, real: Tensor, generated: Tensor) -> None:
    size = min(len(real), len(generated))
    real, generated = real[:size], generated[:size]  # its KID takes sets of one size
    theirs = torch_fidelity.calculate_metrics(
        input1=Bare(generated),  # since 0.4 the first is the generated one
        input2=Bare(real),
        isc=True,
        fid=True,
        kid=True,
        prc=True,
        isc_splits=1,
        kid_subsets=1,
        kid_subset_size=size,  # the full set
        feature_extractor=registered(extractor),
        cuda=False,
        cache=False,  # it would key on the name alone
        save_cpu_ram=True,
        batch_size=128,
        verbose=False,
    )
    network = get(extractor)
    pair = network.features(real), network.features(generated)
    probabilities = network.logits(generated).double().softmax(1)
    ours = {
        "frechet_inception_distance": fid(*pair),
        "kernel_inception_distance_mean": kid(*pair),
        "precision": precision_recall(*pair).precision,
        "recall": precision_recall(*pair).recall,
        "inception_score_mean": inception_score(probabilities),
    }
    for name, value in ours.items():
        assert value == pytest.approx(theirs[name], rel=TOLERANCE, abs=TOLERANCE), name
    # the sides are not alike, so that a wrong order would show
    assert abs(ours["precision"] - ours["recall"]) > 0.01


@pytest.mark.parametrize("sigma", [0.35, 0.5])
def test_digits(digits: Dataset, sigma: float) -> None:
    compare("digits-v1", digits.test.images, blurred(digits.train.images[:500], sigma))


def test_mnist(mnist_root: Path) -> None:
    mnist = data.load("mnist", mnist_root)
    compare("mnist-v1", mnist.test.images[:1000], blurred(mnist.train.images[:1000], 0.5))


def test_digits_that_repeat(digits: Dataset) -> None:
    once = digits.train.images[:50]
    compare("digits-v1", digits.test.images, torch.cat([once] * 10))
