"""Whether a variant reads labels, found by playing its losses on a few images."""

from __future__ import annotations

import contextlib

import torch
from torch import Tensor

from ganbench.data.dataset import Split, to_unit_range
from ganbench.model import Batch, Game

FEW = 16


def reads_labels(game: Game, split: Split) -> bool:
    """Compute every loss of a round on the split's first images; is any label asked for?

    The game is used up: its buffers may move. A loss that fails counts for what it read
    until then; the trial itself will say why.
    """
    images, labels = to_unit_range(split.images[:FEW]), split.labels[:FEW]
    asked = False

    def deal() -> tuple[Tensor, Tensor]:
        return images, labels

    def deal_labelled() -> tuple[Tensor, Tensor]:
        nonlocal asked
        asked = True
        return images, labels

    rng = torch.Generator().manual_seed(0)
    batch = Batch(game, deal, len(images), rng, torch.zeros(()), deal_labelled)
    with torch.random.fork_rng(), contextlib.suppress(Exception, SystemExit):
        game.prepare(batch)
        for update in game.updates():
            with contextlib.suppress(Exception, SystemExit):
                update.loss(batch)
    return asked
