"""How fast the command line starts, beside a bare `import click`."""

from __future__ import annotations

import subprocess
import sys

import pytest

COMMANDS = {
    "import click": ["-c", "import click"],
    "ganbench --help": ["-m", "ganbench", "--help"],
    "ganbench list": ["-m", "ganbench", "list"],
}


@pytest.mark.benchmark(group="start-up")
@pytest.mark.parametrize("name", COMMANDS)
def test_start_up(name: str, benchmark) -> None:
    command = [sys.executable, *COMMANDS[name]]
    benchmark.pedantic(
        subprocess.run, (command,), {"check": True, "capture_output": True}, rounds=15
    )
