"""What an evaluation may be told; part of the identity of its numbers. Imports no torch."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ganbench.evaluate.catalogue import CATALOGUE, REFERENCES_VERSION

if TYPE_CHECKING:
    from ganbench.data.dataset import Dataset


@dataclass(frozen=True)
class Settings:
    """Counts and sizes of an evaluation.

    samples: generated images. reference: at most so many real images of a split are used,
    a fixed random choice of them. probe_pairs, probe_test_pairs: generated (image, code)
    pairs that probes are trained and tested on. probe_steps, classifier_steps: Adam steps of
    100 images of a probe and of a fresh classifier. noise: standard deviation of the noise on
    images in [-1, 1]. extractor: its name, or None for the data set's default.

    Raises ValueError for a count below 1 or a negative noise.
    """

    samples: int = 5000
    reference: int = 10_000
    probe_pairs: int = 4000
    probe_test_pairs: int = 2000
    probe_steps: int = 500
    classifier_steps: int = 200
    noise: float = 0.3
    extractor: str | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name not in ("noise", "extractor") and value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        if self.noise < 0:
            raise ValueError(f"noise must be at least 0, not {self.noise}")

    def protocol_id(self, dataset: Dataset, split: str = "test") -> str:
        """SHA-256, 12 hex digits, of all that defines the numbers but the model and the seed.

        Settings, extractor with its hash, versions of the metrics, data and split. Raises
        UserError for an unknown extractor.
        """
        from ganbench.evaluate.extractors import identity

        parts = {
            "dataset": [dataset.name, dataset.fingerprint],
            "split": split,
            "settings": asdict(self),
            "extractor": identity(self.extractor, dataset.name),
            "metrics": {name: entry.version for name, entry in sorted(CATALOGUE.items())},
            "references": REFERENCES_VERSION,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]
