"""Frozen networks whose feature space a fidelity metric is measured in.

An extractor's name and hash are part of the identity of every number made with it. The
weights ship with the package and are checked against their recorded hash when loaded;
`python -m ganbench.evaluate.extractors.train` makes them.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load
from torch import Tensor

from ganbench.data.dataset import to_unit_range
from ganbench.errors import GanbenchError, unknown
from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.networks import BATCH, Network, fresh

FOLDER = Path(__file__).parent
FOR_DATASET = {"digits": "digits-v1", "mnist": "mnist-v1"}
"""The default extractor of each data set."""


class Extractor:
    """A frozen classifier, read at its 32 numbers before the last ReLU and at its logits.

    Preprocessing: uint8 (n, c, h, w) at the data set's own size, scaled to [-1, 1]; no
    resizing. Each feature is standardised by its mean and standard deviation on the
    training images, so that a distance of 1 in one feature means the same in every one.

    name: such as "digits-v1". facts: its JSON file. weights: the bytes of its safetensors
    file. Raises GanbenchError where the weights do not have the recorded hash.
    """

    def __init__(self, name: str, facts: dict[str, Any], weights: bytes) -> None:
        digest = hashlib.sha256(weights).hexdigest()
        if digest != facts["sha256"]:
            raise GanbenchError(
                f"the weights of extractor {name} are not the published ones "
                f"(sha256 {digest[:8]}, recorded {facts['sha256'][:8]}): reinstall ganbench"
            )
        self.name = name
        self.facts = facts
        self.digest = digest[:8]
        self.shape: tuple[int, ...] = tuple(facts["shape"])
        tensors = load(weights)
        self._mean = tensors.pop("features.mean")
        self._deviation = tensors.pop("features.deviation")
        self._network = fresh(lambda: Network(self.shape, facts["classes"]), seed=0)
        self._network.load_state_dict(tensors)
        self._network.eval().requires_grad_(False)

    def __repr__(self) -> str:
        return f"Extractor({self.identity!r})"

    @property
    def identity(self) -> str:
        """Name and hash: "digits-v1@1a2b3c4d"."""
        return f"{self.name}@{self.digest}"

    def read(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features (n, 32) and logits (n, classes), float32, of uint8 images (n, c, h, w).

        Raises ValueError for images of another type or shape.
        """
        if images.dtype != torch.uint8 or tuple(images.shape[1:]) != self.shape:
            raise ValueError(
                f"{self.name} reads uint8 images of shape {self.shape}, "
                f"not {images.dtype} of shape {tuple(images.shape[1:])}"
            )
        features, logits = [], []
        with torch.no_grad():
            for batch in images.split(BATCH):
                raw = self._network.features(to_unit_range(batch))
                features.append((raw - self._mean) / self._deviation)
                logits.append(self._network.head(raw))
        return torch.cat(features), torch.cat(logits)

    def features(self, images: Tensor) -> Tensor:
        """Standardised features (n, 32), float32, of uint8 images (n, c, h, w)."""
        return self.read(images)[0]

    def logits(self, images: Tensor) -> Tensor:
        """Logits (n, classes), float32, of uint8 images (n, c, h, w)."""
        return self.read(images)[1]


@lru_cache
def get(name: str) -> Extractor:
    """The shipped extractor of a name. Raises UserError for an unknown one."""
    if name not in FOR_DATASET.values():
        raise unknown("extractor", name, FOR_DATASET.values())
    facts = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return Extractor(name, facts, (FOLDER / f"{name}.safetensors").read_bytes())


def for_dataset(dataset: str) -> Extractor:
    """The default extractor of a data set. Raises Unavailable where there is none."""
    if dataset not in FOR_DATASET:
        raise Unavailable(f"no extractor for data set {dataset}")
    return get(FOR_DATASET[dataset])


def find(name: str | None, dataset: str) -> Extractor:
    """The extractor of a name, or the default of a data set where the name is None."""
    return get(name) if name else for_dataset(dataset)


def identity(name: str | None, dataset: str) -> str:
    """Name and hash of what `find` gives, or why there is none."""
    try:
        return find(name, dataset).identity
    except Unavailable as reason:
        return str(reason)
