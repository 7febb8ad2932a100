"""Interleaved timing of several processes: one plays while the others wait.

A machine that others use gives no steady times, but what slows one side slows the side that
plays right after it. So sides take turns within each pair, the first one changes from pair to
pair, and what is kept is the ratio within a pair.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from ganbench.study.engines.local import ENVIRONMENT

DEFAULTS = {name: "" for name in ENVIRONMENT if name.startswith("MALLOC")}
"""The system's own allocator settings."""
WORKERS = {name: ENVIRONMENT[name] for name in DEFAULTS}
"""Those that ganbench gives its worker processes."""


class Turn(NamedTuple):
    """What one turn of a side took, in ms per round."""

    cpu: float
    wall: float


class Side:
    """A process that plays rounds when told to: `python -m MODULE ARGUMENT...`, see `serve`."""

    def __init__(self, arguments: Sequence[str], settings: Mapping[str, str]) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        for name in DEFAULTS:
            environment.pop(name, None)
        environment |= {name: value for name, value in settings.items() if value}
        self.process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def play(self, rounds: int) -> Turn:
        """So many rounds; raises RuntimeError where the process has ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(rounds, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.process.args!r} ended with {self.process.wait()}")
        cpu, wall = map(float, answer.split())
        return Turn(cpu / rounds * 1e3, wall / rounds * 1e3)

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def serve(play: Callable[[int], object]) -> None:
    """A side's own part: plays as many rounds as each line of stdin says, answers with seconds."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    for line in sys.stdin:
        cpu, wall = time.process_time(), time.perf_counter()
        play(int(line))
        spent = time.process_time() - cpu, time.perf_counter() - wall
        print(*spent, file=out, flush=True)


def interleave(
    sides: Mapping[str, Side], pairs: int, seconds: float = 1.0
) -> dict[str, list[Turn]]:
    """Turns of each side, `pairs` of them; a turn of the slowest takes about so many seconds."""
    for side in sides.values():
        side.play(3)
    slowest = max(side.play(3).cpu for side in sides.values()) / 1e3
    rounds = max(3, round(seconds / slowest))
    found: dict[str, list[Turn]] = {name: [] for name in sides}
    names = list(sides)
    for pair in range(pairs):
        for name in names[pair % len(names) :] + names[: pair % len(names)]:
            found[name].append(sides[name].play(rounds))
    return found


class Ratio(NamedTuple):
    """Median, 10th and 90th percentile of the ratios within pairs."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


def spread(values: Sequence[float]) -> Ratio:
    """Of some numbers, at least two."""
    deciles = statistics.quantiles(values, n=10, method="inclusive")
    return Ratio(statistics.median(values), deciles[0], deciles[8])


def ratio(slow: Sequence[Turn], fast: Sequence[Turn], clock: str = "cpu") -> Ratio:
    """How many times as long the first side takes."""
    pairs = zip(slow, fast, strict=True)
    return spread([getattr(a, clock) / getattr(b, clock) for a, b in pairs])


def middle(turns: Sequence[Turn], clock: str = "cpu") -> float:
    """The median ms per round."""
    return statistics.median(getattr(turn, clock) for turn in turns)
