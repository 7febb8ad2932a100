"""The machine and the packages that a number was made with."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

PACKAGES = (
    "ganbench",
    "torch",
    "torchvision",
    "torch-fidelity",
    "numpy",
    "scipy",
    "scikit-learn",
)

LIMITS = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR")
"""Settings of the environment that change which kernels a CPU computes with."""


def machine(device: str) -> str:
    """The GPU's name, or the CPU's model."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def describe(device: str) -> dict[str, Any]:
    """The machine that a trial runs on, and what there decides how sums are rounded."""
    return {
        "machine": machine(device),
        "os": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "capability": capability(device),
        "libraries": libraries(device),
    }


def capability(device: str) -> str:
    """The instructions that torch computes with: `AVX512`, or a GPU's, `cuda 9.0`."""
    if device.startswith("cuda"):
        major, minor = torch.cuda.get_device_capability(device)
        return f"cuda {major}.{minor}"
    return torch.backends.cpu.get_cpu_capability()


def libraries(device: str) -> list[str]:
    """What multiplies matrices, with the kernels it chose where it says so, and what limits it.

    Those of torch, of the GPU where it is one, and of numpy and scipy, which scores are
    computed with.
    """
    import scipy.linalg  # noqa: F401 - with a BLAS of its own, seen once it is loaded
    from threadpoolctl import threadpool_info

    built = torch.__config__.show()
    found = re.findall(r"(Math Kernel Library|MKL-DNN|oneDNN) (?:Version )?v?(\d[\w.]*)", built)
    names = {"Math Kernel Library": "MKL", "MKL-DNN": "oneDNN"}
    torch_s = [f"{names.get(name, name)} {number}" for name, number in found]
    if device.startswith("cuda"):
        torch_s += [f"CUDA {torch.version.cuda}", f"cuDNN {torch.backends.cudnn.version()}"]
    blas = {
        f"{one['internal_api']} {one['version']} {one.get('architecture', '')}".strip()
        for one in threadpool_info()
        if one["user_api"] == "blas"
    }
    limits = [f"{name}={os.environ[name]}" for name in LIMITS if os.environ.get(name)]
    return [*dict.fromkeys(torch_s), *sorted(blas), *limits]


def packages() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def reset_peak_memory(device: str) -> None:
    """Start a new peak, where the system lets us."""
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
        return
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_memory_mb(device: str) -> float:
    """Peak memory since the reset, in MiB: allocated on the GPU, or resident in this process."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        lines = Path("/proc/self/status").read_text("utf-8").splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
