"""Meters of training: mean losses on the device, and times of rounds."""

from __future__ import annotations

import time
from array import array

import torch
from torch import Tensor


class LossMeter:
    """Running sums of named scalars; reading them is the only synchronisation.

    An update that is not due in a round adds nothing and is not counted. A sum keeps its place
    in memory for good, so that a recorded round can add to it.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.sums: dict[tuple[str, ...], Tensor] = {}
        self.counts: dict[tuple[str, ...], int] = {}

    def add(self, values: dict[str, Tensor]) -> None:
        """Add one update's scalars, without reading them."""
        key = tuple(values)
        stacked = torch.stack([value.detach().float() for value in values.values()])
        if key not in self.sums:
            self.sums[key] = torch.zeros_like(stacked)
        self.sums[key] += stacked
        self.counts[key] = self.counts.get(key, 0) + 1

    def put(self, sums: dict[tuple[str, ...], Tensor]) -> None:
        """Set sums to other values, in place."""
        for key, value in sums.items():
            self.sums[key].copy_(value)

    def read(self) -> dict[str, float]:
        """The means since the last reading; starts anew."""
        means: dict[str, float] = {}
        for key, count in self.counts.items():
            means |= dict(zip(key, (self.sums[key] / count).tolist(), strict=True))
            self.sums[key].zero_()
        self.counts.clear()
        return means


KEPT = 100_000


class StepTimer:
    """Milliseconds of each round: host clock on a CPU, device events on a GPU.

    Of a training that is longer the last KEPT rounds, or half of them, are known.
    """

    def __init__(self, device: torch.device) -> None:
        self.cuda = device.type == "cuda"
        self.marks: list[float | torch.cuda.Event] = []
        self.durations = array("d")

    def mark(self) -> None:
        """The end of a round (or the start of the first)."""
        if self.cuda:
            event = torch.cuda.Event(enable_timing=True)
            event.record()
            self.marks.append(event)
        else:
            self.marks.append(time.perf_counter() * 1e3)

    def read(self) -> array[float]:
        """All durations that are kept. Waits for the device."""
        if self.cuda and self.marks:
            self.marks[-1].synchronize()  # type: ignore[union-attr]
        for start, end in zip(self.marks, self.marks[1:], strict=False):
            self.durations.append(
                start.elapsed_time(end) if self.cuda else end - start  # type: ignore
            )
        self.marks = self.marks[-1:]
        if len(self.durations) > KEPT:
            del self.durations[: -KEPT // 2]
        return self.durations

    def pause(self) -> None:
        """Leave out what happens until the next mark."""
        self.read()
        self.marks = []
