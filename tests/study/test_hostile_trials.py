"""`ganbench.load` and `evaluate` on trials that somebody else wrote: one line each."""

import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import save_file

import ganbench
from ganbench.core.errors import UserError
from ganbench.model import Variant
from ganbench.plugins import registry
from ganbench.records.groups import grouped
from ganbench.records.schema import ScoreSet
from ganbench.records.store import TrialDirectory, TrialResult
from ganbench.study import pictures
from ganbench.study.rescore import lock
from ganbench.train.trainer import build
from tests.records.made_up import evaluation, outcome, record, score

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes and links of Unix")
FACTS: dict[str, Any] = {"source_digest": "", "hyperparameters": {}, "shape": (1, 8, 8)}


@pytest.fixture
def trial(tmp_path: Path) -> TrialDirectory:
    """A vanilla GAN of digits as it is before training."""
    made = TrialDirectory(tmp_path / "trial")
    made.write_record(record("vanilla", **FACTS))
    variant = registry.load("vanilla")
    model = build(variant, (1, 8, 8), 10, variant.resolve({}, "digits", "vanilla"), 0)
    save_file(model.state_dict(), made.path / "weights.safetensors")
    save_file(
        model.state_dict(),
        made.path / "best.safetensors",
        {"round": "x" * 9, "chosen_by": "fid"},
    )
    return made


def again(trial: TrialDirectory, **changes: Any) -> None:
    trial.record_path.unlink()
    trial.write_record(record("vanilla", **(FACTS | changes)))


def refused(trial: TrialDirectory, *words: str, **how: Any) -> None:
    with pytest.raises(UserError) as error:
        ganbench.load(trial.path, **how)
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_the_trial_of_these_tests_loads(trial: TrialDirectory) -> None:
    assert isinstance(ganbench.load(trial.path), Variant)


def link(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [os.mkfifo, link, Path.mkdir])
def test_weights_are_a_regular_file(trial: TrialDirectory, make: Callable[[Path], None]) -> None:
    path = trial.path / "weights.safetensors"
    path.unlink()
    make(path)
    refused(trial, "weights.safetensors")


@pytest.mark.parametrize(
    "changes",
    [
        {"hyperparameters": {"latent": 10**30}},
        {"hyperparameters": {"width": 2**45}},
        {"hyperparameters": {"width": "x"}},
        {"hyperparameters": {"width": [[1], {"a": None}]}},
        {"shape": (65_536,)},
        {"shape": (1, 1, 1)},
        {"dataset": "folder:/nowhere\x1b"},
    ],
)
def test_what_cannot_be_built_is_told(trial: TrialDirectory, changes: dict[str, Any]) -> None:
    again(trial, **changes)
    refused(trial)


def test_a_shape_that_fills_the_memory_is_refused_before_anything_is_built(
    trial: TrialDirectory,
) -> None:
    text = trial.record_path.read_text().replace('"shape": [', '"shape": [1000000000,')
    trial.record_path.write_text(text)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(trial, "record.json cannot be used", "shape")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024  # KiB


def test_a_checkpoint_of_no_round_is_refused(trial: TrialDirectory) -> None:
    refused(trial, "does not say of which round", checkpoint="best")


def test_a_lock_is_never_taken_through_a_link(trial: TrialDirectory, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    (trial.path / ".lock").symlink_to(tmp_path / "mine")
    with pytest.raises(UserError, match="symbolic link"), lock(trial.path):
        pass
    assert (tmp_path / "mine").read_text() == "precious"


def test_curves_that_differ_in_more_than_their_label_are_not_laid_into_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pictures' lines are those of the tables; codes of one name have bounds of their own."""

    def trained(rounds: int, bound: float) -> TrialResult:
        one = record(rounds=rounds, hyperparameters={"rounds": 7}, trial=str(rounds))
        place = TrialDirectory(tmp_path / str(rounds))
        place.append_history([{"round": 1, "information/c": 0.5}])
        scores: ScoreSet = evaluation(score("bound", 0.5, parts={"c bound": bound}))
        return outcome(one, scores, at=place.path)

    drawn: list[Any] = []
    monkeypatch.setattr(
        "ganbench.records.plots.information_picture", lambda *what: drawn.append(what)
    )
    trial_results = [trained(20, 2.3), trained(300, 1.6)]
    pictures.draw(tmp_path / "study", trial_results)
    ((curves, bounds, _),) = drawn
    assert list(curves) == [group.label for group in grouped(trial_results)]
    assert list(curves) == ["infogan [rounds 20]", "infogan [rounds 300]"]
    assert bounds == {"c": {2.3, 1.6}}
