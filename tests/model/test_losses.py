import math

import pytest
import torch

from ganbench.model import losses

LN2 = math.log(2)
LN3 = math.log(3)


def test_log_losses_by_hand() -> None:
    # score 0: D = 1/2; score ln 3: D = 3/4.
    real, fake = torch.tensor([0.0, LN3]), torch.tensor([0.0, LN3])
    discriminator = (
        -(math.log(1 / 2) + math.log(3 / 4)) / 2 - (math.log(1 / 2) + math.log(1 / 4)) / 2
    )
    assert losses.log_loss(real, fake).item() == pytest.approx(discriminator, abs=1e-6)
    non_saturating = -(math.log(1 / 2) + math.log(3 / 4)) / 2
    assert losses.non_saturating(fake).item() == pytest.approx(non_saturating, abs=1e-6)
    minimax = (math.log(1 / 2) + math.log(1 / 4)) / 2
    assert losses.minimax(fake).item() == pytest.approx(minimax, abs=1e-6)


def test_log_loss_is_twice_ln_two_where_nothing_is_told_apart() -> None:
    zeros = torch.zeros(5)
    assert losses.log_loss(zeros, zeros).item() == pytest.approx(2 * LN2)


def test_log_losses_stay_finite_at_extreme_scores() -> None:
    far = torch.tensor([1e4, -1e4])
    for value in (losses.log_loss(far, far), losses.non_saturating(far), losses.minimax(far)):
        assert torch.isfinite(value)


def test_other_losses_by_hand() -> None:
    real, fake = torch.tensor([2.0, 0.5]), torch.tensor([-3.0, 0.5])
    assert losses.hinge_discriminator(real, fake).item() == pytest.approx((0 + 0.5) / 2 + 1.5 / 2)
    assert losses.negative_score(fake).item() == pytest.approx(1.25)
    assert losses.least_squares_discriminator(real, fake).item() == pytest.approx(
        0.5 * ((1 + 0.25) / 2 + (9 + 0.25) / 2)
    )
    assert losses.least_squares_generator(fake).item() == pytest.approx(0.5 * (16 + 0.25) / 2)
    assert losses.critic(real, fake).item() == pytest.approx(-1.25 - 1.25)


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
    pair.generator(fake).backward()
    assert (fake.grad < 0).all()
