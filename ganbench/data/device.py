"""A split that lives on the training device as uint8 and is dealt in shuffled batches."""

from __future__ import annotations

import torch
from torch import Tensor

from ganbench.data.dataset import Split, to_unit_range
from ganbench.errors import UserError


class Dealer:
    """Deals batches without replacement, epoch after epoch, all of one size.

    A batch that crosses the end of an epoch takes its rest from the next shuffles; a split
    smaller than a batch is dealt several times within one. Shuffles come from `rng`, which
    lives on the device; nothing is copied between devices.

    Raises UserError where the split is empty.
    """

    def __init__(self, split: Split, batch_size: int, rng: torch.Generator) -> None:
        if not len(split):
            raise UserError("there are no images to deal")
        self.images = split.images.to(rng.device)
        self.labels = split.labels.to(rng.device)
        self.batch_size = batch_size
        self.rng = rng
        self.order = self._shuffle()
        self.position = 0

    def __call__(self) -> tuple[Tensor, Tensor]:
        """The next images (batch_size, c, h, w) in [-1, 1] and labels (batch_size,)."""
        end = self.position + self.batch_size
        parts = [self.order[self.position : end]]
        while end > len(self.order):
            self.order = self._shuffle()
            end -= len(self.images)
            parts.append(self.order[:end])
        self.position = end
        rows = torch.cat(parts) if len(parts) > 1 else parts[0]
        return to_unit_range(self.images[rows]), self.labels[rows]

    def state_dict(self) -> dict[str, Tensor | int]:
        """Where the dealing stands, but for the generator."""
        return {"order": self.order.clone(), "position": self.position}

    def load_state_dict(self, state: dict[str, Tensor | int]) -> None:
        """Go on from a saved state."""
        self.order = torch.as_tensor(state["order"]).to(self.rng.device).clone()
        self.position = int(state["position"])

    def _shuffle(self) -> Tensor:
        return torch.randperm(len(self.images), generator=self.rng, device=self.rng.device)
