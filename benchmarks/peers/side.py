"""One side of a comparison, in a process of its own: `python -m benchmarks.peers.side CASE WHO`."""

from __future__ import annotations

import sys

import torch

from benchmarks.peers.cases import CASES, ours
from benchmarks.peers.pairs import serve
from benchmarks.peers.tutorial import Tutorial


def main() -> None:
    torch.set_num_threads(1)
    case, who = CASES[sys.argv[1]], sys.argv[2]
    if who in ("textbook", "loader"):
        serve(Tutorial(case, loader=who == "loader").play)
    else:
        serve(ours(case, who).train)


if __name__ == "__main__":
    main()
