"""InfoGAN's bound L_I = E[log Q(c|x)] + H(c) (Chen et al. 2016, arXiv:1606.03657, eq. 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.core.latent import Code
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.measurement import Measurement
from ganbench.evaluate.metrics.uncertainty import of_mean


def information_bound(log_posteriors: ArrayLike, entropies: ArrayLike) -> NDArray[np.float64]:
    """L_I of each code in nats, (codes,), from log Q(c|x) (n, codes) and H(c) (codes,).

    At most H(c) for a categorical code; a continuous code's has no such bound, because its
    log density can be of any size.
    """
    means = np.asarray(log_posteriors, np.float64).mean(0)
    return np.asarray(means + np.asarray(entropies, np.float64))


def _bound(evidence: Evidence, codes: Sequence[Code], columns: slice) -> Measurement:
    logs = evidence.log_posteriors[:, columns].double().numpy()
    values = information_bound(logs, [code.entropy for code in codes])
    parts = {}
    for code, value in zip(codes, values, strict=True):
        parts[code.name] = float(value)
        if code.classes:
            parts[f"{code.name} bound"] = code.entropy
    protocol: dict[str, Any] = {
        "self_graded": True,
        "posterior_by": "posterior_log_prob()",
        "generated": len(logs),
        "storage": "float32",
    }
    if all(code.classes for code in codes):
        protocol["entropy"] = round(sum(code.entropy for code in codes), 4)
    return Measurement(float(values.sum()), len(logs), protocol, of_mean(logs.sum(1)), parts)


def measure_mutual_information_bound(evidence: Evidence) -> Measurement:
    """L_I of the categorical codes, summed, under the model's own posterior."""
    codes = evidence.categorical
    return _bound(evidence, codes, slice(None, len(codes)))


def measure_mutual_information_bound_continuous(evidence: Evidence) -> Measurement:
    """L_I of the continuous codes, summed, under the model's own posterior."""
    codes = evidence.continuous
    return _bound(evidence, codes, slice(-len(codes), None))
