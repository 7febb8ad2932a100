"""What is said of trials as they run: without a terminal, a line for what is worth one."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ganbench.records.schema import State
from ganbench.records.store import TrialDirectory
from ganbench.study import progress
from ganbench.study.progress import Progress
from ganbench.study.trial import Trial
from tests.study.planning import plan


class Watched:
    """A trial, its directory, what is said of it, and a clock that the test moves."""

    def __init__(self, trial: Trial, terminal: bool = False) -> None:
        self.trial = trial
        self.directory = TrialDirectory(trial.directory)
        self.text = io.StringIO()
        console = Console(file=self.text, force_terminal=terminal, width=60)
        self.progress = Progress([trial], console)
        self.now = 0.0

    def at(self, seconds: float, **facts: Any) -> str:
        """What is said when the trial stands so, `seconds` after the last look."""
        self.now += seconds
        facts = {"phase": "training", "updated": datetime.now(UTC), **facts}
        state = State(
            label=self.trial.title, seed=0, rounds=self.trial.config.rounds, pid=1, **facts
        )
        self.directory.write_state(state)
        return self.look()

    def look(self) -> str:
        before = len(self.text.getvalue())
        self.progress.look()
        return self.text.getvalue()[before:].strip()


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return plan(["vanilla"], seeds=1, rounds=300, results=tmp_path)[0]


@pytest.fixture
def watched(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> Watched:
    found = Watched(trial)
    monkeypatch.setattr(progress.time, "monotonic", lambda: found.now)
    return found


def test_a_line_for_each_quarter_and_none_twice(watched: Watched) -> None:
    assert watched.at(0, round=0) == "vanilla seed 0: training, 300 rounds"
    assert watched.at(60, round=50, losses={"generator": 1.0}) == ""
    said = watched.at(
        60, round=100, losses={"generator": 0.5}, images_per_second=1000, seconds_left=60
    )
    assert said == (
        "vanilla seed 0: round 100 of 300 (33%), generator 0.50, 1,000 images/s, 1:00 left"
    )
    assert watched.at(60, round=149) == ""
    assert watched.look() == ""
    assert watched.at(60, round=150).startswith("vanilla seed 0: round 150 of 300 (50%)")
    assert watched.at(1, round=250) == "", "a quick trial says little"
    assert watched.at(0, round=300) == ""


def test_an_evaluation_says_what_is_measured_and_how_far(watched: Watched) -> None:
    watched.at(0, round=0)
    facts = {"phase": "evaluating", "round": 300, "metrics": 34}
    assert watched.at(1, **facts, metric="fid", measured=0) == (
        "vanilla seed 0: evaluating fid, 1 of 34 metrics"
    )
    assert watched.at(600, **facts, metric="fid", measured=0) == ""
    assert watched.at(1, **facts, metric="kid", measured=1).endswith("kid, 2 of 34 metrics")
    assert watched.at(1, **facts, metric="precision", measured=2) == ""
    assert watched.at(10, **facts, metric="nmi", measured=9).endswith("nmi, 10 of 34 metrics")


def test_the_state_of_an_interrupted_command_is_not_this_ones(watched: Watched) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    assert watched.at(0, round=250, updated=long_ago) == ""
    assert watched.at(0, round=0) == "vanilla seed 0: training, 300 rounds"


@pytest.mark.parametrize("terminal", [False, True])
def test_a_failure_says_where_its_traceback_is(trial: Trial, terminal: bool) -> None:
    watched = Watched(trial, terminal)
    watched.directory.error_path.parent.mkdir(parents=True)
    watched.directory.error_path.write_text("Traceback ...")
    with watched.progress:
        watched.progress.end(trial, "failed: TypeError: no (mygan.py, line 2)")
    text = " ".join(watched.text.getvalue().split())
    assert "[1/1] vanilla seed 0: failed: TypeError: no (mygan.py, line 2); traceback in " in text
    assert str(watched.directory.error_path) in "".join(watched.text.getvalue().split())


def test_what_did_not_fail_has_no_traceback(trial: Trial) -> None:
    watched = Watched(replace(trial, config=trial.config.model_copy(update={"seed": 1})))
    watched.progress.end(watched.trial, "diverged: generator became nan")
    watched.progress.end(watched.trial, "failed: its process ended without an answer")
    assert "traceback" not in watched.text.getvalue()
