"""The disentanglement metrics in the harness, on worlds whose right scores are known."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ganbench.core.latent import Categorical, Latent, LatentValue, Noise, Normal
from ganbench.core.protocol import PHRASES
from ganbench.data.dataset import Dataset, Split
from ganbench.evaluate.catalogue import METRICS
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.harness import Evaluation, evaluate
from ganbench.evaluate.metrics.disentanglement import codes_and_factors as coded
from ganbench.evaluate.metrics.disentanglement import factor_levels, measurements
from ganbench.evaluate.metrics.disentanglement.dci_sap_explicitness import dci, explicitness, sap
from ganbench.evaluate.metrics.disentanglement.factor_levels import levels_of
from ganbench.evaluate.metrics.disentanglement.mig_modularity_irs import irs, mig, modularity
from ganbench.evaluate.metrics.disentanglement.stroke_factors import image_factors
from ganbench.evaluate.settings import Settings
from tests.evaluate.beside import reasons, rows, values
from tests.evaluate.fakes import Album
from tests.evaluate.worlds import DISENTANGLEMENT, NAMES, Sees, points, squares, without_labels

TABLE = Settings(metrics=("disentanglement",))
CHEAP = Settings(metrics=("mig", "modularity", "irs", "sap", "explicitness"))
CORRELATION = "within_category_correlation"


def measured(model: Any, dataset: Dataset, settings: Settings = CHEAP) -> Evaluation:
    return evaluate(model, dataset, seed=0, settings=settings)


@pytest.fixture(scope="module")
def world() -> Dataset:
    return squares()


@pytest.fixture(scope="module")
def seen(world: Dataset) -> Evaluation:
    return measured(Sees(), world, TABLE)


@pytest.fixture(scope="module")
def turned(world: Dataset) -> Evaluation:
    return measured(Sees(turned=True), world, TABLE)


def test_the_table_of_a_world_is_whole(seen: Evaluation, turned: Evaluation) -> None:
    for found in (seen, turned):
        assert set(values(found)) == set(DISENTANGLEMENT)
        assert reasons(found).keys() == {CORRELATION}
    assert len(DISENTANGLEMENT) == 10
    for name in DISENTANGLEMENT:
        assert METRICS[name].group == "disentanglement"


def test_codes_that_are_the_factors(seen: Evaluation) -> None:
    found = values(seen)
    for name in ("irs", "explicitness", "dci_disentanglement", "dci_completeness"):
        assert found[name] == pytest.approx(1, abs=0.01)
    assert found["factor_vae_score"] == found["beta_vae_score"] == 1
    assert found["dci_informativeness"] == 1
    assert found["mig"] > 0.9
    assert found["modularity"] > 0.99


def test_turned_codes_tell_as_much_and_are_entangled(seen: Evaluation, turned: Evaluation) -> None:
    good, bad = values(seen), values(turned)
    assert bad["explicitness"] > 0.99
    for name in ("mig", "modularity", "irs", "dci_disentanglement", "dci_completeness", "sap"):
        assert bad[name] < 0.8 * good[name]
    assert bad["factor_vae_score"] < 1


def test_numbers_are_those_of_the_pure_functions(world: Dataset, turned: Evaluation) -> None:
    model, found = Sees(turned=True).eval(), values(turned)
    evidence = Evidence(model, world, TABLE, 0)
    codes, train = evidence.held_out_codes.numpy(), evidence.train_codes.numpy()
    assert world.test.factors is not None
    assert world.train.factors is not None
    factors, known = world.test.factors.numpy(), world.train.factors.numpy()
    assert found["mig"] == mig(codes, factors)
    assert found["modularity"] == modularity(codes, factors)
    assert found["irs"] == irs(codes, factors)
    assert found["sap"] == sap(train, known, codes, factors)
    assert found["explicitness"] == explicitness(train, known, codes, factors)
    trees = dci(train, known, codes, factors)
    assert found["dci_disentanglement"] == trees.disentanglement
    assert found["dci_completeness"] == trees.completeness
    assert found["dci_informativeness"] == trees.informativeness


def test_protocols_say_what_was_done(seen: Evaluation) -> None:
    protocols = {score.metric: score.protocol for score in seen.scores}
    for name, protocol in protocols.items():
        assert protocol["codes_by"] == "encode()", name
        assert protocol["factors"] == ["size", "x", "y"], name
        assert protocol["factors_are"] == "known", name
        assert set(protocol) <= set(PHRASES), name
    said = {score.metric: score.protocol_text for score in seen.scores}
    assert "100 held-out real images, factors size, x, y, which are known, 20 bins" in said["mig"]
    assert "100 held-out real images, 200 training images" in said["sap"]
    assert "10000 training votes, 5000 test votes, of 64 images" in said["factor_vae_score"]
    counts = {score.metric: score.count for score in seen.scores}
    assert counts["mig"] == counts["sap"] == 100
    assert counts["beta_vae_score"] == 5000


def test_standard_errors(turned: Evaluation) -> None:
    errors = {score.metric: score.standard_error for score in turned.scores}
    for name in ("irs", "dci_disentanglement", "dci_completeness"):
        assert errors.pop(name) is None
    assert all(error is not None and 0 <= error < 0.1 for error in errors.values())
    score = next(s for s in turned.scores if s.metric == "factor_vae_score")
    assert score.standard_error == pytest.approx(np.sqrt(score.value * (1 - score.value) / 5000))


def test_parts_are_by_factor(seen: Evaluation) -> None:
    parts = {score.metric: score.parts for score in seen.scores}
    for name in ("mig", "sap", "explicitness", "dci_informativeness"):
        assert tuple(parts[name]) == NAMES
        value = values(seen)[name]
        assert np.mean(list(parts[name].values())) == pytest.approx(value)


def test_images_of_a_world_are_encoded_once(
    world: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = dataclasses.replace(TABLE, metrics=("factor_vae_score", "beta_vae_score"))
    model = Sees()
    small = measured(model, world, few)
    assert model.read == 200 + 100 + 48
    monkeypatch.setattr(coded, "TABLE", 47)
    monkeypatch.setattr(measurements, "FEWER", (40, 20))
    model = Sees()
    large = measured(model, world, few)
    assert model.read == 200 + 100 + 10_000 + 60 * 64 + 60 * 2 * 64
    assert values(large) == values(small) == {"factor_vae_score": 1, "beta_vae_score": 1}
    votes = {(score.protocol["votes"], score.protocol["test_votes"]) for score in large.scores}
    assert votes == {(40, 20)}


def test_measured_by_default(world: Dataset, digits: Dataset) -> None:
    usual = {"mig", "modularity", "irs", "sap", "explicitness"}
    assert set(DISENTANGLEMENT) & {spec.name for spec in Settings().specs_for(digits)} == usual
    assert set(DISENTANGLEMENT) <= {spec.name for spec in Settings().specs_for(world)}
    assert METRICS["mig"].version == 2


def test_factors_measured_in_strokes(digits: Dataset) -> None:
    evidence = Evidence(None, digits, CHEAP, 0)
    found = levels_of(evidence)
    assert found.names == ("slant", "thickness", "width", "height", "class")
    assert found.train.shape == (1097, 5)
    assert found.held_out.shape == (500, 5)
    assert (found.held_out[:, 4] == digits.test.labels.numpy()).all()
    assert len(found.fitted) == 1000
    assert len(found.tested) == 500
    for column in found.train[:, :4].T:
        counts = np.bincount(column)
        assert len(counts) == 5
        assert (np.abs(counts / 1097 - 0.2) < 0.03).all()  # ties share a level
    slant = image_factors(digits.test.images.numpy() / 127.5 - 1)[:, 0]
    order = np.argsort(slant)
    assert (np.diff(found.held_out[order, 0]) >= 0).all()
    assert levels_of(evidence) is found


def test_without_classes_there_is_no_class_factor(digits: Dataset) -> None:
    found = measured(Album(digits), without_labels(digits))
    assert set(values(found)) == set(CHEAP.metrics or ())
    mig = next(score for score in found.scores if score.metric == "mig")
    assert tuple(mig.parts) == ("slant", "thickness", "width", "height")
    said = "factors slant, thickness, width, height, which are measured in the image"
    assert said in mig.protocol_text


def test_interventions_need_a_world(digits: Dataset) -> None:
    asked = Settings(metrics=("factor_vae_score", "beta_vae_score"))
    found = reasons(measured(Album(digits), digits, asked))
    assert set(found.values()) == {"it takes data whose factors can be set"}


def test_colour_images_and_points_have_no_factors(digits: Dataset) -> None:
    def coloured(split: Any) -> Split:
        return Split(split.images.repeat(1, 3, 1, 1), split.labels)

    parts = {name: coloured(getattr(digits, name)) for name in ("train", "validation", "test")}

    class Codes(nn.Module):
        latent = Latent(Categorical(4), Normal(2))

        def generate(self, latent: LatentValue) -> Tensor:
            return torch.zeros(len(latent), *self.shape)

        def encode(self, images: Tensor) -> Tensor:
            return images.flatten(1)[:, [0, 1, 1]].clamp(0, 1)

        def __init__(self, *shape: int) -> None:
            super().__init__()
            self.shape = shape

    few = dataclasses.replace(TABLE, samples=10)
    found = measured(Codes(3, 8, 8), dataclasses.replace(digits, **parts), few)
    assert not found.scores
    assert set(reasons(found).values()) == {
        "factors are measured in grey strokes only, not in colour images"
    }
    found = measured(Codes(2), points(), few)
    assert not found.scores
    assert set(reasons(found).values()) == {
        "points have no factors that could be measured in an image"
    }


def test_what_a_model_cannot_do_is_a_reason(world: Dataset) -> None:
    class Bare(nn.Module):
        def __init__(self, *parts: Any) -> None:
            super().__init__()
            self.latent = Latent(Noise(4), *parts)

    class Single(Bare):
        def encode(self, images: Tensor) -> Tensor:
            return images.float().mean((1, 2, 3))[:, None]

    found = reasons(measured(Bare(), world, TABLE))
    assert set(found.values()) == {"its latent carries no codes"}
    found = reasons(measured(Bare(Normal(2)), world))
    assert set(found.values()) == {"no encode()"}
    single = measured(Single(Normal(1)), world, TABLE)
    gaps = {"mig", "sap", "dci_completeness"}
    assert {reasons(single)[name] for name in gaps} == {
        "its latent carries a single code, which leaves no gap"
    }
    assert set(values(single)) == set(DISENTANGLEMENT) - gaps


def test_constant_codes_are_measured(world: Dataset) -> None:
    class Dead(Sees):
        def encode(self, images: Tensor) -> Tensor:
            return torch.full((len(images), 3), 0.1)

    found = measured(Dead(), world, TABLE)
    assert set(values(found)) == set(DISENTANGLEMENT)
    for name in ("mig", "modularity", "irs", "sap", "dci_disentanglement", "factor_vae_score"):
        assert values(found)[name] == 0
    assert values(found)["explicitness"] == 0.5


def test_many_categories_have_a_bin_each(world: Dataset) -> None:
    class Indexed(Sees):
        def __init__(self) -> None:
            super().__init__()
            self.latent = Latent(Categorical(48), Normal(1))

        def encode(self, images: Tensor) -> Tensor:
            size, x, y = super().encode(images).T
            return torch.stack([16 * size + 4 * x + y, torch.zeros(len(images))], 1)

    found = measured(Indexed(), world)
    assert values(found)["mig"] == pytest.approx(1)
    assert found.scores[0].protocol["bins"] == 48


def test_factors_that_do_not_vary_are_left_out(world: Dataset) -> None:
    def still(split: Any) -> Split:
        rows = split.factors[:, 0] == 1
        return split[rows]

    parts = {name: still(getattr(world, name)) for name in ("train", "validation", "test")}
    found = measured(Sees(), dataclasses.replace(world, **parts))
    assert all(score.protocol["factors"] == ["x", "y"] for score in found.scores)
    assert len(found.scores) == 5
    same = Split(
        world.train.images[:1].repeat(9, 1, 1, 1), *(torch.zeros(9, k).long() for k in (1, 3))
    )
    same = dataclasses.replace(same, labels=torch.zeros(9).long())
    found = measured(Sees(), dataclasses.replace(world, train=same, test=same))
    assert set(reasons(found).values()) == {"no factor varies among the real images"}


def test_levels_are_in_bounded_rows(world: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factor_levels, "FITTED", 60)
    monkeypatch.setattr(factor_levels, "TESTED", 30)
    evidence = Evidence(None, world, CHEAP, 0)
    found = levels_of(evidence)
    assert len(found.fitted) == 60
    assert len(found.tested) == 30
    assert (np.diff(found.fitted) > 0).all()
    assert len(found.train) == 200


@pytest.mark.parametrize("make", [squares, points])
def test_data_without_labels(make: Any) -> None:
    dataset = without_labels(make())
    model = Sees() if make is squares else object()
    names = (
        "cluster_accuracy", "nmi", "ari", "representation_cluster_accuracy", "test_error",
    )  # fmt: skip
    found = reasons(measured(model, dataset, Settings(metrics=names)))
    assert found == dict.fromkeys(names, "the data set has no labels")
    names = ("conditional_accuracy", "classification_accuracy_score")
    found = reasons(measured(model, dataset, Settings(metrics=names)))
    assert found == dict.fromkeys(names, "the data set has no labels")


def test_points_are_classified_and_read_by_a_probe() -> None:
    class Copies(nn.Module):
        """Points of the class that it is told."""

        latent = Latent(Noise(2), Categorical(2, label=True))

        def generate(self, latent: LatentValue) -> Tensor:
            noise = self.latent.noise_of(latent)
            return 0.1 * noise + latent.codes[:, :1] - 0.5

    names = ("classification_accuracy_score", "code_recovery", "code_recovery_clean")
    small = Settings(
        samples=500, probe_pairs=500, probe_test_pairs=200, probe_steps=60, classifier_steps=60,
        metrics=names,
    )  # fmt: skip
    found = evaluate(Copies(), points(), seed=0, settings=small)
    assert not found.skipped
    assert values(found)["classification_accuracy_score"] > 0.98
    assert values(found)["code_recovery_clean"] > 0.98
    beside = rows(points(), small)
    assert {name for name, _ in beside} == {"real training images"}
    assert beside["real training images", "classification_accuracy_score"].value > 0.98
