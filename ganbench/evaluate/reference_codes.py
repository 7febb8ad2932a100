"""Codes that stand beside a model's in the disentanglement table: the best, a plain, a random one.

They depend on the data and the settings alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from torch import Tensor

from ganbench.data.dataset import to_unit_range
from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.evidence import Evidence, gathered, stream
from ganbench.evaluate.metrics import MEASURES, Measurement
from ganbench.evaluate.metrics.coded import Coded, of_images
from ganbench.evaluate.metrics.levels import levels_of
from ganbench.evaluate.networks import fresh, outputs, reader

CODES = 10
"""Codes of PCA and of the random network; of PCA fewer where the images span fewer."""
LEAST = 1e-6
"""A code that varies less than this share of the most varying one is left out."""

ORACLE = "oracle (codes are the factors)"
COMPONENTS = "PCA on pixels"
RANDOM = "random network"


def beside_codes(evidence: Evidence) -> Iterator[tuple[str, str, Callable[[], Measurement]]]:
    """(name, metric, how it is measured) of every reference."""
    for name, coded in ((ORACLE, oracle), (COMPONENTS, components), (RANDOM, random_network)):
        for metric in MEASURES:
            yield name, metric, partial(_measured, metric, coded, evidence)


def _measured(metric: str, coded: Callable[[Evidence], Coded], evidence: Evidence) -> Measurement:
    return MEASURES[metric](evidence, coded(evidence))


@gathered
def oracle(evidence: Evidence) -> Coded:
    """The levels themselves, each over its standard deviation on training images."""
    levels = levels_of(evidence)
    spread = levels.train.std(0)
    world = evidence.dataset.world
    names = () if world is None else world.names
    columns = [names.index(name) for name in levels.names if name in names]

    def represent(asked: NDArray[np.int64]) -> NDArray[np.float64]:
        return asked[:, columns] / spread

    pair = levels.train / spread, levels.held_out / spread
    return Coded(evidence, ORACLE, pair, represent)


@gathered
def components(evidence: Evidence) -> Coded:
    """Principal components of the pixels, fitted on training images and standardised there."""
    fitted = evidence.train[torch.from_numpy(levels_of(evidence).fitted)]
    pixels = _flat(fitted.images)
    pca = PCA(min(CODES, *pixels.shape), random_state=0).fit(pixels)
    spread = np.sqrt(pca.explained_variance_)
    kept = spread > LEAST * spread[0]
    if not kept.any():
        raise Unavailable("the training images are all alike")

    def encode(images: Tensor) -> NDArray[Any]:
        return np.asarray(pca.transform(_flat(images)) / np.where(kept, spread, 1))[:, kept]

    by = f"{COMPONENTS}, {kept.sum()} components fitted on {len(fitted)} training images"
    return of_images(evidence, by, encode)


@gathered
def random_network(evidence: Evidence) -> Coded:
    """The outputs of an untrained MLP, fixed weights, standardised on training images."""
    seed = stream(evidence.seed, "random network")
    network = fresh(lambda: reader(evidence.dataset.shape, CODES), seed).eval()
    seen = outputs(network, evidence.train.images).numpy()
    mean, spread = seen.mean(0), np.where(np.ptp(seen, axis=0) > 0, seen.std(0), 1)

    def encode(images: Tensor) -> NDArray[Any]:
        return np.asarray((outputs(network, images).numpy() - mean) / spread)

    return of_images(evidence, f"{RANDOM}, an untrained MLP (256-256, {CODES} outputs)", encode)


def _flat(images: Tensor) -> NDArray[np.float32]:
    return to_unit_range(images).flatten(1).numpy()
