"""How fast the command line starts, beside a bare `import click` right before it."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import pytest

PAIRS = 15
BARE = ["-c", "import click"]
COMMANDS = {
    "import click": BARE,
    "ganbench --help": ["-m", "ganbench", "--help"],
    "ganbench list": ["-m", "ganbench", "list"],
}


def start(arguments: list[str]) -> float:
    """Seconds of a Python process."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - began


@pytest.mark.benchmark(group="start-up")
@pytest.mark.parametrize("name", COMMANDS)
def test_start_up(name: str, benchmark) -> None:
    ratios: list[float] = []

    def bare() -> tuple[tuple, dict]:
        bare.seconds = start(BARE)  # type: ignore[attr-defined]
        return (), {}

    def command() -> None:
        ratios.append(start(COMMANDS[name]) / bare.seconds)  # type: ignore[attr-defined]

    benchmark.pedantic(command, setup=bare, rounds=PAIRS)
    benchmark.extra_info["times a bare import click, median"] = statistics.median(ratios)
    print(f"\n{name}: {statistics.median(ratios):.2f} times a bare import click")
