"""What a training round costs: `ganbench time`, from its options to rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar, get_args

from ganbench.core.errors import UserError
from ganbench.plugins.registry import owner
from ganbench.study.config import StudyConfig
from ganbench.study.engines.local import LocalProcesses, answer_of, cores
from ganbench.study.plan import trials_of
from ganbench.study.resolve import parse_device
from ganbench.timing.measure import Job, Row, measure, reason_of, rows_of
from ganbench.train.execution_modes import Mode, Precision

ENDLESS = 10**9
"""Rounds of the schedules, so that none ends while rounds are timed."""

Item = TypeVar("Item")


def time_variants(
    specs: Sequence[str],
    *,
    dataset: str = "digits",
    batch_size: str | None = None,
    device: str = "auto",
    precision: str = "auto",
    mode: str = "auto",
    threads: int = 1,
    trace: Path | None = None,
    data_root: Path | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> list[Row]:
    """Time training rounds: a row per variant, batch size, precision and mode, in that order.

    batch_size, precision, mode: lists as `64,128`. `auto` is tf32, eager and graph on a GPU;
    float32 and eager on a CPU. threads: of the CPU; one as in `ganbench run`. trace: where a
    Chrome trace of a few rounds of the first row that can be timed goes. tell: hears what is
    timed next.

    Raises UserError for a user's mistake. What cannot be timed is a row with its reason.
    """
    jobs = jobs_of(
        specs,
        dataset=dataset,
        batch_sizes=parse_sizes(batch_size),
        precisions=parse_precisions(precision, parse_device(device)),
        modes=parse_modes(mode, parse_device(device)),
        device=device,
        threads=threads,
        data_root=data_root,
    )
    if trace is not None:
        jobs[0] = replace(jobs[0], trace=_writable(trace))
    found: dict[int, list[Row]] = {}
    for numbers in in_processes(jobs):
        order = iter(numbers)
        tell(f"timing {jobs[numbers[0]].label}")
        with LocalProcesses(threads=threads) as engine:
            own = [jobs[n] for n in numbers]
            for job, answer in engine.run(
                measure, own, 1, lambda one: owner(one.trial.config.variant)
            ):
                number = next(n for n in order if jobs[n] is job)
                if isinstance(answer, BaseException):
                    answer = rows_of(job, reason_of(answer))
                found[number] = answer
    rows = [row for number in range(len(jobs)) for row in found[number]]
    compare_with_best_peaks(rows)
    return rows


def compare_with_best_peaks(rows: Sequence[Row]) -> None:
    """Every process measures the device's peaks; the best of a precision is all rows' peak."""
    for precision in {row.precision for row in rows}:
        alike = [row for row in rows if row.precision == precision and row.tflops_per_second]
        for name in ("peak_matmul_tflops", "peak_convolution_tflops", "copy_gb_per_second"):
            best = max((getattr(row, name) for row in alike), default=None)
            for row in alike:
                setattr(row, name, best)
        for row in alike:
            peak = max(row.peak_matmul_tflops or 0.0, row.peak_convolution_tflops or 0.0)
            row.share_of_peak = (row.tflops_per_second or 0.0) / peak


def jobs_of(
    specs: Sequence[str],
    *,
    dataset: str,
    batch_sizes: Sequence[int | None],
    precisions: Sequence[Precision],
    modes: Sequence[Mode],
    device: str,
    threads: int,
    data_root: Path | None,
) -> list[Job]:
    """Everything to be timed, checked as far as it can be before anything runs.

    Raises UserError for a user's mistake.
    """
    most = cores()
    if not 1 <= threads <= most:
        raise UserError(f"threads {threads}: give 1 to {most}, the cores that can be used")
    with LocalProcesses() as engine:
        by_size = [
            trials_of(
                StudyConfig(
                    tuple(specs),
                    dataset=dataset,
                    seeds=1,
                    rounds=ENDLESS,
                    batch_size=size,
                    device=device,
                    data_root=data_root,
                ),
                ask=partial(answer_of, engine, what="planning"),
            )
            for size in batch_sizes
        ]
    return [
        Job(replace(trial, threads=threads), precision, tuple(modes))
        for trials in zip(*by_size, strict=True)  # the same variants at every size
        for trial in trials
        for precision in precisions
    ]


def in_processes(jobs: Sequence[Job]) -> list[list[int]]:
    """Numbers of the jobs that share a process, one after the other.

    On a CPU none do, because resident memory is a process's. On a GPU those of a variant do:
    each process would start it anew.
    """
    groups: dict[object, list[int]] = {}
    for number, job in enumerate(jobs):
        key = number if job.trial.config.device == "cpu" else job.trial.spec
        groups.setdefault(key, []).append(number)
    return list(groups.values())


def parse_sizes(text: str | None) -> list[int | None]:
    """`64,128` as numbers; None is the data set's default. Raises UserError."""
    if text is None:
        return [None]
    try:
        return list(dict.fromkeys(int(piece) for piece in text.split(",")))
    except ValueError:
        raise UserError(f"batch-size {text!r}: give whole numbers, as 64,128") from None


def parse_modes(text: str, device: str) -> list[Mode]:
    """`eager,graph` as modes, `auto` being those of the device. Raises UserError."""
    auto: list[Mode] = ["eager"] if device == "cpu" else ["eager", "graph"]
    return _parse("mode", text, [mode for mode in get_args(Mode) if mode != "auto"], auto)


def parse_precisions(text: str, device: str) -> list[Precision]:
    """`tf32,bf16` as precisions; on a CPU tf32 is strict. Raises UserError."""
    found: list[Precision] = _parse("precision", text, list(get_args(Precision)), ["tf32"])
    if device == "cpu":
        found = ["strict" if precision == "tf32" else precision for precision in found]
    return list(dict.fromkeys(found))


def _parse(option: str, text: str, valid: Sequence[Item], auto: Sequence[Item]) -> list[Item]:
    found: list[Item] = []
    for piece in text.split(","):
        if piece != "auto" and piece not in valid:
            names = ", ".join(map(str, valid))
            raise UserError(f"{option} {piece!r}: choose from auto, {names}; several as a,b")
        found += auto if piece == "auto" else [one for one in valid if one == piece]
    return list(dict.fromkeys(found))


def _writable(trace: Path) -> Path:
    """The trace's whole path. Raises UserError where no file can be there."""
    try:
        trace.touch()
    except OSError as error:
        raise UserError(f"trace {trace}: cannot be written ({error.strerror})") from error
    return trace.resolve()
