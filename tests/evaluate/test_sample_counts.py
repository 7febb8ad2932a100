"""How many images are compared: the same of each set where that decides the number, and enough."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ganbench.core.latent import Latent, LatentValue, Noise
from ganbench.core.score import Score
from ganbench.data.dataset import Dataset, Split, to_uint8
from ganbench.evaluate import references
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.harness import Evaluation, Settings, evaluate
from ganbench.evaluate.metrics.fidelity.precision_recall import density_coverage, precision_recall
from ganbench.evaluate.references.real_images import HeldOut
from ganbench.evaluate.sample_counts import TooFew, enough_for_frechet, equal
from tests.evaluate.beside import lacking, reasons, row

DIMENSIONS = 6
OVERLAP = ("precision", "recall", "density", "coverage")
COUNTED = (*OVERLAP, "pixel_js", "feature_js")
WEIGHTS = torch.randn(DIMENSIONS, 64, generator=torch.Generator().manual_seed(1))


def pictures(z: Tensor) -> Tensor:
    """Images (n, 1, 8, 8) in [-1, 1] of points (n, DIMENSIONS)."""
    return torch.tanh(z @ WEIGHTS / 3).reshape(-1, 1, 8, 8)


class Drawn(nn.Module):
    """Draws what the data set was drawn from."""

    def __init__(self) -> None:
        super().__init__()
        self.latent = Latent(Noise(DIMENSIONS))

    def generate(self, latent: LatentValue) -> Tensor:
        return pictures(latent.vector)

    def score(self, images: Tensor) -> Tensor:
        return images.mean((1, 2, 3))


class Places(Drawn):
    """Draws near 400 places that are of the right distribution."""

    places = torch.randn(400, DIMENSIONS, generator=torch.Generator().manual_seed(2))

    def generate(self, latent: LatentValue) -> Tensor:
        chosen = (400 * torch.special.ndtr(latent.vector[:, 0])).long().clamp(max=399)
        return pictures(self.places[chosen] + 0.05 * latent.vector)


def drawn(train: int, held_out: int) -> Dataset:
    rng = torch.Generator().manual_seed(0)
    parts = [
        Split(to_uint8(pictures(torch.randn(n, DIMENSIONS, generator=rng))), torch.zeros(n).long())
        for n in (train, 100, held_out)
    ]
    return Dataset("drawn", 0, *parts)


def measured(model: nn.Module, data: Dataset, samples: int, *metrics: str) -> Evaluation:
    return evaluate(model, data, seed=0, settings=asked(samples, *metrics))


def by_name(found: Evaluation) -> dict[str, Score]:
    return {score.metric: score for score in found.scores}


def floor(data: Dataset, samples: int, *metrics: str) -> dict[str, Score]:
    return row(references.HELD_OUT, data, asked(samples, *metrics))


def asked(samples: int, *metrics: str) -> Settings:
    return Settings(samples=samples, extractor="digits-v1", metrics=metrics or COUNTED)


def test_the_count_is_what_recall_and_coverage_measure() -> None:
    """The fault that equal counts are for, in sets of which nothing but the count differs."""
    rng = np.random.default_rng(0)
    real, places = rng.normal(size=(2, 500, 6))
    drawn = places[rng.integers(500, size=5000)] + 0.01 * rng.normal(size=(5000, 6))
    # around a place that is drawn once there is a wide ball, around one drawn often a narrow one
    recall = [precision_recall(real, drawn[:n]).recall for n in (500, 5000)]
    assert recall[0] > 0.7
    assert recall[1] < 0.1
    perfect = rng.normal(size=(5000, 6))
    coverage = [density_coverage(real, perfect[:n]).coverage for n in (100, 500)]
    assert coverage[0] < 0.8
    assert coverage[1] > 0.95


@pytest.mark.parametrize("model", [Drawn(), Places()])
def test_no_number_moves_with_the_images_that_are_asked_for(model: Drawn) -> None:
    data = drawn(600, 400)
    found = [by_name(measured(model, data, samples)) for samples in (400, 1000, 5000)]
    for name in COUNTED:
        few, *more = (each[name] for each in found)
        for other in more:
            assert other.protocol == few.protocol
            assert other.protocol["version"] == 2
            error = np.hypot(few.standard_error or 0, other.standard_error or 0)
            assert abs(other.value - few.value) < 4 * error, name


def test_real_images_stand_at_the_count_of_the_generated_ones() -> None:
    data = drawn(600, 400)
    for name, score in by_name(measured(Drawn(), data, 5000)).items():
        beside = floor(data, 5000)[name]
        error = np.hypot(score.standard_error or 0, beside.standard_error or 0)
        assert abs(score.value - beside.value) < 4 * error, name  # the generator is perfect
        assert score.protocol["generated"] == beside.protocol["held_out_shown"] == 400, name
        others = {one.protocol["training"] for one in (score, beside)}
        assert others == {400 if name in OVERLAP else 600}, name


def test_the_choice_is_fixed_and_of_all_images() -> None:
    data = drawn(3000, 400)
    ordered = dataclasses.replace(
        data, train=data.train[data.train.images.flatten(1).float().mean(1).argsort()]
    )
    found = by_name(measured(Drawn(), ordered, 1000, *OVERLAP))
    again = by_name(measured(Drawn(), ordered, 1000, *OVERLAP))
    assert found["recall"].value == again["recall"].value
    # the first 400 alone, the darkest, would be a fraction of the data
    assert found["precision"].value > 0.7
    assert found["coverage"].value > 0.7


def test_held_out_images_that_are_too_few_bound_nothing() -> None:
    data, metrics = drawn(600, 2), (*COUNTED, "fid", "kid", "real_fake_auc")
    found = measured(Drawn(), data, 5000, *metrics)
    scores = by_name(found)
    assert "600 generated, 600 training images" in scores["recall"].protocol_text
    assert not floor(data, 5000, *metrics)
    why = lacking(data, asked(5000, *metrics))
    few = "needs at least 100 held-out real images, not 2"
    for name in (*COUNTED, "fid", "kid"):
        assert why[f"{name} of real images, held out"] == few
    assert reasons(found) == {"real_fake_auc": few}


def test_every_side_has_its_minimum() -> None:
    compared = (*COUNTED, "kid", "memorisation_ratio")
    few = reasons(measured(Drawn(), drawn(22, 400), 5000, *compared, "fid"))
    assert few == dict.fromkeys((*compared, "fid"), "needs at least 100 training images, not 22")
    few = reasons(measured(Drawn(), drawn(600, 400), 50, *compared, "real_fake_auc"))
    for name in (*compared, "real_fake_auc"):
        assert few[name] == "needs at least 100 generated images, not 50"
    data = drawn(600, 150)
    assert list(by_name(measured(Drawn(), data, 500, "memorisation_ratio"))) == [
        "memorisation_ratio"
    ]
    few = lacking(data, asked(500, "memorisation_ratio"))
    assert few["memorisation_ratio of real images, held out"] == (
        "needs at least 200 held-out real images, not 150"
    )


def test_a_covariance_takes_as_many_images_as_features() -> None:
    known = Evidence(None, drawn(600, 400), Settings(), 0)
    evidence = Evidence(HeldOut(known), known.dataset, Settings(), 0)
    enough_for_frechet(evidence, lambda: 400)
    with pytest.raises(TooFew, match="at least 401 held-out real images, not 400"):
        enough_for_frechet(evidence, lambda: 401)
    with pytest.raises(TooFew, match="at least 2000 held-out"):  # as for generated ones
        enough_for_frechet(evidence, lambda: 4096)


@pytest.mark.parametrize(
    ("train", "held_out", "samples", "count"),
    [(1097, 500, 5000, 500), (1097, 200, 5000, 200), (10_000, 10_000, 5000, 5000), (90, 9, 0, 0)],
)
def test_the_smallest_set_says_how_many(
    train: int, held_out: int, samples: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence = Evidence(None, drawn(1, 1), Settings(samples=samples or 5000), 0)
    monkeypatch.setattr(evidence, "train", range(train))
    monkeypatch.setattr(evidence, "held_out", range(held_out))
    if count:
        assert equal(evidence) == count
    else:
        with pytest.raises(TooFew, match="training images, not 90"):
            equal(evidence)


def test_halves_say_their_counts(digits: Dataset) -> None:
    settings = Settings(samples=2000, metrics=("memorisation_ratio",))
    score = row(references.HELD_OUT, digits, settings)["memorisation_ratio"]
    assert (score.protocol["held_out_shown"], score.protocol["held_out"]) == (250, 250)
