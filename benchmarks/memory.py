"""What training keeps in memory: the data, and whether anything grows with the rounds.

    python -m benchmarks.memory [--rounds 3000]

In a process of its own: resident memory before and after a Trainer gets 60,000 uint8 images of
28 x 28 pixels, and while `infogan` trains on them with the digits MLPs. The trainer must add no
copy of the images, and the last reading must not be above the first after the warm-up.
"""

from __future__ import annotations

import argparse
import gc
import os
from pathlib import Path

import torch

from ganbench.data.dataset import Split
from ganbench.plugins import registry
from ganbench.train.trainer import Trainer, build

READINGS = 10


def resident() -> float:
    """MiB of this process in memory."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def trainer(split: Split) -> Trainer:
    """Small networks, so that the images are what counts."""
    variant = registry.load("infogan")
    given = {"backbone": "mlp", "width": 64}
    model = build(variant, tuple(split.images.shape[1:]), 10, variant.resolve(given, "mnist"), 0)
    return Trainer(model, split, seed=0, batch_size=128, rounds=1_000_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3000)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    few = torch.randint(0, 256, (256, 1, 28, 28), dtype=torch.uint8)
    trainer(Split(few, torch.zeros(256, dtype=torch.int64))).train(50)  # libraries, allocator
    before = resident()
    images = torch.zeros(60_000, 1, 28, 28, dtype=torch.uint8).random_(256)
    labels = torch.randint(0, 10, (60_000,))
    loaded = resident()
    made = trainer(Split(images, labels))
    made.train(50)
    trained = resident()
    size = images.nbytes / 2**20
    print(
        f"uint8 images {size:.1f} MiB, labels {labels.nbytes / 2**20:.1f}, "
        f"in memory {loaded - before:.1f}"
    )
    order = made.loader.rows.order.nbytes / 2**20
    print(
        f"a trainer on them, after 50 rounds: {trained - loaded:+.1f} MiB "
        f"(the order of rows is {order:.1f})"
    )
    readings = []
    for _ in range(READINGS):
        made.train(asked.rounds // READINGS)
        readings.append(resident() - trained)
    print(f"over {asked.rounds} more rounds: " + " ".join(f"{r:+.1f}" for r in readings) + " MiB")


if __name__ == "__main__":
    main()
