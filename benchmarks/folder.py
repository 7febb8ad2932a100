"""What `folder:` costs: 60,000 JPEG files from the first look at them to the first round.

    python benchmarks/folder.py [--files 60000] [--side 64]

Writes MNIST's training images, enlarged and coloured, as JPEG files into a temporary folder
and goes about them in fresh processes as `ganbench run vanilla` would: the plan (which checks
every file), the plan again, a trial up to the end of its first round. Then it deals an epoch
without training, and damages one file. Seconds and memory are those of whole processes, the
imports included. MNIST is read from $GANBENCH_DATA, or else ../shared/data. Files that were
just written are in the system's memory: a cold disk adds the time to read them once.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ganbench import data

ROOT = Path(os.environ.get("GANBENCH_DATA") or Path(__file__).parents[2] / "shared" / "data")
COMMON = """
import resource, sys, time
import torch
from ganbench import data
spec = sys.argv[1]
torch.set_num_threads(1)
"""
STEPS = {
    "plan": """
from ganbench.study.config import StudyConfig
from ganbench.study.plan import trials_of
trials_of(StudyConfig(("vanilla",), dataset=spec, seeds=1, device="cpu"))
""",
    "first round": """
from ganbench.plugins import registry
from ganbench.train.trainer import Trainer, build
loaded = data.load(spec)
variant = registry.load("vanilla")
game = build(variant, loaded.shape, loaded.classes, variant.resolve({}, "folder"), 0)
trainer = Trainer(game, loaded.train, seed=0, batch_size=64, rounds=100)
trainer.rehearse()
trainer.train(1)
""",
    "an epoch dealt": """
from ganbench.data.batches import BatchLoader
train = data.load(spec).train
deal = BatchLoader(train, 64, torch.Generator())
start = time.perf_counter()
for _ in range(len(train) // 64):
    deal()
print(f"{len(train) / (time.perf_counter() - start):,.0f} images/s;", end=" ")
""",
}
MEMORY = """
most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{time.process_time():.1f} s of one core; at most {most:,.0f} MiB")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=60_000)
    parser.add_argument("--side", type=int, default=64)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "jpegs"
        size = write(folder, asked.files, asked.side)
        decoded = asked.files * 3 * 64 * 64
        print(
            f"{asked.files:,} JPEG files of {asked.side} px, {size / 2**20:,.0f} MiB on disk; ",
            end="",
        )
        print(f"decoded at 64 px: {decoded / 2**20:,.0f} MiB")
        environment = {**os.environ, "GANBENCH_DATA": f"{place}/cache", "OMP_NUM_THREADS": "1"}
        for step in ("imports", "plan", "plan", "first round", "an epoch dealt"):
            measure(step, folder, environment)
        victim = sorted(folder.rglob("*.jpg"))[asked.files // 2]
        victim.write_bytes(victim.read_bytes()[:-100])
        measure("plan", folder, environment)


def measure(step: str, folder: Path, environment: dict[str, str]) -> None:
    """Run a step in a process of its own and print what it took, or its error's last line."""
    code = COMMON + STEPS.get(step, "") + MEMORY
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, f"folder:{folder}"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    said = done.stdout.strip() or done.stderr.strip().splitlines()[-1]
    print(f"{step}: {time.perf_counter() - start:.1f} s; {said}", flush=True)


def write(folder: Path, files: int, side: int) -> int:
    """JPEG files in ten class folders; returns their bytes."""
    train = data.load("mnist", ROOT).train[:]
    pixels, labels = train.images[:, 0].numpy(), train.labels.tolist()
    for label in range(10):
        (folder / str(label)).mkdir(parents=True)
    jobs = [
        (pixels[i % len(pixels)], folder / str(labels[i % len(pixels)]) / f"{i:06}.jpg", side)
        for i in range(files)
    ]
    with ProcessPoolExecutor() as pool:
        return sum(pool.map(_write, jobs, chunksize=500))


def _write(job: tuple[NDArray[np.uint8], Path, int]) -> int:
    pixels, path, side = job
    image = Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)
    hue = np.random.default_rng(int(path.stem)).integers(64, 256, 3)
    coloured = ImageOps.colorize(image, "black", tuple(hue.tolist()))
    coloured.save(path, quality=90)
    return path.stat().st_size


if __name__ == "__main__":
    main()
