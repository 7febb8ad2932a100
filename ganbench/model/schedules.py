"""Learning-rate schedules: functions of progress, computed on the device.

A schedule takes progress (a 0-dim tensor, 0 in the first round, below 1 in the last) and the
share of the rate that is left at progress 1; it gives the share of the rate that holds now, a
0-dim tensor. It reads no value on the host, so that a recorded round follows it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

Schedule = Callable[[Tensor], Tensor]
"""From progress to the share of the learning rate that holds, both 0-dim tensors."""


def constant(progress: Tensor, end: float = 1.0) -> Tensor:
    """The whole rate, all along; `end` is not read."""
    return torch.ones_like(progress)


def linear(progress: Tensor, end: float = 0.0) -> Tensor:
    """From 1 to `end` in a straight line, as SNGAN's authors have it for CIFAR-10 (to 0)."""
    return 1.0 + (end - 1.0) * progress


def cosine(progress: Tensor, end: float = 0.0) -> Tensor:
    """From 1 to `end` along half a cosine (Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5)."""
    return end + (1.0 - end) * 0.5 * (1.0 + torch.cos(math.pi * progress))


SCHEDULES: dict[str, Callable[..., Tensor]] = {
    "constant": constant,
    "linear": linear,
    "cosine": cosine,
}
"""The schedules that can be chosen by name, `lr_schedule=cosine`."""
