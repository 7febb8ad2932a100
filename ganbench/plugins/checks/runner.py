"""Runs one check of one plug-in, of whatever kind, and watches what it leaves behind."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from ganbench.core.errors import of_guest
from ganbench.plugins.checks.result import Failed, Result, Skipped
from ganbench.plugins.error_places import located


def run(name: str, check: Callable[[Any], None], subject: Any) -> Result:
    """What a check says of a subject. An error of the plug-in's own is a failure, with its place.

    The global generators of random numbers are left as they were.
    """
    try:
        with seeded(0):
            check(subject)
    except Skipped as reason:
        return Result(name, "skipped", str(reason))
    except Failed as reason:
        return Result(name, "failed", str(reason))
    except BaseException as error:  # the plug-in's own: the other checks go on
        if not of_guest(error):
            raise
        return Result(name, "failed", located(error))
    return Result(name, "passed")


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Python's, NumPy's and torch's global generators follow a seed, and are put back.

    One number is drawn, so that nobody who sets the same seed again leaves them as they were.
    """
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            random.seed(seed)
            np.random.seed(seed)
            torch.default_generator.manual_seed(seed)
            random.random(), np.random.rand(), torch.rand(())
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


@contextmanager
def undisturbed_generators(what: str) -> Iterator[None]:
    """Raise Failed where something leaves a global generator otherwise than it was."""
    before = _states()
    yield
    for name, state in _states().items():
        if state != before[name]:
            raise Failed(
                f"{what} moves {name}'s global generator of random numbers: make one of its own, "
                f"with a seed of its own"
            )


def _states() -> dict[str, bytes]:
    kind, keys, *rest = np.random.get_state(legacy=True)
    return {
        "Python": repr(random.getstate()).encode(),
        "NumPy": repr((kind, rest)).encode() + np.asarray(keys).tobytes(),
        "torch": torch.get_rng_state().numpy().tobytes(),
    }


def one_line(text: object, what: str) -> None:
    """Raise Failed where something is not one line of text."""
    if not isinstance(text, str) or not text.strip() or "\n" in text:
        raise Failed(f"{what} is {text!r}: write one line")
