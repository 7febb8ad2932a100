"""Evaluation along training: what chooses, what is kept, what the area is."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import ganbench
from ganbench import data
from ganbench.core.errors import UserError
from ganbench.evaluate import harness
from ganbench.evaluate.settings import Settings
from ganbench.records.store import TrialDirectory
from ganbench.study import validation_curve
from ganbench.study.validation_curve import ValidationCurve, mean_along
from tests.study.planning import plan


def test_the_mean_along_a_curve() -> None:
    assert mean_along([0, 1, 3], [4.0, 2.0, 2.0]) == pytest.approx((3 + 4) / 3)
    assert mean_along([5], [2.5]) == 2.5
    assert mean_along([2, 2], [1.0, 3.0]) == 2.0


def along(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, values: list[dict[str, float]]
) -> ValidationCurve:
    """A curve over made-up evaluations; the model of evaluation i is a tensor of i."""
    found = iter(values)

    def evaluate(model: Any, dataset: Any, **asked: Any) -> Any:
        assert asked["split"] == "validation"
        protocol = {"held_out": 350, "split": "validation"}
        scores = [
            SimpleNamespace(metric=k, value=v, protocol=protocol) for k, v in next(found).items()
        ]
        return SimpleNamespace(scores=scores)

    monkeypatch.setattr(harness, "evaluate", evaluate)
    line = ValidationCurve(None, TrialDirectory(tmp_path), Settings(), ("fid", "nmi"), seed=0)  # type: ignore[arg-type]
    for i in range(len(values)):
        trainer = SimpleNamespace(
            round=10 * (i + 1),
            images_seen=100 * (i + 1),
            device="cpu",
            evaluation_model=lambda i=i: torch.tensor(i),
        )
        line.add(trainer, seconds=float(i + 1))  # type: ignore[arg-type]
    return line


def test_the_first_metric_with_a_number_chooses_in_its_direction(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    values = [{"fid": 5.0, "nmi": 0.1}, {"fid": 2.0, "nmi": 0.3}, {"fid": 2.0}, {"fid": 9.0}]
    line = along(monkeypatch, tmp_path, values)
    assert line.facts == {"round": 20, "chosen_by": "fid"}  # the earlier of the two
    assert int(line.best) == 1  # type: ignore[call-overload]
    by_nmi = along(monkeypatch, tmp_path / "nmi", [{"nmi": 0.1}, {"nmi": 0.3}, {"nmi": 0.2}])
    assert by_nmi.facts == {"round": 20, "chosen_by": "nmi"}
    rows = validation_curve.read_curve(tmp_path)
    assert [row["images"] for row in rows] == [100, 200, 300, 400]
    assert rows[0] == {"round": 10, "images": 100, "seconds": 1.0, "fid": 5.0, "nmi": 0.1}


def test_the_area_is_a_score_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    line = along(monkeypatch, tmp_path, [{"fid": 4.0}, {"fid": 2.0}, {"fid": 2.0}])
    images, seconds = line.areas("a machine")
    assert (images.metric, seconds.metric) == ("fid_over_images", "fid_over_seconds")
    assert images.value == pytest.approx(2.5)
    assert isinstance(images.protocol, dict)
    assert (images.protocol["evaluations"], images.protocol["rounds"]) == (3, [10, 30])
    assert images.protocol["split"] == "validation"
    assert "3 evaluations" in images.protocol_text
    assert "a machine" in seconds.protocol_text
    assert "a machine" not in images.protocol_text


def test_nothing_to_measure_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    line = along(monkeypatch, tmp_path, [{}, {}])
    assert line.best is None
    assert line.areas("m") == []
    assert "none of fid, nmi" in str(line.missing)


def test_plans() -> None:
    once = plan(["vanilla"], seeds=1)[0]
    often = plan(["vanilla"], seeds=1, eval_every=100, eval_metrics=["nmi", "fid"])[0]
    assert once.identity != often.identity
    assert often.config.eval_metrics == ("nmi", "fid")
    steps = plan(["vanilla:d_steps=3"], seeds=1, rounds=300, eval_every=30)[0]
    assert (steps.config.rounds, steps.config.eval_every) == (
        100,
        10,
    )  # after as many images as the others
    for wrong in (0, 10_000):
        with pytest.raises(UserError, match="eval-every"):
            plan(["vanilla"], eval_every=wrong)
    with pytest.raises(UserError, match="did you mean 'fid'"):
        plan(["vanilla"], eval_every=10, eval_metrics=["fit"])
    with pytest.raises(UserError, match="eval-every N"):
        plan(["vanilla"], eval_metrics=["fid"])


@pytest.mark.slow
def test_a_study_with_curves(tmp_path: Path) -> None:
    asked = {"seeds": 1, "rounds": 90, "jobs": 1}
    plain = ganbench.run("infogan", results=tmp_path / "plain", **asked)
    result = ganbench.run("infogan", results=tmp_path, eval_every=40, eval_metrics="fid", **asked)
    _record, evaluations, directory = result.trial_results[0]
    rows = validation_curve.read_curve(directory)
    assert [row["round"] for row in rows] == [40, 80, 90]
    assert (result.directory / "curves.png").stat().st_size > 1000

    final, best = sorted(evaluations, key=lambda one: one.checkpoint, reverse=True)
    assert (final.checkpoint, best.checkpoint) == ("final", "best")
    lowest = min(rows, key=lambda row: row["fid"])
    assert (best.round, best.chosen_by) == (lowest["round"], "fid")
    # Looking does not move what is looked at.
    kept = plain.trial_results[0].scores[0].scores
    measured = {score.metric: score.value for score in final.scores}
    assert {s.metric: s.value for s in kept}.items() <= measured.items()
    assert {"fid_over_images", "fid_over_seconds"} <= measured.keys()

    # The saved best model is the one of that round, and is scored on the test split.
    assert best.split == "test"
    model = ganbench.load(directory, checkpoint="best")
    again = harness.evaluate(model, data.load("digits"), seed=0)
    assert {s.metric: s.value for s in again.scores} == {s.metric: s.value for s in best.scores}
    labels = [group.label for group in result.comparison.groups]
    assert labels == ["infogan", "infogan [best fid]"]
