"""What a training round costs, and why: one process's share of `ganbench time`."""

from __future__ import annotations

import gc
import os
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ganbench import data
from ganbench.core import environment
from ganbench.core.errors import UserError
from ganbench.plugins.error_places import located
from ganbench.study.trial import Trial
from ganbench.timing import profiler
from ganbench.timing.operators import OperatorCounter
from ganbench.timing.peaks import peaks
from ganbench.timing.sections import SectionClock, shares
from ganbench.timing.timed_trainers import TimedTrainer, interleave, speed_ups
from ganbench.train.execution import products
from ganbench.train.execution_modes import Mode, Precision

FURTHER_SECONDS = 0.3
"""Rounds that are looked into after the measured ones: as many as fit, 3 to 20."""


@dataclass(frozen=True)
class Job:
    """Modes of one variant at one batch size and precision, timed together in one process.

    trace: where a Chrome trace of a few rounds goes, of the first mode that runs.
    """

    trial: Trial
    precision: Precision
    modes: tuple[Mode, ...]
    trace: Path | None = None

    @property
    def variant(self) -> str:
        """What is timed, as it was named."""
        return self.trial.config.variant

    @property
    def label(self) -> str:
        """What is being timed."""
        return f"{self.trial.spec}, batch {self.trial.config.batch_size}, {self.shown_precision}"

    @property
    def shown_precision(self) -> str:
        """On a CPU products are float32, whatever a GPU would do."""
        plain = self.trial.config.device == "cpu" and self.precision != "bf16"
        return "float32" if plain else self.precision


@dataclass
class Row:
    """One line of the table; what has no meaning on a device, or could not be had, is None.

    Rates are over all measured rounds; ms_per_round and its deciles are of single rounds.
    docs/timing.md says how each is measured.
    """

    variant: str
    hyperparameters: dict[str, Any]
    dataset: str
    device: str
    threads: int
    batch_size: int
    precision: str
    mode: Mode
    reason: str | None = None
    """Why there are no numbers."""
    machine: str | None = None
    parameters: int | None = None
    rounds: int | None = None
    seconds_to_warm: float | None = None
    ms_per_round: float | None = None
    ms_per_round_p10: float | None = None
    ms_per_round_p90: float | None = None
    images_per_second: float | None = None
    rounds_per_second: float | None = None
    peak_memory_mb: float | None = None
    speed_up_over_eager: float | None = None
    speed_ups: list[float] = field(default_factory=list)
    """One for each pair of neighbouring blocks; their median is speed_up_over_eager."""
    operators_per_round: float | None = None
    kernels_per_round: float | None = None
    copies_per_round: float | None = None
    launches_per_round: float | None = None
    flops_per_round: float | None = None
    tflops_per_second: float | None = None
    peak_matmul_tflops: float | None = None
    peak_convolution_tflops: float | None = None
    share_of_peak: float | None = None
    bytes_per_round: float | None = None
    gb_per_second: float | None = None
    copy_gb_per_second: float | None = None
    shares: dict[str, float] | None = None
    """Of the time by `sections.PARTS`; they add up to one."""
    host_ms_per_round: float | None = None
    """What the host needs to launch a round (GPU), or spends outside operators (CPU)."""
    device_ms_per_round: float | None = None
    """During which a GPU is busy, or a CPU in operators."""
    busy_share: float | None = None
    bound: str | None = None
    """`host` or `device`, whichever takes longer."""


def rows_of(job: Job, reason: str | None = None) -> list[Row]:
    """A job's lines before they are measured."""
    trial = job.trial
    return [
        Row(
            variant=trial.config.variant,
            hyperparameters=trial.config.changed,
            dataset=trial.config.dataset,
            device=trial.config.device,
            threads=trial.threads,
            batch_size=trial.config.batch_size,
            precision=job.shown_precision,
            mode=mode,
            reason=reason,
        )
        for mode in job.modes
    ]


def measure(job: Job) -> list[Row]:
    """Time a job's modes and eager rounds in turns, alone in this process, then look into them.

    A mode that cannot run leaves a row with its reason.
    """
    trial = job.trial
    torch.set_num_threads(trial.threads)
    # torch.compile's own processes would outlive this one, which is ended when it has answered
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
    if trial.config.device != "cpu":
        torch.cuda.set_device(trial.config.device)
        torch.cuda.init()
        gc.collect()  # an earlier job's trainers hold themselves
    dataset = data.load(trial.config.dataset, trial.data_root)
    trainers: list[TimedTrainer] = []
    failed: dict[Mode, str] = {}
    for mode in dict.fromkeys(("eager", *job.modes)):
        try:
            trainers.append(TimedTrainer(trial, dataset, mode, job.precision))
        except Exception as error:
            failed[mode] = reason_of(error)
    if any(one.mode in job.modes for one in trainers):
        failed |= interleave(trainers)
    running = {one.mode: one for one in trainers if one.mode not in failed}
    rows = rows_of(job)
    trace = job.trace
    for row in rows:
        row.reason = failed.get(row.mode)
        if row.reason is None:
            one, eager = running[row.mode], running.get("eager")
            plain = eager if row.mode in ("graph", "compile") else one
            if plain is None:
                row.reason = f"eager rounds, which it is compared with: {failed['eager']}"
                continue
            _timed(row, one, eager)
            if one is not trainers[0] and trial.config.device == "cpu":
                row.peak_memory_mb = None  # what is resident is the process's, not a mode's
            _counted(row, plain)
            _looked_into(row, one, plain, trace)
            _compared(row, job)
            trace = None
    return rows


def reason_of(error: BaseException) -> str:
    """An error in one line."""
    own = isinstance(error, UserError) or type(error).__module__.startswith("ganbench")
    return str(error).strip().partition("\n")[0] if own else located(error)


def _timed(row: Row, one: TimedTrainer, eager: TimedTrainer | None) -> None:
    durations = one.durations
    seconds = sum(durations) / 1e3
    deciles = statistics.quantiles(durations, n=10)
    row.machine = environment.machine(row.device)
    row.parameters = sum(p.numel() for p in one.trainer.model.parameters())
    row.rounds = len(durations)
    row.seconds_to_warm = one.seconds_to_warm
    row.ms_per_round = statistics.median(durations)
    row.ms_per_round_p10, row.ms_per_round_p90 = deciles[0], deciles[8]
    row.images_per_second = one.images / seconds
    row.rounds_per_second = len(durations) / seconds
    row.peak_memory_mb = one.peak_memory_mb
    if eager:
        row.speed_ups = speed_ups(eager, one)
        row.speed_up_over_eager = statistics.median(row.speed_ups)


def _counted(row: Row, plain: TimedTrainer) -> None:
    """Operations and bytes of a cycle of rounds, played as they are written."""
    with OperatorCounter() as counter:
        profiler.run_rounds(plain.trainer, plain.cycle)
    assert row.rounds_per_second is not None
    row.operators_per_round = counter.operators / plain.cycle
    row.flops_per_round = counter.total / plain.cycle
    row.tflops_per_second = row.flops_per_round * row.rounds_per_second / 1e12
    row.bytes_per_round = counter.bytes / plain.cycle
    row.gb_per_second = row.bytes_per_round * row.rounds_per_second / 1e9


def _looked_into(row: Row, one: TimedTrainer, plain: TimedTrainer, trace: Path | None) -> None:
    """Where the time goes, in further rounds. Sections of a graph are those of eager rounds."""
    assert row.ms_per_round is not None
    rounds = one.whole_cycles(min(max(FURTHER_SECONDS * 1e3 / one.expected_ms, 3), 20))
    found = profiler.profile_rounds(one.trainer, rounds, trace)
    if row.device == "cpu":
        clock = SectionClock()
        with one.trainer.sections(clock):
            began = time.perf_counter()
            profiler.run_rounds(one.trainer, rounds)
            total = time.perf_counter() - began
        row.shares = shares(clock.seconds, total)
        if row.mode == "compile":
            row.operators_per_round = None  # compiled code is no operator
            return
        row.busy_share = found.operators_ms / found.wall_ms
        row.device_ms_per_round = row.busy_share * row.ms_per_round
        row.host_ms_per_round = row.ms_per_round - row.device_ms_per_round
    else:
        if not found.kernels:  # a driver's profiler that does not see into graphs
            return
        row.kernels_per_round = found.kernels / found.rounds
        row.copies_per_round = found.copies / found.rounds
        row.launches_per_round = found.launches / found.rounds
        row.device_ms_per_round = found.busy_ms / found.rounds
        row.host_ms_per_round = _launch_ms(one, rounds)
        row.busy_share = row.device_ms_per_round / row.ms_per_round
        ranges = profiler.profile_rounds(plain.trainer, rounds) if row.mode == "graph" else found
        row.shares = shares(ranges.sections_ms, ranges.device_ms)
    row.bound = "host" if row.host_ms_per_round > row.device_ms_per_round else "device"


def _launch_ms(one: TimedTrainer, rounds: int) -> float:
    """What the host needs to launch a round, the GPU idle before it."""
    spent = []
    with products(one.trainer.execution.precision):
        for _ in range(rounds):
            torch.cuda.synchronize()
            began = time.perf_counter()
            one.trainer.train_round()
            spent.append(time.perf_counter() - began)
    return statistics.median(spent) * 1e3


def _compared(row: Row, job: Job) -> None:
    """With what the device can do at most."""
    found = peaks(row.device, job.precision, row.threads)
    row.peak_matmul_tflops = found.matmul_tflops
    row.peak_convolution_tflops = found.convolution_tflops
    row.copy_gb_per_second = found.copy_gb_per_second
