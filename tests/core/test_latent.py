import math

import pytest
import torch

from ganbench.core.latent import Categorical, Latent, Noise, Normal, Uniform
from tests.floats import single


@pytest.fixture
def latent() -> Latent:
    return Latent(Noise(3), Categorical(4), Uniform(2, -1, 1))


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_layout_is_noise_then_one_hot_then_continuous(latent: Latent) -> None:
    noise = torch.tensor([[1.0, 2.0, 3.0]])
    value = latent.assemble(noise, torch.tensor([[2.0, 0.5, -0.25]]))
    assert value.vector.tolist() == [[1, 2, 3, 0, 0, 1, 0, 0.5, -0.25]]
    assert latent.size == 9
    assert latent.posterior_size == 4 + 2 * 2
    assert latent.noise_of(value).tolist() == noise.tolist()
    assert [code.name for code in latent.codes] == ["categorical_0", "continuous_0", "continuous_1"]


def test_categorical_codes_come_first_whatever_the_order_written() -> None:
    latent = Latent(Uniform(1, 0, 2), Categorical(2), Noise(1))
    value = latent.assemble(torch.tensor([[7.0]]), torch.tensor([[1.0, 1.5]]))
    assert value.vector.tolist() == [[7, 0, 1, 1.5]]


def test_draws_follow_the_prior() -> None:
    latent = Latent(Noise(2), Categorical(5), Uniform(1, -1, 1), Uniform(1, 2, 6))
    value = latent.draw(50_000, rng())
    noise, codes = latent.noise_of(value), value.codes
    assert noise.mean().abs() < 0.02
    assert (noise.std() - 1).abs() < 0.02
    share = torch.bincount(codes[:, 0].long(), minlength=5) / len(codes)
    assert (share - 0.2).abs().max() < 0.01
    for column, (low, high) in zip((1, 2), ((-1, 1), (2, 6)), strict=True):
        assert codes[:, column].min() >= low
        assert codes[:, column].max() <= high
        assert (codes[:, column].mean() - (low + high) / 2).abs() < 0.03
        assert abs(codes[:, column].std().item() - (high - low) / math.sqrt(12)) < 0.02
    assert torch.corrcoef(torch.cat([noise, codes], 1).T).fill_diagonal_(0).abs().max() < 0.03


def test_same_generator_same_draw(latent: Latent) -> None:
    assert torch.equal(latent.draw(8, rng(1)).vector, latent.draw(8, rng(1)).vector)
    assert not torch.equal(latent.draw(8, rng(1)).vector, latent.draw(8, rng(2)).vector)


def test_entropy() -> None:
    latent = Latent(Categorical(10), Uniform(1, -1, 1), Uniform(1, -2, 2))
    assert latent.entropy().tolist() == single([math.log(10), math.log(2), math.log(4)])


def test_log_prob_by_hand(latent: Latent) -> None:
    # Logits (0, ln 3, 0, 0) give q = (1, 3, 1, 1) / 6; Gaussians N(0.5, 1) and N(0, e^2).
    outputs = torch.tensor([[0, math.log(3), 0, 0, 0.5, 0.0, 0.0, 1.0]])
    codes = torch.tensor([[1.0, 0.0, 0.5]])
    expected = [
        math.log(0.5),
        -0.5 * 0.25 - 0.5 * math.log(2 * math.pi),
        -0.5 * (0.5 / math.e) ** 2 - 1 - 0.5 * math.log(2 * math.pi),
    ]
    posterior = latent.posterior(outputs)
    assert posterior.log_prob(codes)[0].tolist() == single(expected)
    assert posterior.point()[0].tolist() == single([1, 0.5, 0])


def test_log_prob_is_the_library_density(latent: Latent) -> None:
    outputs = torch.randn(50, latent.posterior_size, generator=rng())
    codes = latent.draw(50, rng(3)).codes
    got = latent.posterior(outputs).log_prob(codes)
    category = torch.distributions.Categorical(logits=outputs[:, :4]).log_prob(codes[:, 0])
    normal = torch.distributions.Normal(outputs[:, 4:6], outputs[:, 6:8].clamp(-4, 2).exp())
    assert torch.allclose(got[:, 0], category, atol=1e-6)
    assert torch.allclose(got[:, 1:], normal.log_prob(codes[:, 1:]), atol=1e-5)


def test_bound_of_a_perfect_posterior_is_the_entropy() -> None:
    latent = Latent(Categorical(10))
    codes = latent.draw(1000, rng()).codes
    outputs = 50 * latent.assemble(torch.empty(1000, 0), codes).vector
    bound = latent.posterior(outputs).log_prob(codes).mean(0) + latent.entropy()
    assert bound.item() == single(math.log(10))


def test_bound_of_an_ignorant_posterior_is_zero() -> None:
    latent = Latent(Categorical(10))
    codes = latent.draw(1000, rng()).codes
    bound = latent.posterior(torch.zeros(1000, 10)).log_prob(codes).mean(0) + latent.entropy()
    assert bound.item() == single(0)


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (Noise(0),),
        (Categorical(1),),
        (Uniform(1, 1, 1),),
        (Noise(-1),),
        (Categorical(2, label=True), Categorical(3, label=True)),
        (Normal(-1),),
        (Noise(2), Noise(2, "uniform")),
        (Noise(2, "round"),),
    ],
)
def test_impossible_layouts_are_refused(parts: tuple) -> None:
    with pytest.raises(ValueError, match=r"latent|needs|must|most"):
        Latent(*parts)


def test_label_code() -> None:
    assert Latent(Categorical(3), Categorical(10, label=True)).label_code == 1
    assert Latent(Categorical(3)).label_code is None


def test_draws_are_those_of_the_published_records() -> None:
    """Random numbers of noise, categorical and uniform codes, by torch's own calls."""
    latent = Latent(Noise(3), Uniform(2, -1, 1), Categorical(4))
    value, generator = latent.draw(5, rng()), rng()
    noise = torch.randn(5, 3, generator=generator)
    category = torch.randint(4, (5, 1), generator=generator).float()
    uniform = -1 + 2 * torch.rand(5, 2, generator=generator)
    assert torch.equal(latent.noise_of(value), noise)
    assert torch.equal(value.codes, torch.cat([category, uniform], 1))


def test_uniform_noise() -> None:
    noise = Latent(Noise(2, "uniform"), Categorical(3)).draw_noise(50_000, rng())
    assert noise.shape == (50_000, 2)
    assert noise.min() >= -1
    assert noise.max() <= 1
    assert noise.mean(0).abs().max() < 0.02
    assert (noise.std(0) - 2 / math.sqrt(12)).abs().max() < 0.01


def test_normal_codes_follow_their_prior() -> None:
    latent = Latent(Noise(1), Normal(2))
    codes = latent.draw(50_000, rng()).codes
    assert codes.mean(0).abs().max() < 0.02
    assert (codes.std(0) - 1).abs().max() < 0.02
    assert (codes[:, 0].abs() < 2).float().mean().item() == pytest.approx(0.9545, abs=0.005)
    assert torch.corrcoef(codes.T)[0, 1].abs() < 0.02
    assert [(code.low, code.high, code.normal) for code in latent.codes] == [(-2, 2, True)] * 2


def test_continuous_codes_stand_in_their_written_order() -> None:
    latent = Latent(Normal(1), Uniform(2, 5, 6), Categorical(2), Normal(2), Uniform(1, -9, -8))
    assert [code.normal for code in latent.continuous] == [True, False, False, True, True, False]
    assert [code.name for code in latent.codes][:2] == ["categorical_0", "continuous_0"]
    codes = latent.draw(20_000, rng()).codes[:, 1:]
    middle = [0, 5.5, 5.5, 0, 0, -8.5]
    spread = [1 if code.normal else 1 / math.sqrt(12) for code in latent.continuous]
    assert codes.mean(0).tolist() == pytest.approx(middle, abs=0.03)
    assert codes.std(0).tolist() == pytest.approx(spread, abs=0.02)


def test_entropy_of_a_normal_code() -> None:
    # A standard normal has -E[log p] = (1 + ln 2 pi) / 2 = 1.41894 nats.
    latent = Latent(Uniform(1, 0, 4), Normal(1))
    assert latent.entropy().tolist() == single([math.log(4), 1.4189385])
    codes = Latent(Normal(1)).draw(100_000, rng()).codes
    prior = torch.distributions.Normal(0, 1).log_prob(codes).mean()
    assert -prior.item() == pytest.approx(1.4189, abs=0.01)


def test_bound_of_an_ignorant_posterior_on_a_normal_code_is_zero() -> None:
    latent = Latent(Normal(1))
    codes = latent.draw(100_000, rng()).codes
    bound = latent.posterior(torch.zeros(100_000, 2)).log_prob(codes).mean(0) + latent.entropy()
    assert bound.item() == pytest.approx(0, abs=0.01)


def test_a_fixed_sigma_is_the_squared_error() -> None:
    latent = Latent(Categorical(2), Uniform(2))
    assert (latent.outputs_size(), latent.posterior_size) == (6, 6)
    assert latent.outputs_size(fixed_sigma=True) == 4
    posterior = latent.posterior(torch.tensor([[0.0, 0.0, 0.5, -1.0]]), fixed_sigma=True)
    assert posterior.log_sigma.tolist() == [[0, 0]]
    log_prob = posterior.log_prob(torch.tensor([[1.0, 0.0, 1.0]]))[0]
    constant = -0.5 * math.log(2 * math.pi)
    expected = [math.log(0.5), -0.5 * 0.25 + constant, -0.5 * 4 + constant]
    assert log_prob.tolist() == single(expected)
    assert posterior.point().tolist() == [[0, 0.5, -1]]


def test_coded_layouts() -> None:
    latent = Latent.coded(74, (10, 3), 2, low=0.0, high=5.0, noise_kind="uniform")
    assert latent.classes == (10, 3)
    assert [(code.low, code.high) for code in latent.continuous] == [(0, 5)] * 2
    assert (latent.noise_size, latent.noise_kind) == (74, "uniform")
    plain = Latent.coded(5, (), 1)
    assert plain.noise_kind == "normal"
    assert (plain.continuous[0].low, plain.continuous[0].high) == (-1, 1)
