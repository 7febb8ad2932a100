"""Settings of an evaluation; part of the identity of its scores. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from ganbench.core import protocol
from ganbench.core.errors import within
from ganbench.core.metric_specs import MetricSpec, Needs
from ganbench.evaluate import extractor_table
from ganbench.evaluate.catalogue import chosen, usual

if TYPE_CHECKING:
    from ganbench.data.dataset import Dataset

MOST_SAMPLES = 10**7
"""Generated images of an evaluation, which are held in memory."""


@dataclass(frozen=True)
class Settings:
    """Counts and sizes of an evaluation.

    samples: generated images. max_real_images: at most so many of a split are used, a fixed
    random choice of them. probe_pairs, probe_test_pairs: generated (image, code)
    pairs that probes are trained and tested on. probe_steps, classifier_steps: Adam steps of
    100 images of a probe and of a fresh classifier. noise: standard deviation of the noise on
    images in [-1, 1]. extractor: its name, or None for the data set's default. metrics: names
    (or groups, or "all", which hold none that is measured on request alone); None means the usual
    ones of the data set.

    Raises ValueError for a count below 1 or a negative noise.
    """

    samples: int = 5000
    max_real_images: int = 10_000
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
        chosen(self.metrics or ())
        extractor_table.chosen(self.extractor, "")

    def specs_for(self, dataset: Dataset) -> list[MetricSpec]:
        """What is measured on a data set. Raises UserError for an unknown metric."""
        if self.metrics is not None:
            return chosen(self.metrics)
        kinds: dict[Needs, bool] = {
            "anything": True,
            "images": dataset.kind == "images",
            "world": dataset.world is not None,
            "mixture": dataset.mixture is not None,
            "stacked": dataset.name == "stacked_mnist",
        }
        return usual([kind for kind, there in kinds.items() if there])

    def extractor_of(self, spec: MetricSpec, dataset: Dataset) -> str | None:
        """The extractor that a metric reads on a data set, or None where it reads none.

        Raises UserError for an unknown extractor.
        """
        if spec.extractor not in ("features", "classes"):
            return spec.extractor or None
        name = extractor_table.chosen(self.extractor, dataset.extractor)
        knows = name is not None and extractor_table.knows_classes(name, dataset.name)
        return name if spec.extractor == "features" or knows else None

    def key(self, spec: MetricSpec, dataset: Dataset, split: str = "test") -> str:
        """SHA-256, 16 hex digits, of what a score is asked for by: all but the model and the seed.

        The metric with its version (a guest's with the digest of its source), data and split, the
        settings but for the choice of metrics, and the extractor by the hash that it is published
        under. Nothing is fetched. Raises UserError for an unknown extractor.
        """
        from ganbench.evaluate.extractors import identity

        facts = {
            "metric": [spec.name, spec.version, spec.digest],
            "data": dataset.fingerprint,
            "split": split,
            # an extractor is known by its hash, whatever it was called and wherever it lies
            "settings": {
                name: value
                for name, value in asdict(self).items()
                if name not in ("metrics", "extractor")
            },
            "extractor": None,
        }
        if spec.extractor in ("features", "classes"):
            facts["extractor"] = identity(self.extractor, dataset.extractor)
        elif spec.extractor:
            facts["extractor"] = identity(spec.extractor, "")
        return protocol.key(facts)


def settings_of(
    metrics: str | Sequence[str] | None = None,
    samples: int | None = None,
    extractor: str | None = None,
) -> Settings:
    """Settings of an evaluation as a user gives them; None is the default.

    metrics: names or groups, in a sequence or with commas between them. Raises UserError for
    fewer than one sample.
    """
    names = metrics.split(",") if isinstance(metrics, str) else metrics
    wanted = None if names is None else tuple(name.strip() for name in names)
    if samples is not None:
        within("samples", samples, 1, MOST_SAMPLES)
    settings = Settings(extractor=extractor, metrics=wanted)
    if samples is not None:
        settings = replace(settings, samples=samples)
    return settings
