"""A model that trains and then cannot be evaluated: its trial failed, and is tried again."""

from __future__ import annotations

from pathlib import Path

import pytest

import ganbench
from ganbench.evaluate.settings import Settings
from ganbench.study.evaluate import evaluate

GUEST = """
import os

import torch
from torch import nn

from ganbench.model import GAN, Unsupported


class Headless(nn.Module):
    pass


class Guest(GAN):
    broken: str = "nothing"

    def build(self):
        super().build()
        self.head = Headless()

    def generate(self, latent):
        images = super().generate(latent)
        broken = os.environ.get("BROKEN", self.broken)
        if broken == "raise":
            raise RuntimeError("a bug\\nof two lines")
        if broken == "nan":
            return images * float("nan")
        return images[:-1] if broken == "shape" else images

    def classify(self, images):
        if self.broken == "head":
            return self.head(images)
        raise Unsupported("it has no classes")
"""
WHY = {
    "raise": "CapabilityError: generate() raised RuntimeError: a bug",
    "nan": "CapabilityError: generate() returned numbers that are not finite",
    "shape": "CapabilityError: generate() returned shape (999, 1, 8, 8), not (1000, 1, 8, 8)",
    "head": "CapabilityError: classify() raised NotImplementedError: Module [Headless] is missing "
    'the required "forward" function',
}
FEW = Settings(samples=2000, metrics=("fid", "test_error"))


@pytest.mark.slow
def test_it_failed_and_is_tried_again(tmp_path: Path) -> None:
    guest = tmp_path / "guest.py"
    guest.write_text(GUEST)
    specs = [f"{guest}:broken={how}" for how in WHY]
    study = {"seeds": 1, "rounds": 5, "jobs": 1, "results": tmp_path / "r", "evaluation": FEW}
    result = ganbench.run(str(guest), *specs, **study)
    sound, *broken = result.records
    assert (sound.status, sound.reason) == ("finished", None)
    (scores,) = result.trial_results[0].scores
    assert [score.metric for score in scores.scores] == ["fid"]
    assert [skip.reason for skip in scores.skipped] == ["no classify(): it has no classes"]
    assert {record.status for record in broken} == {"failed"}
    for record, why in zip(broken, WHY.values(), strict=True):
        assert (record.reason or "").startswith(why)
    assert ganbench.run(str(guest), *specs, **study).trained == len(WHY)
    traces = [one.directory / "error.txt" for one in result.trial_results[1:] if one.directory]
    assert all("guest.py" in path.read_text() for path in (traces[0], traces[3]))


@pytest.mark.slow
def test_evaluating_it_again_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guest = tmp_path / "guest.py"
    guest.write_text(GUEST)
    ganbench.run(str(guest), seeds=1, rounds=5, jobs=1, results=tmp_path / "r", evaluation=FEW)
    monkeypatch.setenv("BROKEN", "nan")
    found = evaluate(tmp_path / "r", settings=Settings(samples=500, metrics=("kid",)), jobs=1)
    ((_, reason),) = found.failures
    assert reason == WHY["nan"]
