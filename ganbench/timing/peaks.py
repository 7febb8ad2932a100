"""Peaks of a device, measured: a matrix product, a convolution, a copy."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from ganbench.model.layers import ONEDNN
from ganbench.train.execution import products
from ganbench.train.execution_modes import Precision

SECONDS = 0.2
"""How long each is repeated, the warm-up left out; the best repetition counts."""


@dataclass(frozen=True)
class Sizes:
    """Large enough that launching and edges cost nothing, small enough for a fraction of a second.

    matmul: rows and columns of both matrices. Convolution: 3x3, stride 1, as many channels out
    as in. copy: bytes.
    """

    matmul: int
    batch: int
    channels: int
    side: int
    copy: int


CPU = Sizes(matmul=1024, batch=8, channels=128, side=28, copy=256 << 20)
GPU = Sizes(matmul=8192, batch=128, channels=256, side=56, copy=512 << 20)


@dataclass(frozen=True)
class Peaks:
    """TFLOP/s of a large matrix product and convolution; GB/s of a copy (read and written)."""

    matmul_tflops: float
    convolution_tflops: float
    copy_gb_per_second: float


@cache
def peaks(device: str, precision: Precision, threads: int) -> Peaks:
    """A device's peaks by PyTorch's own kernels, once per process, precision and threads."""
    torch.set_num_threads(threads)
    return measure(torch.device(device), precision, CPU if device == "cpu" else GPU)


def measure(device: torch.device, precision: Precision, sizes: Sizes) -> Peaks:
    """Measure them. `bf16` is products of bfloat16, the others of float32."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    with torch.no_grad(), products(precision):
        product = _matmul_seconds(device, dtype, sizes)
        convolution = _convolution_seconds(device, dtype, sizes)
        copy = _copy_seconds(device, sizes)
    return Peaks(
        matmul_tflops=2 * sizes.matmul**3 / product / 1e12,
        convolution_tflops=(
            2 * sizes.batch * sizes.side**2 * sizes.channels**2 * 9 / convolution / 1e12
        ),
        copy_gb_per_second=2 * sizes.copy / copy / 1e9,
    )


def _matmul_seconds(device: torch.device, dtype: torch.dtype, sizes: Sizes) -> float:
    a, b, out = (_noise((sizes.matmul, sizes.matmul), device, dtype) for _ in range(3))
    seconds = best_seconds(lambda: torch.mm(a, b, out=out), device)
    if device.type == "cpu" and dtype == torch.float32 and ONEDNN is not None:
        # what large dense layers use
        seconds = min(seconds, best_seconds(lambda: ONEDNN(a, b, None, "none", [], ""), device))
    return seconds


def _convolution_seconds(device: torch.device, dtype: torch.dtype, sizes: Sizes) -> float:
    shapes = (sizes.batch, sizes.channels, sizes.side, sizes.side), (sizes.channels,) * 2 + (3, 3)
    images, weight = (
        _noise(shape, device, dtype).to(memory_format=torch.channels_last) for shape in shapes
    )
    return best_seconds(lambda: F.conv2d(images, weight, padding=1), device)


def _copy_seconds(device: torch.device, sizes: Sizes) -> float:
    source, target = (torch.ones(sizes.copy // 4, device=device) for _ in range(2))
    return best_seconds(lambda: target.copy_(source), device)


def _noise(shape: tuple[int, ...], device: torch.device, dtype: torch.dtype) -> Tensor:
    """Not constants: a GPU clocks higher on those."""
    generator = torch.Generator(device).manual_seed(0)
    return torch.randn(shape, generator=generator, device=device, dtype=dtype)


def best_seconds(run: Callable[[], object], device: torch.device) -> float:
    """Seconds of the fastest of at least three runs: host clock on a CPU, events on a GPU."""
    for _ in range(2):
        run()
    best, started, runs = float("inf"), time.perf_counter(), 0
    while runs < 3 or time.perf_counter() - started < SECONDS:
        if device.type == "cuda":
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            run()
            end.record()
            end.synchronize()
            seconds = begin.elapsed_time(end) / 1e3
        else:
            began = time.perf_counter()
            run()
            seconds = time.perf_counter() - began
        best = min(best, seconds)
        runs += 1
    return best
