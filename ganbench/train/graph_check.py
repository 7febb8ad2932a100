"""Checks a replayed CUDA graph against the same round as it is written, once per graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

TOLERANCE = 1e-3
"""Of losses and buffers, which a GPU may add up in another order each time."""
SHARE = 0.5
"""Of the step: Adam turns gradients of mere rounding (biases in front of batch norm have no
others) into whole steps, in any direction."""


def graph_check(trainer: Any) -> Callable[[tuple[str, ...]], str | None]:
    """Prepare the check of a replay; the returned function runs it: what was wrong, or None.

    Compared are parameters, losses, buffers (batch norm's have seen the images) and averages.
    A clone trains the same round of the updates that are due eagerly. Where the replay came to
    something else, the trainer goes on from the clone's state.
    """
    clone = trainer.clone()
    clone.load_state_dict(trainer.state_dict())
    before = _parameters(clone)
    sums = {key: value.clone() for key, value in trainer.losses.sums.items()}

    def compare(due: tuple[str, ...]) -> str | None:
        clone.run_updates(due)
        found, wanted = _parameters(trainer), _parameters(clone)
        gained = torch.cat([trainer.losses.sums[key] - sums[key] for key in clone.losses.sums])
        losses = torch.cat(list(clone.losses.sums.values()))
        step = float((wanted - before).norm())
        moved = float((found - before).norm())
        same = float((found - wanted).norm()) <= SHARE * step
        if same and _close(gained, losses) and _close(_rest(trainer), _rest(clone)):
            return None
        trainer.losses.put({key: sums[key] + value for key, value in clone.losses.sums.items()})
        trainer.load_state_dict({**clone.state_dict(), "round": clone.round + 1})
        return (
            f"a replayed round moved the parameters by {moved:.3g}, not {step:.3g}, with losses "
            f"{gained.tolist()}, not {losses.tolist()}"
        )

    return compare


def _parameters(trainer: Any) -> Tensor:
    return torch.cat([p.detach().flatten() for p in trainer.model.parameters()])


def _rest(trainer: Any) -> Tensor:
    """Buffers, and averages of networks."""
    kept = list(trainer.model.buffers())
    for average in trainer.averages.values():
        kept += [*average.slow.parameters(), *average.slow.buffers()]
    empty = torch.zeros(1, device=trainer.device)
    return torch.cat([empty, *(one.detach().float().flatten() for one in kept)])


def _close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, rtol=TOLERANCE, atol=TOLERANCE)
