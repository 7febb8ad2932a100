"""Scores are kept per metric: what is there is never measured again, what is missing alone is."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ganbench.evaluate import catalogue, harness
from ganbench.evaluate.settings import Settings
from ganbench.records.store import ReferenceDirectory, TrialDirectory
from ganbench.study import references
from ganbench.study.rescore import rescore
from ganbench.study.run_trial import execute
from ganbench.study.trial import Trial, is_done
from ganbench.study.worker_tasks import ReferencesRequest, Rescoring, Scoring, ScoringRequest
from tests.study.planning import plan

QUICK = ("pixel_js", "real_fake_auc", "nmi")


def planned(results: Path, *metrics: str, **settings: int) -> Trial:
    evaluation = Settings(metrics=metrics, samples=500, **settings)
    (trial,) = plan(["vanilla"], seeds=1, rounds=5, results=results, evaluation=evaluation)
    return trial


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of metrics, in the order in which they are measured on models."""
    names: list[str] = []
    own = harness.measured

    def noted(spec, evidence, key):  # type: ignore[no-untyped-def]
        names.append(spec.name)
        return own(spec, evidence, key)

    monkeypatch.setattr(harness, "measured", noted)
    return names


def test_only_what_is_missing_is_measured(tmp_path: Path, measured: list[str]) -> None:
    first = planned(tmp_path, "pixel_js", "nmi")
    execute(first)
    assert measured == ["nmi", "pixel_js"]
    assert is_done(first)
    more = planned(tmp_path, *QUICK)
    assert not is_done(more)
    execute(more)
    assert measured == [
        "nmi",
        "pixel_js",
        "real_fake_auc",
    ]  # nmi cannot be measured: once is enough
    assert is_done(first)
    assert is_done(more)
    found = TrialDirectory(first.directory).read_scores()
    assert [[score.metric for score in one.scores] for one in found] == [
        ["pixel_js"],
        ["real_fake_auc"],
    ]


def test_a_raised_version_is_measured_anew_and_alone(
    tmp_path: Path, measured: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(planned(tmp_path, *QUICK))
    newer = replace(catalogue.METRICS["pixel_js"], version=99)
    monkeypatch.setitem(catalogue.METRICS, "pixel_js", newer)
    measured.clear()
    again = planned(tmp_path, *QUICK)
    execute(again)
    assert measured == ["pixel_js"]
    texts = [
        score.protocol_text
        for one in TrialDirectory(again.directory).read_scores()
        for score in one.scores
        if score.metric == "pixel_js"
    ]
    assert len(texts) == 2
    assert "version 99" in texts[1]


def test_other_settings_and_splits_are_other_scores(tmp_path: Path, measured: list[str]) -> None:
    trial = planned(tmp_path, "pixel_js")
    execute(trial)
    job = Rescoring(trial.directory, Scoring(replace(trial.evaluation, samples=400)))
    keys = rescore(job)
    assert keys != list(trial.keys.values())
    rescore(job._replace(split="validation"))
    rescore(job._replace(scoring=Scoring(replace(trial.evaluation, metrics=("pixel_js",)))))
    assert measured == ["pixel_js"] * 3
    protocols = {
        score.protocol_key
        for one in TrialDirectory(trial.directory).read_scores()
        for score in one.scores
    }
    assert len(protocols) == 3


def test_weights_that_were_not_here_are_asked_for_again(
    tmp_path: Path, measured: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ganbench.evaluate.capabilities import NoWeights

    def absent(evidence: object) -> None:
        raise NoWeights("the network is not here")

    spec = catalogue.METRICS["pixel_js"]
    monkeypatch.setitem(catalogue.METRICS, "pixel_js", replace(spec, target=absent))
    trial = planned(tmp_path, "pixel_js", "real_fake_auc")
    execute(trial)
    assert not is_done(trial)
    monkeypatch.setitem(catalogue.METRICS, "pixel_js", spec)
    measured.clear()
    execute(trial)
    assert measured == ["pixel_js"]
    assert is_done(trial)


def test_references_are_measured_once_for_a_directory(tmp_path: Path) -> None:
    scoring = Scoring(Settings(metrics=("pixel_js",)))
    job = ReferencesRequest(
        ScoringRequest("digits", None, None, "test", scoring), tmp_path / "references", "cpu"
    )
    assert references.measure(job) == 2  # held-out images, and blurred ones
    assert references.measure(job) == 0
    more = Scoring(Settings(metrics=("pixel_js", "nmi")))
    assert references.measure(job._replace(request=job.request._replace(scoring=more))) == 1
    sets = ReferenceDirectory(tmp_path / "references").read()
    assert [[one.name for one in some.references] for some in sets] == [
        ["real images, held out", "real images, blurred (sigma 0.5)"],
        ["k-means on pixels"],
    ]
    trial = planned(tmp_path / "results", "pixel_js")
    execute(trial)
    own = json.loads(next((trial.directory / "scores").iterdir()).read_text())
    assert own["references"] == []
