"""What a variant reads of the real images in a round, found by playing its losses on a few."""

from __future__ import annotations

import contextlib

import torch
from torch import Tensor

from ganbench.data.dataset import Split, Streamed, to_unit_range
from ganbench.model import Batch, Game
from ganbench.study.jobs import Reading

FEW = 16


def reading(game: Game, split: Split | Streamed) -> Reading:
    """Compute every loss of a round on the split's first images, and see what is asked for.

    Labelled images beside others of the same batch are no batch of their own. The game is
    used up: its buffers may move. A loss that fails counts for what it read until then; the
    trial itself will say why.
    """
    few = split[:FEW]
    images, labels = to_unit_range(few.images), few.labels
    rng = torch.Generator().manual_seed(0)
    asked: list[set[str]] = []

    def deal() -> Batch:
        kinds: set[str] = set()
        asked.append(kinds)

        def read(kind: str) -> tuple[Tensor, Tensor]:
            kinds.add(kind)
            return images, labels

        progress = torch.zeros(())
        return Batch(
            game, lambda: read("real"), len(images), rng, progress, lambda: read("labelled")
        )

    with torch.random.fork_rng(), contextlib.suppress(Exception, SystemExit):
        game.prepare(deal())
        asked.clear()  # once per trial, not per round
        batch = deal()
        for update in game.updates():
            for step in range(update.steps):
                batch = deal() if step else batch
                with contextlib.suppress(Exception, SystemExit):
                    update.loss(batch)
    return Reading(max(sum(map(bool, asked)), 1), any("labelled" in kinds for kinds in asked))
