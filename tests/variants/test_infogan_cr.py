"""InfoGAN-CR by hand: how its pairs are drawn, and the contrast that H reads off them."""

import math
from typing import Any

import pytest
import torch
from scipy import stats
from torch import Tensor

from tests.floats import single
from tests.variants.hands import Fixed, hand, logs, make, value

CODES = 5


def pairs(spec: str, n: int = 4000, progress: float = 0.0) -> tuple[Any, Tensor, Tensor]:
    """The game, the codes (2, n, codes) of pairs, and which code they share."""
    model = make(spec)
    batch = hand(model, torch.zeros(n, 1, 1, 1), progress=progress)
    vectors, shared = model.pairs(batch)
    assert vectors.shape == (2, n, model.latent.size)
    return model, vectors[:, :, model.noise :], shared


@pytest.mark.parametrize("gap", [0.0, 0.3, 0.95, 1.0])
@pytest.mark.parametrize("span", [(-1.0, 1.0), (0.0, 4.0)])
def test_pairs_share_one_code_and_differ_in_all_others(gap: float, span: tuple) -> None:
    low, high = span
    _, codes, shared = pairs(f"infogan_cr:gap={gap}/{gap},code_range={low}/{high}")
    one = torch.nn.functional.one_hot(shared, CODES).bool()
    apart = (codes[0] - codes[1]).abs()
    assert (apart[one] == 0).all()
    assert (apart[~one] > 0).all()
    assert apart[~one].min() >= gap * (high - low) - 1e-5
    assert codes.min() >= low - 1e-5
    assert codes.max() <= high + 1e-5
    # Either of the two can be the larger.
    larger = (codes[0] > codes[1])[~one].float().mean().item()
    assert larger == pytest.approx(0.5, abs=0.02)


def test_without_a_gap_every_code_is_uniform_and_independent() -> None:
    """Then a pair is two draws from the prior, but for the code they share."""
    _, codes, shared = pairs("infogan_cr:gap=0/0")
    for side in codes:
        for column in side.T:
            assert stats.kstest(column.numpy(), stats.uniform(-1, 2).cdf).pvalue > 1e-3
        correlation = torch.corrcoef(side.T) - torch.eye(CODES)
        assert correlation.abs().max() < 5 / math.sqrt(4000)
    rows = shared != 0
    between = torch.corrcoef(codes[:, rows, 0])[0, 1].abs()
    assert between < 5 / math.sqrt(int(rows.sum()))


def test_the_shared_code_is_uniform_whatever_the_gap() -> None:
    _, codes, shared = pairs("infogan_cr:gap=0.95/0.95", 8000)
    values = codes[0].gather(1, shared[:, None]).squeeze(1)
    assert stats.kstest(values.numpy(), stats.uniform(-1, 2).cdf).pvalue > 1e-3
    assert stats.chisquare(shared.bincount(minlength=CODES).numpy()).pvalue > 1e-3


@pytest.mark.parametrize("gap", [0.25, 0.6])
def test_pairs_are_uniform_over_those_that_are_far_enough_apart(gap: float) -> None:
    """Against rejection: draws of the prior, of which only the far ones are kept."""
    _, codes, shared = pairs(f"infogan_cr:gap={gap}/{gap}", 6000)
    rows = shared != 0
    found = codes[:, rows, 0]
    prior = torch.rand(2, 60_000, generator=torch.Generator().manual_seed(9)) * 2 - 1
    kept = prior[:, (prior[0] - prior[1]).abs() >= 2 * gap]
    assert kept.shape[1] > 5000
    for statistic in (lambda x: x[0], lambda x: x[1], lambda x: x[0] - x[1], lambda x: x.sum(0)):
        assert stats.ks_2samp(statistic(found).numpy(), statistic(kept).numpy()).pvalue > 1e-3


@pytest.mark.parametrize(("progress", "gap"), [(0.0, 1.9), (0.5, 0.95), (1.0, 0.0)])
def test_the_gap_shrinks_as_training_goes_on(progress: float, gap: float) -> None:
    """From 0.95 of the range to 0, linearly (sec. 3.2: first easy pairs, then hard ones)."""
    _, codes, shared = pairs("infogan_cr", progress=progress)
    others = ~torch.nn.functional.one_hot(shared, CODES).bool()
    smallest = (codes[0] - codes[1]).abs()[others].min().item()
    assert smallest == pytest.approx(gap, abs=0.01)
    assert smallest >= gap - 1e-5


def test_each_image_of_a_pair_has_noise_of_its_own() -> None:
    model = make("infogan_cr")
    vectors, _ = model.pairs(hand(model, torch.zeros(500, 1, 1, 1)))
    noise = vectors[:, :, : model.noise]
    assert ((noise[0] - noise[1]).abs().amax(1) > 0.1).all()


def test_the_contrast_by_hand() -> None:
    """-L_c = -E log H(I | x, x'): two pairs, H gives their codes 1/4 and 1/2."""
    model = make("infogan_cr:continuous=3")
    latents = torch.zeros(2, 2, model.latent.size)
    model.pairs = lambda batch: (latents, torch.tensor([2, 0]))
    model.h_network = Fixed(logs((1, 2, 1), (3, 2, 1)))
    model.generator = torch.nn.Sequential(torch.nn.Unflatten(1, (1, 1, -1)))
    expected = -(math.log(1 / 4) + math.log(3 / 6)) / 2
    batch = hand(model, torch.zeros(2, 1, 8, 8))
    assert model.contrast(batch).item() == single(expected)


def test_h_sees_both_images_of_a_pair_side_by_side() -> None:
    model = make("infogan_cr:continuous=3", (2, 8, 8))
    first, second = torch.rand(4, 2, 8, 8), torch.rand(4, 2, 8, 8)
    model.generator = Fixed(torch.cat([first, second]))
    model.h_network = h = Fixed(torch.zeros(4, 3))
    batch = hand(model, torch.zeros(4, 2, 8, 8))
    model.contrast(batch)
    assert torch.equal(h.asked[0], torch.cat([first, second], 1))


def test_alpha_weights_the_contrast_and_lambda_the_information() -> None:
    """V - lambda L_I - alpha L_c (eq. 4): H, G and Q lower it together."""

    def loss(**weights: float) -> tuple[float, dict[str, Tensor]]:
        given = ",".join(f"{name}={weight}" for name, weight in weights.items())
        model = make(f"infogan_cr:width=16,{given}")
        batch = hand(model, torch.zeros(8, 1, 8, 8))
        result = model.generator_loss(batch)
        return value(result), result[1]

    plain, logged = loss(contrastive_weight=0, continuous_weight=0)
    contrast = logged["contrastive_loss"].item()
    bound = sum(v.item() for name, v in logged.items() if name.startswith("information/"))
    both, _ = loss(contrastive_weight=3, continuous_weight=0.5)
    assert both == pytest.approx(plain + 3 * contrast - 0.5 * bound, abs=1e-4)
    owners = {u.name: set(u.owns) for u in make("infogan_cr").updates()}
    assert owners["generator"] == {"generator", "q_head", "h_network"}
    assert owners["discriminator"] == {"discriminator"}


def test_the_contrast_moves_the_generator_and_h() -> None:
    model = make("infogan_cr:width=16")
    contrast = model.contrast(hand(model, torch.zeros(8, 1, 8, 8)))
    parameters = [*model.generator.parameters(), *model.h_network.parameters()]
    gradients = torch.autograd.grad(contrast, parameters)
    # A bias before batch norm has none to speak of.
    assert sum(bool(g.abs().max() > 1e-9) for g in gradients) >= len(parameters) - 2


@pytest.mark.parametrize("given", ["continuous=1", "continuous=0", "categorical=10,continuous=3"])
def test_a_pair_needs_several_continuous_codes(given: str) -> None:
    with pytest.raises(ValueError, match="code"):
        make(f"infogan_cr:{given}")
