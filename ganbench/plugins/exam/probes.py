"""The numbers by which a direction is judged: each rises when an update does its work."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from ganbench.evaluate.capabilities import Unavailable, ask
from ganbench.model import Batch, LatentValue, Update, View
from ganbench.plugins.exam.candidate import CLASSES, Candidate, world
from ganbench.plugins.exam.result import Failed
from ganbench.train.trainer import Trainer

SEEDS = (0, 1, 2)
EARLY, STEPS = 10, 40
RATE = 2e-3


def probing(update: Update) -> Update:
    """An update as a probe trains it: Adam at one rate, whatever the variant's own; only directions
    are asked for."""
    return replace(update, lr=RATE, optimizer="Adam", schedule=None, weight_decay=0.0)


@dataclass(frozen=True)
class Stand:
    """What a number is measured on: a game, held-out images with labels, latents, a batch."""

    game: Any
    images: Tensor
    labels: Tensor
    latent: LatentValue
    batch: Batch

    @classmethod
    def of(cls, trainer: Trainer) -> Stand:
        """Fixed images, latents and batch for a trainer's game."""
        split = world(trainer.game.shape, CLASSES, seed=9)
        images = split.images.float().mul(2 / 255).sub(1)
        latent = trainer.game.latent.draw(len(images), trainer.rngs["latent"])
        return cls(trainer.game, images, split.labels, latent, trainer.deal(trainer.clock))

    @property
    def fake(self) -> Tensor:
        """The generator's images for the fixed latents."""
        return ask(self.game, "generate", self.latent)

    @property
    def views(self) -> tuple[View, View]:
        """The Views of real and of generated images in the GAN base's contest.

        Raises Unavailable for a game that has none.
        """
        if not callable(getattr(self.game, "contest", None)):
            raise Unavailable("no score() and no contest()")
        self.batch.forget_fake()
        real, fake, _ = self.game.contest(self.batch)
        return real, fake


Number = Callable[[Stand], Tensor]


def gap(at: Stand) -> Tensor:
    """Mean score of real images minus that of generated ones.

    A variant whose score() is no property of one image (it depends on batch-mates) is asked
    through the GAN base's `contest`.
    """
    try:
        return ask(at.game, "score", at.images).mean() - ask(at.game, "score", at.fake).mean()
    except Unavailable:
        real, fake = at.views
        return real.score.mean() - fake.score.mean()


def fake_score(at: Stand) -> Tensor:
    """Mean score of generated images."""
    try:
        return ask(at.game, "score", at.fake).mean()
    except Unavailable:
        return at.views[1].score.mean()


def likeness(at: Stand) -> Tensor:
    """Minus the squared distance of the mean features of real and of generated images."""
    real, fake = at.views
    return -(real.features.mean(0) - fake.features.mean(0)).square().sum()


def posterior(at: Stand) -> Tensor:
    """log Q(c|x) of generated images in nats, summed over codes."""
    return ask(at.game, "posterior_log_prob", at.fake, at.latent).mean(0).sum()


def label_fit(at: Stand) -> Tensor:
    """Minus the cross-entropy of classify() on labelled images."""
    return -F.cross_entropy(ask(at.game, "classify", at.images), at.labels)


def reconstruction(at: Stand) -> Tensor:
    """Minus the mean squared error of reconstruct()."""
    return -F.mse_loss(ask(at.game, "reconstruct", at.images), at.images)


def alone(trainer: Trainer, update: Update, steps: int) -> None:
    """Train one update on fresh batches while all others rest."""
    for _ in range(steps):
        trainer.take(update, trainer.deal(trainer.clock / trainer.rounds))


@dataclass(frozen=True)
class Rise:
    """How a number rose while one update trained alone, the mean over seeds.

    early, late: after `EARLY` and `STEPS` steps. share: the late one as a share of the way
    that there was to go. A number that is not finite did not rise.
    """

    early: float
    late: float
    share: float

    def __str__(self) -> str:
        return f"{self.early:+.3g} in {EARLY} steps of it alone, {self.late:+.3g} in {STEPS}"


def rise(candidate: Candidate, name: str, number: Number, first: Sequence[str] = ()) -> Rise:
    """Train the update of this name alone from fresh weights, and see how a number rises.

    first: the names of updates that train before it.
    """
    rows = []
    for seed in SEEDS:
        trainer = candidate.trainer(seed=seed, adapt=probing)
        updates = {update.name: update for update in trainer.updates}
        for other in first:
            alone(trainer, updates[other], STEPS)
        at = Stand.of(trainer)
        start = number(at).item()
        way = (gap(at) if number is fake_score else number(at)).abs().item()
        alone(trainer, updates[name], EARLY)
        early = number(at).item() - start
        alone(trainer, updates[name], STEPS - EARLY)
        late = number(at).item() - start
        unsound = [key for key, mean in trainer.gauge.read().items() if not math.isfinite(mean)]
        if unsound:
            raise Failed(
                f"{unsound[0]} is no longer finite after {STEPS} steps of update {name!r} alone"
            )
        rows.append((early, late, late / max(way, 1e-9)))
    means = (math.fsum(column) / len(rows) for column in zip(*rows, strict=True))
    return Rise(*(mean if math.isfinite(mean) else -math.inf for mean in means))
