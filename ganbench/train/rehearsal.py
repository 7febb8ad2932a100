"""Plays one round on a copy of a trainer, and looks at what its losses are and reach."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ganbench.train.flops import FlopCounter


def rehearse(trainer: Any) -> int:
    """The floating-point operations of a round of a `Trainer`: multiplications and additions of
    matrix products and convolutions, forward and backward.

    The copy is thrown away: weights, averages and random streams of the trainer stay as they are.

    Raises ValueError where a loss is no finite scalar, or where it cannot reach a parameter that
    its update owns.
    """
    clone = trainer.clone()
    names = {id(p): name for name, p in clone.model.named_parameters()}
    for update in clone.updates:
        loss, _ = clone.loss(update, clone.next_batch(clone.clock))
        if not isinstance(loss, Tensor) or loss.dim() != 0:
            what = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else loss
            raise ValueError(f"the loss of update {update.name!r} must be a scalar, not {what}")
        if not torch.isfinite(loss):
            raise ValueError(
                f"the loss of update {update.name!r} is {loss.item()} on the first batch"
            )
        owned = clone.owned[update.name]
        found: tuple[Tensor | None, ...] = (None,) * len(owned)
        if loss.requires_grad:
            found = torch.autograd.grad(loss, owned, allow_unused=True)
        lost = [names[id(p)] for p, g in zip(owned, found, strict=True) if g is None]
        if lost:
            raise ValueError(
                f"the loss of update {update.name!r} does not reach {', '.join(lost)}, "
                f"which it owns"
            )
    with FlopCounter() as counter:
        clone.train_round()
    return counter.total
