"""Memory of the metrics of large sets, each in a process of its own: blocks, not matrices."""

from __future__ import annotations

import subprocess
import sys

import pytest

MEASURE = """
import resource
import numpy as np
from ganbench.evaluate.metrics.fidelity.fid import Moments, fid
from ganbench.evaluate.metrics.fidelity.mmd import kid
from ganbench.evaluate.metrics.fidelity.precision_recall import density_coverage, precision_recall

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10

rng = np.random.default_rng(0)
small, more, real, generated = (
    rng.standard_normal((count, {width}), np.float32) for count in (50, 50, {rows}, {rows})
)
{call}(small, more)  # what libraries take on first use
before = peak()
{call}(real, generated)
print(peak() - before)
"""

STREAM = """
def stream(real, generated):
    moments = Moments()
    for _ in range(len(real) // 50):
        moments.add(np.random.default_rng(0).normal(size=(2000, real.shape[1])))
    return moments.covariance
"""


def growth(call: str, rows: int, width: int) -> float:
    """MiB by which the peak grew."""
    code = MEASURE.format(call=call, rows=rows, width=width)
    if call == "stream":
        code = code.replace("rng =", STREAM + "\nrng =")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("call", ["precision_recall", "density_coverage", "kid"])
def test_no_matrix_of_all_distances(call: str) -> None:
    # all distances of one pair of sets would be 1,100 MiB
    assert growth(call, rows=12_000, width=64) < 300


@pytest.mark.slow
def test_features_are_not_held_twice() -> None:
    # either set is 195 MiB, and would be 390 in float64
    assert growth("fid", rows=100_000, width=512) < 100


@pytest.mark.slow
def test_a_stream_is_never_held() -> None:
    # 100 batches of 8 MiB
    assert growth("stream", rows=5_000, width=512) < 100
