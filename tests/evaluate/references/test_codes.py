"""What stands beside a model in the disentanglement table."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from ganbench.core.score import Score
from ganbench.data.dataset import Dataset, Split
from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.catalogue import METRICS
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.metrics.disentanglement.codes_and_factors import CodesAndFactors, own_codes
from ganbench.evaluate.references import COMPONENTS, ORACLE, RANDOM, SEED
from ganbench.evaluate.references.codes import FactorOracle, PCAOnPixels, RandomNetwork
from ganbench.evaluate.settings import Settings
from tests.evaluate import beside
from tests.evaluate.worlds import DISENTANGLEMENT, points, squares

TABLE = Settings(metrics=DISENTANGLEMENT)
ROWS = (ORACLE, COMPONENTS, RANDOM)
CHEAP = Settings(metrics=("mig", "irs"))

pytestmark = pytest.mark.usefixtures("forgotten")


@pytest.fixture(scope="module")
def world() -> Dataset:
    return squares()


@pytest.fixture(scope="module")
def evidence(world: Dataset) -> Iterator[Evidence]:
    with torch.no_grad():
        yield Evidence(None, world, TABLE, SEED)


@pytest.fixture(scope="module")
def rows(world: Dataset) -> dict[tuple[str, str], float]:
    return {row: score.value for row, score in beside.rows(world, TABLE).items()}


def coded(make: type, evidence: Evidence) -> CodesAndFactors:
    """The codes of a reference, as metrics read them."""
    return own_codes(Evidence(make(evidence), evidence.dataset, evidence.settings, SEED))


MAKE = (FactorOracle, PCAOnPixels, RandomNetwork)


def test_every_metric_has_every_row(rows: dict[tuple[str, str], float]) -> None:
    assert set(rows) == {(name, metric) for name in ROWS for metric in DISENTANGLEMENT}
    assert all(0 <= value <= 1 for value in rows.values())


def test_the_oracle_is_best(rows: dict[tuple[str, str], float]) -> None:
    for metric in DISENTANGLEMENT:
        best = rows[ORACLE, metric]
        assert best >= max(rows[COMPONENTS, metric], rows[RANDOM, metric])
        if metric != "sap":  # which even perfect codes do not bring to 1
            assert best > 0.9
    for metric in ("mig", "dci_disentanglement", "dci_completeness", "sap", "factor_vae_score"):
        assert rows[ORACLE, metric] > rows[COMPONENTS, metric] + 0.1
        assert rows[ORACLE, metric] > rows[RANDOM, metric] + 0.1


def test_components_keep_more_than_a_random_network(rows: dict[tuple[str, str], float]) -> None:
    # of what the codes tell together; neither has a reason to give each factor a code
    for metric in ("explicitness", "dci_informativeness"):
        assert rows[COMPONENTS, metric] > rows[RANDOM, metric]


def test_they_depend_on_no_model_or_seed_of_a_trial(world: Dataset) -> None:
    found = beside.rows(world, CHEAP)
    assert list(found) == [(name, metric) for name in ROWS for metric in ("mig", "irs")]
    torch.rand(3)
    again = beside.rows(world, CHEAP)
    for row, score in found.items():
        untimed = {"seconds": score.seconds}
        assert again[row].model_copy(update=untimed) == score
    assert all(isinstance(score, Score) for score in found.values())


def test_only_what_is_measured_is_computed(world: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []

    def record(metric: str) -> None:
        def measure(*_: object) -> None:
            measured.append(metric)
            raise Unavailable("recorded")

        spec = dataclasses.replace(METRICS[metric], target=measure)
        monkeypatch.setitem(METRICS, metric, spec)

    for metric in DISENTANGLEMENT:
        record(metric)
    assert beside.rows(world, Settings(metrics=("nmi",)))  # k-means alone
    assert measured == []
    beside.rows(world, Settings(metrics=("nmi", "irs")))
    assert measured == ["irs"] * 3


def test_protocols_name_the_codes(world: Dataset) -> None:
    found = {name: score.protocol_text for (name, _), score in beside.rows(world, CHEAP).items()}
    assert "codes by the factors themselves, 100 held-out" in found[ORACLE]
    pca = "codes by PCA on pixels, 10 components, fitted on 200 training images"
    assert pca in found[COMPONENTS]
    assert "codes by an untrained network (256-256), 10 outputs" in found[RANDOM]


def test_the_codes_are_standardised(evidence: Evidence) -> None:
    for make in MAKE:
        train = coded(make, evidence).train
        assert train.std(0) == pytest.approx(np.ones(train.shape[1]), abs=0.02)


def test_codes_of_levels_are_those_of_their_images(world: Dataset, evidence: Evidence) -> None:
    assert world.test.factors is not None
    levels = world.test.factors.numpy()
    for make in MAKE:
        codes = coded(make, evidence)
        assert np.asarray(codes.represent(levels)) == pytest.approx(codes.held_out, abs=1e-4)


def test_fewer_components_than_ten(world: Dataset) -> None:
    flat = {}
    for name in ("train", "test"):
        split = getattr(world, name)
        images = torch.zeros_like(split.images)
        images[:, 0, 0, :3] = (60 * split.factors).to(torch.uint8)
        flat[name] = Split(images, split.labels, split.factors)
    evidence = Evidence(None, dataclasses.replace(world, **flat), TABLE, 0)
    assert coded(PCAOnPixels, evidence).train.shape == (200, 3)


def test_without_factors_there_are_no_rows(digits: Dataset) -> None:
    assert not beside.rows(points(), CHEAP)
    assert not beside.lacking(points(), CHEAP)  # it does not apply, which is nothing to tell
    asked = Settings(metrics=("factor_vae_score",))
    assert not beside.rows(digits, asked)


def test_rows_of_measured_factors(digits: Dataset) -> None:
    found = {row: score.value for row, score in beside.rows(digits, CHEAP).items()}
    assert found[ORACLE, "mig"] > 0.5 > found[COMPONENTS, "mig"]
    assert all(math.isfinite(value) for value in found.values())
