"""How far a round is from the time of its convolutions and matrix products alone.

    python -m benchmarks.floor [CASE...] [--operations] [--profile]

The floor: each distinct convolution and matrix product of a round (forward, by inputs, by
weights) is timed alone, in the faster of its memory layouts, and their times are summed as often
as the round has them. What a round takes beyond that is everything else: batch norm, activations,
optimizers, memory, Python. Least times of many repetitions, CPU time, one thread, ganbench's
allocator settings. `--operations` shows each one; `--profile` where the round's time goes.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from benchmarks.peers.cases import CASES, ours
from benchmarks.peers.pairs import WORKERS
from ganbench.core import environment

SECONDS = 0.3
"""For each way to compute an operation."""
PROFILED = 10
"""Rounds under the profiler."""
ONEDNN = torch.ops.mkldnn._linear_pointwise
KINDS = (
    ("convolutions", ("conv",)),
    ("matrix products", ("mm", "bmm", "addmm", "linear")),
    ("normalisation", ("batch_norm",)),
    ("activations, dropout", ("relu", "tanh", "threshold", "bernoulli", "dropout")),
    ("optimizers", ("Adam", "adam")),
    (
        "copies, sums, arithmetic",
        ("copy", "add", "sub", "mul", "sum", "mean", "cat", "div", "fill"),
    ),
)


@dataclass(frozen=True)
class Spot:
    """A tensor's place among an operation's arguments: what a like one is made from."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]


class Listing(TorchDispatchMode):
    """Counts the operations with a known number of multiplications, by their arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[tuple[Any, tuple[Any, ...]]] = Counter()
        self.flops: dict[tuple[Any, tuple[Any, ...]], int] = {}

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        count = flop_registry.get(func._overloadpacket)
        if count:
            key = func, tuple(_frozen(a) for a in args)
            self.found[key] += 1
            self.flops[key] = count(*args, **(kwargs or {}), out_val=out)
        return out


def _frozen(argument: Any) -> Any:
    if isinstance(argument, Tensor):
        return Spot(tuple(argument.shape), argument.stride())
    return tuple(argument) if isinstance(argument, list) else argument


def layouts(spot: Spot) -> Iterator[Tensor]:
    """Random tensors of a shape: as it was, and in the other dense layout."""
    kept = torch.empty_strided(spot.shape, spot.stride).normal_()
    yield kept
    if len(spot.shape) == 4:
        yield kept.contiguous(memory_format=torch.channels_last).clone()
        yield torch.randn(spot.shape)
    if len(spot.shape) == 2:
        yield torch.randn(spot.shape[::-1]).t()
        yield torch.randn(spot.shape)


def least(play: Callable[[], object], seconds: float = SECONDS) -> float:
    """The least CPU seconds of a call, of at least three."""
    found: list[float] = []
    end = time.perf_counter() + seconds
    while len(found) < 3 or time.perf_counter() < end:
        start = time.thread_time_ns()
        play()
        found.append((time.thread_time_ns() - start) / 1e9)
    return min(found)


def alone(func: Any, arguments: tuple[Any, ...]) -> tuple[float, float]:
    """Seconds of an operation as the round has it, and in its best layouts.

    Convolutions take all their maps in one layout; each factor of a product has its own. A
    product is also timed by oneDNN, which on some processors is faster than MKL.
    """
    thawed = [[*layouts(a)] if isinstance(a, Spot) else [a] for a in arguments]
    ways = (
        zip(*(options * 3 if len(options) == 1 else options for options in thawed), strict=True)
        if any(isinstance(a, Spot) and len(a.shape) == 4 for a in arguments)
        else product(*thawed)
    )
    times = []
    with torch.no_grad():
        for way in ways:
            given = [list(a) if isinstance(a, tuple) else a for a in way]
            times.append(least(lambda given=given: func(*given)))  # type: ignore[misc]
            factors = [a for a in given if isinstance(a, Tensor) and a.dim() == 2]
            if func.name() in ("aten::mm", "aten::addmm"):
                left, right = factors[0], factors[1].t()
                times.append(least(lambda a=left, b=right: ONEDNN(a, b, None, "none", [], "")))  # type: ignore[misc]
            if "linear" in func.name():
                left, right = factors[0], factors[1].t()
                times.append(least(lambda a=left, b=right: torch.mm(a, b)))  # type: ignore[misc]
    return times[0], min(times)


def measure(name: str, operations: bool) -> list[str]:
    """A case's row: GFLOP, floor and round in ms, their ratio, GFLOP/s of either."""
    trainer = ours(CASES[name])
    trainer.train(5)
    with Listing() as listing:
        trainer.train(1)
    start = least(lambda: trainer.train(1), 5.0)
    floor = 0.0
    for key, times in sorted(listing.found.items(), key=lambda item: -listing.flops[item[0]]):
        kept, best = alone(*key)
        floor += times * best
        if operations:
            func, arguments = key
            shapes = " ".join("x".join(map(str, a.shape)) for a in arguments if isinstance(a, Spot))
            speed = listing.flops[key] / max(best, 1e-9) / 1e9
            print(
                f"  {times} x {func.name()} {shapes}: {kept * 1e3:.2f} ms as it is, "
                f"{best * 1e3:.2f} best, {speed:.0f} GFLOP/s"
            )
    seconds = min(start, least(lambda: trainer.train(1), 5.0))
    total = sum(listing.flops[key] * times for key, times in listing.found.items())
    return [
        CASES[name].title,
        f"{total / 1e9:.3f}",
        f"{floor * 1e3:.2f}",
        f"{seconds * 1e3:.2f}",
        f"{seconds / floor:.2f}",
        f"{total / floor / 1e9:.0f}",
        f"{total / seconds / 1e9:.0f}",
    ]


def shares(name: str) -> None:
    """Print how a round's time is spread over kinds of operators, and the longest ones."""
    trainer = ours(CASES[name])
    trainer.train(5)
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        trainer.train(PROFILED)
    spent: Counter[str] = Counter()
    events = seen.key_averages()
    for event in events:
        kind = next((k for k, words in KINDS if any(w in event.key for w in words)), "other")
        spent[kind] += event.self_cpu_time_total
    whole = sum(spent.values())
    found = ", ".join(f"{kind} {time / whole:.0%}" for kind, time in spent.most_common())
    print(f"{CASES[name].title}: {found}")
    longest = sorted(events, key=lambda e: -e.self_cpu_time_total)[:8]
    for event in longest:
        share, calls = event.self_cpu_time_total / whole, event.count / PROFILED
        print(f"  {share:.1%} {event.key[:60]}, {calls:.0f} a round")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--operations", action="store_true")
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args()
    wanted = {**WORKERS, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        command = [sys.executable, "-m", "benchmarks.floor", *sys.argv[1:]]
        os.execve(sys.executable, command, {**os.environ, **wanted})
    torch.set_num_threads(1)
    names = asked.cases or [name for name in CASES if not name.endswith("reused")]
    print(f"{environment.machine('cpu')}, one thread, torch {torch.__version__}\n")
    titles = (
        "networks, variant|GFLOP a round|floor ms|round ms|round / floor|GFLOP/s alone|in the round"
    )
    if not asked.profile:
        print("| " + titles.replace("|", " | ") + " |\n" + "|---" * 7 + "|", flush=True)
    for name in names:
        if asked.profile:
            shares(name)
        else:
            print("| " + " | ".join(measure(name, asked.operations)) + " |", flush=True)


if __name__ == "__main__":
    main()
