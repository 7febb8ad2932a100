"""VAE and beta-VAE by hand, against torch.distributions and against an evidence that is known."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, distributions, nn

from tests.floats import single
from tests.variants.hands import Fixed, hand, make, numbered, value

LN2 = math.log(2)


def test_the_divergence_is_that_of_torch() -> None:
    model = make("vae:codes=3")
    outputs = torch.randn(5, 6, generator=torch.Generator().manual_seed(0)) / 2
    posterior = model.latent.posterior(outputs)
    q = distributions.Normal(outputs[:, :3], outputs[:, 3:].exp())
    prior = distributions.Normal(torch.zeros(3), torch.ones(3))
    expected = distributions.kl_divergence(q, prior).sum(1).mean()
    assert model.divergence(posterior).item() == single(expected.item())
    # By hand: mean 2, sigma 1 is 2 nats; mean 0, sigma 1/2 is ln 2 - 3/8.
    by_hand = model.latent.posterior(torch.tensor([[2.0, 0, 0, 0, -LN2, 0]]))
    assert model.divergence(by_hand).item() == single(2 + LN2 - 3 / 8)


def test_the_bernoulli_likelihood_is_that_of_torch() -> None:
    """Pixels in [0, 1] against the decoder's image in [0, 1]."""
    model = make("vae")
    rng = torch.Generator().manual_seed(0)
    images = torch.rand(4, 1, 8, 8, generator=rng) * 2 - 1
    before = torch.randn(4, 1, 8, 8, generator=rng)
    chances = (1 + torch.tanh(before)) / 2
    bernoulli = distributions.Bernoulli(chances, validate_args=False)
    expected = -bernoulli.log_prob((images + 1) / 2).flatten(1).sum(1).mean()
    assert model.reconstruction(images, before).item() == single(expected.item())


def test_the_gaussian_likelihood_is_that_of_torch() -> None:
    model = make("vae:likelihood=gaussian,pixel_sigma=0.2")
    rng = torch.Generator().manual_seed(0)
    images = torch.rand(4, 1, 8, 8, generator=rng) * 2 - 1
    before = torch.randn(4, 1, 8, 8, generator=rng)
    normal = distributions.Normal(torch.tanh(before), 0.2)
    nats = -normal.log_prob(images).flatten(1).sum(1).mean().item()
    assert model.reconstruction(images, before).item() == pytest.approx(nats, rel=1e-4)


class Decoder(nn.Sequential):
    """Every pixel is tanh of z's first number."""

    def __init__(self) -> None:
        super().__init__(Spread(), nn.Tanh())


class Spread(nn.Module):
    asked: Tensor

    def forward(self, z: Tensor) -> Tensor:
        self.asked = z.detach()
        return z[:, :1, None, None].expand(-1, 1, 8, 8)


def fixed(spec: str, n: int, mean: float, log_sigma: float) -> Any:
    """A variant of one code, whose encoder always gives this posterior."""
    model = make(spec)
    model.encoder = Fixed(torch.tensor([[mean, log_sigma]]).expand(n, -1))
    model.generator = Decoder()
    return model


@pytest.mark.parametrize(("spec", "beta"), [("vae", 1), ("beta_vae", 4), ("beta_vae:beta=7", 7)])
def test_the_loss_by_hand(spec: str, beta: int) -> None:
    """-log p(x|z) + beta KL with q = N(0.5, e^-4), which leaves z next to no freedom."""
    join = "," if ":" in spec else ":"
    model = fixed(f"{spec}{join}codes=1", 2, mean=0.5, log_sigma=-4.0)
    batch = hand(model, numbered(1.0, -1.0))
    loss, logged = model.elbo_loss(batch)
    z = model.generator[0].asked[:, 0].tolist()
    assert all(0.5 - 0.1 < one < 0.5 + 0.1 for one in z)
    # A white pixel has probability sigmoid(2 z), a black one sigmoid(-2 z).
    nats = [64 * math.log1p(math.exp(-2 * z[0])), 64 * math.log1p(math.exp(2 * z[1]))]
    divergence = 0.5 * (0.25 + math.exp(-8) - 1 + 8)
    assert logged["reconstruction"].item() == single(sum(nats) / 2)
    assert logged["divergence"].item() == single(divergence)
    assert loss.item() == single(sum(nats) / 2 + beta * divergence)


def test_z_is_drawn_from_the_posterior() -> None:
    model = fixed("vae:codes=1", 20_000, mean=0.7, log_sigma=math.log(0.4))
    model.elbo_loss(hand(model, numbered(*[0.0] * 20_000)))
    z = model.generator[0].asked
    assert z.mean().item() == pytest.approx(0.7, abs=0.01)
    assert z.std().item() == pytest.approx(0.4, abs=0.01)


def test_with_the_true_posterior_the_bound_is_the_evidence() -> None:
    """x = w z + noise: p(x) and p(z|x) are Gaussians that are known."""
    w, s, n = 0.1, 0.2, 50_000
    model = make(f"vae:codes=1,likelihood=gaussian,pixel_sigma={s}")
    x = w * 0.8 + s * torch.randn(64, generator=torch.Generator().manual_seed(0))
    variance = 1 / (1 + 64 * w * w / (s * s))
    mean = variance * w * x.sum().item() / (s * s)
    model.encoder = Fixed(torch.tensor([[mean, 0.5 * math.log(variance)]]).expand(n, -1))
    model.generator = nn.Sequential(Line(w), nn.Tanh())
    images = x.view(1, 1, 8, 8).expand(n, -1, -1, -1)
    bound = -value(model.elbo_loss(hand(model, images)))
    covariance = w * w * torch.ones(64, 64) + s * s * torch.eye(64)
    evidence = distributions.MultivariateNormal(torch.zeros(64), covariance).log_prob(x).item()
    assert bound == pytest.approx(evidence, abs=0.02)
    # Any other posterior falls short of it by its own divergence from the true one.
    model.encoder = Fixed(torch.tensor([[mean + 0.3, 0.5 * math.log(variance)]]).expand(n, -1))
    lower = -value(model.elbo_loss(hand(model, images)))
    assert evidence - lower == pytest.approx(0.3**2 / (2 * variance), abs=0.03)


class Line(nn.Module):
    """Before its tanh, so that a pixel's mean is w z."""

    def __init__(self, w: float) -> None:
        super().__init__()
        self.w = w

    def forward(self, z: Tensor) -> Tensor:
        return torch.atanh(self.w * z)[:, :, None, None].expand(-1, 1, 8, 8)


@pytest.mark.parametrize("spec", ["vae", "beta_vae", "vae:backbone=dcgan,width=4"])
def test_capabilities(spec: str) -> None:
    model = make(spec).eval()
    images = torch.rand(3, 1, 8, 8) * 2 - 1
    outputs = model.encoder(images)
    codes = model.encode(images)
    assert torch.equal(codes, outputs[:, :10])
    latent = model.latent.draw(3, torch.Generator().manual_seed(0))
    assert torch.equal(latent.vector, latent.codes)  # z is nothing but codes
    assert torch.allclose(model.reconstruct(images), model.generator(codes))
    assert torch.allclose(torch.tanh(model.decode(codes)), model.reconstruct(images), atol=1e-6)
    assert model.generate(latent).abs().max() <= 1
    q = distributions.Normal(codes, outputs[:, 10:].clamp(-4, 2).exp())
    found = model.posterior_log_prob(images, latent)
    assert torch.allclose(found, q.log_prob(latent.codes), atol=1e-5)
    assert not hasattr(model, "score")
    assert not hasattr(model, "classify")


def test_one_update_trains_both_halves() -> None:
    (update,) = make("vae").updates()
    assert set(update.owns) == {"encoder", "generator"}
    assert make("beta_vae").beta == 4 > make("vae").beta == 1
    assert make("vae:codes=7").latent.size == 7
