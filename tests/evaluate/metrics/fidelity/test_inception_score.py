"""The inception score by hand, against torch-fidelity's, and at its bounds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch_fidelity.metric_isc import isc_features_to_metric

from ganbench.evaluate.metrics.fidelity.inception_score import divergences, inception_score


def test_its_bounds() -> None:
    assert inception_score(np.eye(10).repeat(7, 0)) == pytest.approx(10, rel=1e-12)
    assert inception_score(np.full((30, 10), 0.1)) == pytest.approx(1, rel=1e-12)
    assert inception_score(np.eye(10)[[3] * 20]) == 1  # one class of ten: the others never occur
    assert inception_score([[0.2, 0.8]]) == pytest.approx(1)


def test_by_hand() -> None:
    # mean (3/4, 1/4); KL of (1, 0) is ln 4/3, of (1/2, 1/2) it is ln 2/3 / 2 + ln 2 / 2
    expected = np.exp((np.log(4 / 3) + (np.log(2 / 3) + np.log(2)) / 2) / 2)
    assert inception_score([[1, 0], [0.5, 0.5]]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("splits", [1, 3, 10])
def test_torch_fidelitys(splits: int) -> None:
    logits = torch.randn(101, 7, generator=torch.Generator().manual_seed(0)) * 3
    theirs = isc_features_to_metric(logits, splits, shuffle=False)["inception_score_mean"]
    assert inception_score(logits.double().softmax(1), splits) == pytest.approx(theirs, rel=1e-9)
    for kind in (torch.float32, torch.float16):
        probabilities = logits.softmax(1).to(kind)
        assert inception_score(probabilities, splits) == pytest.approx(theirs, rel=1e-3)


def test_a_standard_error_is_that_of_fresh_samples() -> None:
    rng = np.random.default_rng(0)
    found, errors = [], []
    for _ in range(300):
        rows = rng.dirichlet([0.2] * 5, size=300)
        found.append(inception_score(rows))
        errors.append(found[-1] * divergences(rows).std(ddof=1) / np.sqrt(300))
    assert np.mean(errors) == pytest.approx(np.std(found), rel=0.15)


@pytest.mark.parametrize(
    ("rows", "splits", "message"),
    [
        (np.eye(3), 4, "splits must be from 1 to the 3 rows, not 4"),
        (np.eye(3), 0, "splits"),
        (np.eye(3) * 2, 1, "sum to 1"),
        (np.array([[2.0, -1.0]]), 1, "at least 0"),
        (np.zeros((0, 3)), 1, "at least 1 row"),
        (np.ones(3) / 3, 1, "must be"),
        (np.full((2, 2), np.nan), 1, "finite"),
    ],
)
def test_what_is_refused(rows: np.ndarray, splits: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        inception_score(rows, splits)
