"""What is costly is asked for by its name, fetched when it is read, and said before it begins."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ganbench.data.dataset import Dataset
from ganbench.evaluate import extractors
from ganbench.evaluate.catalogue import CATALOGUE, chosen
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.extractors import published, weights
from ganbench.evaluate.extractors.weights import Weights
from ganbench.evaluate.harness import Settings, evaluate
from ganbench.evaluate.pictures_neighbours import neighbours_picture
from ganbench.records.store import TrialDirectory
from ganbench.study.scoring import score_set
from tests.evaluate.fakes import Album

ASKED = {"fd_dinov2", "cmmd"}


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forgotten: object) -> list[str]:
    """The files that were asked for, in a hub folder of torch that has none."""
    asked: list[str] = []

    def fail(wanted: Weights) -> None:
        asked.append(wanted.url)
        raise OSError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(weights, "download", fail)
    monkeypatch.setattr(published, "_fetch_code", lambda: asked.append("code") or "no network")
    for kept in (weights._attempt, extractors._made):
        kept.cache_clear()
    return asked


def test_what_is_asked_for_by_name_is_in_no_group() -> None:
    assert {entry.name for entry in CATALOGUE.values() if entry.when == "asked"} == ASKED
    for groups in (["fidelity"], ["all"], ["all", "fidelity"], None):
        assert not ASKED & set(chosen(groups, ["always", "images"]))
    assert set(chosen(["all"])) == set(CATALOGUE) - ASKED
    assert set(chosen(["modes", "cmmd"])) & ASKED == {"cmmd"}


@pytest.mark.parametrize(
    "metrics",
    [
        ("pixel_js",),
        ("conditional_accuracy", "attacked_accuracy"),  # of classes that it does not know
        ("test_error", "cluster_accuracy", "sap"),
    ],
)
def test_nothing_is_fetched_for_what_reads_no_features(
    digits: Dataset, fetched: list[str], tmp_path: Path, metrics: tuple[str, ...]
) -> None:
    settings = Settings(samples=500, extractor="inception", metrics=metrics)
    found = evaluate(Album(digits, label=True), digits, seed=0, settings=settings)
    assert found.complete
    neighbours_picture(Evidence(Album(digits), digits, settings, seed=0), tmp_path / "n.png")
    assert not fetched


def test_a_protocol_fetches_nothing(digits: Dataset, fetched: list[str]) -> None:
    settings = Settings(extractor="inception", metrics=("all", "cmmd", "fd_dinov2"))
    settings.check()
    before = settings.protocol_id(digits)
    assert not fetched
    other = Settings(extractor="clip", metrics=settings.metrics).protocol_id(digits)
    assert before != other
    # who reads no extractor has one protocol, whatever it is called
    ids = {Settings(extractor=n, metrics=("pixel_js",)).protocol_id(digits) for n in ("clip", None)}
    assert len(ids) == 1


def test_no_image_is_read_for_logits_that_are_not_there(
    digits: Dataset, fetched: list[str]
) -> None:
    settings = Settings(extractor="clip", metrics=("inception_score",))
    found = evaluate(Album(digits), digits, seed=0, settings=settings)
    assert found.skipped == [("inception_score", "extractor clip has no logits")]
    assert not fetched


def test_weights_that_are_not_here_are_asked_for_again(
    digits: Dataset, fetched: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(samples=2000, extractor="inception", metrics=("fid", "cluster_accuracy"))
    found = evaluate(Album(digits), digits, seed=0, settings=settings)
    assert len(fetched) == 1
    said = capfd.readouterr().err
    assert said == f"fetching {fetched[0]}, about 95 MB\n"
    assert [score.metric for score in found.scores] == ["cluster_accuracy"]
    assert list(dict(found.skipped)) == ["fid"]  # and not again for each row beside it
    assert not found.complete
    trial = TrialDirectory(tmp_path / "trial")
    trial.add_scores(score_set(found))
    assert not trial.has_scores(found.protocol_id)
    without = Settings(samples=2000, metrics=("cluster_accuracy",))
    whole = score_set(evaluate(Album(digits), digits, seed=0, settings=without))
    trial.add_scores(whole.model_copy(update={"protocol_id": found.protocol_id}))
    assert trial.has_scores(found.protocol_id)


def test_what_takes_long_is_said_before(capfd: pytest.CaptureFixture[str]) -> None:
    one = object.__new__(published.Published)
    one.name = "clip"

    def look(images: torch.Tensor) -> tuple[torch.Tensor, None]:
        return images.flatten(1)[:, :2].float(), None

    one.look = look  # type: ignore[method-assign]
    one.read(torch.zeros(10, 1, 4, 4, dtype=torch.uint8))
    assert capfd.readouterr().err == ""
    one.read(torch.zeros(5000, 1, 4, 4, dtype=torch.uint8))
    line = "clip reads 5,000 images: about 7 hours on one core of a CPU (--device cuda is faster)\n"
    assert capfd.readouterr().err == line
