"""What an evaluation may be told; part of the identity of its numbers. Imports no torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from ganbench.errors import within
from ganbench.evaluate import extractor_table
from ganbench.evaluate.catalogue import CATALOGUE, REFERENCES_VERSION, When, chosen
from ganbench.evaluate.extractor_table import OWN

if TYPE_CHECKING:
    from ganbench.data.dataset import Dataset

MOST_SAMPLES = 10**7
"""Generated images of an evaluation, which are held in memory."""


@dataclass(frozen=True)
class Settings:
    """Counts and sizes of an evaluation.

    samples: generated images. reference: at most so many real images of a split are used,
    a fixed random choice of them. probe_pairs, probe_test_pairs: generated (image, code)
    pairs that probes are trained and tested on. probe_steps, classifier_steps: Adam steps of
    100 images of a probe and of a fresh classifier. noise: standard deviation of the noise on
    images in [-1, 1]. extractor: its name, or None for the data set's default. metrics: names
    (or groups, or "all", which hold none that is only measured by name); None means the usual
    ones of the data set.

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
    metrics: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name not in ("noise", "extractor", "metrics") and value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        if self.noise < 0:
            raise ValueError(f"noise must be at least 0, not {self.noise}")

    def check(self) -> None:
        """Raise UserError for an unknown metric or extractor, or a file that is not there."""
        chosen(self.metrics)
        extractor_table.chosen(self.extractor, "")

    def metrics_for(self, dataset: Dataset) -> list[str]:
        """What is measured on a data set. Raises UserError for an unknown metric."""
        kinds: dict[When, bool] = {
            "always": True,
            "images": len(dataset.shape) == 3,
            "world": dataset.world is not None,
            "mixture": dataset.mixture is not None,
            "stacked": dataset.name == "stacked_mnist",
        }
        return chosen(self.metrics, [kind for kind, there in kinds.items() if there])

    def extractors_for(self, dataset: Dataset) -> dict[str, str | None]:
        """The extractors that the metrics of a data set read, as they are named to `find`.

        By who reads them: "" for what the settings say, else the metric that is defined in one.
        """
        metrics = self.metrics_for(dataset)
        read: dict[str, str | None] = {
            metric: name for metric, name in OWN.items() if metric in metrics
        }
        wanted = {CATALOGUE[metric].extractor for metric in metrics}
        name = extractor_table.chosen(self.extractor, dataset.extractor)
        knows = name is not None and extractor_table.knows_classes(name, dataset.name)
        if "features" in wanted or ("classes" in wanted and knows):
            read[""] = self.extractor
        return read

    def protocol_id(self, dataset: Dataset, split: str = "test") -> str:
        """SHA-256, 12 hex digits, of all that defines the numbers but the model and the seed.

        Settings, extractor with its published hash where a metric reads it, versions of the
        metrics, data and split. Nothing is fetched. Raises UserError for an unknown extractor.
        """
        from ganbench.evaluate.extractors import identity

        metrics, read = self.metrics_for(dataset), self.extractors_for(dataset)
        parts = {
            "dataset": [dataset.name, dataset.fingerprint],
            "split": split,
            # an extractor is known by its hash, whatever it was called and wherever it lies
            "settings": {k: v for k, v in asdict(self).items() if k != "metrics"}
            | {"extractor": None},
            "extractor": identity(read.pop(""), dataset.extractor) if "" in read else None,
            "metrics": {name: CATALOGUE[name].version for name in metrics},
            "references": REFERENCES_VERSION,
        }
        if read:
            parts["extractors"] = {metric: identity(name, "") for metric, name in read.items()}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def settings_of(
    metrics: str | Sequence[str] | None = None,
    samples: int | None = None,
    extractor: str | None = None,
) -> Settings:
    """Settings of an evaluation as a user gives them; None is the default.

    metrics: names or groups, in a sequence or with commas between them. Raises UserError for
    an unknown metric and for fewer than one sample.
    """
    names = metrics.split(",") if isinstance(metrics, str) else metrics
    wanted = None if names is None else tuple(name.strip() for name in names)
    if samples is not None:
        within("samples", samples, 1, MOST_SAMPLES)
    settings = Settings(extractor=extractor, metrics=wanted)
    if samples is not None:
        settings = replace(settings, samples=samples)
    settings.check()
    return settings
