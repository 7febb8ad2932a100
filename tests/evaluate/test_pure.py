"""Every pure function on cases that a reader can work out by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from scipy import stats

from ganbench.data.dataset import Dataset, Split
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.metrics import uncertainty
from ganbench.evaluate.metrics.classification.class_accuracy import measure_test_error
from ganbench.evaluate.metrics.classification.cluster_accuracy import (
    ari,
    cluster_accuracy,
    k_means,
    match_clusters,
    nmi,
)
from ganbench.evaluate.metrics.codes.code_recovery import accuracy, r_squared
from ganbench.evaluate.metrics.codes.mutual_information_bound import information_bound
from ganbench.evaluate.metrics.codes.within_category_correlation import (
    spearman,
    within_category_correlation,
)
from ganbench.evaluate.metrics.disentanglement.mig_modularity_irs import (
    binned,
    entropy,
    mig,
    mutual_information,
)
from ganbench.evaluate.metrics.disentanglement.stroke_factors import FACTORS, image_factors
from ganbench.evaluate.metrics.fidelity.fid import fid
from ganbench.evaluate.settings import Settings
from tests.conftest import SHARED

ORACLES = SHARED / "oracles"


def test_match_clusters_is_the_best_one_to_one_mapping() -> None:
    predicted = [0, 0, 0, 1, 1, 2]
    labels = [7, 7, 9, 7, 7, 9]
    # 0 -> 7 and 1 -> 7 would both be right twice; one to one it is 2 + 0 + 1 either way
    mapping = match_clusters(predicted, labels)
    assert len(mapping) == 2
    assert set(mapping.values()) == {7, 9}
    assert cluster_accuracy(predicted, labels) == pytest.approx(3 / 6)


def test_cluster_accuracy_with_a_given_mapping() -> None:
    assert cluster_accuracy([0, 1, 2], [5, 6, 6], {0: 5, 1: 6}) == pytest.approx(2 / 3)
    assert cluster_accuracy([0, 1], [5, 6], {0: 6, 1: 5}) == 0


def test_more_labels_than_clusters() -> None:
    assert match_clusters([3, 3, 3], [10, 20, 20]) == {3: 20}
    assert cluster_accuracy([3, 3, 3], [10, 20, 20]) == pytest.approx(2 / 3)


def test_codes_as_floats_are_clusters_too() -> None:
    predicted = torch.tensor([0.0, 0.0, 1.0])
    assert cluster_accuracy(predicted, torch.tensor([4, 4, 2])) == 1


def test_k_means_finds_separate_groups() -> None:
    corners = np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    train = np.concatenate([corners + shift for shift in (-0.5, 0.0, 0.5)])
    fitted, found = k_means(train, corners + 1, 3)
    assert fitted.tolist() == [*fitted[:3]] * 3
    assert sorted(fitted[:3]) == [0, 1, 2]
    assert found.tolist() == fitted[:3].tolist()  # by the clusters of the first
    again = k_means(train, corners + 1, 3)
    assert [part.tolist() for part in again] == [fitted.tolist(), found.tolist()]


def test_an_error_is_one_less_the_accuracy() -> None:
    logits = torch.eye(2)[[0] * 9 + [1]]
    split = Split(torch.zeros(10, 2), torch.zeros(10, dtype=torch.int64))
    evidence = Evidence(None, Dataset("plane", 2, split, split, split), Settings(), 0)
    evidence.held_out_class_logits = logits
    found = measure_test_error(evidence)
    assert found.value == pytest.approx(0.1)
    assert found.standard_error == pytest.approx(math.sqrt(0.9 * 0.1 / 10))
    assert (found.count, found.protocol) == (10, {"classes_by": "classify()", "held_out": 10})


def test_nmi_and_ari() -> None:
    assert nmi([1, 1, 0, 0], [0, 0, 1, 1]) == pytest.approx(1)
    assert ari([1, 1, 0, 0], [0, 0, 1, 1]) == pytest.approx(1)
    assert nmi([0, 1, 0, 1], [0, 0, 1, 1]) == pytest.approx(0, abs=1e-12)
    # I = 0.5 ln 2 + ... by hand: 4 points, clusters {3, 1} against labels {2, 2}
    h = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    information = h - 0.5 * math.log(2)
    assert nmi([0, 0, 0, 1], [0, 0, 1, 1]) == pytest.approx(2 * information / (h + math.log(2)))


def test_r_squared() -> None:
    assert r_squared([1, 2, 3], [1, 2, 3]) == 1
    assert r_squared([2, 2, 2], [1, 2, 3]) == 0
    assert r_squared([3, 2, 1], [1, 2, 3]) == pytest.approx(-3)
    assert r_squared([1, 2], [5, 5]) == 0


def test_accuracy() -> None:
    assert accuracy([1, 2, 3, 4], [1, 2, 0, 0]) == 0.5


def test_information_bound() -> None:
    logs = np.log([[0.5, 0.25], [0.5, 1.0]])
    bound = information_bound(logs, [math.log(2), math.log(4)])
    assert bound == pytest.approx([0, 0.5 * math.log(0.25) + math.log(4)])


def test_spearman_is_scipys() -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(5, size=50)
    b = a + rng.integers(4, size=50)
    assert spearman(a, b) == pytest.approx(stats.spearmanr(a, b).statistic)
    assert spearman([1, 2, 3], [5, 5, 5]) == 0
    assert spearman([1, 2, 3], [1, 4, 9]) == pytest.approx(1)


def test_within_category_correlation_averages_over_categories() -> None:
    codes = np.array([[1], [2], [3], [1], [2], [3], [9]], float)
    factors = np.array([[1, 1], [2, 1], [3, 1], [3, 1], [2, 1], [1, 1], [0, 0]], float)
    table = within_category_correlation(codes, factors, [0, 0, 0, 1, 1, 1, 2])
    # +1 within category 0 and -1 within 1: absolute values are averaged; 2 has one image
    assert table == pytest.approx(np.array([[1, 0]]))
    overall = abs(stats.spearmanr(codes[:6, 0], factors[:6, 0]).statistic)
    assert overall == pytest.approx(0)
    with pytest.raises(ValueError, match="no category has 3 images"):
        within_category_correlation(codes[:2], factors[:2], [0, 1])


def test_binned_puts_each_category_in_a_bin_of_its_own() -> None:
    for classes in (2, 10, 20, 33):
        codes = np.arange(classes, dtype=np.float32)[:, None]
        assert len(np.unique(binned(codes, max(20, classes)))) == classes


def test_mig_by_hand() -> None:
    labels = np.array([0, 0, 1, 1])
    perfect, useless = labels.astype(float), np.array([0.0, 1.0, 0.0, 1.0])
    assert mig(np.stack([perfect, useless], 1), labels) == pytest.approx(1)
    assert mig(np.stack([perfect, perfect], 1), labels) == pytest.approx(0)
    with pytest.raises(ValueError, match="at least 2 codes"):
        mig(perfect[:, None], labels)
    with pytest.raises(ValueError, match="constant factor"):
        mig(np.stack([perfect, useless], 1), np.zeros(4, int))


def test_mig_of_many_unbounded_codes() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(2000) % 4
    codes = rng.normal(size=(2000, 16))
    assert mig(codes, labels) < 0.02
    codes[:, 5] = 10 * labels + codes[:, 5]  # four heaps, 10 apart
    assert mig(codes, labels) > 0.95
    codes *= 1e6
    assert mig(codes, labels) > 0.95


def test_entropy_and_mutual_information() -> None:
    factors = np.array([[0, 0], [0, 1], [1, 2], [1, 3]])
    assert entropy(factors) == pytest.approx([math.log(2), math.log(4)])
    assert mutual_information(factors, factors)[0, 1] == pytest.approx(math.log(2))


@pytest.mark.parametrize("name", ["perfect", "noise", "dead_dims"])
def test_mig_equals_the_reference(name: str) -> None:
    if not (ORACLES / "disentanglement.npz").exists():
        pytest.skip("no ../shared/oracles beside this checkout")
    arrays = np.load(ORACLES / "disentanglement.npz")
    expected = json.loads((ORACLES / "disentanglement.json").read_text())["expected"][name]["mig"]
    found = mig(arrays[name][:2000], arrays["factors"][:2000])
    assert found == pytest.approx(expected, rel=1e-6)


def test_fid_equals_the_reference() -> None:
    if not (ORACLES / "fidelity.npz").exists():
        pytest.skip("no ../shared/oracles beside this checkout")
    arrays = np.load(ORACLES / "fidelity.npz")
    expected = json.loads((ORACLES / "fidelity.json").read_text())["fid"]
    found = fid(arrays["real"], arrays["fake"])
    assert found == pytest.approx(expected["clean_fid"], abs=1e-6)
    assert found == pytest.approx(expected["torch_fidelity"], abs=1e-6)


def test_standard_errors() -> None:
    assert uncertainty.of_accuracy(0.9, 100) == pytest.approx(0.03)
    assert uncertainty.of_mean([1, 2, 3]) == pytest.approx(1 / math.sqrt(3))
    values = np.random.default_rng(1).normal(size=400)
    error = uncertainty.bootstrap(lambda x: float(x.mean()), values, replicates=400)
    assert error == pytest.approx(uncertainty.of_mean(values), rel=0.15)
    assert error == uncertainty.bootstrap(lambda x: float(x.mean()), values, replicates=400)


def picture(*rows: str) -> np.ndarray:
    return np.array([[[2.0 * (x == "#") - 1 for x in row] for row in rows]])[None]


def factors_of(image: np.ndarray) -> dict[str, float]:
    return dict(zip(FACTORS, image_factors(image)[0], strict=True))


def test_factors_of_a_bar() -> None:
    found = factors_of(picture("........", ".######.", ".######.", "........"))
    assert found["width"] == pytest.approx(6)
    assert found["height"] == pytest.approx(2)
    assert found["slant"] == pytest.approx(0)
    # 12 pixels of ink; the border is 16 long, and one corner counts sqrt(2) for two edges
    assert found["thickness"] == pytest.approx(24 / (16 - 2 + math.sqrt(2)))


def test_factors_of_a_slash() -> None:
    found = factors_of(picture("...#", "..#.", ".#..", "#..."))
    assert found["slant"] == pytest.approx(1)  # leans right: one pixel across per pixel up
    assert factors_of(picture("#...", ".#..", "..#.", "...#"))["slant"] == pytest.approx(-1)
    assert found["width"] == pytest.approx(found["height"]) == pytest.approx(4)


def test_thicker_strokes_are_thicker() -> None:
    bars = [picture(*["." * 20] * 3, *["#" * 20] * t, *["." * 20] * 3) for t in (1, 2, 3, 4)]
    found = [factors_of(bar)["thickness"] for bar in bars]
    assert found == pytest.approx([1, 2, 3, 4], rel=0.2)
    assert found == sorted(found)


def test_factors_of_an_empty_image() -> None:
    assert image_factors(np.full((2, 1, 8, 8), -1.0)) == pytest.approx(np.zeros((2, 4)))


def test_factors_of_half_grey_move_with_the_grey() -> None:
    grey = picture("....", ".##.", "....")
    grey[0, 0, 1, 2] = 0.0  # half the ink: between a bar of 1 and one of 2
    assert 1 < factors_of(grey)["width"] < 2
