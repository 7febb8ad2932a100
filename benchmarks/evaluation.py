"""What the default job's evaluation costs beside its training in a plain eager loop.

    python -m benchmarks.evaluation

Per variant, in one process with one thread, in turns: 300 rounds of a textbook loop, and one
whole evaluation by the default settings. Prints the ratio of an evaluation to the 3,000
rounds of the default job: CPU time, median and range of the pairs. References (real images,
k-means) are made once per study and kept on disk after that: they are shown apart, made
anew.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time

import torch

from benchmarks.peers.cases import CASES, ours
from benchmarks.peers.tutorial import Tutorial
from ganbench import data
from ganbench.evaluate import harness, references

PAIRS, PLAYED, ROUNDS = 5, 300, 3000


def main() -> None:
    torch.set_num_threads(1)
    digits = data.load("digits")
    for name in ("infogan", "acgan"):
        case = CASES[f"digits-{name}"]
        loop, trainer = Tutorial(case), ours(case)
        loop.play(PLAYED)
        trainer.train(PLAYED)
        model = trainer.evaluation_model()
        harness.evaluate(model, digits, seed=0)  # imports
        ratios, training, evaluations = [], [], []
        for _ in range(PAIRS):
            start = time.process_time()
            loop.play(PLAYED)
            middle = time.process_time()
            harness.evaluate(model, digits, seed=0)
            end = time.process_time()
            training.append((middle - start) * ROUNDS / PLAYED)
            evaluations.append(end - middle)
            ratios.append(evaluations[-1] / training[-1])
        print(
            f"{name}: evaluation / training {statistics.median(ratios):.3f} "
            f"({min(ratios):.3f} to {max(ratios):.3f}); medians "
            f"{statistics.median(evaluations):.2f} s and {statistics.median(training):.2f} s"
        )
    os.environ["GANBENCH_DATA"] = tempfile.mkdtemp()  # nothing that is kept is read
    start = time.process_time()
    found = references.measure(digits, "test", harness.Settings())
    count = sum(len(row.scores) for _, row in found)
    print(f"references, {count} numbers, once per study: {time.process_time() - start:.2f} s")


if __name__ == "__main__":
    main()
