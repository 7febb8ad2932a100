"""Checks a replayed CUDA graph against the same round as it is written, once per graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from ganbench.train.trainer import Trainer

TOLERANCE = 1e-3
"""Of losses and buffers, which a GPU may add up in another order each time."""
SHARE = 0.5
"""Of the step: Adam turns gradients of mere rounding (biases in front of batch norm have no
others) into whole steps, in any direction."""


def proof(trainer: Trainer) -> Callable[[tuple[str, ...]], str | None]:
    """Call it before a replay, and what it returns behind: how it went wrong, or None.

    Compared are parameters, losses, buffers (batch norm's have seen the images) and averages.
    A twin plays the same round of the updates that are due as it is written. Where the replay
    came to something else, the trainer goes on from the twin's state.
    """
    twin = trainer.twin()
    twin.load_state_dict(trainer.state_dict())
    before = _parameters(twin)
    sums = {key: value.clone() for key, value in trainer.gauge.sums.items()}

    def compare(due: tuple[str, ...]) -> str | None:
        twin.play_updates(due)
        found, wanted = _parameters(trainer), _parameters(twin)
        gained = torch.cat([trainer.gauge.sums[key] - sums[key] for key in twin.gauge.sums])
        losses = torch.cat(list(twin.gauge.sums.values()))
        step = float((wanted - before).norm())
        moved = float((found - before).norm())
        same = float((found - wanted).norm()) <= SHARE * step
        if same and _close(gained, losses) and _close(_rest(trainer), _rest(twin)):
            return None
        trainer.gauge.put({key: sums[key] + value for key, value in twin.gauge.sums.items()})
        trainer.load_state_dict({**twin.state_dict(), "round": twin.round + 1})
        return (
            f"a replayed round moved the parameters by {moved:.3g}, not {step:.3g}, with losses "
            f"{gained.tolist()}, not {losses.tolist()}"
        )

    return compare


def _parameters(trainer: Trainer) -> Tensor:
    return torch.cat([p.detach().flatten() for p in trainer.game.parameters()])


def _rest(trainer: Trainer) -> Tensor:
    """Buffers, and averages of networks."""
    kept = list(trainer.game.buffers())
    for average in trainer.averages.values():
        kept += [*average.slow.parameters(), *average.slow.buffers()]
    empty = torch.zeros(1, device=trainer.device)
    return torch.cat([empty, *(one.detach().float().flatten() for one in kept)])


def _close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, rtol=TOLERANCE, atol=TOLERANCE)
