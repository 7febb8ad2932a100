"""`python -m benchmarks.peers [textbook|torchgan|metrics] [--pairs N] [--only NAME]`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

import torch
from threadpoolctl import threadpool_limits

from benchmarks.peers import loops, metrics, packages
from benchmarks.peers.cases import CASES
from ganbench.core import environment


def table(rows: Iterable[list[str]]) -> None:
    """Print rows as Markdown, each as soon as it is there; the first are the titles."""
    for count, row in enumerate(rows):
        print("| " + " | ".join(row) + " |", flush=True)
        if not count:
            print("|---" * len(row) + "|", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["textbook", "torchgan", "metrics"])
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--only", help="cases whose names start so")
    asked = parser.parse_args()
    machine = environment.machine("cpu")
    print(f"{machine}, one thread, torch {torch.__version__}, {asked.pairs} pairs\n")
    names = [name for name in CASES if name.startswith(asked.only or "")]
    if asked.what == "textbook":
        table(loops.measure(names, asked.pairs))
    elif asked.what == "torchgan":
        table(packages.measure(asked.pairs))
    else:
        torch.set_num_threads(1)
        with threadpool_limits(1):  # numpy's and scipy's, too
            table(metrics.measure(asked.pairs))


if __name__ == "__main__":
    main()
