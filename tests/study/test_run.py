"""Whole studies, small: what they leave, that they are repeatable, and what fails alone."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

import ganbench
from ganbench.core.errors import GanbenchError, UserError
from ganbench.evaluate import harness
from ganbench.records.store import TrialDirectory
from ganbench.records.tables import frames
from ganbench.study import run_trial
from tests.study.planning import plan

pytestmark = pytest.mark.slow

SMALL = {"seeds": 2, "rounds": 60, "jobs": 2}

GUEST = """
import os, signal
import torch
from ganbench.model import GAN


class Guest(GAN):
    mode: str = "good"

    def generator_loss(self, batch):
        loss = super().generator_loss(batch)
        if self.mode == "diverge":
            return loss + torch.where(batch.progress > 0.5, float("nan"), 0.0)
        if self.mode == "raise" and batch.progress > 0.5:
            raise ValueError("a bug\\nof two lines")
        if self.mode == "die" and batch.progress > 0.5:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.mode == "lost":
            return batch.real.mean()
        return loss
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> ganbench.Result:
    place = tmp_path_factory.mktemp("results")
    return ganbench.run("infogan", "acgan", results=place, **SMALL)


def test_a_plug_in_that_kills_the_planning_is_told_in_one_line(tmp_path: Path) -> None:
    guest = tmp_path / "guest.py"
    guest.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    with pytest.raises(GanbenchError, match=r"planning: .*ended without an answer \(SIGKILL"):
        ganbench.run(str(guest), results=tmp_path / "results")


def values(result: ganbench.Result) -> dict[tuple, float]:
    return {
        (record.spec, record.seed, score.metric): score.value
        for record, evaluations, _ in result.trial_results
        for evaluation in evaluations
        for score in evaluation.scores
    }


def test_every_trial_leaves_its_files(study: ganbench.Result) -> None:
    assert [r.spec for r in study.records] == ["infogan"] * 2 + ["acgan"] * 2
    assert [r.seed for r in study.records] == [0, 1, 0, 1]
    assert study.trained == 4
    for record, evaluations, directory in study.trial_results:
        assert record.status == "finished"
        assert record.images_seen == 60 * 64
        assert record.generator_updates == 60
        assert len(evaluations) == 1
        names = {p.name for p in directory.iterdir() if p.name != ".lock"}
        assert names == {
            "record.json",
            "scores",
            "history.jsonl",
            "samples.png",
            "traversal.png",
            "neighbours.png",
            "history.png",
            "weights.safetensors",
        }
    assert {p.name for p in study.directory.iterdir()} == {
        "study.json",
        "table.md",
        "table.csv",
        "information.png",
    }


def test_table_and_document(study: ganbench.Result) -> None:
    frame = study.table
    assert {"infogan", "acgan", "k-means on pixels"} <= set(frame.index)
    assert frame.loc["infogan", "code_recovery"] > 0.1
    document = frames.document(study.comparison)
    text = json.loads(json.dumps(document, allow_nan=False))
    assert text["schema"] == 2
    assert text["failures"] == []
    row = next(r for r in text["rows"] if (r["variant"], r["metric"]) == ("infogan", "fid"))
    assert row["n"] == 2
    assert row["rounds"] == 60
    assert row["dataset"] == "digits"
    assert row["ci_low"] is None  # below three seeds
    assert row["better"] == "lower"
    assert row["protocol"]["extractor"].startswith("digits-v1@")
    assert "digits-v1@" in row["protocol_text"]
    references = {r["variant"] for r in text["rows"] if r["kind"] == "reference"}
    assert "real images, held out" in references


def test_references_stand_in_the_variants_columns(study: ganbench.Result) -> None:
    frame = study.table
    fid = next(name for name in frame.columns if name.startswith("fid"))
    assert frame.loc["real images, held out", fid] < frame.loc["infogan", fid]
    assert frame.loc["k-means on pixels", "cluster_accuracy"] == pytest.approx(0.78, abs=0.02)


def test_again_trains_nothing_and_says_the_same(study: ganbench.Result) -> None:
    again = ganbench.run("infogan", "acgan", results=study.directory.parents[1], **SMALL)
    assert again.trained == 0
    assert frames.render_text(again.comparison) == frames.render_text(study.comparison)


def test_one_seed_gives_identical_numbers(study: ganbench.Result, tmp_path: Path) -> None:
    other = ganbench.run("acgan", seeds="1,", rounds=60, jobs=1, results=tmp_path)
    expected = {key: v for key, v in values(study).items() if key[:2] == ("acgan", 1)}
    assert len(expected) > 4
    assert values(other) == expected


def test_a_saved_model_gives_the_recorded_numbers(study: ganbench.Result) -> None:
    record, (scores,), directory = study.trial_results[0]
    model = ganbench.load(directory)
    images = model.generate(model.latent.draw(5, torch.Generator().manual_seed(0)))
    assert images.shape == (5, 1, 8, 8)
    from ganbench import data

    again = harness.evaluate(model, data.load("digits"), seed=record.seed)
    assert {s.metric: s.value for s in again.scores} == {s.metric: s.value for s in scores.scores}


def test_missing_scores_are_made_without_training(tmp_path: Path) -> None:
    first = ganbench.run("acgan", seeds=1, rounds=20, jobs=1, results=tmp_path)
    directory = first.trial_results[0].directory
    for path in (directory / "scores").iterdir():
        path.unlink()
    weights = (directory / "weights.safetensors").stat().st_mtime_ns
    second = ganbench.run("acgan", seeds=1, rounds=20, jobs=1, results=tmp_path)
    assert values(second) == values(first)
    assert (directory / "weights.safetensors").stat().st_mtime_ns == weights


def test_damaged_weights_are_told(study: ganbench.Result, tmp_path: Path) -> None:
    directory = tmp_path / "trial"
    directory.mkdir()
    source = study.trial_results[0].directory
    (directory / "record.json").write_bytes((source / "record.json").read_bytes())
    with pytest.raises(UserError, match=r"weights\.safetensors"):
        ganbench.load(directory)
    (directory / "weights.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00nonsense")
    with pytest.raises(UserError, match=r"weights\.safetensors"):
        ganbench.load(directory)


def test_what_fails_fails_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    guest = tmp_path / "guest.py"
    guest.write_text(GUEST)
    modes = ["good", "diverge", "raise", "die", "lost"]
    specs = [f"{guest}:mode={mode}" if mode != "good" else str(guest) for mode in modes]
    result = ganbench.run(*specs, seeds=1, rounds=20, jobs=2, results=tmp_path / "r")
    status = dict(zip(modes, ((r.status, r.reason) for r in result.records), strict=True))
    assert status["good"] == ("finished", None)
    assert status["diverge"][0] == "diverged"
    assert "generator became nan between rounds 1 and 20" in status["diverge"][1]
    assert status["raise"] == ("failed", "ValueError: a bug (guest.py, line 15)")
    assert status["die"][0] == "failed"
    assert "ended without an answer" in status["die"][1]
    assert status["lost"][0] == "failed"
    assert "does not reach" in status["lost"][1]
    lines = capsys.readouterr().err.splitlines()
    where = (
        f"failed: {status['raise'][1]}; traceback in {result.trial_results[2].directory}/error.txt"
    )
    assert any(where in line for line in lines)
    text = frames.render_text(result.comparison)
    bug = "ValueError: a bug (guest.py, line 15)"
    for words in ("generator became nan", bug, "ended without an answer"):
        assert words in " ".join(text.split())
    assert len(result.comparison.failures) == 4

    # A failed trial is tried again and its record kept; a diverged one is not.
    again = ganbench.run(*specs[:3], seeds=1, rounds=20, jobs=2, results=tmp_path / "r")
    assert again.trained == 1
    raised = again.trial_results[2].directory
    assert (raised / "record.failed-1.json").exists()
    assert TrialDirectory(raised).read_record().reason == "ValueError: a bug (guest.py, line 15)"


def test_an_interrupted_trial_starts_anew(tmp_path: Path) -> None:
    trial = plan(["vanilla"], seeds=1, rounds=20, results=tmp_path)[0]
    directory = TrialDirectory(trial.directory)
    directory.append_history([{"round": 50, "generator": 1.0}])
    (trial.directory / "scores").mkdir()
    (trial.directory / "scores" / "old.json").write_text("{}")
    record = run_trial.execute(trial)
    assert record.status == "finished"
    assert [row["round"] for row in directory.read_history()] == [20]
    assert len(directory.read_scores()) == 1
    assert directory.read_state() is None


def test_two_commands_never_train_one_trial_at_once(tmp_path: Path) -> None:
    """The second waits for the first and finds the work done."""
    options = {"seeds": 1, "rounds": 20, "results": tmp_path}
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(ganbench.run, "vanilla", **options) for _ in range(2)]
        one, two = (run.result() for run in runs)
    assert one.records[0].status == "finished"
    assert one.trial_results == two.trial_results
    assert len(list(tmp_path.glob("digits/*/record*.json"))) == 1


def test_a_full_disk_at_the_end_keeps_the_table(
    study: ganbench.Result, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: Path, content: object) -> None:
        raise UserError(f"cannot write {path}: No space left on device")

    monkeypatch.setattr("ganbench.study.run.atomic_write", full)
    again = ganbench.run("infogan", "acgan", results=study.directory.parents[1], **SMALL)
    assert values(again) == values(study)
    assert "No space left" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/ganbench"])
def test_unwritable_results(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write results") as caught:
        ganbench.run("vanilla", results=tmp_path / place)
    assert "\n" not in str(caught.value)
