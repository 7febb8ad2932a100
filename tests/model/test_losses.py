import math

import pytest
import torch

from ganbench.model import losses
from tests.floats import single

LN2 = math.log(2)
LN3 = math.log(3)


def test_log_losses_by_hand() -> None:
    # score 0: D = 1/2; score ln 3: D = 3/4.
    real, fake = torch.tensor([0.0, LN3]), torch.tensor([0.0, LN3])
    discriminator = (
        -(math.log(1 / 2) + math.log(3 / 4)) / 2 - (math.log(1 / 2) + math.log(1 / 4)) / 2
    )
    assert losses.log_loss(real, fake).item() == single(discriminator)
    non_saturating = -(math.log(1 / 2) + math.log(3 / 4)) / 2
    assert losses.non_saturating(fake).item() == single(non_saturating)
    minimax = (math.log(1 / 2) + math.log(1 / 4)) / 2
    assert losses.minimax(fake).item() == single(minimax)


def test_log_loss_is_twice_ln_two_where_nothing_is_told_apart() -> None:
    zeros = torch.zeros(5)
    assert losses.log_loss(zeros, zeros).item() == single(2 * LN2)


def test_log_losses_stay_finite_at_extreme_scores() -> None:
    far = torch.tensor([1e4, -1e4])
    for value in (losses.log_loss(far, far), losses.non_saturating(far), losses.minimax(far)):
        assert torch.isfinite(value)


def test_other_losses_by_hand() -> None:
    real, fake = torch.tensor([2.0, 0.5]), torch.tensor([-3.0, 0.5])
    assert losses.hinge_discriminator(real, fake).item() == single((0 + 0.5) / 2 + 1.5 / 2)
    assert losses.negative_score(fake).item() == single(1.25)
    assert losses.least_squares_discriminator(real, fake).item() == single(
        0.5 * ((1 + 0.25) / 2 + (9 + 0.25) / 2)
    )
    assert losses.least_squares_generator(fake).item() == single(0.5 * (16 + 0.25) / 2)
    assert losses.critic(real, fake).item() == single(-1.25 - 1.25)


@pytest.mark.parametrize("name", losses.ADVERSARIAL)
def test_directions(name: str) -> None:
    """Lowering D's loss parts the scores, lowering G's raises the fakes' score."""
    pair = losses.ADVERSARIAL[name]
    real = torch.tensor([0.3, 0.6], requires_grad=True)
    fake = torch.tensor([0.2, 0.4], requires_grad=True)
    pair.discriminator(real, fake).backward()
    assert (real.grad < 0).all()
    assert (fake.grad > 0).all()
    fake.grad = None
    pair.generator(fake, *([real.detach()] if pair.paired else [])).backward()
    assert (fake.grad < 0).all()


def test_relativistic_losses_compare_pairs() -> None:
    real, fake = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 2.0])
    discriminator = (math.log1p(math.exp(-1)) + math.log1p(math.exp(2))) / 2
    generator = (math.log1p(math.exp(1)) + math.log1p(math.exp(-2))) / 2
    assert losses.relativistic_discriminator(real, fake).item() == single(discriminator)
    assert losses.relativistic_generator(fake, real).item() == single(generator)


@pytest.mark.parametrize("name", [n for n, pair in losses.ADVERSARIAL.items() if pair.targets])
def test_label_smoothing_is_one_sided(name: str) -> None:
    """It moves the real images' target and leaves the generated images' part alone."""
    loss = losses.ADVERSARIAL[name].discriminator
    real, fake = torch.tensor([0.7, -0.4]), torch.tensor([0.1, 1.5])
    other = torch.tensor([-2.0, 0.3])
    by_fakes = loss(real, fake, 0.1) - loss(real, other, 0.1)
    assert by_fakes.item() == single((loss(real, fake) - loss(real, other)).item())
    # The best score of a real image is where sigmoid (or the score itself) is 0.9.
    best = torch.tensor([0.9 if name == "lsgan" else math.log(9)], requires_grad=True)
    loss(best, fake, 0.1).backward()
    assert best.grad.item() == single(0)


def test_label_smoothing_by_hand() -> None:
    """-0.9 log D - 0.1 log(1 - D) at D = sigmoid(ln 3) = 3/4."""
    real, fake = torch.tensor([math.log(3)]), torch.tensor([0.0])
    expected = -0.9 * math.log(3 / 4) - 0.1 * math.log(1 / 4) + math.log(2)
    assert losses.log_loss(real, fake, 0.1).item() == single(expected)


def test_feature_distance_by_hand() -> None:
    real, fake = torch.tensor([[1.0, 0.0], [3.0, 2.0]]), torch.tensor([[0.0, 0.0], [0.0, 1.0]])
    assert losses.feature_distance(real, fake).item() == single((2 - 0) ** 2 + (1 - 0.5) ** 2)


def test_gradient_penalties_by_hand() -> None:
    """D(x) = 3 x_1 + x_2^2 has the gradient (3, 2 x_2)."""
    images = torch.tensor([[[[0.5, 2.0]]], [[[0.1, 0.0]]]], requires_grad=True)
    score = 3 * images[:, 0, 0, 0] + images[:, 0, 0, 1].square()
    assert losses.zero_centred(score, images).item() == single((25 + 9) / 2 / 2)
    assert losses.one_centred(score, images).item() == single((4**2 + 2**2) / 2)
