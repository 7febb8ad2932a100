"""All tables, into one file: `python -m benchmarks [--out results/bench.md]`."""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

COMMANDS = (
    "benchmarks.peers textbook",
    "benchmarks.peers torchgan",
    "benchmarks.peers metrics",
    "benchmarks.floor",
    "benchmarks.floor --profile",
    "benchmarks.memory",
    "benchmarks.jobs",
    "pytest benchmarks -q --benchmark-columns=median,min,max,rounds -s",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/bench.md"))
    out = parser.parse_args().out
    out.parent.mkdir(parents=True, exist_ok=True)
    failed = 0
    with out.open("w", encoding="utf-8") as file:
        for command in COMMANDS:
            print(f"python -m {command}", flush=True)
            done = subprocess.run(
                [sys.executable, "-m", *shlex.split(command)], capture_output=True, text=True
            )
            said = done.stdout
            if done.returncode:
                failed += 1
                last = (done.stderr.strip().splitlines() or ["no message"])[-1]
                said += f"\nended with {done.returncode}: {last}\n"
            if command.startswith("pytest"):
                said = f"```\n{said.strip()}\n```\n"
            file.write(f"## `python -m {command}`\n\n{said}\n")
            file.flush()
    print(f"tables: {out}")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
