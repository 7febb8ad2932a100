"""ganbench's statistics beside torch-fidelity's and clean-fid's, on the same features."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.peers.pairs import Turn, middle, ratio
from ganbench.evaluate.metrics.fidelity.fid import fid
from ganbench.evaluate.metrics.fidelity.inception_score import inception_score
from ganbench.evaluate.metrics.fidelity.mmd import kid
from ganbench.evaluate.metrics.fidelity.precision_recall import precision_recall

Features = NDArray[np.float32]
SIZES = ((5000, 32), (5000, 2048))
"""Images and features: what digits-v1 and Inception give."""

SECONDS = 20.0
"""After so many, two pairs are enough."""


def clouds(n: int, width: int) -> tuple[Features, Features]:
    """Two sets of correlated features."""
    rng = np.random.default_rng(0)
    mix = rng.standard_normal((width, width)) / np.sqrt(width)
    real = rng.standard_normal((n, width)) @ mix
    made = 0.9 * rng.standard_normal((n, width)) @ mix + 0.05
    return real.astype(np.float32), made.astype(np.float32)


def moments(features: Features) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """As clean-fid and torch-fidelity gather them from a feature array."""
    return features.mean(0), np.cov(features, rowvar=False)


def peers(n: int) -> dict[str, dict[str, Callable[[Any, Any], float]]]:
    """What each metric is compared with; packages that do not import are left out, with a line."""
    found: dict[str, dict[str, Callable[[Any, Any], float]]] = {
        name: {} for name in ("fid", "kid", "precision_recall", "inception_score")
    }
    try:
        fidelity = {
            name: import_module(f"torch_fidelity.metric_{name}")
            for name in ("fid", "kid", "prc", "isc")
        }
        found["fid"]["torch-fidelity"] = lambda a, b: fidelity["fid"].fid_statistics_to_metric(
            fidelity["fid"].fid_features_to_statistics(torch.from_numpy(a)),
            fidelity["fid"].fid_features_to_statistics(torch.from_numpy(b)),
            False,
        )["frechet_inception_distance"]
        found["kid"]["torch-fidelity, 100 subsets of 1000"] = lambda a, b: fidelity[
            "kid"
        ].kid_features_to_metric(
            torch.from_numpy(a), torch.from_numpy(b), kid_subset_size=1000, verbose=False
        )["kernel_inception_distance_mean"]
        found["precision_recall"]["torch-fidelity"] = lambda a, b: fidelity[
            "prc"
        ].prc_features_to_metric(torch.from_numpy(b), torch.from_numpy(a), verbose=False)[
            "precision"  # of its first features
        ]
        found["inception_score"]["torch-fidelity"] = lambda a, b: fidelity[
            "isc"
        ].isc_features_to_metric(torch.from_numpy(a), 1)["inception_score_mean"]
    except Exception as error:
        print(f"torch-fidelity: {type(error).__name__}: {error}: left out")
    try:
        clean = import_module("cleanfid.fid")
        found["fid"]["clean-fid"] = lambda a, b: clean.frechet_distance(*moments(a), *moments(b))
        found["kid"]["clean-fid, 100 subsets of 1000"] = lambda a, b: clean.kernel_distance(a, b)
    except Exception as error:
        print(f"clean-fid does not import ({type(error).__name__}: {error}): left out")
    return found


OURS: dict[str, Callable[[Any, Any], float]] = {
    "fid": fid,
    "kid": kid,
    "precision_recall": lambda a, b: precision_recall(a, b).precision,
    "inception_score": lambda a, b: inception_score(
        torch.from_numpy(a).double().softmax(1).numpy()
    ),
}


def timed(statistic: Callable[[Any, Any], float], *features: Features) -> tuple[Turn, float]:
    """What one computation takes, in ms, and its value."""
    cpu, wall = time.process_time(), time.perf_counter()
    value = float(statistic(*features))
    return Turn((time.process_time() - cpu) * 1e3, (time.perf_counter() - wall) * 1e3), value


def measure(pairs: int) -> Iterator[list[str]]:
    """A row per metric, peer and size."""
    yield [
        *("statistic", "features", "peer", "peer ms", "ganbench ms"),
        *("peer / ganbench, CPU", "wall", "values"),
    ]
    for n, width in SIZES:
        features = clouds(n, width)
        for name, others in peers(n).items():
            for peer, statistic in others.items():
                turns: tuple[list[Turn], list[Turn]] = [], []
                values = [0.0, 0.0]
                end = time.perf_counter() + SECONDS
                for pair in range(pairs):
                    if pair > 1 and time.perf_counter() > end:
                        break
                    for which in (0, 1) if pair % 2 else (1, 0):
                        call = (statistic, OURS[name])[which]
                        turn, values[which] = timed(call, *features)
                        turns[which].append(turn)
                yield [
                    name,
                    f"{n} x {width}",
                    peer,
                    *(f"{middle(side):.0f}" for side in turns),
                    *(str(ratio(*turns, clock)) for clock in ("cpu", "wall")),
                    " / ".join(f"{value:.8g}" for value in values),
                ]
