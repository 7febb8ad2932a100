"""What a variant reads: of the real images in a round, and of its hyperparameters at all.

Found by playing its losses on a few images.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from ganbench.data.dataset import Split, Streamed, to_unit_range
from ganbench.model import Batch, Game
from ganbench.model.hyperparameters import declared
from ganbench.study.jobs import Reading
from ganbench.train.trainer import build

FEW = 16
CHECKERS = {"ganbench.model.combinations", "ganbench.model.game"}
"""Modules that look at a hyperparameter without using it."""


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
        return game.batch(
            lambda: read("real"),
            len(images),
            rng,
            progress,
            lambda: read("labelled"),
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


def unread(
    variant: type[Game],
    classes: int,
    split: Split,
    resolved: Mapping[str, Any],
    names: Iterable[str],
) -> list[str]:
    """Those hyperparameters of `names` that none of a variant's code reads.

    The variant is built, plays a round and answers what it can be asked, while reads of its
    attributes are noted; what the trainer reads of every game counts as read. A reader that
    goes by the class is not seen. Where the variant cannot be followed the list is empty.
    """
    read = set(declared(Game, Game))

    def noting(game: Game, name: str) -> Any:
        if sys._getframe(1).f_globals.get("__name__") not in CHECKERS:
            read.add(name)
        return variant.__getattribute__(game, name)

    facts = {"__getattribute__": noting, "__module__": variant.__module__}
    try:
        noted: type[Game] = type(variant.__name__, (variant,), facts)
        shape = tuple(split.images.shape[1:])
        game = build(noted, shape, classes, dict(resolved), seed=0)
        reading(game, split)
        _answer(game.eval(), split)
    except (Exception, SystemExit):
        return []
    return [name for name in names if name not in read]


def _answer(game: Game, split: Split) -> None:
    """Ask a game for all that it can do, whatever comes of it."""
    images = to_unit_range(split[:FEW].images)
    latent = game.latent.draw(len(images), torch.Generator().manual_seed(0))
    of_images = ("score", "encode", "classify", "cluster", "reconstruct")
    questions: dict[str, tuple[Any, ...]] = dict.fromkeys(of_images, (images,))
    questions |= {"generate": (latent,), "posterior_log_prob": (images, latent)}
    with torch.random.fork_rng(), torch.no_grad():
        for name, arguments in questions.items():
            with contextlib.suppress(Exception, SystemExit):
                getattr(game, name)(*arguments)
