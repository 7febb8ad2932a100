"""Can it be built anywhere, who owns what, and does every update keep to its own?"""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from ganbench import data
from ganbench.model import Game, Update
from ganbench.model.backbones import kind_of
from ganbench.plugins.blame import located
from ganbench.plugins.exam.candidate import BATCH, CLASSES, ROUNDS, SHAPES, Candidate, world
from ganbench.plugins.exam.result import REGISTERED, Failed, check
from ganbench.train.trainer import Trainer, build

SIZES = ((CLASSES, 16), (2, 4), (7, 8))
"""Numbers of classes and batch sizes to build with, one pair per shape."""
CADENCE_ROUNDS = 6
DEFAULT = "digits"
"""The data set of `ganbench run` where none is named."""


@check
def builds_and_trains(candidate: Candidate) -> None:
    """It is built, and a round is played, at several shapes, class counts and batch sizes."""
    for shape, (classes, batch_size) in zip(SHAPES, SIZES, strict=True):
        where = f"images {'x'.join(map(str, shape))}, {classes} classes, batch {batch_size}"
        try:
            trainer = candidate.trainer(shape, classes=classes, batch_size=batch_size)
            trainer.play(1, every=1)
        except Exception as error:
            raise Failed(f"{where}: {located(error)}") from error


@check
def builds_for_every_recipe(candidate: Candidate) -> None:
    """It is built with the hyperparameters that its recipes, and those of its bases, choose for
    data sets of images; on the default one a round is played.

    What it cannot without a recipe either is left to `builds_and_trains`.
    """
    for source in data.SOURCES.values():
        hyperparameters = candidate.chosen(source.recipe)
        if kind_of(source.shape) != "images" or hyperparameters == candidate.hyperparameters:
            continue
        fault = _fault(candidate, source, hyperparameters)
        if fault and not _fault(candidate, source, candidate.hyperparameters):
            raise Failed(f"data set {source.name}: {fault}; look at the recipes, or at `unused`")


def _fault(candidate: Candidate, source: data.Source, hyperparameters: dict[str, Any]) -> str:
    """Why a variant cannot be built for a data set, or not be played on the default one."""
    try:
        classes = source.classes or CLASSES
        game = build(candidate.variant, source.shape, classes, hyperparameters, 0)
        if source.name == DEFAULT:
            split = world(source.shape, classes)
            trainer = Trainer(game, split, seed=0, batch_size=BATCH, rounds=ROUNDS)
            trainer.play(1, every=1)
    except Exception as error:
        return located(error)
    return ""


@check
def exceptions_are_written_down(candidate: Candidate) -> None:
    """Every entry of `exam_exceptions` names a check that there is, and gives a reason."""
    for name, reason in candidate.exceptions.items():
        if name not in REGISTERED:
            raise Failed(f"exam_exceptions names {name!r}; the checks are {', '.join(REGISTERED)}")
        if not str(reason).strip():
            raise Failed(f"exam_exceptions gives no reason for {name!r}")


@check
def ownership(candidate: Candidate) -> None:
    """Every trainable parameter has one owner (further ones say shared=True), and every loss
    is a finite scalar that reaches all that its update owns."""
    try:
        candidate.trainer().rehearse()
    except ValueError as error:
        raise Failed(str(error)) from error


@check
def own_parameters_only(candidate: Candidate) -> None:
    """An update moves its own parameters and no others, bit for bit (buffers may move), leaves
    no gradients behind, and moves every weight matrix of its own within a few rounds."""
    trainer = candidate.trainer()
    names = {id(p): name for name, p in trainer.game.named_parameters()}
    resting = {u.name: {names[id(p)] for p in trainer.owned[u.name]} for u in trainer.updates}
    for _ in range(3):
        batch = trainer.deal(trainer.clock)
        for update in trainer.updates:
            mine = {names[id(p)] for p in trainer.owned[update.name]}
            before = snapshot(trainer.game)
            trainer.take(update, batch)
            now = dict(trainer.game.named_parameters())
            moved = {name for name in now if not torch.equal(now[name], before[name])}
            if moved - mine:
                raise Failed(
                    f"update {update.name!r} changes {', '.join(sorted(moved - mine))}, which "
                    f"it does not own: a loss computes, it never writes to parameters"
                )
            left = [name for name, p in now.items() if p.grad is not None]
            if left:
                raise Failed(
                    f"update {update.name!r} leaves gradients in {', '.join(left)}: a loss calls "
                    f"no backward(), the trainer does"
                )
            resting[update.name] -= moved
    # A bias may have no say: a critic's last one, in the difference of two scores.
    matrices = {name for name, p in trainer.game.named_parameters() if p.dim() > 1}
    for update_name, still in resting.items():
        still &= matrices
        if still:
            raise Failed(
                f"update {update_name!r} owns {', '.join(sorted(still))}, but its loss never "
                f"moves them: their gradient is zero"
            )


@check
def batches_are_left_alone(candidate: Candidate) -> None:
    """A loss writes to none of what it is given: the updates after it read the same images."""
    trainer = candidate.trainer()
    batch = trainer.deal(trainer.clock)
    given = {
        "real": batch.real,
        "labelled": batch.labelled[1],
        "latent.vector": batch.latent.vector,
        "latent.codes": batch.latent.codes,
    }
    before = {name: tensor.clone() for name, tensor in given.items()}
    for update in trainer.updates:
        trainer.loss(update, batch)
        for name, tensor in given.items():
            if not torch.equal(tensor, before[name]):
                raise Failed(
                    f"update {update.name!r} changes batch.{name} in place: make a new tensor, "
                    f"others read this one"
                )


@check
def cadence(candidate: Candidate) -> None:
    """Each update is taken as often as its `every` and `steps` say, and updates() gives the
    same list every time."""
    trainer = candidate.trainer()
    taken: Counter[str] = Counter()
    trainer.after_update.append(lambda update: taken.update([update.name]))
    trainer.play(CADENCE_ROUNDS, every=CADENCE_ROUNDS)
    for update in trainer.updates:
        due = CADENCE_ROUNDS // update.every * update.steps
        if taken[update.name] != due:
            raise Failed(
                f"update {update.name!r} was taken {taken[update.name]} times in "
                f"{CADENCE_ROUNDS} rounds, not {due} (every={update.every}, steps={update.steps})"
            )
    again = [trainer.game.completed(update) for update in trainer.game.updates()]
    if list(map(facts, trainer.updates)) != list(map(facts, again)):
        raise Failed(
            "updates() gives another list after some rounds: it must depend on nothing "
            "but hyperparameters"
        )


def facts(update: Update) -> tuple[Any, ...]:
    """What an update says, its functions aside: those may be made anew each time."""
    said = {one.name: getattr(update, one.name) for one in fields(update)}
    return tuple(value for name, value in said.items() if name not in ("loss", "schedule"))


def snapshot(game: Game) -> dict[str, Tensor]:
    """A copy of every parameter."""
    return {name: p.detach().clone() for name, p in game.named_parameters()}
