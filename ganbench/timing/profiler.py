"""Rounds under PyTorch's profiler: what ran on the device, and for how long."""

from __future__ import annotations

import json
import os
import tempfile
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, record_function, schedule
from torch.profiler import profile as torch_profile

from ganbench.train.execution import products
from ganbench.train.trainer import Trainer

ROUND = "round"
DEVICE = {"kernel", "gpu_memcpy", "gpu_memset"}
OPERATORS = ("aten::", "mkldnn::")
HOST_CALLS = {"cuda_runtime", "cuda_driver"}

Event = dict[str, Any]
"""A complete event of a Chrome trace: cat, name, ts and dur in microseconds, args."""


@dataclass(frozen=True)
class Profile:
    """Of all profiled rounds together.

    kernels, copies: that ran on the GPU; copies are memcpy and memset. launches: calls by
    which the host started them, a whole graph being one. busy_ms: during which at least one of
    them ran. device_ms: their durations' sum; sections_ms: by the trainer's section that started
    them. wall_ms: the rounds on the host. operators_ms: during which an operator ran there.
    """

    rounds: int
    kernels: int
    copies: int
    launches: int
    busy_ms: float
    device_ms: float
    wall_ms: float
    operators_ms: float
    sections_ms: dict[str, float] = field(default_factory=dict)


def run_rounds(trainer: Trainer, rounds: int) -> None:
    """Rounds without anything around them: no clock, no reading of the history."""
    with products(trainer.execution.precision):
        for _ in range(rounds):
            with record_function(ROUND):
                trainer.train_round()


def profile_rounds(trainer: Trainer, rounds: int, trace: Path | None = None) -> Profile:
    """Profile rounds; `trace` keeps the Chrome trace that the profile is read from."""
    gpu = trainer.device.type == "cuda"
    activities = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if gpu else [])
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # its own lines on stderr
    # as PyTorch sets them for graphs of its own: CUPTI does not start twice beside graphs
    os.environ.setdefault("DISABLE_CUPTI_LAZY_REINIT", "1")
    os.environ.setdefault("TEARDOWN_CUPTI", "0")
    with tempfile.TemporaryDirectory() as folder:
        file = trace or Path(folder) / "trace.json"
        with (
            trainer.sections(record_function),
            torch_profile(
                activities=activities,
                schedule=schedule(wait=0, warmup=1, active=1, repeat=1),
                on_trace_ready=lambda done: done.export_chrome_trace(str(file)),
            ) as profiler,
        ):
            for count in (1, rounds):
                run_rounds(trainer, count)
                if gpu:
                    torch.cuda.synchronize(trainer.device)
                profiler.step()
        return read(json.loads(file.read_text("utf-8"))["traceEvents"])


def read(trace: Iterable[Event]) -> Profile:
    """What a Chrome trace of rounds says."""
    events = [event for event in trace if event.get("ph") == "X" and "cat" in event]
    ranges = [e for e in events if e["cat"] == "user_annotation"]
    rounds = [e for e in ranges if e["name"] == ROUND]
    device = [e for e in events if e["cat"] in DEVICE]
    operators = (e for e in events if e["cat"] == "cpu_op" and e["name"].startswith(OPERATORS))
    return Profile(
        rounds=len(rounds),
        kernels=sum(e["cat"] == "kernel" for e in device),
        copies=sum(e["cat"] != "kernel" for e in device),
        launches=sum(e["cat"] in HOST_CALLS and "Launch" in e["name"] for e in events),
        busy_ms=covered(device) / 1e3,
        device_ms=sum(e["dur"] for e in device) / 1e3,
        wall_ms=covered(rounds) / 1e3,
        operators_ms=covered(operators) / 1e3,
        sections_ms=_by_section(device, [e for e in events if e["cat"] in HOST_CALLS], ranges),
    )


def covered(events: Iterable[Event]) -> float:
    """Microseconds in which at least one of the events lasts."""
    total, end = 0.0, float("-inf")
    for start, stop in sorted((e["ts"], e["ts"] + e["dur"]) for e in events):
        total += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return total


def _by_section(
    device: Sequence[Event], calls: Sequence[Event], ranges: Sequence[Event]
) -> dict[str, float]:
    """Milliseconds of what ran on the device, by the innermost section that its launch is in.

    The launch may come from autograd's thread, for which the section's own thread waits: what
    counts is when it was, not where.
    """
    launched = {e["args"].get("correlation"): e["ts"] for e in calls}
    sections = sorted(
        (e for e in ranges if e["name"].partition(" ")[0] in ("update", "data", "optimizer")),
        key=lambda e: e["ts"],
    )
    starts = [e["ts"] for e in sections]
    spent: dict[str, float] = {}
    for event in device:
        when = launched.get(event["args"].get("correlation"))
        if when is None:
            continue
        # sections nest at most twice: data within an update
        last = bisect_right(starts, when)
        for section in reversed(sections[max(0, last - 8) : last]):
            if when < section["ts"] + section["dur"]:
                spent[section["name"]] = spent.get(section["name"], 0.0) + event["dur"] / 1e3
                break
    return spent
