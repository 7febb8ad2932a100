"""Adversarial losses: pure functions of discriminator outputs (logits), all to be minimised.

`real` and `fake` are the raw scores (n,) of real and generated images. Each function
returns a scalar. Random noise, penalties and optimizers live elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor


class Adversarial(NamedTuple):
    """A pair of losses: `discriminator(real, fake)` and `generator(fake)`."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]


def log_loss(real: Tensor, fake: Tensor) -> Tensor:
    """-E[log D(x)] - E[log(1 - D(G(z)))] with D = sigmoid(score) (Goodfellow 2014, eq. 1)."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def non_saturating(fake: Tensor) -> Tensor:
    """-E[log D(G(z))] (Goodfellow 2014, sec. 3)."""
    return F.softplus(-fake).mean()


def minimax(fake: Tensor) -> Tensor:
    """E[log(1 - D(G(z)))] (Goodfellow 2014, eq. 1); saturates while D is ahead."""
    return -F.softplus(fake).mean()


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))] (Lim & Ye 2017; Miyato 2018, eq. 16)."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def least_squares_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """E[(D(x) - 1)^2] / 2 + E[D(G(z))^2] / 2 (Mao et al. 2017, eq. 9)."""
    return 0.5 * ((real - 1).square().mean() + fake.square().mean())


def least_squares_generator(fake: Tensor) -> Tensor:
    """E[(D(G(z)) - 1)^2] / 2 (Mao et al. 2017, eq. 9)."""
    return 0.5 * (fake - 1).square().mean()


def critic(real: Tensor, fake: Tensor) -> Tensor:
    """E[D(G(z))] - E[D(x)] (Arjovsky et al. 2017, eq. 2, negated)."""
    return fake.mean() - real.mean()


def negative_score(fake: Tensor) -> Tensor:
    """-E[D(G(z))], the generator's side of the hinge and Wasserstein losses."""
    return -fake.mean()


ADVERSARIAL = {
    "ns": Adversarial(log_loss, non_saturating),
    "minimax": Adversarial(log_loss, minimax),
    "hinge": Adversarial(hinge_discriminator, negative_score),
    "lsgan": Adversarial(least_squares_discriminator, least_squares_generator),
    "wasserstein": Adversarial(critic, negative_score),
}
