"""Seeds of independent random streams, for training and for evaluation."""

from __future__ import annotations

import zlib

import numpy as np


def seeds(seed: int) -> dict[str, int]:
    """Independent seeds of the random streams of one trial, by name."""
    children = np.random.SeedSequence(seed).spawn(len(STREAMS))
    return {
        name: int(child.generate_state(1, np.uint64)[0] >> np.uint64(1))
        for name, child in zip(STREAMS, children, strict=True)
    }


STREAMS = ("weights", "data", "latent", "calibration", "labelled")


def stream(seed: int, purpose: str) -> int:
    """The seed of one purpose's random stream: a new purpose never moves another's numbers."""
    key = zlib.crc32(purpose.encode())
    state = np.random.SeedSequence(seed, spawn_key=(key,)).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))
