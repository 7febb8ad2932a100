"""FID against the textbook, against torch-fidelity's own pipeline, and against common sense."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch_fidelity
from scipy.linalg import sqrtm
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset
from torch_fidelity.feature_extractor_base import FeatureExtractorBase
from torch_fidelity.registry import register_feature_extractor

from ganbench.data.dataset import Dataset
from ganbench.evaluate.extractors import get
from ganbench.evaluate.metrics import fid
from ganbench.evaluate.references import blurred

NAME = "ganbench-digits-v1"


def textbook(real: np.ndarray, generated: np.ndarray) -> float:
    mu = real.mean(0) - generated.mean(0)
    a, b = np.cov(real, rowvar=False), np.cov(generated, rowvar=False)
    return float(mu @ mu + np.trace(a + b - 2 * np.real(sqrtm(a @ b))))


def clouds(n: int = 200, d: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(d, d))
    return rng.normal(size=(n, d)), rng.normal(0.3, 1, size=(n, d)) @ mix


def test_the_textbook_formula() -> None:
    real, generated = clouds()
    assert fid(real, generated) == pytest.approx(textbook(real, generated), abs=1e-6)


def test_a_shift_by_hand() -> None:
    real, _ = clouds()
    assert fid(real, real + np.array([3, 4, 0, 0, 0, 0])) == pytest.approx(25, abs=1e-6)


def test_a_stretch_by_hand() -> None:
    x = np.array([[-1.0], [1.0]]) / np.sqrt(2)  # variance 1 with n - 1
    assert fid(x, 3 * x) == pytest.approx((3 - 1) ** 2)


def test_identical_sets() -> None:
    real, _ = clouds()
    assert fid(real, real) == pytest.approx(0, abs=1e-9)
    assert fid(real, real) >= 0


def test_fewer_images_than_features() -> None:
    real, generated = clouds(n=20, d=40)
    found = fid(real, generated)
    assert np.isfinite(found)
    assert found > 0
    assert fid(real, real) == pytest.approx(0, abs=1e-4)


def test_float32_tensors_are_computed_in_float64() -> None:
    real, generated = (torch.from_numpy(x).float() for x in clouds())
    assert fid(real, generated) == fid(real.double(), generated.double())


@pytest.mark.parametrize(
    ("real", "generated", "message"),
    [
        (np.zeros((1, 2)), np.zeros((5, 2)), "at least 2 rows"),
        (np.zeros(5), np.zeros(5), "at least 2 rows"),
        (np.ones((5, 2)), np.ones((5, 3)), "differ in width"),
        (np.ones((5, 2)), np.full((5, 2), np.nan), "finite"),
    ],
)
def test_what_is_refused(real: np.ndarray, generated: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fid(real, generated)


class Registered(FeatureExtractorBase):
    """digits-v1 as torch-fidelity wants it: a class, not an instance."""

    def __init__(self, name: str, features_list: list[str], **_: Any) -> None:
        super().__init__(name, features_list)
        self.extractor = get("digits-v1")

    @staticmethod
    def get_provided_features_list() -> tuple[str, ...]:
        return ("32",)

    @staticmethod
    def get_default_feature_layer_for_metric(metric: str) -> str:
        return "32"

    def forward(self, input: Tensor) -> tuple[Tensor]:
        return (self.extractor.features(input).double(),)


class Bare(TorchDataset[Tensor]):
    """Items that are tensors and nothing else."""

    def __init__(self, images: Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> Tensor:
        return self.images[row]


def test_torch_fidelitys_own_pipeline(digits: Dataset) -> None:
    generated = blurred(digits.train.images[:700], 0.4)
    register_feature_extractor(NAME, Registered)
    theirs = torch_fidelity.calculate_metrics(
        input1=Bare(generated),
        input2=Bare(digits.test.images),
        fid=True,
        feature_extractor=NAME,
        cuda=False,
        cache=False,  # it would key on the name alone
        save_cpu_ram=True,
        batch_size=128,
        verbose=False,
    )["frechet_inception_distance"]
    extractor = get("digits-v1")
    ours = fid(extractor.features(digits.test.images), extractor.features(generated))
    assert ours == pytest.approx(theirs, abs=1e-6)


def test_blur_raises_it_step_by_step(digits: Dataset) -> None:
    extractor = get("digits-v1")
    real = extractor.features(digits.train.images)
    ladder = [
        fid(real, extractor.features(blurred(digits.test.images, sigma)))
        for sigma in (0.0, 0.35, 0.5, 0.75, 1.0)
    ]
    assert ladder == sorted(ladder)
    assert ladder[0] < 0.5 < 5 < ladder[2]
