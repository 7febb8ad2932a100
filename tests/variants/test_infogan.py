"""InfoGAN by hand: its bound against mutual informations that are known, its third update,
its presets."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from ganbench.data.dataset import Split
from ganbench.model import (
    Batch,
    Categorical,
    DiscriminatorOutput,
    Latent,
    Normal,
    Recognition,
    Uniform,
)
from ganbench.plugins import registry
from ganbench.train.trainer import Trainer
from tests.floats import single
from tests.variants.hands import Fixed, hand, judged, logs, make

LN2 = math.log(2)
HALF_LN_2PI = 0.5 * math.log(2 * math.pi)


def seen(n: int) -> DiscriminatorOutput:
    return DiscriminatorOutput(torch.zeros(n), torch.zeros(n, 256), torch.zeros(n, 1))


def bound(latent: Latent, outputs: Tensor, codes: Tensor, fixed_sigma: bool = False) -> Tensor:
    """L_I of each code where Q answers these outputs."""
    q = Recognition(latent, features=1, width=1, fixed_sigma=fixed_sigma)
    q.head = Fixed(outputs)
    return q.bound(q(torch.zeros(len(outputs), 1)), codes)


def test_with_a_fixed_sigma_the_bound_is_a_squared_error() -> None:
    model = make("infogan:categorical=,continuous=2,sigma=fixed,continuous_weight=0.5")
    codes = torch.tensor([[0.5, -1.0], [0.0, 0.25]])
    means = torch.tensor([[0.0, -1.0], [1.0, 0.75]])
    batch = hand(model, torch.zeros(2, 1, 8, 8), codes=codes)
    model.q_head.head = Fixed(means)
    loss, logged = model.information_loss(seen(2), batch)
    errors = [(0.5**2 + 1.0**2) / 2, (0.0**2 + 0.5**2) / 2]
    minus = [0.5 * error + HALF_LN_2PI - LN2 for error in errors]  # H of U(-1, 1) is ln 2
    assert loss.item() == single(0.5 * sum(minus))
    for i, expected in enumerate(minus):
        found = logged[f"information/continuous_{i}"].item()
        assert found == single(-expected)


def test_the_bound_of_a_binary_symmetric_channel_is_its_capacity() -> None:
    """c flipped one time in ten; Q is the true posterior: I = ln 2 - h(1/10)."""
    codes = torch.tensor([0.0] * 10 + [1.0] * 10)[:, None]
    told = torch.tensor([0] * 9 + [1] + [1] * 9 + [0])
    outputs = logs((9, 1), (1, 9))[told]
    expected = LN2 + 0.9 * math.log(0.9) + 0.1 * math.log(0.1)
    assert bound(Latent(Categorical(2)), outputs, codes).item() == single(expected)
    # A Q that believes in another channel gives less, by its divergence from the truth.
    believed = bound(Latent(Categorical(2)), logs((7, 3), (3, 7))[told], codes).item()
    divergence = 0.9 * math.log(0.9 / 0.7) + 0.1 * math.log(0.1 / 0.3)
    assert believed == single(expected - divergence)
    assert bound(Latent(Categorical(2)), torch.zeros(20, 2), codes).item() == single(0)


def test_the_bound_of_a_gaussian_channel_is_its_capacity() -> None:
    """x = c + noise of deviation s, c ~ N(0, 1): I = ln(1 + 1 / s^2) / 2 (Shannon)."""
    n, s = 400_000, 0.5
    rng = torch.Generator().manual_seed(0)
    latent = Latent(Normal(1))
    codes = latent.draw(n, rng).codes
    x = codes + s * torch.randn(n, 1, generator=rng)
    variance = s * s / (1 + s * s)
    log_sigma = torch.full((n, 1), 0.5 * math.log(variance))
    found = bound(latent, torch.cat([x / (1 + s * s), log_sigma], 1), codes).item()
    expected = 0.5 * math.log(1 + 1 / (s * s))
    assert found == pytest.approx(expected, abs=0.01)
    too_sure = bound(latent, torch.cat([x / (1 + s * s), log_sigma - 1], 1), codes).item()
    # E log N(c; m, v / e^2) = E log N(c; m, v) + 1 - (e^2 - 1) / 2.
    assert too_sure == pytest.approx(expected + 1 - (math.e**2 - 1) / 2, abs=0.03)


def test_the_bound_of_a_uniform_code_stays_below_its_information() -> None:
    """x = c + noise, c ~ U(-1, 1): no Gaussian Q reads more than there is."""
    n, s = 200_000, 0.3
    rng = torch.Generator().manual_seed(0)
    latent = Latent(Uniform(1))
    codes = latent.draw(n, rng).codes
    x = codes + s * torch.randn(n, 1, generator=rng)
    log_sigma = torch.full((n, 1), math.log(s))
    found = bound(latent, torch.cat([x, log_sigma], 1), codes).item()
    # I = h(x) - h(noise); h(x) from the density of x, which is a difference of two normal
    # distribution functions over 2.
    grid = torch.linspace(-4, 4, 80_001, dtype=torch.float64)
    normal = torch.distributions.Normal(0.0, s)
    density = (normal.cdf(grid + 1) - normal.cdf(grid - 1)) / 2
    h_x = torch.trapezoid(-torch.xlogy(density, density), grid).item()
    information = h_x - (HALF_LN_2PI + 0.5 + math.log(s))
    assert found == pytest.approx(LN2 - (HALF_LN_2PI + 0.5 + math.log(s)), abs=0.01)
    assert 0 < found < information < LN2 + 1


def test_code_range_reaches_the_latents_and_the_entropy() -> None:
    model = make("infogan:code_range=-3/2")
    value = model.latent.draw(4000, torch.Generator().manual_seed(0))
    for column in (value.codes[:, 1:], value.vector[:, -2:]):
        assert -3 <= column.min() < -2.99
        assert 1.99 < column.max() <= 2
    assert torch.equal(value.codes[:, 1:], value.vector[:, -2:])
    assert model.q_head.entropy.tolist() == single([math.log(10)] + [math.log(5)] * 2)


@pytest.mark.parametrize(("sigma", "outputs"), [("learned", 10 + 4), ("fixed", 10 + 2)])
def test_a_fixed_sigma_has_no_outputs(sigma: str, outputs: int) -> None:
    model = make(f"infogan:sigma={sigma}")
    assert model.q_head.head[-1].out_features == outputs
    posterior = model.q_head(torch.zeros(3, 256))
    assert (posterior.log_sigma == 0).all() == (sigma == "fixed")


def made_up() -> Split:
    rng = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (64, 1, 8, 8), generator=rng, dtype=torch.uint8)
    return Split(images, torch.arange(64) % 4)


def one_update(spec: str, name: str) -> tuple[set[str], set[str]]:
    """The parameters that an update moved, and those it left bit for bit as they were."""
    trainer = Trainer(make(spec), made_up(), seed=0, batch_size=16, rounds=10)
    trainer.rehearse()  # refuses an update that owns what its loss does not reach
    before = {name: p.detach().clone() for name, p in trainer.model.named_parameters()}
    update = next(u for u in trainer.updates if u.name == name)
    trainer.apply_update(update, trainer.next_batch(trainer.clock))
    now = dict(trainer.model.named_parameters())
    still = {name for name, p in before.items() if torch.equal(p, now[name])}
    return set(before) - still, still


def test_the_third_update_leaves_the_discriminators_verdict_alone() -> None:
    """It trains G, D's trunk and Q on -lambda L_I; D's output layer stays bit for bit."""
    moved, still = one_update("infogan:information=separate,width=16", "information")
    assert still == {"discriminator.output.weight", "discriminator.output.bias"}
    assert {name.partition(".")[0] for name in moved} == {"generator", "discriminator", "q_head"}


@pytest.mark.parametrize(
    ("information", "name", "moves"),
    [
        ("generator", "discriminator", {"discriminator"}),
        ("generator", "generator", {"generator", "q_head"}),
        ("joint", "discriminator", {"discriminator", "q_head"}),
        ("joint", "generator", {"generator"}),
        ("q_only", "information", {"q_head"}),
        ("q_only", "generator", {"generator"}),
        ("separate", "generator", {"generator"}),
        ("separate", "discriminator", {"discriminator"}),
    ],
)
def test_what_each_update_moves(information: str, name: str, moves: set[str]) -> None:
    moved, still = one_update(f"infogan:information={information},width=16", name)
    assert {name.partition(".")[0] for name in moved} == moves
    assert not {name for name in still if name.partition(".")[0] in moves}


@pytest.mark.parametrize("information", ["generator", "joint", "separate", "q_only"])
def test_lambda_reaches_the_right_losses(information: str) -> None:
    """Whose loss changes with lambda, and nobody else's."""

    def losses(weight: int) -> dict[str, float]:
        model = make(f"infogan:information={information},info_weight={weight},width=16")
        batch = hand(model, torch.zeros(8, 1, 8, 8))
        found = {}
        for update in model.updates():
            loss: Any = update.loss(batch)
            found[update.name] = (loss[0] if isinstance(loss, tuple) else loss).item()
        return found

    small, large = losses(0), losses(5)
    changed = {name for name in small if small[name] != large[name]}
    expected = {"generator": {"generator"}, "joint": {"discriminator", "generator"}}
    assert changed == expected.get(information, {"information"})


def resolved(preset: str, dataset: str = "") -> dict[str, Any]:
    return registry.load("infogan").resolve({"preset": preset}, dataset)


@pytest.mark.parametrize("dataset", ["", "digits", "mnist"])
def test_presets_have_their_published_values(dataset: str) -> None:
    """Appendix C.1: 62 noise, Cat(10), 2 uniform; 2e-4 for D, 1e-3 for G; lambda 1."""
    authors = resolved("authors", dataset)
    expected = {
        "noise": 62,
        "categorical": (10,),
        "continuous": 2,
        "code_range": (-1.0, 1.0),
        "d_lr": 2e-4,
        "g_lr": 1e-3,
        "betas": (0.5, 0.999),
        "leak": 0.1,
        "d_norm": "batch",
        "info_weight": 1.0,
        "continuous_weight": 1.0,
        "dense": 1024,
        "q_width": 128,
        "instance_noise": (0.0, 0.0),
        "adversarial": "ns",
        "d_steps": 1,
    }
    assert {name: authors[name] for name in expected} == expected
    tutorial = resolved("tutorial", dataset)
    expected = {
        "noise": 62,
        "categorical": (10,),
        "continuous": 1,
        "continuous_weight": 0.1,
        "half_batches": True,
        "info_weight": 1.0,
        "instance_noise": (0.0, 0.0),
    }
    assert {name: tutorial[name] for name in expected} == expected
    mlp = resolved("mlp", dataset)
    expected = {"backbone": "mlp", "information": "separate", "noise": 62, "categorical": (10,)}
    assert {name: mlp[name] for name in expected} == expected
    assert mlp["d_lr"] == mlp["g_lr"] == 2e-4


def test_the_authors_mnist_networks() -> None:
    """Table 1: FC 1024, FC 7x7x128, upconv 64, upconv 1; conv 64, conv 128, FC 1024; Q: FC 128."""
    model = make("infogan:preset=authors", (1, 28, 28), 10)
    layers = torch.nn.Linear | torch.nn.Conv2d | torch.nn.ConvTranspose2d

    def sizes(network: torch.nn.Module) -> list[tuple[int, int]]:
        return [tuple(m.weight.shape[:2]) for m in network.modules() if isinstance(m, layers)]

    assert sizes(model.generator) == [(1024, 74), (7 * 7 * 128, 1024), (128, 64), (64, 1)]
    assert sizes(model.discriminator) == [(64, 1), (128, 64), (1024, 7 * 7 * 128), (1, 1024)]
    assert sizes(model.q_head) == [(128, 1024), (12, 128)]


@pytest.mark.parametrize(("half", "n"), [("true", 5), ("false", 10)])
def test_half_batches_show_the_discriminator_half_of_each(half: str, n: int) -> None:
    model = make(f"infogan:half_batches={half}")
    shown = judged(model, lambda images: images[:, 0, 0, 0])
    real, fake = torch.rand(10, 1, 8, 8), torch.rand(10, 1, 8, 8)
    batch: Batch = hand(model, real)
    batch._fake = fake
    model.discriminator_loss(batch)
    assert torch.equal(torch.cat(shown), torch.cat([real[:n], fake[:n]]))
    shown.clear()
    model.g_loss(model.fake_view(batch), batch)
    assert [len(images) for images in shown] == [10]  # the generator's update has them all
