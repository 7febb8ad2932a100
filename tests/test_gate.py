"""What contributors and CI run: each test once, on every core, and as on another processor."""

from __future__ import annotations

import os
import platform
import subprocess
import tomllib
from pathlib import Path

import pytest
import torch

from ganbench.study.engines.local import LocalProcesses

ROOT = Path(__file__).resolve().parents[1]
OTHER = {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"}
"""Torch's oldest kernels of x86."""


def runs(*targets: str) -> list[str]:
    """The pytest commands of some targets of the Makefile."""
    command = ["make", "--dry-run", "--always-make", "PYTHON=true", *targets]
    own = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}  # of `make test`
    done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if "pytest" in line]


def test_the_gate_runs_quick_tests_on_another_processor_and_all_tests_once() -> None:
    script = (ROOT / ".ci" / "run").read_text().replace("\\\n", " ").splitlines()
    asked = [line for line in script if "make " in line and not line.startswith("#")]
    found = {line: runs(line.split("make ")[1]) for line in asked}
    lint, quick, everything = found.values()
    assert lint == []
    assert ["not slow" in line for line in (*quick, *everything)] == [True, False]
    assert "ATEN_CPU_CAPABILITY=avx2" in asked[1]
    assert runs("check") == quick
    assert all("-n auto" in line for line in (*quick, *everything))


def test_the_versions_of_python_are_those_from_the_oldest_on() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    kind = "Programming Language :: Python :: 3."
    minors = [int(c.removeprefix(kind)) for c in project["classifiers"] if c.startswith(kind)]
    assert project["requires-python"] == f">=3.{minors[0]}"
    assert minors == list(range(minors[0], minors[-1] + 1))


def capability(_: int) -> str:
    return torch.backends.cpu.get_cpu_capability()


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="names the kernels of x86")
def test_workers_compute_as_their_parent_does(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OTHER.items():
        monkeypatch.setenv(name, value)
    with LocalProcesses() as engine:
        ((_, found),) = engine.run(capability, [0])
    assert found == "DEFAULT"
