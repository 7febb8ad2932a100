"""Checks of direction: each update, trained alone, does what its name promises.

Every probe trains one update alone for some steps, from fresh weights, while all others
rest, and looks at one number, in training mode, on held-out images and fixed latents. With a
loss of several terms a single step may go against one of them; forty steps do not, and a
negated loss goes the other way. A function beside each check says which updates it judges.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from ganbench.evaluate.capabilities import Unavailable
from ganbench.model import Update
from ganbench.plugins.checks import probes
from ganbench.plugins.checks.probes import Number, Rise, rise
from ganbench.plugins.checks.result import Failed, Skipped, check
from ganbench.plugins.checks.subject import LabelWatch, Subject, parameters
from ganbench.train.trainer import Trainer

CLOSED = 0.1
"""Share of the distance between mean scores that a generator must close. Measured over seeds
and loss functions: right ones 0.17 and more, negated ones 0.08 at most."""
LIKENED = 0.25
"""The same of the distance between mean features, the other way to pass."""


def owns(trainer: Trainer, update: Update, network: str) -> bool:
    """Whether an update trains parameters of a network."""
    mine = parameters(trainer.model, network)
    return any(id(p) in mine for p in trainer.owned[update.name])


def informs(trainer: Trainer, update: Update) -> bool:
    """Whether an update logs `information/...`."""
    _, logs = trainer.loss(update, trainer.next_batch(trainer.clock))
    return any(name.startswith("information/") for name in logs)


def consults(trainer: Trainer, update: Update) -> bool:
    """Whether an update's loss asks the discriminator, or a part of it."""
    network = getattr(trainer.model, "discriminator", None)
    asked: list[nn.Module] = []
    parts = network.modules() if isinstance(network, nn.Module) else ()
    hooks = [part.register_forward_pre_hook(lambda part, _: asked.append(part)) for part in parts]
    try:
        trainer.loss(update, trainer.next_batch(trainer.clock))
    finally:
        for hook in hooks:
            hook.remove()
    return bool(asked)


def scores(subject: Subject, trainer: Trainer) -> bool:
    """Whether real and generated images can be told apart by numbers of the variant's own."""
    return subject.has("score") or callable(getattr(trainer.model, "adversarial_terms", None))


def reads_labels(trainer: Trainer, update: Update) -> bool:
    """Whether an update's loss reads `batch.labelled`."""
    batch = LabelWatch(trainer.next_batch(trainer.clock))
    trainer.loss(update, batch)
    return batch.labels_read


def measured(subject: Subject, name: str, number: Number, first: Iterable[str] = ()) -> Rise:
    """The rise of a number under an update. Skipped where the variant cannot be asked for it."""
    try:
        return rise(subject, name, number, tuple(first))
    except Unavailable as reason:
        raise Skipped(str(reason)) from None


def of_discriminator(subject: Subject, trainer: Trainer) -> list[Update]:
    """The updates that move the discriminator and not the generator, of a variant that scores
    images."""
    if not scores(subject, trainer):
        return []
    return [
        update
        for update in trainer.updates
        if owns(trainer, update, "discriminator") and not owns(trainer, update, "generator")
    ]


@check
def discriminator_direction(subject: Subject) -> None:
    """An update of the discriminator alone raises mean score(real) - score(fake)."""
    updates = of_discriminator(subject, subject.trainer())
    if not updates:
        raise Skipped("no score(), or no update moves a discriminator without the generator")
    for update in updates:
        found = measured(subject, update.name, probes.gap)
        # Early too: a negated gradient penalty flattens a critic, and then any sign may come.
        if not (found.early > 0 and found.late > 0):
            raise Failed(
                f"update {update.name!r} does not tell real images from generated ones: mean "
                f"score(real) - score(fake) changes by {found}; look for a wrong sign in its "
                f"loss or in score(), or for real and fake exchanged"
            )


def of_generator(subject: Subject, trainer: Trainer) -> list[Update]:
    """The updates that move the generator, and whose loss asks the discriminator that they play
    against and do not move, of a variant that scores images.

    Of several, those that log `information/...` are left to information_direction.
    """
    if not scores(subject, trainer):
        return []
    movers = [
        update
        for update in trainer.updates
        if owns(trainer, update, "generator")
        and not owns(trainer, update, "discriminator")
        and consults(trainer, update)
    ]
    if len(movers) > 1:
        movers = [update for update in movers if not informs(trainer, update)]
    return movers


def likens(subject: Subject, name: str, first: Iterable[str]) -> bool:
    """Whether an update brings mean features together. One that plays without the GAN base's
    adversarial terms, which may not fit its discriminator, has none to bring together."""
    try:
        nearer = rise(subject, name, probes.likeness, tuple(first))
    except Failed:
        raise
    except Exception:
        return False
    return nearer.early > 0 and nearer.share > LIKENED


@check
def generator_direction(subject: Subject) -> None:
    """An update of the generator raises mean score(fake), or brings the mean features of
    generated images nearer to those of real ones (feature matching).

    The discriminator is trained first, so that its scores mean something.
    """
    trainer = subject.trainer()
    updates = of_generator(subject, trainer)
    if not updates:
        raise Skipped("no score(), or no update moves the generator against a discriminator")
    first = [update.name for update in of_discriminator(subject, trainer)]
    for update in updates:
        found = measured(subject, update.name, probes.fake_score, first)
        if found.early > 0 and found.share > CLOSED:
            continue
        if likens(subject, update.name, first):
            continue
        raise Failed(
            f"update {update.name!r} does not make generated images look more real to the "
            f"discriminator: mean score(fake) changes by {found}, {found.share:+.0%} of its "
            f"distance to the real images'; look for a wrong sign in its loss"
        )


def of_information(subject: Subject, trainer: Trainer) -> list[Update]:
    """The updates that log `information/...`, of a variant with posterior_log_prob()."""
    if not subject.has("posterior_log_prob"):
        return []
    return [update for update in trainer.updates if informs(trainer, update)]


@check
def information_direction(subject: Subject) -> None:
    """An update that logs `information/...` raises posterior_log_prob of the codes in
    generated images (a negated L_I is found here)."""
    updates = of_information(subject, subject.trainer())
    if not updates:
        raise Skipped("no posterior_log_prob(), or no update logs information/...")
    for update in updates:
        found = measured(subject, update.name, probes.posterior)
        if not found.late > 0:
            raise Failed(
                f"update {update.name!r} hides the codes: log Q(c|x) of generated images changes "
                f"by {found}; its loss must lower -L_I, not L_I"
            )


def of_labels(subject: Subject, trainer: Trainer) -> list[Update]:
    """The updates that read labels, of a variant with classify()."""
    if not subject.has("classify"):
        return []
    return [update for update in trainer.updates if reads_labels(trainer, update)]


@check
def label_direction(subject: Subject) -> None:
    """An update that reads labels, of a variant with classify(), lowers the cross-entropy of
    classify() on labelled images (one that does not move the classifier aside)."""
    updates = of_labels(subject, subject.trainer())
    if not updates:
        raise Skipped("no classify(), or no update reads labels")
    moved = False
    for update in updates:
        found = measured(subject, update.name, probes.label_fit)
        moved |= found.late != 0
        if found.late < 0:
            raise Failed(
                f"update {update.name!r} unlearns the labels: minus the cross-entropy of "
                f"classify() on labelled images changes by {found}; look for a wrong sign"
            )
    if not moved:
        raise Failed("no update that reads labels moves what classify() says")


def of_reconstruction(subject: Subject, trainer: Trainer) -> list[Update]:
    """The updates of both an encoder and a decoder, of a variant with reconstruct().

    One that plays against the discriminator is left to generator_direction: BiGAN's encoder and
    generator never lower the error of a reconstruction, though it falls in the end.
    """
    if not subject.has("reconstruct"):
        return []
    players = {update.name for update in of_generator(subject, trainer)}
    return [
        update
        for update in trainer.updates
        if update.name not in players
        and owns(trainer, update, "encoder")
        and (owns(trainer, update, "decoder") or owns(trainer, update, "generator"))
    ]


@check
def reconstruction_direction(subject: Subject) -> None:
    """An update that moves the encoder and the decoder of a variant with reconstruct() lowers
    the mean squared error of its reconstructions."""
    updates = of_reconstruction(subject, subject.trainer())
    if not updates:
        raise Skipped("no reconstruct(), or no update but a player moves both its networks")
    for update in updates:
        found = measured(subject, update.name, probes.reconstruction)
        if not found.late > 0:
            raise Failed(
                f"update {update.name!r} makes reconstructions worse: minus the mean squared "
                f"error changes by {found}; look for a wrong sign in its loss"
            )


@check
def every_update_has_a_direction(subject: Subject) -> None:
    """Each update is judged by one of the direction checks; a wrong sign in one that is not
    would go unseen. Skipped, with its name, where there is such an update."""
    trainer = subject.trainer()
    judges = (of_discriminator, of_generator, of_information, of_labels, of_reconstruction)
    judged = {update.name for of in judges for update in of(subject, trainer)}
    blind = [update.name for update in trainer.updates if update.name not in judged]
    if blind:
        raise Skipped(
            f"no check knows in which direction {', '.join(map(repr, blind))} should move: a "
            f"wrong sign there would not be found"
        )
