"""The shipped extractors, which extractor a name or a data set means, and what is refused."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import torch

from ganbench import data
from ganbench.core.errors import GanbenchError, UserError
from ganbench.data.dataset import Dataset
from ganbench.evaluate import extractor_table, extractors
from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.catalogue import METRICS
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.extractors import Shipped, get, identity
from ganbench.evaluate.harness import Settings, evaluate
from tests.evaluate.beside import reasons, rows
from tests.evaluate.fakes import Album


@pytest.mark.parametrize("name", ["digits-v1", "mnist-v1"])
def test_shipped_files(name: str) -> None:
    extractor = Shipped.load(name)
    facts = extractor.facts
    assert extractor.identity == f"{name}@{facts['sha256'][:8]}" == identity(name, "")
    assert facts["features"] == extractor_table.KNOWN[name].features
    assert facts["test_accuracy"] >= {"digits-v1": 0.98, "mnist-v1": 0.99}[name]
    assert facts["train_images"] + facts["validation_images"] + facts["test_images"] > 1000
    for suffix in ("json", "safetensors"):
        assert (extractors.FOLDER / f"{name}.{suffix}").stat().st_size < 500_000


def test_the_claim_on_digits_is_true(digits: Dataset) -> None:
    extractor = Shipped.load("digits-v1")
    right = extractor.logits(digits.test.images).argmax(1) == digits.test.labels
    assert float(right.double().mean()) == pytest.approx(extractor.facts["test_accuracy"])
    assert extractor.facts["dataset_fingerprint"] == digits.fingerprint
    assert get(digits.extractor).identity == extractor.identity


@pytest.mark.slow
def test_the_claim_on_mnist_is_true(mnist_root: Path) -> None:
    test = data.load("mnist", mnist_root).test
    extractor = Shipped.load("mnist-v1")
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


def test_its_classifier_can_be_attacked(digits: Dataset) -> None:
    extractor = Shipped.load("digits-v1")
    images = (digits.test.images[:5].float() * (2 / 255) - 1).requires_grad_()
    logits = extractor.classify(images)
    assert torch.allclose(logits, extractor.logits(digits.test.images[:5]), atol=1e-4)
    logits.sum().backward()
    assert images.grad is not None
    assert bool(images.grad.any())


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    name = "digits-v1"
    shutil.copy(extractors.FOLDER / f"{name}.safetensors", tmp_path)
    facts = json.loads((extractors.FOLDER / f"{name}.json").read_text())
    weights = bytearray((tmp_path / f"{name}.safetensors").read_bytes())
    Shipped(name, facts, bytes(weights))
    weights[-1] ^= 1
    with pytest.raises(GanbenchError, match="not the published ones"):
        Shipped(name, facts, bytes(weights))


@pytest.mark.parametrize(
    "images",
    [
        torch.zeros(2, 1, 8, 8),
        torch.zeros(2, 1, 28, 28, dtype=torch.uint8),
        torch.zeros(2, 3, 8, 8, dtype=torch.uint8),
        torch.zeros(2, 2),
    ],
    ids=["floats", "another size", "colour", "points"],
)
def test_images_that_it_does_not_read(images: torch.Tensor) -> None:
    with pytest.raises(Unavailable, match=r"digits-v1 reads uint8 images of shape \(1, 8, 8\)"):
        get("digits-v1").read(images)


def test_unknown_names() -> None:
    with pytest.raises(UserError, match="did you mean 'digits-v1'") as caught:
        get("digit-v1")
    for name in ("clip", "dinov2", "digits-v1", "file:PATH", "inception", "mnist-v1"):
        assert name in str(caught.value)
    with pytest.raises(UserError, match="did you mean 'inception'"):
        Settings(extractor="incepton").check()
    Settings(extractor="inception").check()
    Settings(extractor="inception", metrics=("cmmd",)).check()


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        ("digits", "digits-v1"),
        ("mnist", "mnist-v1"),
        ("cifar10", "inception"),
        ("kmnist", "inception"),
        ("folder:/some/where", "inception"),
        ("npz:a.npz", "inception"),
        ("stacked_mnist", None),
        ("ring", None),
        ("sprites:size=32", None),
    ],
)
def test_the_default_of_a_data_set(dataset: str, name: str | None) -> None:
    default = data.source(dataset).extractor
    assert extractor_table.chosen(None, default) == name
    assert extractor_table.chosen("clip", default) == "clip"
    if name is None:
        with pytest.raises(Unavailable, match="has no extractor of its own, name one"):
            extractors.find(None, default)


def test_loading_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    Shipped.load("digits-v1")
    assert torch.equal(torch.get_rng_state(), before)


def test_classes_are_read_only_by_who_was_trained_on_them(digits: Dataset) -> None:
    twin = dataclasses.replace(digits, name="other_digits")  # ten classes, but which?
    evidence = Evidence(Album(digits, label=True), twin, Settings(extractor="digits-v1"), 0)
    with pytest.raises(Unavailable, match="does not know the 10 classes of other_digits"):
        evidence.classes_of(evidence.held_out_logits)
    evidence = Evidence(None, digits, Settings(), 0)
    right = evidence.classes_of(evidence.held_out_logits) == digits.test.labels
    assert float(right.double().mean()) > 0.98


def test_an_extractor_for_other_images_ends_nothing(digits: Dataset) -> None:
    settings = Settings(extractor="mnist-v1", metrics=("fid", "cluster_accuracy"))
    found = evaluate(Album(digits), digits, seed=0, settings=settings)
    assert [score.metric for score in found.scores] == ["cluster_accuracy"]
    ((metric, reason),) = reasons(found).items()
    assert metric == "fid"
    assert "mnist-v1 reads uint8 images of shape (1, 28, 28)" in reason
    assert "\n" not in reason
    assert not any(metric == "fid" for _, metric in rows(digits, settings))


def test_a_name_that_is_the_default_is_no_other_protocol(digits: Dataset) -> None:
    spec = METRICS["fid"]
    default = Settings().key(spec, digits)
    assert Settings(extractor="digits-v1").key(spec, digits) == default
    assert Settings(extractor="mnist-v1").key(spec, digits) != default
