"""Batches of real images that a round reads, and hyperparameters that nothing reads.

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
from ganbench.model import Batch, Variant
from ganbench.model.hyperparameters import declared
from ganbench.train.round_reads import RoundReads
from ganbench.train.trainer import build

FEW = 16
CHECKERS = {"ganbench.model.gan_hyperparameters", "ganbench.model.variant"}
"""Modules that look at a hyperparameter without using it."""


def batches_per_round(model: Variant, split: Split | Streamed) -> RoundReads:
    """Compute every loss of a round on the split's first images, and see what is asked for.

    Labelled images beside others of the same batch are no batch of their own. The model is
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
        return model.batch(
            lambda: read("real"),
            len(images),
            rng,
            progress,
            lambda: read("labelled"),
        )

    with torch.random.fork_rng(), contextlib.suppress(Exception, SystemExit):
        model.prepare(deal())
        asked.clear()  # once per trial, not per round
        batch = deal()
        for update in model.updates():
            for step in range(update.steps):
                batch = deal() if step else batch
                with contextlib.suppress(Exception, SystemExit):
                    update.loss(batch)
    return RoundReads(max(sum(map(bool, asked)), 1), any("labelled" in kinds for kinds in asked))


def unread_hyperparameters(
    variant: type[Variant],
    classes: int,
    split: Split,
    resolved: Mapping[str, Any],
    names: Iterable[str],
) -> list[str]:
    """Those hyperparameters of `names` that none of a variant's code reads.

    The variant is built, plays a round and answers what it can be asked, while reads of its
    attributes are noted; what the trainer reads of every variant counts as read. A reader that
    goes by the class is not seen. Where the variant cannot be followed the list is empty.
    """
    read = set(declared(Variant, Variant))

    def noting(model: Variant, name: str) -> Any:
        if sys._getframe(1).f_globals.get("__name__") not in CHECKERS:
            read.add(name)
        return variant.__getattribute__(model, name)

    facts = {"__getattribute__": noting, "__module__": variant.__module__}
    try:
        noted: type[Variant] = type(variant.__name__, (variant,), facts)
        shape = tuple(split.images.shape[1:])
        model = build(noted, shape, classes, dict(resolved), seed=0)
        batches_per_round(model, split)
        _answer(model.eval(), split)
    except (Exception, SystemExit):
        return []
    return [name for name in names if name not in read]


def _answer(model: Variant, split: Split) -> None:
    """Ask a model for all that it can do, whatever comes of it."""
    images = to_unit_range(split[:FEW].images)
    latent = model.latent.draw(len(images), torch.Generator().manual_seed(0))
    of_images = ("score", "encode", "classify", "cluster", "reconstruct")
    questions: dict[str, tuple[Any, ...]] = dict.fromkeys(of_images, (images,))
    questions |= {"generate": (latent,), "posterior_log_prob": (images, latent)}
    with torch.random.fork_rng(), torch.no_grad():
        for name, arguments in questions.items():
            with contextlib.suppress(Exception, SystemExit):
                getattr(model, name)(*arguments)
