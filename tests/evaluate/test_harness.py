"""The harness on models whose right scores are known beforehand."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ganbench.core.errors import Unsupported
from ganbench.core.latent import Categorical, Latent, Noise
from ganbench.core.metric_specs import GROUPS, MetricSpec
from ganbench.core.protocol import PHRASES
from ganbench.core.seeding import stream
from ganbench.data.dataset import Dataset, Split
from ganbench.evaluate import harness, references
from ganbench.evaluate.capabilities import CapabilityError, Unavailable
from ganbench.evaluate.catalogue import METRICS, chosen
from ganbench.evaluate.evidence import Evidence, undisturbed
from ganbench.evaluate.harness import Evaluation, Settings, evaluate
from ganbench.evaluate.measurement import Measurement
from tests.evaluate.beside import lacking, reasons, rows, values
from tests.evaluate.fakes import Album, Bars, Static

SMALL = Settings(samples=2000, probe_pairs=2000, probe_test_pairs=1000, probe_steps=200)
FAST = dataclasses.replace(SMALL, probe_steps=20, classifier_steps=20)  # where quality is no matter

UNTIMED = {"seconds": 0.0}

MISSING = {
    "representation_cluster_accuracy": "its latent carries a single continuous code",
    "robust_accuracy": "classify() gives no gradients",
    "attack_detection_auc": "classify() gives no gradients",
    "real_fake_auc": "no score()",
}
"""What an album of digits has no number for."""


@pytest.fixture(scope="module")
def perfect(digits: Dataset) -> Evaluation:
    return evaluate(Album(digits, label=True), digits, seed=0)


@pytest.fixture(scope="module")
def noise(digits: Dataset) -> Evaluation:
    return evaluate(Static(), digits, seed=0, settings=SMALL)


@pytest.mark.parametrize("name", list(METRICS))
def test_every_metric_can_be_imported(name: str) -> None:
    spec = METRICS[name]
    assert spec.name == name
    assert spec.group in GROUPS
    assert isinstance(spec.target, str)
    module, _, function = spec.target.partition(":")
    assert callable(getattr(import_module(module), function))


def test_every_kind_of_data_has_its_headline() -> None:
    for kind, first in (
        ("images", "fid"),
        ("labels", "test_error"),
        ("mixture", "modes_captured"),
        ("world", "dci_disentanglement"),
    ):
        some = [spec for spec in METRICS.values() if kind in spec.headline]
        places = {spec.headline[kind]: spec.name for spec in some}
        assert sorted(places) == list(range(1, len(places) + 1))
        assert places[1] == first


def test_every_metric_has_a_score_or_a_reason(
    digits: Dataset, perfect: Evaluation, noise: Evaluation
) -> None:
    usual = [spec.name for spec in Settings().specs_for(digits)]
    for found in (perfect, noise):
        assert {*values(found), *reasons(found)} == set(usual)
        assert len(found.scores) + len(found.skipped) == len(usual)
    assert reasons(perfect) == MISSING


def test_real_digits_score_as_real_digits(perfect: Evaluation) -> None:
    found = values(perfect)
    assert found["code_recovery"] >= 0.95
    assert found["code_recovery_clean"] >= 0.99
    assert found["self_code_recovery"] == 1
    for name in ("cluster_accuracy", "nmi", "ari", "auxiliary_accuracy"):
        assert found[name] == pytest.approx(1)
    assert found["test_error"] == 0
    assert found["conditional_accuracy"] >= 0.98
    assert found["classification_accuracy_score"] >= 0.95
    assert found["fid"] < 1
    mig = next(score for score in perfect.scores if score.metric == "mig")
    assert mig.parts["class"] == pytest.approx(1, abs=0.05)
    # the continuous code shows nowhere
    assert found["code_recovery_continuous"] < 0.1
    assert found["within_category_correlation"] < 0.15


def test_the_information_bound_by_hand(perfect: Evaluation) -> None:
    score = next(s for s in perfect.scores if s.metric == "mutual_information_bound")
    assert score.value == pytest.approx(np.log(0.9) + np.log(10), abs=1e-5)
    assert score.parts["categorical_0 bound"] == pytest.approx(np.log(10))
    assert values(perfect)["mutual_information_bound_continuous"] == pytest.approx(
        np.log(2) - 1, abs=1e-5
    )


def test_static_scores_as_static(noise: Evaluation) -> None:
    found = values(noise)
    assert found["code_recovery"] < 0.2
    assert found["code_recovery_clean"] < 0.2
    assert found["code_recovery_continuous"] < 0.05
    assert found["fid"] > 30
    assert found["within_category_correlation"] < 0.2


def test_what_a_model_cannot_do_is_a_reason(noise: Evaluation) -> None:
    found = reasons(noise)
    assert found["self_code_recovery"] == found["cluster_accuracy"] == "no encode()"
    assert found["mutual_information_bound"] == "no posterior_log_prob()"
    assert found["test_error"] == "no classify()"
    assert found["representation_cluster_accuracy"] == "no encode()"
    assert found["auxiliary_accuracy"] == "its latent carries no class label"
    assert found["conditional_accuracy"] == "its latent carries no class label"
    assert found["classification_accuracy_score"] == "its latent carries no class label"


def test_codes_in_another_order_score_the_same(digits: Dataset, perfect: Evaluation) -> None:
    order = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]
    model = Album(digits, shuffle=order)
    found = values(evaluate(model, digits, seed=0, settings=SMALL))
    for name in ("cluster_accuracy", "nmi", "ari"):
        assert found[name] == pytest.approx(values(perfect)[name])
    assert found["code_recovery_clean"] > 0.98


def test_random_codes_of_real_images(digits: Dataset) -> None:
    class Random(Album):
        def encode(self, images: Tensor) -> Tensor:
            codes = torch.randint(10, (len(images),)).float()
            return torch.stack([codes, torch.rand(len(images))], 1)

    found = values(evaluate(Random(digits), digits, seed=0, settings=SMALL))
    assert found["cluster_accuracy"] < 0.2
    assert found["nmi"] < 0.1
    assert abs(found["ari"]) < 0.03
    assert found["self_code_recovery"] < 0.15
    # self-grading failed, but the codes are there for a probe to see
    assert found["code_recovery_clean"] > 0.98


def test_a_factor_that_a_code_stands_for_is_found(digits: Dataset) -> None:
    found = evaluate(Bars(), digits, seed=0, settings=SMALL)
    score = next(s for s in found.scores if s.metric == "within_category_correlation")
    assert score.parts["continuous_0 width"] > 0.9
    assert score.parts["continuous_0 slant"] < 0.2
    assert score.value >= score.parts["continuous_0 width"]
    assert values(found)["code_recovery_clean"] > 0.95
    assert values(found)["code_recovery_continuous_clean"] > 0.95


def test_the_same_seed_gives_the_same_bits(digits: Dataset) -> None:
    runs = [evaluate(Album(digits), digits, seed=s, settings=FAST) for s in (1, 1, 2)]
    stripped = [[score.model_copy(update=UNTIMED) for score in run.scores] for run in runs]
    assert stripped[0] == stripped[1]
    assert stripped[0] != stripped[2]
    assert [s.protocol for s in runs[0].scores] == [s.protocol for s in runs[2].scores]


@pytest.mark.usefixtures("forgotten")
def test_nothing_is_left_behind(digits: Dataset) -> None:
    model = Album(digits, label=True).train()
    model.dropout.eval()
    modes = {name: module.training for name, module in model.named_modules()}
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state, numpy_state, python_state = (
        torch.get_rng_state(),
        np.random.get_state()[1].copy(),
        random.getstate(),
    )
    evaluate(model, digits, seed=0, settings=FAST)
    assert {name: module.training for name, module in model.named_modules()} == modes
    assert all(torch.equal(tensor, weights[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)
    assert random.getstate() == python_state
    assert torch.is_grad_enabled()


def test_the_mode_comes_back_after_an_error(digits: Dataset) -> None:
    model = Album(digits).train()

    def crash() -> None:
        with undisturbed(model, 0, torch.device("cpu")):
            assert not model.training
            raise KeyError

    with pytest.raises(KeyError):
        crash()
    assert model.training


def test_a_metric_that_crashes_is_recorded(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(evidence: Evidence) -> Measurement:
        raise ValueError("first line\nsecond line")

    def infinite(evidence: Evidence) -> Measurement:
        return Measurement(float("inf"), 1, {})

    def unsaid(evidence: Evidence) -> Measurement:
        return Measurement(1.0, 1, {"by": object()})

    for name, target in (("fid", crash), ("nmi", infinite), ("ari", unsaid)):
        monkeypatch.setitem(METRICS, name, dataclasses.replace(METRICS[name], target=target))
    found = evaluate(Album(digits), digits, seed=0, settings=FAST)
    assert reasons(found)["fid"] == "failed: ValueError: first line"
    assert reasons(found)["nmi"] == "not a finite number: inf"
    assert reasons(found)["ari"].startswith("failed: ValidationError")
    assert "cluster_accuracy" in values(found)


BROKEN = {
    "generate": (
        lambda *_: torch.full((1000, 1, 8, 8), float("nan")),
        r"generate\(\) returned numbers that are not finite",
    ),
    "encode": (lambda images: torch.zeros(1, 7), r"encode\(\) returned shape \(1, 7\), not"),
    "classify": (lambda images: nn.Module()(images), r"classify\(\) raised NotImplementedError"),
    "score": (lambda images: 1 / 0, r"score\(\) raised ZeroDivisionError: division by zero"),
    "posterior_log_prob": (lambda *_: None, r"posterior_log_prob\(\) returned NoneType, not a"),
    "cluster": (lambda images: images.flatten(1).mean(1), "float32, not integers"),
}


@pytest.mark.parametrize("capability", list(BROKEN))
def test_a_model_that_is_broken_has_no_scores(digits: Dataset, capability: str) -> None:
    model = Album(digits, label=True).train()
    answer, complaint = BROKEN[capability]
    setattr(model, capability, answer)
    with pytest.raises(CapabilityError, match=complaint):
        evaluate(model, digits, seed=0, settings=FAST)
    assert model.training  # left as it was found


def test_what_a_model_cannot_do_says_why(digits: Dataset) -> None:
    class Modest(Album):
        def classify(self, images: Tensor) -> Tensor:
            raise Unsupported("it read no labels")

    found = reasons(evaluate(Modest(digits), digits, seed=0, settings=FAST))
    assert found["test_error"] == "no classify(): it read no labels"


def test_a_classifier_that_answers_without_gradients_alone(digits: Dataset) -> None:
    class Looked(Album):
        def classify(self, images: Tensor) -> Tensor:
            return torch.from_numpy(super().classify(torch.from_numpy(images.numpy())).numpy())

    found = evaluate(Looked(digits), digits, seed=0, settings=FAST)
    assert values(found)["test_error"] == 0
    assert reasons(found)["robust_accuracy"].startswith(
        "classify() gives no gradients: classify() raised RuntimeError: Can't call numpy()"
    )


def test_latents_without_codes(digits: Dataset) -> None:
    class Plain(Static):
        def __init__(self, *parts: Any) -> None:
            super().__init__()
            self.latent = Latent(Noise(64), *parts)

    found = reasons(evaluate(Plain(), digits, seed=0, settings=FAST))
    assert found["code_recovery"] == "its latent carries no codes"
    assert found["within_category_correlation"] == "its latent carries no codes"
    found = reasons(evaluate(Plain(Categorical(3)), digits, seed=0, settings=FAST))
    assert found["code_recovery_continuous"] == "its latent carries no continuous code"
    assert found["mig"] == "no encode()"
    found = reasons(evaluate(object(), digits, seed=0, settings=FAST))
    assert set(found) == {spec.name for spec in FAST.specs_for(digits)}
    assert found["fid"] == "no latent"


def test_without_an_extractor_the_rest_goes_on(digits: Dataset, perfect: Evaluation) -> None:
    strange = dataclasses.replace(digits, name="strange", source=None)
    found = evaluate(Album(strange, label=True), strange, seed=0, settings=FAST)
    reason = "this data set has no extractor of its own, name one with --extractor"
    need = [score.metric for score in perfect.scores if "extractor" in score.protocol]
    assert {"fid", "kid", "precision", "coverage", "conditional_accuracy"} < set(need)
    assert reasons(found) == dict.fromkeys(need, reason) | MISSING
    named = dataclasses.replace(FAST, extractor="digits-v1")
    again = evaluate(Album(strange, label=True), strange, seed=0, settings=named)
    unknown = "extractor digits-v1 does not know the 10 classes of strange"
    assert reasons(again) == MISSING | {"conditional_accuracy": unknown}


def test_too_few_images_for_a_distance(digits: Dataset) -> None:
    few = dataclasses.replace(FAST, samples=500)
    found = reasons(evaluate(Static(), digits, seed=0, settings=few))
    assert found["fid"] == "needs at least 2000 generated images, not 500"


def test_scores_are_complete(digits: Dataset, perfect: Evaluation) -> None:
    for score in perfect.scores:
        assert score.protocol
        assert score.count > 0
        if score.metric != "irs":  # which has none: it rests on a maximum
            assert score.standard_error is not None
            assert score.standard_error >= 0
        spec = METRICS[score.metric]
        assert score.better == spec.better
        assert score.protocol["version"] == spec.version
        assert score.protocol["split"] == "test"
        assert score.key == Settings().key(spec, digits)
        known = {*PHRASES, "version", "split"}
        assert set(score.protocol) <= known, "a fact that no phrase says"
    fid = next(score for score in perfect.scores if score.metric == "fid")
    assert fid.protocol_text.startswith("digits-v1@")
    assert "5000 generated, 1097 training images, uint8, float64" in fid.protocol_text


def test_the_references_stand_beside_it(digits: Dataset) -> None:
    found = {row: score.value for row, score in rows(digits).items()}
    assert found[references.HELD_OUT, "fid"] < 0.5
    assert found[references.BLURRED, "fid"] > 10
    assert found[references.K_MEANS, "cluster_accuracy"] == pytest.approx(0.78, abs=0.03)
    assert {m for name, m in found if name == references.K_MEANS} == {
        "cluster_accuracy", "nmi", "ari", "representation_cluster_accuracy"
    }  # fmt: skip
    assert found[references.TRAINING, "classification_accuracy_score"] >= 0.97
    assert found[references.HELD_OUT, "conditional_accuracy"] >= 0.98


@pytest.mark.usefixtures("forgotten")
def test_a_reference_that_fails_is_left_out_with_its_reason(digits: Dataset) -> None:
    few = dataclasses.replace(digits, test=digits.test.subset(slice(1)))
    settings = Settings(samples=500, metrics=("kid",))
    assert not rows(few, settings)
    reason = "needs at least 100 held-out real images, not 1"
    assert lacking(few, settings)["kid of real images, held out"] == reason


@pytest.mark.usefixtures("forgotten")
def test_references_are_the_same_again(digits: Dataset, forgotten: Callable[[], None]) -> None:
    first = rows(digits, FAST)
    forgotten()
    torch.rand(5)
    again = rows(digits, FAST)
    assert {row: score.model_copy(update=UNTIMED) for row, score in first.items()} == {
        row: score.model_copy(update=UNTIMED) for row, score in again.items()
    }


def test_validation_reads_the_validation_split(digits: Dataset) -> None:
    found = evaluate(Album(digits), digits, seed=0, split="validation", settings=FAST)
    score = next(s for s in found.scores if s.metric == "cluster_accuracy")
    assert score.count == 200
    assert found.split == "validation"
    with pytest.raises(ValueError, match="train"):
        evaluate(Album(digits), digits, seed=0, split="train")


def test_the_key_moves_with_what_moves_the_numbers(digits: Dataset) -> None:
    spec = METRICS["fid"]
    base = Settings().key(spec, digits)
    assert len(base) == 16
    assert base == Settings(extractor=None, metrics=("nmi",)).key(spec, digits, "test")
    others = {
        Settings().key(spec, digits, "validation"),
        Settings(samples=4000).key(spec, digits),
        Settings(noise=0.2).key(spec, digits),
        Settings().key(spec, dataclasses.replace(digits, name="strange", source=None)),
        Settings().key(spec, dataclasses.replace(digits, train=digits.validation)),
        Settings().key(METRICS["kid"], digits),
        Settings().key(dataclasses.replace(spec, version=2), digits),
        Settings().key(dataclasses.replace(spec, digest="ab12"), digits),
    }
    assert len(others | {base}) == 9


def test_settings_refuse_nonsense() -> None:
    with pytest.raises(ValueError, match="samples must be at least 1"):
        Settings(samples=0)
    with pytest.raises(ValueError, match="noise"):
        Settings(noise=-1)


def test_streams_are_independent_of_each_other() -> None:
    assert stream(0, "a") == stream(0, "a")
    assert len({stream(0, "a"), stream(0, "b"), stream(1, "a")}) == 3


def test_images_are_generated_once_per_purpose(digits: Dataset) -> None:
    model = Album(digits, label=True)
    evaluate(model, digits, seed=0, settings=FAST)
    assert len(model.log) == 2 + 2 + 1  # samples, probe training, probe test: batches of 1000


def test_large_splits_are_cut_to_a_fixed_choice(digits: Dataset) -> None:
    evidence = Evidence(Static(), digits, dataclasses.replace(SMALL, max_real_images=100), 0)
    assert len(evidence.train) == len(evidence.held_out) == 100
    assert isinstance(evidence.train, Split)
    again = Evidence(Static(), digits, dataclasses.replace(SMALL, max_real_images=100), 9)
    assert torch.equal(again.train.images, evidence.train.images)


def test_unknown_metrics_are_refused() -> None:
    with pytest.raises(Exception, match="did you mean 'nmi'"):
        chosen(["nmii"])


GUEST = """
from ganbench.evaluate.measurement import Measurement


def measure_brightness(evidence):
    images = evidence.generated
    protocol = {**evidence.image_facts(len(images)), "storage": "uint8", "shade": "mean"}
    return Measurement(float(images.float().mean()), len(images), protocol)
"""


def test_a_metric_is_added_by_its_file_and_its_specification(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "brightness_metric.py").write_text(GUEST)
    monkeypatch.syspath_prepend(tmp_path)
    target = "brightness_metric:measure_brightness"
    spec = MetricSpec("brightness", "fidelity", "mean grey level", target, "none")
    monkeypatch.setitem(METRICS, "brightness", spec)
    model, settings = Album(digits), dataclasses.replace(FAST, metrics=("brightness",))
    settings.check()
    (score,) = evaluate(model, digits, seed=0, settings=settings).scores
    assert 0 < score.value < 255
    assert (score.metric, score.better, score.count) == ("brightness", "none", 2000)
    assert score.group == ""
    assert score.protocol_text.startswith("2000 generated, uint8")
    assert score.protocol_text.endswith(", shade mean")
    assert "brightness" in values(evaluate(model, digits, seed=0, settings=FAST))
    # a guest's is measured where it is handed over, without a place in the table
    monkeypatch.delitem(METRICS, "brightness")
    own = dataclasses.replace(
        spec, target=import_module("brightness_metric").measure_brightness, digest="0a1b", group="x"
    )
    (guest,) = evaluate(model, digits, seed=0, settings=FAST, metrics=[own]).scores
    assert guest.value == score.value
    assert (guest.protocol["digest"], guest.group) == ("0a1b", "x")
    assert guest.protocol_key != score.protocol_key
    assert guest.key != score.key


def test_unavailable_is_no_failure() -> None:
    assert not issubclass(Unavailable, ValueError)
    assert harness.Settings is Settings
