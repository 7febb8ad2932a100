"""Scoring saved trials again: other metrics and counts, without training."""

import os
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

import ganbench
from ganbench.core.errors import UserError
from ganbench.evaluate.settings import settings_of
from ganbench.records.store import TrialDirectory
from ganbench.study.evaluate import evaluate
from ganbench.study.plan import scorings_of
from ganbench.study.rescore import lock


def test_settings_as_a_user_gives_them() -> None:
    settings = settings_of("fid, nmi", 3000, "digits-v1")
    assert settings.metrics == ("fid", "nmi")
    assert settings.samples == 3000
    assert settings_of() == settings_of(None, None, None)
    with pytest.raises(UserError, match="did you mean 'fid'"):
        scorings_of(settings_of("fidd"))
    with pytest.raises(UserError, match="samples 0"):
        settings_of(samples=0)


def test_nothing_to_evaluate(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such directory"):
        evaluate(tmp_path / "nowhere")
    with pytest.raises(UserError, match="no finished trials"):
        evaluate(tmp_path)
    with pytest.raises(UserError, match="split"):
        evaluate(tmp_path, split="train")


@pytest.mark.slow
def test_saved_trials_are_scored_again(tmp_path: Path) -> None:
    ganbench.run("infogan", seeds=2, rounds=30, jobs=1, results=tmp_path)
    directories = sorted(path.parent for path in tmp_path.rglob("record.json"))
    before = {d: sorted((d / "scores").iterdir()) for d in directories}
    settings = settings_of("fid,nmi", 3000)
    found = evaluate(tmp_path, settings=settings, jobs=1)
    assert not found.failures
    (group,) = found.comparison.groups
    measured = {row.metric for row in group.rows if row.protocol and row.metric in ("fid", "nmi")}
    assert measured == {"fid", "nmi"}
    protocol = next(row.protocol for row in group.rows if row.metric == "fid")
    assert isinstance(protocol, dict)
    assert protocol["generated"] == 3000
    for directory in directories:
        now = sorted((directory / "scores").iterdir())
        assert len(now) == len(before[directory]) + 1
    again = evaluate(tmp_path, settings=settings, jobs=1)  # measured already
    assert [o.scores for o in again.trial_results] == [o.scores for o in found.trial_results]
    # All that a directory knows, side by side: two columns of fid.
    assert sum(row.metric == "fid" for row in ganbench.compare(tmp_path).groups[0].rows) == 2

    shutil.copytree(directories[0], tmp_path / "other" / "damaged")
    (tmp_path / "other" / "damaged" / "weights.safetensors").write_bytes(b"nonsense")
    shutil.copytree(directories[1], tmp_path / "other" / "whole")
    for name in ("edited", "junk"):
        shutil.copytree(directories[0], tmp_path / "other" / name)
    edited = tmp_path / "other" / "edited" / "weights.safetensors"
    save_file({k: 1.5 * v for k, v in load_file(edited).items()}, edited)
    (tmp_path / "other" / "junk" / "record.json").write_text("junk")
    part = evaluate(tmp_path / "other", settings=settings_of("fid", 2500), jobs=1)
    reasons = {path.name: reason for path, reason in part.failures}
    assert list(reasons) == ["junk", "damaged", "edited"]
    assert "record.json cannot be used" in reasons["junk"]
    assert all("is not what was trained" in reasons[name] for name in ("damaged", "edited"))
    assert len(part.trial_results) == 1
    assert len(TrialDirectory(tmp_path / "other" / "whole").read_scores()) == 3


@pytest.mark.slow
def test_a_variant_that_has_changed_is_not_scored(tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    text = "from ganbench.model import GAN\n\n\nclass Mine(GAN):\n    'Mine.'\n"
    mine.write_text(text)
    ganbench.run(str(mine), seeds=1, rounds=3, jobs=1, results=tmp_path / "r")
    mine.write_text(text + "\n    def generate(self, latent):\n        raise ValueError\n")
    found = evaluate(tmp_path / "r", settings=settings_of("pixel_js", 900), jobs=1)
    ((_, reason),) = found.failures
    assert "is not the one that it was trained with" in reason
    mine.write_text(text)
    assert not evaluate(tmp_path / "r", settings=settings_of("pixel_js", 900), jobs=1).failures


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="cannot write"), lock(tmp_path / "x"):
        pass


def test_a_lock_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / ".lock").mkdir()
    with pytest.raises(UserError, match=r"cannot write .* evaluate a copy"), lock(tmp_path):
        pass
