"""Losses and penalties of the GAN family: pure functions of scores, features and gradients.

`real` and `fake` are the raw scores (n,) of real and generated images. Each loss returns a
scalar to be minimised. Random noise and optimizers live elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Adversarial(NamedTuple):
    """A pair of losses: `discriminator(real, fake)` and `generator(fake)`.

    targets: real images have a target that can be smoothed; `discriminator` then takes the
    amount as a third argument. paired: `generator(fake, real)` compares with real images.
    """

    discriminator: Callable[..., Tensor]
    generator: Callable[..., Tensor]
    targets: bool = False
    paired: bool = False


def log_loss(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Tensor:
    """-E[log D(x)] - E[log(1 - D(G(z)))] with D = sigmoid(score) (Goodfellow 2014, eq. 1).

    smoothing: the real images' target is 1 - smoothing; the generated ones' stays 0
    (one-sided, Salimans et al. 2016, sec. 3.4).
    """
    loss = F.softplus(-real).mean() + F.softplus(fake).mean()
    return loss + smoothing * real.mean() if smoothing else loss


def non_saturating(fake: Tensor) -> Tensor:
    """-E[log D(G(z))] (Goodfellow 2014, sec. 3)."""
    return F.softplus(-fake).mean()


def minimax(fake: Tensor) -> Tensor:
    """E[log(1 - D(G(z)))] (Goodfellow 2014, eq. 1); saturates while D is ahead."""
    return -F.softplus(fake).mean()


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))] (Lim & Ye 2017; Miyato 2018, eq. 16)."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def least_squares_discriminator(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Tensor:
    """E[(D(x) - 1)^2] / 2 + E[D(G(z))^2] / 2 (Mao et al. 2017, eq. 9); target 1 - smoothing."""
    return 0.5 * ((real - (1 - smoothing)).square().mean() + fake.square().mean())


def least_squares_generator(fake: Tensor) -> Tensor:
    """E[(D(G(z)) - 1)^2] / 2 (Mao et al. 2017, eq. 9)."""
    return 0.5 * (fake - 1).square().mean()


def critic(real: Tensor, fake: Tensor) -> Tensor:
    """E[D(G(z))] - E[D(x)] (Arjovsky et al. 2017, eq. 2, negated)."""
    return fake.mean() - real.mean()


def negative_score(fake: Tensor) -> Tensor:
    """-E[D(G(z))], the generator's side of the hinge and Wasserstein losses."""
    return -fake.mean()


def relativistic_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """E[log(1 + exp(-(D(x) - D(G(z)))))] over pairs (Huang et al. 2024, eq. 2)."""
    return F.softplus(fake - real).mean()


def relativistic_generator(fake: Tensor, real: Tensor) -> Tensor:
    """The same with the sides exchanged."""
    return F.softplus(real - fake).mean()


ADVERSARIAL = {
    "ns": Adversarial(log_loss, non_saturating, targets=True),
    "minimax": Adversarial(log_loss, minimax, targets=True),
    "hinge": Adversarial(hinge_discriminator, negative_score),
    "lsgan": Adversarial(least_squares_discriminator, least_squares_generator, targets=True),
    "wasserstein": Adversarial(critic, negative_score),
    "relativistic": Adversarial(relativistic_discriminator, relativistic_generator, paired=True),
}


def feature_distance(real: Tensor, fake: Tensor) -> Tensor:
    """||E f(x) - E f(G(z))||^2 of features (n, f) (Salimans et al. 2016, sec. 3.1)."""
    return (real.mean(0) - fake.mean(0)).square().sum()


def gradients(score: Tensor, images: Tensor) -> Tensor:
    """d score_i / d image_i, flattened (n, pixels); differentiable itself."""
    (found,) = torch.autograd.grad(score.sum(), images, create_graph=True)
    return found.flatten(1)


def zero_centred(score: Tensor, images: Tensor) -> Tensor:
    """E[||grad D||^2] / 2: R1 on real images, R2 on generated ones (Mescheder 2018, eq. 9)."""
    return 0.5 * gradients(score, images).square().sum(1).mean()


def one_centred(score: Tensor, images: Tensor) -> Tensor:
    """E[(||grad D|| - 1)^2] (Gulrajani et al. 2017, eq. 3)."""
    norm = gradients(score, images).square().sum(1).add(1e-12).sqrt()
    return (norm - 1).square().mean()
