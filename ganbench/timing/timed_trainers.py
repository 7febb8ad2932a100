"""Timed trainers: ways to execute the same rounds, measured in interleaved blocks."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace

import torch

from ganbench.core import environment
from ganbench.core.errors import Diverged
from ganbench.data.dataset import Dataset
from ganbench.study.run_trial import start
from ganbench.study.trial import Trial
from ganbench.train import graphs
from ganbench.train.execution_modes import Execution, Mode, Precision

WARM_UP = 30
WARM_UP_SECONDS = 1.0
"""A warm-up ends after so many rounds, or seconds, whichever comes first."""
BLOCKS = 10
MEASURED = 1000
SECONDS = 2.0
"""Measured are 10 to 1,000 rounds of each mode: as many as fit these seconds, in ten blocks."""


class CannotBeCaptured(Exception):
    """Why rounds are not replayed as graphs."""


class TimedTrainer:
    """A trainer in one mode, warmed up, and the durations of its blocks of rounds.

    peak_memory_mb: MiB at most while it was built and warmed up: of the GPU's memory what it
    alone needed; on a CPU all that is resident in the process.

    Raises CannotBeCaptured where a graph is asked for and rounds fall back to eager.
    """

    def __init__(self, trial: Trial, dataset: Dataset, mode: Mode, precision: Precision) -> None:
        began = time.perf_counter()
        gpu = trial.config.device.startswith("cuda")
        before = torch.cuda.memory_allocated(trial.config.device) / 2**20 if gpu else 0.0
        environment.reset_peak_memory(trial.config.device)
        execution = Execution(mode, precision).on(trial.config.device)
        if mode == "compile":
            torch.compiler.reset()  # it gives up after several networks of one class
        self.mode = mode
        self.trainer = start(replace(trial, execution=execution), dataset)
        self.cycle = math.lcm(*(update.every for update in self.trainer.updates))
        """Rounds after which the same updates are due again."""
        self._warm_up()
        recorded = self.trainer.graphs
        if recorded and recorded.reason:
            raise CannotBeCaptured(f"rounds cannot be captured: {recorded.reason}")
        self.peak_memory_mb = environment.peak_memory_mb(trial.config.device) - before
        self.seconds_to_warm = time.perf_counter() - began
        self.blocks: list[Sequence[float]] = []
        self.images = 0

    def _warm_up(self) -> None:
        least = (graphs.WARM_UP + 2) * self.cycle  # every kind of round is captured and replayed
        began = time.perf_counter()
        while self.trainer.round < least or (
            self.trainer.round < WARM_UP and time.perf_counter() - began < WARM_UP_SECONDS
        ):
            self.trainer.train(least)
        self.expected_ms = statistics.mean(self.trainer.timer.read()[-self.cycle :])

    def whole_cycles(self, rounds: float) -> int:
        """At least so many rounds, and each kind of round as often as it is due."""
        return self.cycle * math.ceil(rounds / self.cycle)

    def time_block(self, rounds: int) -> None:
        """Time another block."""
        seen, known = self.trainer.images_seen, len(self.trainer.timer.durations)
        self.trainer.train(rounds)
        self.blocks.append(self.trainer.timer.read()[known:])
        self.images += self.trainer.images_seen - seen

    @property
    def durations(self) -> list[float]:
        """Milliseconds of all measured rounds."""
        return [ms for block in self.blocks for ms in block]


def interleave(trainers: Sequence[TimedTrainer]) -> dict[Mode, str]:
    """Measure all in interleaved blocks, each going first equally often.

    Returns why those that diverged did; they are measured no further.
    """
    rounds = {
        one.mode: one.whole_cycles(min(max(SECONDS * 1e3 / one.expected_ms, 10), MEASURED) / BLOCKS)
        for one in trainers
    }
    ended: dict[Mode, str] = {}
    for block in range(BLOCKS):
        first = block % len(trainers)
        for one in [*trainers[first:], *trainers[:first]]:
            if one.mode in ended:
                continue
            try:
                one.time_block(rounds[one.mode])
            except Diverged as error:
                ended[one.mode] = str(error)
    return ended


def speed_ups(over: TimedTrainer, one: TimedTrainer) -> list[float]:
    """How much faster, in each pair of neighbouring blocks, by their mean rounds."""
    pairs = zip(over.blocks, one.blocks, strict=True)
    return [statistics.mean(a) / statistics.mean(b) for a, b in pairs]
