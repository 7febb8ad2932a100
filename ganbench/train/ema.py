"""Exponential moving average of networks, on the device, buffers included."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class ExponentialMovingAverage:
    """A copy of some networks whose parameters follow the live ones slowly.

    The decay warms up as min(decay, (1 + t) / (10 + t)), so that a short training is not
    an average with its own random start. Buffers (batch norm) are copied.
    """

    def __init__(self, networks: nn.ModuleDict, decay: float) -> None:
        self.live = networks
        self.slow = copy.deepcopy(networks).requires_grad_(False)
        self.decay = decay
        self._live_parameters: list[Tensor] = list(networks.parameters())
        self._slow_parameters: list[Tensor] = list(self.slow.parameters())
        self._live_buffers = list(networks.buffers())
        self._slow_buffers = list(self.slow.buffers())

    @torch.no_grad()
    def update(self, clock: Tensor) -> None:
        """Follow the live networks; `clock` counts rounds, a 0-dim tensor on the device."""
        if self._live_parameters:
            step = torch.clamp_min(9.0 / (10.0 + clock), 1.0 - self.decay)
            if clock.device.type == "cpu":
                torch._foreach_lerp_(self._slow_parameters, self._live_parameters, step.item())
            else:  # the same without reading a number from the device
                change = list(torch._foreach_sub(self._live_parameters, self._slow_parameters))
                torch._foreach_mul_(change, step)
                torch._foreach_add_(self._slow_parameters, change)
        if self._live_buffers:
            torch._foreach_copy_(self._slow_buffers, self._live_buffers)
