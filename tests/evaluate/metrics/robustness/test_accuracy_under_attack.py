"""AUC against scikit-learn, attacks against foolbox and by hand, and both in the harness."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from ganbench.core.latent import Latent, LatentValue, Noise
from ganbench.data.dataset import Dataset, Split
from ganbench.evaluate import extractors
from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.extractors import Shipped
from ganbench.evaluate.harness import Settings, evaluate
from ganbench.evaluate.metrics.robustness.accuracy_under_attack import CLEAN, auc, placements
from ganbench.evaluate.metrics.robustness.attacks import ascent, fgsm, pgd
from ganbench.evaluate.metrics.uncertainty import of_mean
from tests.evaluate.beside import reasons, row
from tests.evaluate.fakes import Album

ATTACKED = ("robust_accuracy", "attack_detection_auc")


def test_auc_by_hand() -> None:
    assert auc([3, 1], [2, 0]) == 0.75
    assert auc([1], [1]) == 0.5
    assert auc([2, 2], [1, 2]) == 0.75
    assert auc([5.0], [1, 2, 3]) == 1
    found = placements([3, 1], [2, 0])
    assert found.positive.tolist() == [1, 0.5]
    assert found.negative.tolist() == [0.5, 1]


def test_auc_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    for ties in (1, 100):
        real = np.round(rng.normal(0.4, 1, 300) * ties) / ties
        fake = np.round(rng.normal(0.0, 1, 500) * ties) / ties
        expected = roc_auc_score([1] * 300 + [0] * 500, [*real, *fake])
        assert auc(real, fake) == pytest.approx(expected, abs=1e-12)
        assert placements(real, fake).negative.mean() == pytest.approx(expected, abs=1e-12)


def test_placements_give_the_standard_error() -> None:
    rng = np.random.default_rng(0)
    drawn = [placements(rng.normal(0.5, 1, 100), rng.normal(0, 1, 200)) for _ in range(500)]
    errors = [np.hypot(of_mean(one.positive), of_mean(one.negative)) for one in drawn]
    spread = np.std([one.positive.mean() for one in drawn], ddof=1)
    assert np.mean(errors) == pytest.approx(spread, rel=0.1)


def test_auc_of_what_is_no_score() -> None:
    for wrong in ([], [[1.0]]):
        with pytest.raises(ValueError, match="two vectors"):
            auc(wrong, [1.0])
    with pytest.raises(ValueError, match="finite"):
        auc([1.0], [np.nan])


class Scorer(nn.Module):
    """Generates black images; scores images by how bright they are."""

    def __init__(self, sign: float | None) -> None:
        super().__init__()
        self.latent, self.sign = Latent(Noise(1)), sign

    def generate(self, latent: LatentValue) -> Tensor:
        return torch.full((len(latent), 1, 8, 8), -1.0)

    def score(self, images: Tensor) -> Tensor:
        if self.sign is None:
            raise NotImplementedError
        return self.sign * images.mean((1, 2, 3))


@pytest.mark.parametrize(("sign", "expected"), [(1.0, 1.0), (-1.0, 0.0), (0.0, 0.5)])
def test_real_against_generated(digits: Dataset, sign: float, expected: float) -> None:
    settings = Settings(samples=3000, metrics=("real_fake_auc",))
    (score,) = evaluate(Scorer(sign), digits, seed=0, settings=settings).scores
    assert score.value == expected
    assert score.standard_error == 0
    assert score.count == 500 + 2000
    assert score.better == "none"


def test_models_that_do_not_score(digits: Dataset) -> None:
    settings = Settings(samples=100, metrics=("real_fake_auc",))
    for model in (Scorer(None), Album(digits)):
        found = evaluate(model, digits, seed=0, settings=settings)
        assert reasons(found) == {"real_fake_auc": "no score()"}


class Line(nn.Module):
    """Two classes by the sign of a weighted sum of the pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([3.0, -1.0, 0.0, 2.0]))

    def classify(self, images: Tensor) -> Tensor:
        sums = images.flatten(1) @ self.weight
        return torch.stack([torch.zeros_like(sums), sums], 1)


def test_attacks_on_a_line_by_hand() -> None:
    model, images = Line(), torch.tensor([0.0, 0.5, 0.3, -0.95]).reshape(1, 1, 2, 2)
    one = torch.tensor([1])
    expected = torch.tensor([-0.1, 0.6, 0.3, -1.0]).reshape(1, 1, 2, 2)
    with torch.no_grad():
        assert torch.allclose(fgsm(model.classify, images, one, 0.1), expected)
        assert torch.allclose(
            fgsm(model.classify, images, 1 - one, 0.1),
            torch.tensor([0.1, 0.4, 0.3, -0.85]).reshape(1, 1, 2, 2),
        )
        many = {"steps": 5, "rate": 0.04}
        assert torch.allclose(pgd(model.classify, images, one, 0.1, start=images, **many), expected)
        # three steps of 0.03 do not reach the border of 0.1
        short = pgd(model.classify, images, one, 0.1, steps=3, rate=0.03, start=images)
        assert short[0, 0, 0, 0].item() == pytest.approx(-0.09)
    assert model.weight.grad is None
    assert not images.requires_grad


def test_the_gradient_of_an_image_does_not_depend_on_the_others() -> None:
    torch.manual_seed(0)
    network = small()
    images, labels = torch.rand(7, 1, 8, 8).double() * 2 - 1, torch.arange(7)
    whole = ascent(network, images, labels)
    assert torch.equal(whole[2:3], ascent(network, images[2:3], labels[2:3]))


def test_without_gradients_there_is_no_attack() -> None:
    images, labels = torch.zeros(2, 1, 2, 2), torch.tensor([0, 1])
    model = Line()
    constant = torch.zeros(2, 2, requires_grad=True)
    for classify in (torch.no_grad()(model.classify), lambda images: constant + 0):
        with pytest.raises(Unavailable, match="no gradients"):
            ascent(classify, images, labels)


def small() -> nn.Module:
    """In float64: a sign says nothing of a gradient that is smaller than its rounding."""
    network = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 32), nn.ReLU(), nn.Linear(32, 7)
    )
    return network.double().eval()


def test_attacks_are_foolboxs() -> None:
    foolbox = pytest.importorskip(
        "foolbox", exc_type=ImportError, reason="foolbox is not installed (ganbench[dev])"
    )
    torch.manual_seed(0)
    network, epsilon = small(), 0.1
    images, labels = torch.rand(20, 1, 8, 8).double() * 2 - 1, torch.arange(20) % 7
    start = (images + epsilon * (2 * torch.rand(images.shape) - 1)).clamp(-1, 1)

    class Started(foolbox.attacks.LinfProjectedGradientDescentAttack):
        def get_random_start(self, x0: Any, epsilon: float) -> Any:
            return type(x0)(start)

    theirs = foolbox.PyTorchModel(network, bounds=(-1, 1))
    expected = foolbox.attacks.LinfFastGradientAttack().run(theirs, images, labels, epsilon=epsilon)
    assert torch.equal(fgsm(network, images, labels, epsilon), expected)
    attack = Started(rel_stepsize=0.25, steps=10, random_start=True)
    expected = attack.run(theirs, images, labels, epsilon=epsilon)
    mine = pgd(network, images, labels, epsilon, steps=10, rate=epsilon / 4, start=start)
    assert torch.allclose(mine, expected, atol=1e-6)
    assert not torch.allclose(mine, fgsm(network, images, labels, epsilon), atol=0.01)


class Judge(nn.Module):
    """Classifies as the shipped extractor does, sharpened."""

    def __init__(self, sharpness: float = 1.0) -> None:
        super().__init__()
        self.network = extractors.get("digits-v1")
        self.sharpness = sharpness

    def classify(self, images: Tensor) -> Tensor:
        return self.sharpness * self.network.classify(images)


def test_an_ordinary_classifier_is_the_reference(digits: Dataset) -> None:
    settings = Settings(metrics=ATTACKED)
    found = evaluate(Judge(), digits, seed=0, settings=settings)
    scores = {score.metric: score for score in found.scores}
    beside = row("the extractor's classifier", digits, settings)
    for name in ATTACKED:
        assert scores[name].value == pytest.approx(beside[name].value)
        assert scores[name].parts == pytest.approx(beside[name].parts)
        assert set(scores[name].parts) - {CLEAN} == {"fgsm", "pgd", "noise", "blur"}
        assert scores[name].protocol["epsilon"] == "16/255"
        assert scores[name].protocol["classes_by"] == "classify()"
        assert beside[name].protocol == scores[name].protocol | {
            "classes_by": "the extractor",
            "extractor": Shipped.load("digits-v1").identity,
        }
    accuracy, separation = (scores[name] for name in ATTACKED)
    attacked = [value for name, value in accuracy.parts.items() if name != CLEAN]
    assert accuracy.value == pytest.approx(np.mean(attacked))
    assert accuracy.parts[CLEAN] == pytest.approx(0.994)
    # an attack that climbs ten times harms more than one that climbs once, and both harm
    assert accuracy.parts["pgd"] < accuracy.parts["fgsm"] < 0.9
    assert separation.value == pytest.approx(np.mean(list(separation.parts.values())))
    assert all(0.5 < value < 1 for value in separation.parts.values())
    for score in (accuracy, separation):
        assert score.standard_error is not None
        assert 0 < score.standard_error < 0.02


def test_a_classifier_that_says_nothing(digits: Dataset) -> None:
    found = evaluate(Judge(0.0), digits, seed=0, settings=Settings(metrics=ATTACKED))
    accuracy, separation = found.scores
    assert accuracy.value < 0.2
    assert separation.value == 0.5
    assert separation.standard_error == 0


def test_who_cannot_be_attacked(digits: Dataset) -> None:
    settings = Settings(samples=100, metrics=ATTACKED)

    def why(model: Any, dataset: Dataset) -> set[str]:
        found = evaluate(model, dataset, seed=0, settings=settings)
        assert not found.scores
        return set(reasons(found).values())

    assert why(Album(digits), digits) == {"classify() gives no gradients"}
    assert why(object(), digits) == {"no classify()"}
    unlabelled = dataclasses.replace(digits, classes=0)
    assert why(Judge(), unlabelled) == {"data set digits has no classes"}
    points = Split(torch.zeros(20, 2), torch.zeros(20, dtype=torch.int64))
    plane = Dataset("plane", 2, points, points, points)
    assert why(Judge(), plane) == {"attacks are on images, not on points"}


def test_attacks_leave_no_trace(digits: Dataset) -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(64, 10)

        def classify(self, images: Tensor) -> Tensor:
            assert not self.training
            return self.layer(images.flatten(1))

    model = Own()
    before, state = [p.clone() for p in model.parameters()], torch.get_rng_state()
    first, again = (
        evaluate(model, digits, seed=3, settings=Settings(metrics=ATTACKED)) for _ in range(2)
    )
    assert [s.value for s in first.scores] == [s.value for s in again.scores]
    assert all(p.grad is None for p in model.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert torch.equal(state, torch.get_rng_state())
    assert model.training
