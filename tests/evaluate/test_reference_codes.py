"""What stands beside a model in the disentanglement table."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from ganbench.data.dataset import Dataset, Split
from ganbench.evaluate import references
from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.metrics import MEASURES
from ganbench.evaluate.reference_codes import (
    COMPONENTS,
    ORACLE,
    RANDOM,
    beside_codes,
    components,
    oracle,
    random_network,
)
from ganbench.evaluate.score import Score
from ganbench.evaluate.settings import Settings
from tests.evaluate.worlds import points, squares

TABLE = Settings(metrics=tuple(MEASURES))
ROWS = (ORACLE, COMPONENTS, RANDOM)
CHEAP = Settings(metrics=("mig", "irs"))

pytestmark = pytest.mark.usefixtures("forgotten")


@pytest.fixture(scope="module")
def world() -> Dataset:
    return squares()


@pytest.fixture(scope="module")
def evidence(world: Dataset) -> Iterator[Evidence]:
    with torch.no_grad():
        yield Evidence(None, world, TABLE, references.SEED)


@pytest.fixture(scope="module")
def rows(evidence: Evidence) -> dict[tuple[str, str], float]:
    return {(name, metric): measure().value for name, metric, measure in beside_codes(evidence)}


def test_every_metric_has_every_row(rows: dict[tuple[str, str], float]) -> None:
    assert set(rows) == {(name, metric) for name in ROWS for metric in MEASURES}
    assert all(0 <= value <= 1 for value in rows.values())


def test_the_oracle_is_best(rows: dict[tuple[str, str], float]) -> None:
    for metric in MEASURES:
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
    found = references.gather(world, "test", CHEAP).scores
    assert [(name, score.metric) for name, score in found] == [
        (name, metric) for name in ROWS for metric in ("mig", "irs")
    ]
    references._cache.clear()
    again = references.gather(world, "test", CHEAP).scores
    strip = [(name, dataclasses.replace(score, seconds=0.0)) for name, score in found]
    assert strip == [(name, dataclasses.replace(score, seconds=0.0)) for name, score in again]
    assert all(isinstance(score, Score) for _, score in found)


def test_only_what_is_measured_is_computed(world: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []

    def record(metric: str) -> None:
        def measure(*_: object) -> None:
            measured.append(metric)
            raise Unavailable("recorded")

        monkeypatch.setitem(MEASURES, metric, measure)

    for metric in list(MEASURES):
        record(metric)
    assert references.gather(world, "test", Settings(metrics=("nmi",))).scores  # k-means alone
    assert measured == []
    references.gather(world, "test", Settings(metrics=("nmi", "irs")))
    assert measured == ["irs"] * 3


def test_protocols_name_the_codes(world: Dataset) -> None:
    found = {name: score.protocol for name, score in references.gather(world, "test", CHEAP).scores}
    assert "codes by oracle (codes are the factors) on 100" in found[ORACLE]
    assert "PCA on pixels, 10 components fitted on 200 training images" in found[COMPONENTS]
    assert "an untrained MLP (256-256, 10 outputs)" in found[RANDOM]


def test_the_codes_are_standardised(evidence: Evidence) -> None:
    for make in (oracle, components, random_network):
        train = make(evidence).train
        assert train.std(0) == pytest.approx(np.ones(train.shape[1]), abs=0.02)


def test_codes_of_levels_are_those_of_their_images(world: Dataset, evidence: Evidence) -> None:
    assert world.test.factors is not None
    levels = world.test.factors.numpy()
    for make in (oracle, components, random_network):
        coded = make(evidence)
        assert np.asarray(coded.represent(levels)) == pytest.approx(coded.held_out, abs=1e-4)


def test_fewer_components_than_ten(world: Dataset) -> None:
    flat = {}
    for name in ("train", "test"):
        split = getattr(world, name)
        images = torch.zeros_like(split.images)
        images[:, 0, 0, :3] = (60 * split.factors).to(torch.uint8)
        flat[name] = Split(images, split.labels, split.factors)
    evidence = Evidence(None, dataclasses.replace(world, **flat), TABLE, 0)
    assert components(evidence).train.shape == (200, 3)


def test_without_factors_there_are_no_rows(digits: Dataset) -> None:
    assert references.gather(points(), "test", CHEAP).scores == []
    asked = Settings(metrics=("factor_vae_score",))
    assert references.gather(digits, "test", asked).scores == []


def test_rows_of_measured_factors(digits: Dataset) -> None:
    found = {
        (name, score.metric): score.value
        for name, score in references.gather(digits, "test", CHEAP).scores
    }
    assert found[ORACLE, "mig"] > 0.5 > found[COMPONENTS, "mig"]
    assert all(math.isfinite(value) for value in found.values())
