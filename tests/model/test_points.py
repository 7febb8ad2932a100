"""Networks and losses on points of the plane, where they differ from those on images."""

import math

import pytest
import torch
from torch import distributions, nn

from ganbench.model import GAN, Autoencoder, Discriminator, losses
from ganbench.model.backbones import choose
from ganbench.model.batch import Batch
from ganbench.model.discriminator import with_label_planes
from tests.floats import single


def test_points_have_a_linear_generator_and_no_convolutions() -> None:
    assert choose("auto", (2,)).name == "mlp"
    model = GAN((2,), 8, {"width": 8})
    assert not any(isinstance(module, nn.Tanh) for module in model.generator.modules())
    last = [module for module in model.generator.modules() if isinstance(module, nn.Linear)][-1]
    nn.init.constant_(last.bias, 5.0)
    points = model.generator(torch.randn(50, model.latent.size))
    assert points.shape == (50, 2)
    assert points.min() > 1
    assert model.discriminator(points).score.shape == (50,)
    with pytest.raises(ValueError, match="convolutions need images, not points"):
        GAN((2,), 8, {"backbone": "dcgan"})


def test_labels_are_numbers_beside_a_point() -> None:
    points = torch.tensor([[0.5, -0.5], [0.1, 0.2]])
    seen = with_label_planes(points, torch.tensor([2, 0]), 3)
    assert torch.equal(seen, torch.tensor([[0.5, -0.5, 0, 0, 1], [0.1, 0.2, 1, 0, 0]]))


def test_labels_are_planes_beside_an_image() -> None:
    images = torch.arange(8.0).reshape(2, 1, 2, 2)
    seen = with_label_planes(images, torch.tensor([1, 0]), 2)
    assert torch.equal(seen[:, :1], images)
    assert seen[:, 1:].sum((2, 3)).tolist() == [[0, 4], [4, 0]]


class Linear(nn.Module):
    """A critic with a known gradient: 3 x + 4 y."""

    def forward(self, points: torch.Tensor, rng: torch.Generator | None = None) -> torch.Tensor:
        return points @ torch.tensor([[3.0], [4.0]])


def test_penalties_on_points_by_hand() -> None:
    """The gradient has length 5 everywhere: (5 - 1)^2 between, 5^2 / 2 on either side."""
    base = GAN((2,), 8, {"width": 4})
    base.discriminator = Discriminator(Linear(), 1)
    base.discriminator.output.weight.data.fill_(1)
    base.discriminator.output.bias.data.zero_()
    real, labels = torch.randn(6, 2), torch.zeros(6, dtype=torch.int64)
    rng = torch.Generator().manual_seed(0)

    def loss() -> float:
        batch = Batch(
            base.generator,
            base.latent,
            lambda: (real, labels),
            6,
            rng.manual_seed(0),
            torch.zeros(()),
        )
        return base.adversarial_terms(batch)[2].item()

    plain = loss()
    for name, penalty in (("gradient_penalty", 16.0), ("r1", 12.5), ("r2", 12.5)):
        setattr(base, name, 2.0)
        assert loss() == single(plain + 2 * penalty), name
        setattr(base, name, 0.0)


def test_the_penalised_points_lie_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """One share per point, not one per coordinate."""
    base = GAN((2,), 8, {"width": 4, "gradient_penalty": 1.0})
    seen: list[torch.Tensor] = []
    found = losses.one_centred

    def watched(score: torch.Tensor, between: torch.Tensor) -> torch.Tensor:
        seen.append(between)
        return found(score, between)

    monkeypatch.setattr(losses, "one_centred", watched)
    real, labels = torch.full((6, 2), 50.0), torch.zeros(6, dtype=torch.int64)
    batch = Batch(
        base.generator,
        base.latent,
        lambda: (real, labels),
        6,
        torch.Generator().manual_seed(0),
        torch.zeros(()),
    )
    base.adversarial_terms(batch)
    share = (seen[0] - batch.fake) / (real - batch.fake)
    assert torch.allclose(share[:, 0], share[:, 1], atol=1e-5)
    assert share.min() > 0
    assert share.max() < 1
    assert len(share[:, 0].unique()) == 6


def test_the_gaussian_likelihood_of_points_is_that_of_torch() -> None:
    model = Autoencoder((2,), 8, {"likelihood": "gaussian", "pixel_sigma": 0.05, "width": 4})
    points, decoded = torch.randn(7, 2), torch.randn(7, 2)
    nats = -distributions.Normal(decoded, 0.05).log_prob(points).sum(1).mean().item()
    assert model.reconstruction(points, decoded).item() == single(nats)
    z = torch.randn(7, 10)
    assert torch.equal(model.decode(z), model.generator(z))
    assert math.isfinite(model.divergence(model.posterior(points)).item())


def test_points_are_no_probabilities() -> None:
    with pytest.raises(ValueError, match="likelihood=gaussian"):
        Autoencoder((2,), 8, {"likelihood": "bernoulli"})
