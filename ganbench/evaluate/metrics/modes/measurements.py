"""Measurements of the mode metrics, on points of a known mixture and on stacked digits.

Standard errors: binomial for the high-quality share, else a bootstrap over the modes that the
samples were found in.
"""

from __future__ import annotations

from typing import Any

from ganbench.data.dataset import Mixture
from ganbench.evaluate import extractors
from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.evidence import Evidence, gathered
from ganbench.evaluate.measurement import Measurement
from ganbench.evaluate.metrics.modes.mode_coverage import (
    REACH,
    STACKED,
    Indices,
    captured,
    kl_from_uniform,
    nearest_modes,
    stacked_modes,
)
from ganbench.evaluate.metrics.uncertainty import bootstrap, of_accuracy

STACKS = "stacked_mnist"
"""The data set whose images are three digits, one per channel."""
READER = "mnist-v1"
"""The extractor that reads each of the three."""


def measure_modes_captured(evidence: Evidence) -> Measurement:
    """Modes of the mixture with a high-quality point."""
    return _points(evidence)["modes_captured"]


def measure_high_quality(evidence: Evidence) -> Measurement:
    """Share of points within `REACH` standard deviations of a mode."""
    return _points(evidence)["high_quality"]


def measure_reverse_kl(evidence: Evidence) -> Measurement:
    """KL divergence of high-quality points over the modes from uniform."""
    found = _points(evidence)
    if not found["high_quality"].value:
        raise Unavailable(f"no point is within {REACH} standard deviations of a mode")
    return found["reverse_kl"]


def measure_stacked_modes_captured(evidence: Evidence) -> Measurement:
    """Triples of digits that occur."""
    return _stacks(evidence)["stacked_modes_captured"]


def measure_stacked_modes_kl(evidence: Evidence) -> Measurement:
    """KL divergence of triples of digits from uniform."""
    return _stacks(evidence)["stacked_modes_kl"]


@gathered
def _points(evidence: Evidence) -> dict[str, Measurement]:
    mixture = _mixture(evidence)  # before any point is generated
    points = evidence.generated[: evidence.settings.samples]
    modes = nearest_modes(points.double() * mixture.scale, mixture.means, mixture.std)
    good = modes[modes >= 0]
    share = len(good) / len(modes)
    protocol = evidence.image_facts(len(modes)) | {"modes": len(mixture.means), "within_std": REACH}
    return {
        "modes_captured": Measurement(
            float(captured(good)),
            len(modes),
            protocol,
            bootstrap(lambda rows: captured(rows[rows >= 0]), modes),
        ),
        "high_quality": Measurement(share, len(modes), protocol, of_accuracy(share, len(modes))),
        "reverse_kl": _divergence(good, len(mixture.means), protocol),
    }


@gathered
def _stacks(evidence: Evidence) -> dict[str, Measurement]:
    if evidence.dataset.name != STACKS:
        raise Unavailable(f"only for {STACKS}")
    images = evidence.generated[: evidence.settings.samples]
    reader = extractors.get(READER, evidence.device)
    channels = images.flatten(0, 1)[:, None]
    modes = stacked_modes(reader.logits(channels).argmax(1).reshape(-1, 3))
    protocol = {"extractor": reader.identity, "reads": "each channel", "modes": STACKED}
    protocol |= {**evidence.image_facts(len(modes)), "storage": "uint8"}
    return {
        "stacked_modes_captured": Measurement(
            float(captured(modes)), len(modes), protocol, bootstrap(captured, modes)
        ),
        "stacked_modes_kl": _divergence(modes, STACKED, protocol),
    }


def _mixture(evidence: Evidence) -> Mixture:
    if evidence.dataset.mixture is None:
        raise Unavailable("only for points of a known mixture")
    return evidence.dataset.mixture


def _divergence(modes: Indices, count: int, protocol: dict[str, Any]) -> Measurement:
    value = kl_from_uniform(modes, count)
    error = bootstrap(lambda rows: kl_from_uniform(rows, count), modes) if len(modes) else None
    return Measurement(value, len(modes), protocol, error)
