"""Several trials at once, and what the harness costs beside rounds and metrics.

    python -m benchmarks.jobs [--pairs 3] [--rounds N]

`ganbench run infogan acgan` (three seeds, digits) on two cores with `--jobs 2` and on one with
`--jobs 1`, in turns, each into a directory of its own: the ratio of wall times. The overhead is
the share of the single-core run's wall time that its records count neither as rounds nor as
evaluation: starting, imports, loading, planning, pictures, tables. A busy machine spoils this
one: it needs two cores of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.peers.pairs import spread

JOBS = 2


def run(jobs: int, cores: set[int], rounds: int | None, results: Path) -> tuple[float, float]:
    """Wall seconds of the command, and those that its records name."""
    command = [sys.executable, "-m", "ganbench", "run", "infogan", "acgan", "--jobs", str(jobs)]
    command += ["--device", "cpu", "--results", str(results)]
    command += ["--rounds", str(rounds)] if rounds else []
    start = time.perf_counter()
    subprocess.run(
        command, check=True, capture_output=True, preexec_fn=lambda: os.sched_setaffinity(0, cores)
    )
    wall = time.perf_counter() - start
    costs = [json.loads(path.read_text("utf-8"))["cost"] for path in results.rglob("record.json")]
    return wall, sum(cost["seconds_training"] + cost["seconds_evaluation"] for cost in costs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--rounds", type=int, help="fewer than a default job's 3,000 [default]")
    asked = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[:JOBS]
    if len(cores) < JOBS:
        raise SystemExit(f"this takes {JOBS} cores, not {len(cores)}")
    ratios, overheads = [], []
    for pair in range(asked.pairs):
        walls = {}
        for jobs in (1, JOBS) if pair % 2 else (JOBS, 1):
            with tempfile.TemporaryDirectory() as place:
                wall, named = run(jobs, set(cores[:jobs]), asked.rounds, Path(place))
            walls[jobs] = wall
            if jobs == 1:
                overheads.append(1 - named / wall)
        ratios.append(walls[1] / walls[JOBS])
        print(
            f"1 core {walls[1]:.1f} s, {JOBS} cores {walls[JOBS]:.1f} s, "
            f"overhead {overheads[-1]:.1%}",
            flush=True,
        )
    if asked.pairs > 1:
        print(f"1 core / {JOBS} cores: {spread(ratios)}; overhead {spread(overheads).median:.1%}")


if __name__ == "__main__":
    main()
