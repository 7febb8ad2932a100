"""How the mode metrics are measured: on points of a known mixture, and on stacked digits.

Standard errors: binomial for the high-quality share, else a bootstrap over the modes that the
samples were found in.
"""

from __future__ import annotations

from torch import Tensor

from ganbench.data.dataset import Mixture
from ganbench.evaluate import extractors
from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.evidence import Evidence, gathered
from ganbench.evaluate.metrics.modes import (
    REACH,
    STACKED,
    Indices,
    captured,
    kl_from_uniform,
    nearest_modes,
    stacked_modes,
)
from ganbench.evaluate.metrics.registry import Measurement, metric
from ganbench.evaluate.metrics.uncertainty import bootstrap, of_accuracy

STACKS = "stacked_mnist"
"""The data set whose images are three digits, one per channel."""
READER = "mnist-v1"
"""The extractor that reads each of the three."""

OF_POINTS = "modes_captured", "high_quality", "reverse_kl"
OF_STACKS = "stacked_modes_captured", "stacked_modes_kl"


@metric("modes_captured")
def _modes_captured(evidence: Evidence) -> Measurement:
    return _points(evidence)["modes_captured"]


@metric("high_quality")
def _high_quality(evidence: Evidence) -> Measurement:
    return _points(evidence)["high_quality"]


@metric("reverse_kl")
def _reverse_kl(evidence: Evidence) -> Measurement:
    found = _points(evidence)
    if not found["high_quality"].value:
        raise Unavailable(f"no point is within {REACH} standard deviations of a mode")
    return found["reverse_kl"]


@metric("stacked_modes_captured")
def _stacked_modes_captured(evidence: Evidence) -> Measurement:
    return _stacks(evidence)["stacked_modes_captured"]


@metric("stacked_modes_kl")
def _stacked_modes_kl(evidence: Evidence) -> Measurement:
    return _stacks(evidence)["stacked_modes_kl"]


@gathered
def _points(evidence: Evidence) -> dict[str, Measurement]:
    _ = _mixture(evidence)  # before any point is generated
    return coverage_of_points(
        evidence, evidence.generated, f"{evidence.settings.samples} generated"
    )


@gathered
def _stacks(evidence: Evidence) -> dict[str, Measurement]:
    _check_stacked(evidence)
    return coverage_of_stacks(
        evidence, evidence.generated, f"{evidence.settings.samples} generated"
    )


def coverage_of_points(
    evidence: Evidence, points: Tensor, description: str
) -> dict[str, Measurement]:
    """The three measures of points (n, 2), stored as the data set's, named by `description`."""
    mixture = _mixture(evidence)
    modes = nearest_modes(points.double() * mixture.scale, mixture.means, mixture.std)
    good = modes[modes >= 0]
    share = len(good) / len(modes)
    protocol = f"{description}, {len(mixture.means)} modes, high quality within {REACH} std"
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


def coverage_of_stacks(
    evidence: Evidence, images: Tensor, description: str
) -> dict[str, Measurement]:
    """The two measures of uint8 images (n, 3, 28, 28), named by `description`."""
    _check_stacked(evidence)
    reader = extractors.get(READER, evidence.device)
    channels = images.flatten(0, 1)[:, None]
    modes = stacked_modes(reader.logits(channels).argmax(1).reshape(-1, 3))
    protocol = f"{reader.identity} on each channel of {description}, uint8"
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


def _check_stacked(evidence: Evidence) -> None:
    if evidence.dataset.name != STACKS:
        raise Unavailable(f"only for {STACKS}")


def _divergence(modes: Indices, count: int, protocol: str) -> Measurement:
    value = kl_from_uniform(modes, count)
    error = bootstrap(lambda rows: kl_from_uniform(rows, count), modes) if len(modes) else None
    return Measurement(value, len(modes), protocol, error)
