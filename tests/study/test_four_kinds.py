"""A stranger's package with a plug-in of every kind: in the record, in the table, by itself."""

import json
from pathlib import Path

import pytest

import ganbench
from ganbench.evaluate.settings import Settings
from ganbench.records.tables.frames import document, render_text
from ganbench.study.evaluate import evaluate
from ganbench.study.plan import owner_of_scoring, scorings_of
from tests.plugins.outside import FOUR_KINDS, install_here

METRIC = """
import os
from pathlib import Path
from ganbench.evaluate import Measurement, MetricSpec

def rude(evidence):
    count = len(evidence.generated)
    evidence.model.generate = None
    for parameter in evidence.model.parameters():
        parameter.data.zero_()
    with Path({log!r}).open("a") as log:
        print(os.getpid(), file=log)
    return Measurement(1.0, count, {{"generated": count}})

RUDE = MetricSpec("rude", "manners", "always 1", rude, better="none")
"""


def test_a_package_of_four_kinds_in_record_and_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_here(FOUR_KINDS, tmp_path, monkeypatch)
    metrics = ("fid", "pixel_js", "contrast_gap")
    asked = {
        "dataset": "stripes",
        "seeds": 1,
        "rounds": 20,
        "jobs": 1,
        "results": tmp_path / "results",
        "evaluation": Settings(metrics=metrics, samples=2000, extractor="profile"),
    }
    result = ganbench.run("vanilla", "stripes_gan", **asked)
    assert not result.failures
    for record in result.records:
        assert record.dataset == "stripes"
        assert record.dataset_facts["digest"]
        assert record.dataset_facts["dataset"] == "stripes"
    rows = {(row.label, row.metric): row for row in result.comparison.rows}
    for variant in ("vanilla", "stripes_gan"):
        assert {(variant, metric) for metric in metrics} <= rows.keys()
    own = rows["vanilla", "contrast_gap"]
    assert own.group == "contrast"
    assert own.protocol["digest"]
    assert str(rows["vanilla", "fid"].protocol["extractor"]).startswith("profile@")
    assert ("real images, held out", "fid") in rows
    text = render_text(result.comparison, 110, colour=False)
    assert "contrast_gap" in text
    assert "fid (profile)" in text
    assert json.dumps(document(result.comparison))
    # its own measurements, again from the weights alone
    again = ganbench.run("vanilla", "stripes_gan", **asked)
    assert again.trained == 0
    values = {
        (row.label, row.metric): row.mean for row in again.comparison.rows if row.metric in metrics
    }
    assert values == {key: rows[key].mean for key in values}
    found = evaluate(tmp_path / "results", settings=asked["evaluation"], split="validation", jobs=1)
    assert not found.failures
    assert {"fid", "contrast_gap"} <= {row.metric for row in found.comparison.rows}


def test_a_guests_metric_has_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes last, from the weights, and whatever it does to the model reaches no number."""
    monkeypatch.chdir(tmp_path)
    Path("rude.py").write_text(METRIC.format(log=str(tmp_path / "log")))
    small = {"seeds": 1, "rounds": 5, "jobs": 1}
    usual = ("real_fake_auc", "pixel_js")

    def values(folder: str, *metrics: str) -> dict[str, float]:
        evaluation = Settings(metrics=metrics, samples=500)
        result = ganbench.run("vanilla", results=folder, evaluation=evaluation, **small)
        return {
            row.metric: row.mean for row in result.comparison.rows if row.metric in (*usual, "rude")
        }

    alone = values("alone", *usual)
    beside = values("beside", "./rude.py", *usual)
    assert beside == alone | {"rude": 1.0}
    assert len(Path("log").read_text().split()) == 1
    values("beside", "./rude.py:RUDE", *usual)  # another spelling of what is there
    assert len(Path("log").read_text().split()) == 1
    scorings = scorings_of(Settings(metrics=("./rude.py", *usual)))
    owners = [owner_of_scoring("digits", scoring, "vanilla") for scoring in scorings]
    assert owners == ["", str(tmp_path / "rude.py")]


def test_a_guests_metric_that_fails_is_told_and_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    broken = METRIC.format(log="log").replace("evidence.model.generate = None", "os._exit(3)")
    Path("broken.py").write_text(broken)
    evaluation = Settings(metrics=("pixel_js", "./broken.py"), samples=500)
    result = ganbench.run("vanilla", seeds=1, rounds=5, jobs=1, evaluation=evaluation)
    assert not result.failures
    metrics = {row.metric for row in result.comparison.groups[0].rows}
    assert "pixel_js" in metrics
    assert "rude" not in metrics


DATASET = """
from pathlib import Path
Path({mark!r}).touch()
import torch
from ganbench.data import DatasetSpec
from ganbench.data.dataset import Dataset, Split

def load(spec, root):
    rows = torch.arange(64 * 60, dtype=torch.uint8).reshape(60, 1, 8, 8)
    parts = (Split(part, torch.zeros(len(part), dtype=torch.int64)) for part in rows.split(20))
    return Dataset(spec.name, 0, *parts)

MADE = DatasetSpec("made", "60 images", load, 60, (1, 8, 8), 0, "here", 5, 4, embedded=True)
"""


def test_data_that_a_record_names_are_known_or_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark, data = tmp_path / "mark", tmp_path / "made.py"
    data.write_text(DATASET.format(mark=str(mark)))
    evaluation = Settings(metrics=("real_fake_auc",), samples=200)
    asked = {"seeds": 1, "jobs": 1, "results": tmp_path / "r", "evaluation": evaluation}
    result = ganbench.run("vanilla", dataset=str(data), **asked)
    directory = result.trial_results[0].directory
    assert directory is not None
    assert directory.parent.name.startswith("made-")
    mark.unlink()
    assert ganbench.load(directory).latent  # a model is recorded whole
    assert not mark.exists()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
    again = {"settings": Settings(metrics=("pixel_js",), samples=100), "jobs": 1}
    found = evaluate(directory, **again)
    assert "--allow-code" in found.failures[0][1]
    assert not mark.exists()
    assert not evaluate(directory, **again, allow_code=True).failures
    data.write_text(data.read_text() + "# changed\n")
    mark.unlink()
    found = evaluate(directory, **again | {"settings": evaluation}, allow_code=True)
    assert "not the one that it was trained on" in found.failures[0][1]
    assert not mark.exists()
