"""Attacks on a classifier of images in [-1, 1]: FGSM, PGD, Gaussian noise and Gaussian blur.

Written here and not taken from a library: what the attack libraries depend on (an old
`requests`, a git client, a namespace that SciPy is about to remove) weighs more than these
lines. The tests compare them with foolbox.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter
from torch import Tensor

from ganbench.evaluate.capabilities import Unavailable

Classify = Callable[[Tensor], Tensor]
"""Images (n, c, h, w) in [-1, 1] to logits (n, classes)."""


def fgsm(classify: Classify, images: Tensor, labels: Tensor, epsilon: float) -> Tensor:
    """One step of the fast gradient sign method (Goodfellow et al. 2015, arXiv:1412.6572, sec. 4).

    Every value moves by `epsilon` in the direction that raises the cross-entropy with the true
    `labels` (n,), and is cut off at -1 and 1. Raises Unavailable as `ascent` does.
    """
    return (images + epsilon * ascent(classify, images, labels)).clamp(-1, 1)


def pgd(
    classify: Classify,
    images: Tensor,
    labels: Tensor,
    epsilon: float,
    *,
    steps: int,
    rate: float,
    start: Tensor,
) -> Tensor:
    """Projected gradient descent in the maximum norm (Madry et al. 2018, arXiv:1706.06083, eq. 2).

    `steps` steps of `rate`, each cut off at `epsilon` from the images and at -1 and 1.
    start: where the first one starts, of the images' shape: their own values plus random ones
    in [-epsilon, epsilon]. Raises Unavailable as `ascent` does.
    """
    attacked = start
    for _ in range(steps):
        moved = attacked + rate * ascent(classify, attacked, labels)
        attacked = images + (moved - images).clamp(-epsilon, epsilon)
        attacked = attacked.clamp(-1, 1)
    return attacked


def ascent(classify: Classify, images: Tensor, labels: Tensor) -> Tensor:
    """The sign of the gradient, by the images, of the cross-entropy with their labels (n,).

    Nothing else gets a gradient. Works under `torch.no_grad`. Raises Unavailable where the
    logits do not depend on the images in a way that can be differentiated.
    """
    with torch.enable_grad():
        inputs = images.detach().clone().requires_grad_(True)
        logits = classify(inputs)
        if not logits.requires_grad:
            raise Unavailable("classify() gives no gradients")
        # the sum: each image's gradient is its own, and does not shrink with their number
        loss = F.cross_entropy(logits, labels, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, inputs, allow_unused=True)
    if gradient is None:
        raise Unavailable("classify() gives no gradients")
    return gradient.sign()


def noisy(images: Tensor, sigma: float, rng: torch.Generator) -> Tensor:
    """Images with Gaussian noise of standard deviation `sigma`, cut off at -1 and 1."""
    return (images + sigma * torch.randn(images.shape, generator=rng)).clamp(-1, 1)


def blur(images: Tensor, sigma: float) -> Tensor:
    """Images (n, c, h, w), of any range, through a Gaussian filter of `sigma` pixels."""
    return torch.from_numpy(gaussian_filter(images.numpy(), (0, 0, sigma, sigma)))
