"""Code recovery: codes read back off generated images, by a probe and by the model itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ganbench.core.latent import Code
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.measurement import Measurement
from ganbench.evaluate.metrics.uncertainty import bootstrap, of_accuracy


def accuracy(predicted: ArrayLike, truth: ArrayLike) -> float:
    """Share of entries (n,) that are equal."""
    return float(np.mean(np.asarray(predicted) == np.asarray(truth)))


def r_squared(predicted: ArrayLike, truth: ArrayLike) -> float:
    """Coefficient of determination 1 - SS_res / SS_tot of predictions (n,); 0 for no variance.

    Below 0 where a prediction is worse than the mean.
    """
    guess, target = np.asarray(predicted, np.float64), np.asarray(truth, np.float64)
    total = float(np.square(target - target.mean()).sum())
    return 1 - float(np.square(target - guess).sum()) / total if total else 0.0


def _categorical(
    codes: Sequence[Code], read: Tensor, truth: Tensor, protocol: dict[str, Any]
) -> Measurement:
    rates = [accuracy(read[:, i], truth[:, i]) for i in range(len(codes))]
    error = math.hypot(*(of_accuracy(rate, len(read)) for rate in rates)) / len(rates)
    parts = {code.name: rate for code, rate in zip(codes, rates, strict=True)}
    return Measurement(float(np.mean(rates)), len(read), protocol, error, parts)


def _continuous(
    codes: Sequence[Code], read: Tensor, truth: Tensor, protocol: dict[str, Any]
) -> Measurement:
    guess, target = (array[:, -len(codes) :].numpy() for array in (read, truth))

    def each(guess: NDArray[np.float32], target: NDArray[np.float32]) -> list[float]:
        return [r_squared(g, t) for g, t in zip(guess.T, target.T, strict=True)]

    values = each(guess, target)
    error = bootstrap(lambda g, t: float(np.mean(each(g, t))), guess, target)
    parts = {code.name: value for code, value in zip(codes, values, strict=True)}
    return Measurement(float(np.mean(values)), len(read), protocol, error, parts)


# Below, `evidence.categorical` comes before what is read off images: a latent without such
# codes is unavailable before a probe is trained for nothing.


def measure_code_recovery(evidence: Evidence) -> Measurement:
    """Accuracy of a probe that reads categorical codes off noisy generated images."""
    codes, protocol = evidence.categorical, _probe_protocol(evidence, evidence.settings.noise)
    return _categorical(codes, evidence.probe_read_noisy, evidence.probe_codes, protocol)


def measure_code_recovery_clean(evidence: Evidence) -> Measurement:
    """Accuracy of a probe that reads categorical codes off generated images."""
    codes, protocol = evidence.categorical, _probe_protocol(evidence, 0.0)
    return _categorical(codes, evidence.probe_read_clean, evidence.probe_codes, protocol)


def measure_code_recovery_continuous(evidence: Evidence) -> Measurement:
    """R2 of a probe that reads continuous codes off noisy generated images."""
    codes, protocol = evidence.continuous, _probe_protocol(evidence, evidence.settings.noise)
    return _continuous(codes, evidence.probe_read_noisy, evidence.probe_codes, protocol)


def measure_code_recovery_continuous_clean(evidence: Evidence) -> Measurement:
    """R2 of a probe that reads continuous codes off generated images."""
    codes, protocol = evidence.continuous, _probe_protocol(evidence, 0.0)
    return _continuous(codes, evidence.probe_read_clean, evidence.probe_codes, protocol)


def measure_self_code_recovery(evidence: Evidence) -> Measurement:
    """Accuracy of the model's own encode() on its own images."""
    codes, truth = evidence.categorical, evidence.generated_latent.codes
    return _categorical(codes, evidence.generated_codes, truth, _self_protocol(evidence))


def measure_self_code_recovery_continuous(evidence: Evidence) -> Measurement:
    """R2 of the model's own encode() on its own images."""
    codes, truth = evidence.continuous, evidence.generated_latent.codes
    return _continuous(codes, evidence.generated_codes, truth, _self_protocol(evidence))


def _probe_protocol(evidence: Evidence, noise: float) -> dict[str, Any]:
    settings = evidence.settings
    return {
        "probe_pairs": settings.probe_pairs,
        "probe_test_pairs": settings.probe_test_pairs,
        "probe_steps": settings.probe_steps,
        "noise": noise,
        "storage": "uint8",
    }


def _self_protocol(evidence: Evidence) -> dict[str, Any]:
    return {
        "self_graded": True,
        "codes_by": "encode()",
        "generated": evidence.settings.samples,
        "storage": "float32",
    }
