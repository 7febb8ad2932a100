"""The fidelity and mode metrics against values that other people's code gave on fixed inputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganbench.evaluate.metrics.fidelity.fid import fid
from ganbench.evaluate.metrics.fidelity.mmd import kid
from ganbench.evaluate.metrics.fidelity.precision_recall import density_coverage, precision_recall
from ganbench.evaluate.metrics.modes.mode_coverage import mode_coverage
from tests.conftest import SHARED

Arrays = dict[str, np.ndarray]


def oracle(name: str) -> tuple[Arrays, dict[str, Any]]:
    folder: Path = SHARED / "oracles"
    if not folder.is_dir():
        pytest.skip("no ../shared/oracles beside this checkout")
    with np.load(folder / f"{name}.npz", allow_pickle=False) as arrays:
        inputs = {key: arrays[key].astype(np.float64) for key in arrays}
    return inputs, json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


def test_frechet_distance() -> None:
    inputs, expected = oracle("fidelity")
    found = fid(inputs["real"], inputs["fake"])
    for reference in ("clean_fid", "torch_fidelity", "mpmath_50_digits"):
        assert found == pytest.approx(expected["fid"][reference], rel=1e-6)
    assert found == pytest.approx(expected["fid"]["mpmath_50_digits"], rel=1e-12)


def test_kernel_distance_on_the_full_set() -> None:
    inputs, expected = oracle("fidelity")
    found = kid(inputs["real"], inputs["fake"])
    for reference in ("clean_fid", "torch_fidelity"):
        assert found == pytest.approx(
            expected["kid"][f"{reference}_full_set_1_subset_of_2000"], rel=1e-6
        )


@pytest.mark.parametrize("k", [3, 5])
def test_neighbours(k: int) -> None:
    inputs, expected = oracle("fidelity")
    theirs = expected["prdc"][f"prdc_k{k}_float64"]
    pair = inputs["real"], inputs["fake"]
    assert precision_recall(*pair, k=k) == (theirs["precision"], theirs["recall"])
    assert density_coverage(*pair, k=k) == (theirs["density"], theirs["coverage"])
    other = expected["prdc"][f"torch_fidelity_prc_k{k}_float64"]  # means in float32
    assert precision_recall(*pair, k=k) == pytest.approx(
        (other["precision"], other["recall"]), rel=1e-6
    )


@pytest.mark.parametrize("samples", ["ring_true", "ring_dropped"])
def test_modes(samples: str) -> None:
    inputs, expected = oracle("modes")
    theirs = expected["expected"][samples]
    found = mode_coverage(inputs[samples], inputs["ring_means"], inputs["ring_std"])
    assert found.captured == theirs["num_modes"]
    assert found.high_quality == pytest.approx(theirs["high_quality_fraction"], rel=1e-6)
    # they log the entropy over the modes; the divergence from uniform is what it lacks to ln 8
    assert found.reverse_kl == pytest.approx(
        np.log(8) - theirs["entropy_of_coverage_nats"], rel=1e-6
    )
