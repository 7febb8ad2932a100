"""Checks of structure: building, ownership of parameters, cadence of updates."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from ganbench import data
from ganbench.model import Update, Variant
from ganbench.model.backbones import kind_of
from ganbench.plugins.checks.result import REGISTERED, Failed, check
from ganbench.plugins.checks.subject import BATCH, CLASSES, ROUNDS, SHAPES, Subject, world
from ganbench.plugins.error_places import located
from ganbench.train.trainer import Trainer, build

SIZES = ((CLASSES, 16), (2, 4), (7, 8))
"""Numbers of classes and batch sizes to build with, one pair per shape."""
CADENCE_ROUNDS = 6
DEFAULT = "digits"
"""The data set of `ganbench run` where none is named."""


@check
def builds_and_trains(subject: Subject) -> None:
    """It is built, and a round is played, at several shapes, class counts and batch sizes."""
    for shape, (classes, batch_size) in zip(SHAPES, SIZES, strict=True):
        where = f"images {'x'.join(map(str, shape))}, {classes} classes, batch {batch_size}"
        try:
            trainer = subject.trainer(shape, classes=classes, batch_size=batch_size)
            trainer.train(1, every=1)
        except Exception as error:
            raise Failed(f"{where}: {located(error)}") from error


@check
def builds_for_every_recipe(subject: Subject) -> None:
    """It is built with the hyperparameters that its recipes, and those of its bases, choose for
    data sets of images; on the default one a round is played.

    What it cannot without a recipe either is left to `builds_and_trains`.
    """
    for source in data.SOURCES.values():
        hyperparameters = subject.chosen(source.recipe)
        if kind_of(source.shape) != "images" or hyperparameters == subject.hyperparameters:
            continue
        fault = _fault(subject, source, hyperparameters)
        if fault and not _fault(subject, source, subject.hyperparameters):
            raise Failed(
                f"data set {source.name}: {fault}; look at the recipes, or at `unsupported`"
            )


def _fault(subject: Subject, source: data.DatasetSpec, hyperparameters: dict[str, Any]) -> str:
    """Why a variant cannot be built for a data set, or not be played on the default one."""
    try:
        classes = source.classes or CLASSES
        model = build(subject.variant, source.shape, classes, hyperparameters, 0)
        if source.name == DEFAULT:
            split = world(source.shape, classes)
            trainer = Trainer(model, split, seed=0, batch_size=BATCH, rounds=ROUNDS)
            trainer.train(1, every=1)
    except Exception as error:
        return located(error)
    return ""


@check
def exceptions_are_written_down(subject: Subject) -> None:
    """Every entry of `expected_failures` names a check that there is, and gives a reason."""
    for name, reason in subject.expected_failures.items():
        if name not in REGISTERED:
            raise Failed(
                f"expected_failures names {name!r}; the checks are {', '.join(REGISTERED)}"
            )
        if not str(reason).strip():
            raise Failed(f"expected_failures gives no reason for {name!r}")


@check
def ownership(subject: Subject) -> None:
    """Every trainable parameter has one owner (further ones say shared=True), and every loss
    is a finite scalar that reaches all that its update owns."""
    try:
        subject.trainer().rehearse()
    except ValueError as error:
        raise Failed(str(error)) from error


@check
def own_parameters_only(subject: Subject) -> None:
    """An update moves its own parameters and no others, bit for bit (buffers may move), leaves
    no gradients behind, and moves every weight matrix of its own within a few rounds."""
    trainer = subject.trainer()
    names = {id(p): name for name, p in trainer.model.named_parameters()}
    resting = {u.name: {names[id(p)] for p in trainer.owned[u.name]} for u in trainer.updates}
    for _ in range(3):
        batch = trainer.next_batch(trainer.clock)
        for update in trainer.updates:
            mine = {names[id(p)] for p in trainer.owned[update.name]}
            before = snapshot(trainer.model)
            trainer.apply_update(update, batch)
            now = dict(trainer.model.named_parameters())
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
    matrices = {name for name, p in trainer.model.named_parameters() if p.dim() > 1}
    for update_name, still in resting.items():
        still &= matrices
        if still:
            raise Failed(
                f"update {update_name!r} owns {', '.join(sorted(still))}, but its loss never "
                f"moves them: their gradient is zero"
            )


@check
def batches_are_left_alone(subject: Subject) -> None:
    """A loss writes to none of what it is given: the updates after it read the same images."""
    trainer = subject.trainer()
    batch = trainer.next_batch(trainer.clock)
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
def cadence(subject: Subject) -> None:
    """Each update is taken as often as its `every` and `steps` say, and updates() gives the
    same list every time."""
    trainer = subject.trainer()
    taken: Counter[str] = Counter()
    trainer.after_update.append(lambda update: taken.update([update.name]))
    trainer.train(CADENCE_ROUNDS, every=CADENCE_ROUNDS)
    for update in trainer.updates:
        due = CADENCE_ROUNDS // update.every * update.steps
        if taken[update.name] != due:
            raise Failed(
                f"update {update.name!r} was taken {taken[update.name]} times in "
                f"{CADENCE_ROUNDS} rounds, not {due} (every={update.every}, steps={update.steps})"
            )
    again = [trainer.model.completed(update) for update in trainer.model.updates()]
    if list(map(facts, trainer.updates)) != list(map(facts, again)):
        raise Failed(
            "updates() gives another list after some rounds: it must depend on nothing "
            "but hyperparameters"
        )


def facts(update: Update) -> tuple[Any, ...]:
    """What an update says, its functions aside: those may be made anew each time."""
    said = {one.name: getattr(update, one.name) for one in fields(update)}
    return tuple(value for name, value in said.items() if name not in ("loss", "schedule"))


def snapshot(model: Variant) -> dict[str, Tensor]:
    """A copy of every parameter."""
    return {name: p.detach().clone() for name, p in model.named_parameters()}
