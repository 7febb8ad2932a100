"""The shipped extractors: their hash, their claims, what they refuse."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from ganbench import data
from ganbench.data.dataset import Dataset
from ganbench.errors import GanbenchError, UserError
from ganbench.evaluate import extractors
from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.extractors import Extractor, for_dataset, get


@pytest.mark.parametrize("name", ["digits-v1", "mnist-v1"])
def test_shipped_files(name: str) -> None:
    extractor = get(name)
    facts = extractor.facts
    assert extractor.identity == f"{name}@{facts['sha256'][:8]}"
    assert facts["test_accuracy"] >= {"digits-v1": 0.98, "mnist-v1": 0.99}[name]
    assert facts["train_images"] + facts["validation_images"] + facts["test_images"] > 1000
    for suffix in ("json", "safetensors"):
        assert (extractors.FOLDER / f"{name}.{suffix}").stat().st_size < 500_000


def test_the_claim_on_digits_is_true(digits: Dataset) -> None:
    extractor = for_dataset("digits")
    right = extractor.logits(digits.test.images).argmax(1) == digits.test.labels
    assert float(right.double().mean()) == pytest.approx(extractor.facts["test_accuracy"])
    assert extractor.facts["dataset_fingerprint"] == digits.fingerprint


@pytest.mark.slow
def test_the_claim_on_mnist_is_true(mnist_root: Path) -> None:
    test = data.load("mnist", mnist_root).test
    extractor = for_dataset("mnist")
    right = extractor.logits(test.images).argmax(1) == test.labels
    assert float(right.double().mean()) == pytest.approx(extractor.facts["test_accuracy"], abs=2e-4)


def test_features_are_standardised_on_the_training_images(digits: Dataset) -> None:
    features = get("digits-v1").features(digits.train.images)
    assert features.shape == (1097, 32)
    assert features.dtype == torch.float32
    assert features.mean(0) == pytest.approx(torch.zeros(32), abs=1e-4)
    assert features.std(0) == pytest.approx(torch.ones(32), abs=1e-4)


def test_batches_do_not_matter(digits: Dataset) -> None:
    extractor = get("digits-v1")
    whole = extractor.features(digits.train.images)
    parts = torch.cat([extractor.features(part) for part in digits.train.images.split(100)])
    assert torch.allclose(whole, parts, atol=1e-4)


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    name = "digits-v1"
    shutil.copy(extractors.FOLDER / f"{name}.safetensors", tmp_path)
    facts = json.loads((extractors.FOLDER / f"{name}.json").read_text())
    weights = bytearray((tmp_path / f"{name}.safetensors").read_bytes())
    Extractor(name, facts, bytes(weights))
    weights[-1] ^= 1
    with pytest.raises(GanbenchError, match="not the published ones"):
        Extractor(name, facts, bytes(weights))


def test_what_is_refused(digits: Dataset) -> None:
    extractor = get("digits-v1")
    with pytest.raises(ValueError, match="reads uint8"):
        extractor.features(digits.test.images.float())
    with pytest.raises(ValueError, match="reads uint8"):
        extractor.features(torch.zeros(2, 1, 28, 28, dtype=torch.uint8))
    with pytest.raises(UserError, match="did you mean 'digits-v1'"):
        get("digit-v1")
    with pytest.raises(Unavailable, match="no extractor for data set faces"):
        for_dataset("faces")


def test_loading_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    get.__wrapped__("digits-v1")
    assert torch.equal(torch.get_rng_state(), before)
