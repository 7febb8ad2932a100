"""What is kept of real images: read once, the same bits with and without it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ganbench.core import cache
from ganbench.core.score import Score
from ganbench.data.dataset import Dataset
from ganbench.evaluate import evidence, extractors, real_features, references
from ganbench.evaluate.extractors import Read, Shipped
from ganbench.evaluate.harness import Evaluation, Settings, evaluate
from tests.evaluate.fakes import Album

METRICS = ("fid", "conditional_accuracy", "classification_accuracy_score", "cluster_accuracy")
SMALL = Settings(samples=2000, classifier_steps=5, metrics=METRICS)


class Counting(Shipped):
    """The extractor of digits, which counts how often it reads each set of images."""

    def read(self, images: Tensor) -> Read:
        self.reads[hash(images.numpy().tobytes())] += 1
        return super().read(images)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counter[int]:
    extractor = Counting.load("digits-v1")
    extractor.reads = reads = Counter[int]()
    monkeypatch.setattr(extractors, "_made", lambda *_: extractor)
    return reads


def measured(model: Album, digits: Dataset, settings: Settings) -> list[Evaluation]:
    """The model's evaluation and the references'."""
    beside = references.measure(digits, "test", settings)
    return [evaluate(model, digits, seed=0, settings=settings), *(row for _, row in beside)]


def stripped(found: list[Evaluation]) -> list[Score]:
    """Scores without the seconds that they took."""
    untimed = {"seconds": 0.0}
    return [score.model_copy(update=untimed) for each in found for score in each.scores]


@pytest.mark.usefixtures("forgotten")
def test_each_image_set_is_read_once(digits: Dataset, counting: Counter[int]) -> None:
    model = Album(digits, label=True)
    metrics = (*METRICS, "intra_class_diversity", "memorisation_ratio", "feature_js")
    settings = dataclasses.replace(SMALL, metrics=metrics)
    found = evaluate(model, digits, seed=0, settings=settings)
    assert {score.metric for score in found.scores} == set(metrics)
    names = {name for name, _ in references.measure(digits, "test", settings)}
    assert references.BLURRED in names
    # training, held-out, generated and blurred images
    assert len(counting) == 4
    assert set(counting.values()) == {1}
    evaluate(model, digits, seed=1, settings=settings)
    assert len(counting) == 5  # other generated images; of the real ones nothing is new
    assert set(counting.values()) == {1}


def test_the_same_bits_with_and_without(
    digits: Dataset, forgotten: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Album(digits, label=True)
    without = measured(model, digits, SMALL)
    forgotten()
    monkeypatch.setattr(cache, "SLOW", 0.0)
    writing = measured(model, digits, SMALL)
    files = sorted(path.name.partition("-")[0] for path in made())
    rows = len(references.measure(digits, "test", SMALL))
    assert rows == 4
    assert files == ["features"] * 2 + ["reference"] * rows
    real_features._reads.clear()
    monkeypatch.setattr(Shipped, "look", None)  # nothing real is read by a network again
    found = [row.scores for _, row in references.measure(digits, "test", SMALL)]
    assert found == [row.scores for row in writing[1:]]  # the seconds of the first time too
    monkeypatch.undo()
    reading = measured(model, digits, SMALL)
    assert stripped(without) == stripped(writing) == stripped(reading)


def made() -> list[Path]:
    return list((cache.folder() / "made").glob("*"))


def test_a_damaged_file_changes_nothing(
    digits: Dataset, forgotten: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "SLOW", 0.0)

    def values() -> list[tuple[str, str, float, float | None]]:
        found = references.measure(digits, "test", SMALL)
        return [(n, s.metric, s.value, s.standard_error) for n, row in found for s in row.scores]

    first = values()
    for path in made():
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    real_features._reads.clear()
    assert values() == first


def key_of(digits: Dataset, **changes: object) -> str:
    """The name under which features are kept."""
    real_features._reads.clear()
    extractor = changes.pop("extractor", Shipped.load("digits-v1"))
    assert isinstance(extractor, Shipped)
    arguments = {"dataset": digits, "name": "test", "limit": 10_000} | changes
    real_features.read(extractor, images=digits.test, **arguments)  # type: ignore[arg-type]
    (key,) = real_features._reads
    return key


@pytest.mark.usefixtures("forgotten")
def test_what_the_features_are_kept_by(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    base = key_of(digits)
    assert key_of(digits) == base
    assert key_of(dataclasses.replace(digits, name="a copy")) == base
    other = Shipped.load("digits-v1")
    other.identity = "digits-v1@00000000"
    keys = {
        base,
        key_of(digits, name="validation"),
        key_of(digits, limit=50),
        key_of(digits, dataset=dataclasses.replace(digits, train=digits.validation)),
        key_of(digits, extractor=other),
    }
    monkeypatch.setattr(real_features, "VERSION", real_features.VERSION + 1)
    keys.add(key_of(digits))
    monkeypatch.undo()
    monkeypatch.setattr(real_features, "version", lambda name: "0")
    keys.add(key_of(digits))
    assert len(keys) == 7


@pytest.mark.usefixtures("forgotten")
def test_memory_is_bounded(digits: Dataset) -> None:
    extractor = Shipped.load("digits-v1")
    for limit in range(1, 10):
        real_features.read(extractor, digits, "test", evidence.choose(digits.test, limit), limit)
    assert len(real_features._reads) == real_features.KEPT
    assert [len(read.features) for read in real_features._reads.values()] == [6, 7, 8, 9]


@pytest.mark.usefixtures("forgotten")
def test_without_logits_too(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Read(torch.rand(3, 2), torch.rand(3, 4).T.contiguous().T)
    assert all(
        torch.equal(a, b)
        for a, b in zip(real_features._unpacked(real_features._packed(pair)), pair, strict=True)
    )
    alone = real_features._unpacked(real_features._packed(pair._replace(logits=None)))
    assert alone.logits is None
    assert torch.equal(alone.features, pair.features)
