"""What a model says of real images: its classes, its categories, its codes' clusters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from torch import Tensor, nn

from ganbench.core.latent import Latent, LatentValue, Normal
from ganbench.data.dataset import Dataset
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.harness import Settings, evaluate
from ganbench.evaluate.metrics.classification import cluster_accuracy
from tests.evaluate.beside import reasons, row, values
from tests.evaluate.fakes import Album
from tests.evaluate.test_harness import FAST


class Labeller(nn.Module):
    """A classifier alone, wrong on every image of class 9."""

    def __init__(self, album: Album) -> None:
        super().__init__()
        self.album = album

    def generate(self, latent: LatentValue) -> Tensor:
        raise NotImplementedError

    def classify(self, images: Tensor) -> Tensor:
        return torch.eye(10)[self.album.classes_of(images) % 9]


def test_the_error_of_a_classifier_without_a_generator(digits: Dataset) -> None:
    found = evaluate(Labeller(Album(digits)), digits, seed=0, settings=FAST)
    (score,) = found.scores
    nines = int((digits.test.labels == 9).sum())
    p = nines / 500
    assert (score.metric, score.better, score.count) == ("test_error", "lower", 500)
    assert score.value == pytest.approx(p)
    assert score.standard_error == pytest.approx(np.sqrt(p * (1 - p) / 500))
    assert score.protocol_text.startswith("classes by classify(), 500 held-out real images")
    assert reasons(found)["fid"] == "no latent"
    beside = row("real training images", digits, FAST)
    right = beside["classification_accuracy_score"]
    assert beside["test_error"].value == pytest.approx(1 - right.value)
    assert beside["test_error"].standard_error == pytest.approx(right.standard_error)


def test_categories_come_from_cluster_where_there_is_one(digits: Dataset) -> None:
    class Groups(Labeller):
        """No latent code: the model itself groups images, into 7 + class."""

        def cluster(self, images: Tensor) -> Tensor:
            return self.album.classes_of(images) + 7

    found = evaluate(Groups(Album(digits)), digits, seed=0, settings=FAST)
    scores = {score.metric: score for score in found.scores}
    assert [scores[name].value for name in ("cluster_accuracy", "nmi", "ari")] == [1, 1, 1]
    assert scores["cluster_accuracy"].protocol_text.startswith(
        "categories by cluster(), 500 held-out real images, 1097 training images, "
        "best one-to-one mapping fitted on training images"
    )
    by_code = evaluate(Album(digits), digits, seed=0, settings=FAST)
    (other,) = (score for score in by_code.scores if score.metric == "cluster_accuracy")
    assert "categories by the first categorical code by encode()" in other.protocol_text
    assert other.protocol_key != scores["cluster_accuracy"].protocol_key
    assert other.key == scores["cluster_accuracy"].key  # the same was asked for

    class Both(Album):
        def cluster(self, images: Tensor) -> Tensor:
            return torch.zeros(len(images), dtype=torch.int64)

    evidence = Evidence(Both(digits), digits, FAST, seed=0)
    assert not evidence.categories.held_out.any()
    categories = Evidence(Album(digits), digits, FAST, seed=0).categories
    assert torch.equal(categories.held_out, digits.test.labels)


class Coder(nn.Module):
    """A VAE's shape: standard normal codes, read off real images by a given function."""

    def __init__(self, read: Any, size: int) -> None:
        super().__init__()
        self.latent = Latent(Normal(size))
        self.read = read

    def generate(self, latent: LatentValue) -> Tensor:
        return torch.tanh(latent.codes).mean(1)[:, None, None, None].expand(-1, 1, 8, 8)

    def encode(self, images: Tensor) -> Tensor:
        return self.read(images)


def test_k_means_on_continuous_codes(digits: Dataset) -> None:
    album = Album(digits)
    corners = 5 * torch.eye(10)

    def shown(images: Tensor) -> Tensor:  # every class around a corner of its own
        return corners[album.classes_of(images)] + 0.1 * torch.randn(len(images), 10)

    found = evaluate(Coder(shown, 10), digits, seed=0, settings=FAST)
    score = next(s for s in found.scores if s.metric == "representation_cluster_accuracy")
    assert score.value == 1
    assert score.protocol_text.startswith(
        "k-means, 10 clusters, continuous codes, codes by encode(), 500 held-out real images, "
        "1097 training images, best one-to-one mapping fitted on training images"
    )
    # A probe reads the mean code off such images, so unbounded codes have numbers too.
    assert 0 < values(found)["code_recovery_continuous_clean"] < 1
    assert reasons(found)["cluster_accuracy"] == "its latent carries no categorical code"

    blind = evaluate(Coder(lambda x: torch.randn(len(x), 16), 16), digits, seed=0, settings=FAST)
    assert values(blind)["representation_cluster_accuracy"] < 0.2
    beside = row("k-means on pixels", digits, FAST)["representation_cluster_accuracy"]
    assert beside.value == pytest.approx(0.784, abs=0.001)
    assert "codes by pixels" in beside.protocol_text


@pytest.mark.usefixtures("forgotten")
def test_the_same_points_are_clustered_once(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits: list[int] = []

    class Counting(KMeans):
        def fit(self, points: Any) -> Counting:
            fits.append(len(points))
            return super().fit(points)

    monkeypatch.setattr(cluster_accuracy, "KMeans", Counting)
    monkeypatch.setattr(cluster_accuracy, "_fitted", {})
    beside = row("k-means on pixels", digits, Settings(metrics=("clusters",)))
    assert set(beside) == {"cluster_accuracy", "nmi", "ari", "representation_cluster_accuracy"}
    assert fits == [len(digits.train)]
    cluster_accuracy.fit_k_means(digits.test.images.flatten(1), 10)
    cluster_accuracy.fit_k_means(digits.test.images.flatten(1), 9)
    assert fits[1:] == [500, 500]
