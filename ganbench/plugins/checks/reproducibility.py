"""Checks of reproducibility: the same seed gives the same numbers, saved or not."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from ganbench.data.dataset import Split
from ganbench.plugins.checks.result import Failed, Skipped, check
from ganbench.plugins.checks.subject import LabelWatch, Subject, world
from ganbench.train.trainer import Trainer

ROUNDS = 3
Losses = list[dict[str, float]]


def losses_of_rounds(trainer: Trainer, rounds: int = ROUNDS) -> Losses:
    """Every loss and log of some rounds."""
    found: Losses = []
    trainer.train(rounds, every=1, report=found.append)
    return found


def difference(one: Losses, two: Losses) -> str:
    """The first loss that differs between two plays, in words; empty where none does."""
    for a, b in zip(one, two, strict=True):
        for name in a:
            if a[name] != b.get(name):
                return f"{name} of round {a['round']:.0f} is {a[name]!r} and {b.get(name)!r}"
    return ""


@check
def same_seed_same_losses(subject: Subject) -> None:
    """Two trainings with one seed have the same losses bit for bit; another seed has others."""
    one, two, other = (losses_of_rounds(subject.trainer(seed=seed)) for seed in (0, 0, 1))
    differs = difference(one, two)
    if differs:
        raise Failed(
            f"the same seed gives other losses: {differs}; draw from batch.rng or batch.draw, "
            f"and keep state in buffers"
        )
    if not difference(one, other):
        raise Failed("another seed gives the same losses: build() or a loss fixes a seed")


@check
def saved_and_loaded(subject: Subject) -> None:
    """Saved in mid-run and loaded into a new trainer, the next rounds are the same."""
    first = subject.trainer()
    first.train(ROUNDS)
    buffer = io.BytesIO()
    torch.save(first.state_dict(), buffer)
    buffer.seek(0)
    second = subject.trainer()
    try:
        second.load_state_dict(torch.load(buffer, weights_only=True))
    except Exception as error:
        raise Failed(
            f"its state cannot be loaded again: {str(error).partition(chr(10))[0]}"
        ) from error
    differs = difference(losses_of_rounds(first), losses_of_rounds(second))
    if differs:
        raise Failed(
            f"after saving and loading the next rounds differ: {differs}; what a loss remembers "
            f"must stand in a buffer (register_buffer), not in an attribute or a generator"
        )


@contextmanager
def watched_generators(context: str, advice: str = "") -> Iterator[None]:
    """Fail where the block draws from a global generator; they are left as they were."""
    states: dict[str, Callable[[], Any]] = {
        "torch's": lambda: torch.get_rng_state().numpy().tobytes(),
        "numpy's": lambda: repr(np.random.get_state(legacy=False)),
        "Python's": random.getstate,
    }
    kept = torch.get_rng_state(), np.random.get_state(), random.getstate()
    try:
        before = {name: state() for name, state in states.items()}
        yield
        drawn = [name for name, state in states.items() if state() != before[name]]
    finally:
        torch.set_rng_state(kept[0])
        np.random.set_state(kept[1])
        random.setstate(kept[2])
    if drawn:
        raise Failed(
            f"{context} draws from {' and '.join(drawn)} global generator: use batch.rng "
            f"(batch.randn_like, torch.rand(..., generator=batch.rng, device=batch.rng.device))"
            f"{advice}"
        )


@check
def no_global_random_numbers(subject: Subject) -> None:
    """No update and no capability draws from torch's, numpy's or Python's global generator,
    and global seeds do not change the losses."""
    trainer = subject.trainer()
    layers = sorted({type(m).__name__ for m in trainer.model.modules() if is_dropout(m)})
    advice = f"; {', '.join(layers)} draws from it too" if layers else ""
    batch = trainer.next_batch(trainer.clock)
    for update in trainer.updates:
        with watched_generators(f"update {update.name!r}", advice):
            trainer.apply_update(update, batch)
    for name, call in subject.calls(subject.trained).items():
        with watched_generators(f"{name}()", advice):
            call(slice(None))
    found = []
    for seed in (1, 2):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            found.append(losses_of_rounds(subject.trainer()))
    differs = difference(*found)
    if differs:
        raise Failed(f"torch.manual_seed changes the losses: {differs}; draw from batch.rng")


def is_dropout(module: nn.Module) -> bool:
    """Whether a layer draws from torch's global generator while training."""
    kinds = nn.modules.dropout._DropoutNd | nn.RReLU
    return isinstance(module, kinds)


@check
def labels_are_declared(subject: Subject) -> None:
    """Only a variant whose latent has a label code, or which has classify(), reads labels;
    other labels do not change the losses of any other."""
    trainer = subject.trainer()
    code = trainer.model.latent.label_code
    if code is not None:
        classes = trainer.model.latent.codes[code].classes
        if classes != trainer.model.classes:
            raise Failed(
                f"its label code has {classes} categories, but the data {trainer.model.classes}"
            )
        raise Skipped("its latent carries the class label")
    if subject.has("classify"):
        raise Skipped("it has classify()")
    for update in trainer.updates:
        batch = LabelWatch(trainer.next_batch(trainer.clock))
        trainer.apply_update(update, batch)
        if batch.labels_read:
            raise Failed(
                f"update {update.name!r} reads batch.labelled, but the variant declares no "
                f"labels: give it classify() or a Categorical(classes, label=True) code, or "
                f"read batch.real"
            )
    split = world(subject.shape, trainer.model.classes)
    other = Split(split.images, split.labels.flip(0))
    differs = difference(
        losses_of_rounds(subject.trainer()), losses_of_rounds(subject.trainer(split=other))
    )
    if differs:
        raise Failed(f"other labels change the losses of a variant that declares none: {differs}")
