"""The numbers that checks of direction measure: each rises when an update does its work."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from ganbench.evaluate.capabilities import Unavailable, ask
from ganbench.model import Batch, DiscriminatorOutput, LatentValue, Update
from ganbench.plugins.checks.result import Failed
from ganbench.plugins.checks.subject import CLASSES, Subject, world
from ganbench.train.trainer import Trainer

SEEDS = (0, 1, 2)
EARLY, STEPS = 10, 40
RATE = 2e-3


def probing(update: Update) -> Update:
    """An update as a probe trains it: Adam at one rate, whatever the variant's own; only directions
    are asked for. Weights are not clipped: that alone moves a fresh critic's scores more than a
    loss does, whatever its sign."""
    return replace(
        update, lr=RATE, optimizer="Adam", schedule=None, weight_decay=0.0, clip_weights=0.0
    )


@dataclass(frozen=True)
class Fixture:
    """What a number is measured on: a model, held-out images with labels, latents, a batch."""

    model: Any
    images: Tensor
    labels: Tensor
    latent: LatentValue
    batch: Batch

    @classmethod
    def of(cls, trainer: Trainer) -> Fixture:
        """Fixed images, latents and batch for a trainer's model."""
        split = world(trainer.model.shape, CLASSES, seed=9)
        images = split.images.float().mul(2 / 255).sub(1)
        latent = trainer.model.latent.draw(len(images), trainer.rngs["latent"])
        return cls(trainer.model, images, split.labels, latent, trainer.next_batch(trainer.clock))

    @property
    def fake(self) -> Tensor:
        """The generator's images for the fixed latents."""
        return ask(self.model, "generate", self.latent)

    @property
    def views(self) -> tuple[DiscriminatorOutput, DiscriminatorOutput]:
        """The discriminator's outputs on real and on generated images, by `GAN.adversarial_terms`.

        Raises Unavailable for a model that has none.
        """
        if not callable(getattr(self.model, "adversarial_terms", None)):
            raise Unavailable("no score() and no adversarial_terms()")
        self.batch.forget_fake()
        real, fake, _ = self.model.adversarial_terms(self.batch)
        return real, fake


Number = Callable[[Fixture], Tensor]


def gap(at: Fixture) -> Tensor:
    """Mean score of real images minus that of generated ones.

    A variant whose score() is no property of one image (it depends on batch-mates) is asked
    through `GAN.adversarial_terms`.
    """
    try:
        return ask(at.model, "score", at.images).mean() - ask(at.model, "score", at.fake).mean()
    except Unavailable:
        real, fake = at.views
        return real.score.mean() - fake.score.mean()


def fake_score(at: Fixture) -> Tensor:
    """Mean score of generated images."""
    try:
        return ask(at.model, "score", at.fake).mean()
    except Unavailable:
        return at.views[1].score.mean()


def likeness(at: Fixture) -> Tensor:
    """Minus the squared distance of the mean features of real and of generated images."""
    real, fake = at.views
    return -(real.features.mean(0) - fake.features.mean(0)).square().sum()


def posterior(at: Fixture) -> Tensor:
    """log Q(c|x) of generated images in nats, summed over codes."""
    return ask(at.model, "posterior_log_prob", at.fake, at.latent).mean(0).sum()


def label_fit(at: Fixture) -> Tensor:
    """Minus the cross-entropy of classify() on labelled images."""
    return -F.cross_entropy(ask(at.model, "classify", at.images), at.labels)


def reconstruction(at: Fixture) -> Tensor:
    """Minus the mean squared error of reconstruct()."""
    return -F.mse_loss(ask(at.model, "reconstruct", at.images), at.images)


def alone(trainer: Trainer, update: Update, steps: int) -> None:
    """Train one update on fresh batches while all others rest."""
    for _ in range(steps):
        trainer.apply_update(update, trainer.next_batch(trainer.clock / trainer.rounds))


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


def rise(subject: Subject, name: str, number: Number, first: Sequence[str] = ()) -> Rise:
    """Train the update of this name alone from fresh weights, and see how a number rises.

    first: the names of updates that train before it.
    """
    rows = []
    for seed in SEEDS:
        trainer = subject.trainer(seed=seed, adapt=probing)
        updates = {update.name: update for update in trainer.updates}
        for other in first:
            alone(trainer, updates[other], STEPS)
        at = Fixture.of(trainer)
        start = number(at).item()
        way = (gap(at) if number is fake_score else number(at)).abs().item()
        alone(trainer, updates[name], EARLY)
        early = number(at).item() - start
        alone(trainer, updates[name], STEPS - EARLY)
        late = number(at).item() - start
        unsound = [key for key, mean in trainer.losses.read().items() if not math.isfinite(mean)]
        if unsound:
            raise Failed(
                f"{unsound[0]} is no longer finite after {STEPS} steps of update {name!r} alone"
            )
        rows.append((early, late, late / max(way, 1e-9)))
    means = (math.fsum(column) / len(rows) for column in zip(*rows, strict=True))
    return Rise(*(mean if math.isfinite(mean) else -math.inf for mean in means))
