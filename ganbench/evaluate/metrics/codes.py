"""How well codes can be read back off generated images, by a probe and by the model itself."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.metrics.registry import Measurement, metric
from ganbench.evaluate.metrics.uncertainty import bootstrap, of_accuracy
from ganbench.model.latent import Code


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


def _categorical(codes: Sequence[Code], read: Tensor, truth: Tensor, protocol: str) -> Measurement:
    rates = [accuracy(read[:, i], truth[:, i]) for i in range(len(codes))]
    error = math.hypot(*(of_accuracy(rate, len(read)) for rate in rates)) / len(rates)
    parts = {code.name: rate for code, rate in zip(codes, rates, strict=True)}
    return Measurement(float(np.mean(rates)), len(read), protocol, error, parts)


def _continuous(codes: Sequence[Code], read: Tensor, truth: Tensor, protocol: str) -> Measurement:
    guess, target = (array[:, -len(codes) :].numpy() for array in (read, truth))

    def each(guess: NDArray[np.float32], target: NDArray[np.float32]) -> list[float]:
        return [r_squared(g, t) for g, t in zip(guess.T, target.T, strict=True)]

    values = each(guess, target)
    error = bootstrap(lambda g, t: float(np.mean(each(g, t))), guess, target)
    parts = {code.name: value for code, value in zip(codes, values, strict=True)}
    return Measurement(float(np.mean(values)), len(read), protocol, error, parts)


# Below, `evidence.categorical` comes before what is read off images: a latent without such
# codes is unavailable before a probe is trained for nothing.


@metric("code_recovery")
def _code_recovery(evidence: Evidence) -> Measurement:
    codes, protocol = evidence.categorical, _probe_protocol(evidence, evidence.settings.noise)
    return _categorical(codes, evidence.probe_read_noisy, evidence.probe_codes, protocol)


@metric("code_recovery_clean")
def _code_recovery_clean(evidence: Evidence) -> Measurement:
    codes, protocol = evidence.categorical, _probe_protocol(evidence, 0.0)
    return _categorical(codes, evidence.probe_read_clean, evidence.probe_codes, protocol)


@metric("code_recovery_continuous")
def _code_recovery_continuous(evidence: Evidence) -> Measurement:
    codes, protocol = evidence.continuous, _probe_protocol(evidence, evidence.settings.noise)
    return _continuous(codes, evidence.probe_read_noisy, evidence.probe_codes, protocol)


@metric("code_recovery_continuous_clean")
def _code_recovery_continuous_clean(evidence: Evidence) -> Measurement:
    codes, protocol = evidence.continuous, _probe_protocol(evidence, 0.0)
    return _continuous(codes, evidence.probe_read_clean, evidence.probe_codes, protocol)


@metric("self_code_recovery")
def _self_code_recovery(evidence: Evidence) -> Measurement:
    codes, truth = evidence.categorical, evidence.generated_latent.codes
    return _categorical(codes, evidence.generated_codes, truth, _self_protocol(evidence))


@metric("self_code_recovery_continuous")
def _self_code_recovery_continuous(evidence: Evidence) -> Measurement:
    codes, truth = evidence.continuous, evidence.generated_latent.codes
    return _continuous(codes, evidence.generated_codes, truth, _self_protocol(evidence))


def _probe_protocol(evidence: Evidence, noise: float) -> str:
    settings = evidence.settings
    return (
        f"fresh probe, {settings.probe_pairs} training and {settings.probe_test_pairs} test "
        f"pairs, {settings.probe_steps} steps, noise sigma {noise:g}, uint8"
    )


def _self_protocol(evidence: Evidence) -> str:
    return f"self-graded: encode() on {evidence.settings.samples} own images"
