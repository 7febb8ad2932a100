"""The adversarial variants by hand: losses, penalties and bounds in whole variants."""

import math

import pytest
import torch
from torch import Tensor, nn

from ganbench.data.dataset import Split
from ganbench.train.trainer import Trainer
from tests.floats import single
from tests.variants.hands import hand, judged, make, numbered, tell, value

NORMS = nn.BatchNorm1d | nn.BatchNorm2d | nn.GroupNorm | nn.LayerNorm
LN3, LN9 = math.log(3), math.log(9)


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def scored(spec: str, *scores: float, features: Tensor | None = None) -> tuple:
    """A variant whose discriminator gives images 0 to 3 these scores; 0 and 1 are real."""
    model = make(spec)
    tell(model, torch.tensor(scores)[:, None], features)
    return model, hand(model, numbered(0, 1), numbered(2, 3))


def test_vanilla_by_hand() -> None:
    """Eq. 1 of Goodfellow et al. 2014, and both generator losses of its sec. 3."""
    model, batch = scored("vanilla", 0.0, LN3, -LN3, LN3)
    d_loss = -(math.log(1 / 2) + math.log(3 / 4)) / 2 - (math.log(3 / 4) + math.log(1 / 4)) / 2
    assert value(model.discriminator_loss(batch)) == single(d_loss)
    ns = -(math.log(1 / 4) + math.log(3 / 4)) / 2
    assert value(model.generator_loss(batch)) == single(ns)
    model, batch = scored("vanilla:adversarial=minimax", 0.0, LN3, -LN3, LN3)
    assert value(model.discriminator_loss(batch)) == single(d_loss)
    minimax = (math.log(3 / 4) + math.log(1 / 4)) / 2
    assert value(model.generator_loss(batch)) == single(minimax)


def test_label_smoothing_through_a_variant() -> None:
    """Real images' target is 0.9; the generated ones' stays 0 and G is not told (sec. 3.4)."""
    model, batch = scored("vanilla:label_smoothing=0.1", LN9, LN3, LN3, LN9)
    real = [-0.9 * math.log(d) - 0.1 * math.log(1 - d) for d in (9 / 10, 3 / 4)]
    fake = [-math.log(1 - d) for d in (3 / 4, 9 / 10)]
    expected = sum(real) / 2 + sum(fake) / 2
    assert value(model.discriminator_loss(batch)) == single(expected)
    g_loss = -(math.log(3 / 4) + math.log(9 / 10)) / 2
    assert value(model.generator_loss(batch)) == single(g_loss)


def test_feature_matching_through_a_variant() -> None:
    """In place of G's adversarial loss; D's is as it was (sec. 3.1)."""
    features = torch.tensor([[1.0, 0, 0], [3.0, 2, 0], [0.0, 0, 0], [0.0, 1, 4]])
    model, batch = scored("vanilla:feature_matching=true", 0.0, 0.0, 0.0, 0.0, features=features)
    assert value(model.generator_loss(batch)) == single(4 + 0.25 + 4)
    assert value(model.discriminator_loss(batch)) == single(2 * math.log(2))


def test_feature_matching_does_not_pull_the_real_images_features() -> None:
    """The real mean is a target: no gradient of D's trunk is needed for it."""
    model = make("vanilla:feature_matching=true")
    batch = hand(model, torch.rand(4, 1, 8, 8))
    fake = batch.fake.detach().requires_grad_()
    batch._fake = fake
    (gradient,) = torch.autograd.grad(model.generator_loss(batch), fake)
    real = model.discriminator(batch.real).features.mean(0).detach()
    distance = (real - model.discriminator(fake).features.mean(0)).square().sum()
    (expected,) = torch.autograd.grad(distance, fake)
    assert expected.norm() > 0
    assert (gradient - expected).norm() < 1e-5 * expected.norm()


def test_lsgan_by_hand() -> None:
    """Eq. 9 with a = 0 and b = c = 1: half the squared distances to the targets."""
    model, batch = scored("lsgan", 2.0, 0.5, -1.0, 0.5)
    d_loss = ((2 - 1) ** 2 + (0.5 - 1) ** 2) / 2 / 2 + ((-1) ** 2 + 0.5**2) / 2 / 2
    assert value(model.discriminator_loss(batch)) == single(d_loss)
    g_loss = ((-1 - 1) ** 2 + (0.5 - 1) ** 2) / 2 / 2
    assert value(model.generator_loss(batch)) == single(g_loss)


def linear(images: Tensor) -> Tensor:
    """D(x) = 3 x_1: its gradient's norm is 3 everywhere."""
    return 3 * images[:, 0, 0, 0]


def quadratic(images: Tensor) -> Tensor:
    """D(x) = ||x||^2 / 2, whose gradient is x itself."""
    return images.square().flatten(1).sum(1) / 2


def norm(number: float) -> float:
    """Length of an image of 64 pixels that all hold this number."""
    return 8 * abs(number)


def test_wgan_by_hand() -> None:
    """Algorithm 1: f_w(x) - f_w(g(z)) is raised, -f_w(g(z)) lowered, with no sigmoid."""
    model, batch = scored("wgan", 3.0, 1.0, -2.0, 0.5)
    assert value(model.discriminator_loss(batch)) == single((-2.0 + 0.5) / 2 - (3.0 + 1.0) / 2)
    assert value(model.generator_loss(batch)) == single(-(-2.0 + 0.5) / 2)


def test_wgan_is_trained_as_in_algorithm_1() -> None:
    model = make("wgan")
    critic, generator = (model.completed(one) for one in model.updates())
    assert (critic.steps, generator.steps) == (5, 1)
    assert critic.lr == generator.lr == 5e-5
    assert critic.optimizer == generator.optimizer == "RMSprop"
    assert (critic.clip_weights, generator.clip_weights) == (0.01, 0.0)


def test_wgans_critic_stays_within_its_bound() -> None:
    """Every weight, from the first step on; the generator's are free."""
    model = make("wgan:d_lr=1,g_lr=1")
    images = torch.rand(64, 1, 8, 8).mul(255).to(torch.uint8)
    split = Split(images, torch.zeros(64, dtype=torch.int64))
    trainer = Trainer(model, split, seed=0, batch_size=8, rounds=4)
    trainer.train(2)
    critic = torch.cat([p.detach().flatten() for p in model.discriminator.parameters()])
    assert critic.abs().max().item() == single(0.01)
    assert critic.abs().eq(critic.abs().max()).float().mean() > 0.5  # the steps were long
    assert max(p.detach().abs().max().item() for p in model.generator.parameters()) > 1


def test_wgan_gp_by_hand() -> None:
    """Eq. 3 with lambda = 10 and ||grad D|| = 3."""
    model = make("wgan_gp")
    judged(model, linear)
    batch = hand(model, numbered(0.5, 1.5), numbered(-1.0, 0.25))
    critic = 3 * (-0.375) - 3 * 1.0
    assert value(model.discriminator_loss(batch)) == single(critic + 10 * (3 - 1) ** 2)
    assert value(model.generator_loss(batch)) == single(-3 * (-0.375))


def test_wgan_gp_looks_between_each_real_and_its_generated_image() -> None:
    """x = e real + (1 - e) generated, one e ~ U[0, 1] per image (algorithm 1, line 6)."""
    model = make("wgan_gp")
    seen = judged(model, quadratic)
    n = 2000
    batch = hand(model, numbered(*[1.0] * n), numbered(*[0.0] * n))
    loss = value(model.discriminator_loss(batch))
    between = seen[1]  # after both sides in one pass
    shares = between[:, 0, 0, 0]
    assert torch.equal(between, shares.view(-1, 1, 1, 1).expand_as(between))
    assert 0 <= shares.min() < 0.01 < 0.99 < shares.max() <= 1
    assert shares.mean().item() == pytest.approx(0.5, abs=0.02)
    assert shares.std().item() == pytest.approx(math.sqrt(1 / 12), abs=0.02)
    penalty = sum((norm(e) - 1) ** 2 for e in shares.tolist()) / n
    assert loss == pytest.approx(0 - 32 + 10 * penalty, rel=1e-4)
    # Halfway points of far-apart pairs lie on the pairs' own lines.
    ends = [(2.0, 3.0), (-5.0, -4.0)]
    batch = hand(model, numbered(2.0, -5.0), numbered(3.0, -4.0))
    model.discriminator_loss(batch)
    for point, (low, high) in zip(seen[-1][:, 0, 0, 0].tolist(), ends, strict=True):
        assert low <= point <= high


def test_wgan_gp_trains_its_critic_five_times_without_batch_norm() -> None:
    model = make("wgan_gp:backbone=dcgan,width=4", (1, 16, 16))
    critic, generator = model.updates()
    assert (critic.steps, generator.steps) == (5, 1)
    assert critic.lr == generator.lr == 1e-4
    assert critic.betas == generator.betas == (0.0, 0.9)
    norms = [m for m in model.discriminator.modules() if isinstance(m, NORMS)]
    assert [type(m) for m in norms] == [nn.GroupNorm]  # of one group: layer norm
    assert norms[0].num_groups == 1


@pytest.mark.parametrize("backbone", ["mlp", "dcgan"])
def test_sngans_singular_values(backbone: str) -> None:
    """Eq. 8: every layer of D, the last one too, has 1 as its largest; G's are left alone."""
    model = make(f"sngan:backbone={backbone},width=8", (1, 32, 32)).train()
    kinds = nn.Linear | nn.Conv2d
    layers = [m for m in model.discriminator.modules() if isinstance(m, kinds)]
    assert len(layers) == (3 if backbone == "mlp" else 4)
    with torch.no_grad():
        for name, parameter in model.discriminator.named_parameters():
            if name.endswith("original"):
                parameter.mul_(20)  # a scale that the division takes out again
        for _ in range(200):  # one power iteration per forward pass
            model.discriminator(torch.zeros(2, 1, 32, 32))
        model.eval()
        for layer in layers:
            singular = torch.linalg.svdvals(layer.weight.flatten(1))
            assert singular[0].item() == pytest.approx(1, abs=5e-3)
            original = layer.parametrizations.weight.original
            ratio = torch.linalg.svdvals(original.flatten(1))[0]
            assert torch.allclose(layer.weight * ratio, original, rtol=1e-2, atol=1e-6)
    assert not any("original" in name for name, _ in model.generator.named_parameters())
    assert not [m for m in model.discriminator.modules() if isinstance(m, NORMS)]


def test_sngan_by_hand() -> None:
    """Hinge loss, eq. 16 and 17."""
    model, batch = scored("sngan", 2.0, 0.5, -3.0, 0.5)
    assert value(model.discriminator_loss(batch)) == single((0 + 0.5) / 2 + (0 + 1.5) / 2)
    assert value(model.generator_loss(batch)) == single(-(-3 + 0.5) / 2)
    assert model.updates()[0].steps == 1


def test_r3gan_by_hand() -> None:
    """Eq. 2 to 4: pairs, and gamma / 2 E||grad D||^2 on both sides."""
    model = make("r3gan:r1=2,r2=6")
    judged(model, quadratic)
    real, fake = (0.25, 0.125), (0.0, 0.5)
    scores = [[norm(x) ** 2 / 2 for x in side] for side in (real, fake)]
    batch = hand(model, numbered(*real), numbered(*fake))
    # Real image i is compared with generated image i alone.
    game_loss = sum(softplus(f - r) for r, f in zip(*scores, strict=True)) / 2
    r1 = sum(norm(x) ** 2 for x in real) / 2
    r2 = sum(norm(x) ** 2 for x in fake) / 2
    expected = game_loss + 2 / 2 * r1 + 6 / 2 * r2
    assert value(model.discriminator_loss(batch)) == single(expected)
    expected = sum(softplus(r - f) for r, f in zip(*scores, strict=True)) / 2
    assert value(model.generator_loss(batch)) == single(expected)


def test_r3gans_penalties_move_the_discriminator_and_not_the_generator() -> None:
    model = make("r3gan:r1=5,r2=5,width=8")
    batch = hand(model, torch.rand(4, 1, 8, 8))
    weights = [*model.discriminator.parameters()]
    loss = model.adversarial_terms(batch)[2]
    with_penalty = torch.autograd.grad(loss, weights, allow_unused=True)
    model.r1 = model.r2 = 0.0
    without = torch.autograd.grad(model.adversarial_terms(batch)[2], weights, allow_unused=True)
    assert not torch.allclose(with_penalty[0], without[0])


def test_the_relativistic_losses_by_a_linear_critic() -> None:
    """With ||grad D|| = 3: R1 = R2 = gamma / 2 * 9."""
    model = make("r3gan")
    judged(model, linear)
    batch = hand(model, numbered(0.5), numbered(0.5))
    assert value(model.discriminator_loss(batch)) == single(math.log(2) + 4.5 + 4.5)
    assert value(model.generator_loss(batch)) == single(math.log(2))
    assert (model.r1, model.r2, model.d_norm) == (1.0, 1.0, "none")


def test_penalties_are_of_the_images_that_the_instance_noise_is_added_to() -> None:
    """d D(x + noise) / dx of D = ||.||^2 / 2 is x + noise."""
    model = make("r3gan:r2=0,instance_noise=0.5/0.5")
    seen = judged(model, quadratic)
    batch = hand(model, numbered(*[0.0] * 500), numbered(*[0.0] * 500))
    loss = value(model.discriminator_loss(batch))
    real, fake = (shown.square().flatten(1).sum(1) for shown in seen)
    game_loss = nn.functional.softplus((fake - real) / 2).mean()
    assert loss == single((game_loss + real.mean() / 2).item())
    assert real.mean().item() == pytest.approx(64 * 0.25, rel=0.05)


def test_penalties_that_fall() -> None:
    """To a tenth along half a cosine: whole at the start, 0.55 half-way."""
    found = []
    for progress in (0.0, 0.5):
        model = make("r3gan:penalty_end=0.1")
        judged(model, linear)
        batch = hand(model, numbered(0.5, 1.5), numbered(-1.0, 0.25), progress=progress)
        found.append(value(model.discriminator_loss(batch)))
    model.penalty_end = 1.0
    model.r1 = model.r2 = 0.0
    bare = value(model.discriminator_loss(batch))
    # ||grad D|| is 3 on either side: R1 and R2 are 9 / 2 each
    assert found[0] - bare == pytest.approx(9.0, rel=1e-5)
    assert found[1] - bare == pytest.approx(0.55 * 9.0, rel=1e-5)
