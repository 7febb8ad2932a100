"""Makes the optimizer of an update, with a learning rate that follows a schedule."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ganbench.core import optim
from ganbench.core.optim import Adam
from ganbench.model import Update
from ganbench.model.optimizers import arguments, parse
from ganbench.train.execution_modes import Mode

Optimizer = Adam | torch.optim.Optimizer


class Rate:
    """An update's learning rate: a tensor on the device that its optimizer reads at each step.

    Float64 on a CPU, where a step reads the very number that was asked for; float32 elsewhere,
    as fused kernels take it. A recorded round follows a schedule, because nothing is read on the
    host.
    """

    def __init__(self, update: Update, device: torch.device) -> None:
        self.update = update
        dtype = torch.float64 if device.type == "cpu" else torch.float32
        self.value = torch.full((), update.lr, dtype=dtype, device=device)

    @torch.no_grad()
    def follow(self, progress: Tensor) -> None:
        """Set the rate that the schedule has at this progress; without one it stays.

        Raises ValueError for a schedule that gives no 0-dim tensor.
        """
        if self.update.schedule is None:
            return
        share = self.update.schedule(progress)
        if not isinstance(share, Tensor) or share.dim() != 0:
            raise ValueError(
                f"the schedule of update {self.update.name!r} gives {share!r}: it must make a "
                f"0-dim tensor of progress, which is one"
            )
        self.value.copy_(share * self.update.lr)


def make(update: Update, owned: list[nn.Parameter], mode: Mode, rate: Rate) -> Optimizer:
    """The optimizer of the parameters that an update owns.

    Adam is the fused one of `ganbench.core.optim` where that serves, torch's elsewhere; in the mode
    `reference` every class computes tensor by tensor, as it is written.

    Raises ValueError, with the class's own words, for what the class cannot train.
    """
    cls, given = parse(update.optimizer or "Adam")
    takes = arguments(cls)
    settings: dict[str, Any] = {"betas": update.betas, "weight_decay": update.weight_decay or 0.0}
    chosen = {name: value for name, value in settings.items() if name in takes} | given
    plain = mode == "reference"
    if cls is torch.optim.Adam and not plain and optim.serves(owned) and set(given) <= {"eps"}:
        return Adam(owned, rate.value, **chosen)
    how: dict[str, Any] = {}
    if plain:
        how = {name: False for name in ("foreach", "fused") if name in takes}
    if rate.value.device.type == "cuda":  # the rate is read on the device, if the class can
        if "capturable" in takes:
            how["capturable"] = True
        elif "fused" in takes and not plain:
            how["fused"] = True
    return cls(owned, lr=rate.value, **chosen, **how)


def clip_gradient(owned: list[nn.Parameter], bound: float) -> None:
    """Scale an update's whole gradient down to a norm of `bound` where it is longer."""
    nn.utils.clip_grad_norm_(owned, bound)


@torch.no_grad()
def clip_weights(owned: list[nn.Parameter], bound: float) -> None:
    """Put every parameter back to between -bound and bound (arXiv:1701.07875, algorithm 1)."""
    weights: list[Tensor] = list(owned)
    torch._foreach_clamp_min_(weights, -bound)
    torch._foreach_clamp_max_(weights, bound)


def load_state(optimizer: Optimizer, rate: Rate, state: dict[str, Any]) -> None:
    """Go on from a saved state; the optimizer reads its rate where it did before."""
    optimizer.load_state_dict(state)
    for group in optimizer.param_groups:
        rate.value.fill_(group["lr"])
        group["lr"] = rate.value
