"""The extractors that ship with the package: small classifiers, named by the hash of their weights.

`python -m tools.train_extractors` makes them.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import torch as safetensors
from torch import Tensor

from ganbench.core.errors import GanbenchError
from ganbench.data.dataset import to_unit_range
from ganbench.evaluate.extractor_table import ExtractorSpec
from ganbench.evaluate.extractors.base import Extractor
from ganbench.evaluate.networks import BATCH, Network, fresh

FOLDER = Path(__file__).parent


class Shipped(Extractor):
    """A frozen classifier, read at its 32 numbers before the last ReLU and at its logits.

    Preprocessing: uint8 (n, c, h, w) at the data set's own size, scaled to [-1, 1]; no
    resizing. Each feature is standardised by its mean and standard deviation on the
    training images, so that a distance of 1 in one feature means the same in every one.

    name: such as "digits-v1". facts: its JSON file. weights: the bytes of its safetensors
    file. Raises GanbenchError where the weights do not have the recorded hash.
    """

    batch = BATCH

    def __init__(
        self,
        name: str,
        facts: dict[str, Any],
        weights: bytes,
        device: torch.device | str = "cpu",
    ) -> None:
        digest = hashlib.sha256(weights).hexdigest()
        if digest != facts["sha256"]:
            raise GanbenchError(
                f"the weights of extractor {name} are not the published ones "
                f"(sha256 {digest[:8]}, recorded {facts['sha256'][:8]}): reinstall ganbench"
            )
        self.name = name
        self.identity = f"{name}@{digest[:8]}"
        self.facts = facts
        shape = tuple(map(int, facts["shape"]))
        self.shape = shape
        self.device = torch.device(device)
        tensors = safetensors.load(weights)
        self._mean = tensors.pop("features.mean").to(self.device)
        self._deviation = tensors.pop("features.deviation").to(self.device)
        self._network = fresh(lambda: Network(shape, facts["classes"]), seed=0)
        self._network.load_state_dict(tensors)
        self._network.to(self.device).eval().requires_grad_(False)

    @classmethod
    def load(cls, name: str, device: torch.device | str = "cpu") -> Self:
        """The one of that name."""
        weights = (FOLDER / f"{name}.safetensors").read_bytes()
        return cls(name, _facts(name), weights, device)

    def look(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Standardised features (n, 32) and logits (n, classes) of one batch."""
        raw = self._network.features(to_unit_range(images))
        return (raw - self._mean) / self._deviation, self._network.head(raw)

    def classify(self, images: Tensor) -> Tensor:
        """Logits (n, classes) of images in [-1, 1], differentiable: a classifier to attack."""
        logits: Tensor = self._network(images.to(self.device)).cpu()
        return logits


def load(spec: ExtractorSpec, device: torch.device | str = "cpu") -> Shipped:
    """The one that a spec declares."""
    return Shipped.load(spec.name, device)


def identity(spec: ExtractorSpec) -> str:
    """Name and hash of one of the shipped extractors, without loading it."""
    return f"{spec.name}@{_facts(spec.name)['sha256'][:8]}"


def _facts(name: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return facts
