"""What is costly is asked for by its name, fetched when it is read, and said before it begins."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ganbench.data.dataset import Dataset
from ganbench.evaluate import extractors, references
from ganbench.evaluate.catalogue import METRICS, chosen, usual
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.extractors import torch_fidelity, weights
from ganbench.evaluate.extractors.weights import Weights
from ganbench.evaluate.harness import Settings, evaluate
from ganbench.evaluate.plots.neighbours import neighbours_picture
from tests.evaluate.beside import lacking, reasons
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
    monkeypatch.setattr(torch_fidelity, "_fetch_code", lambda: asked.append("code") or "no network")
    for kept in (weights._attempt, extractors._made):
        kept.cache_clear()
    return asked


def test_what_is_asked_for_by_name_is_in_no_group() -> None:
    assert {spec.name for spec in METRICS.values() if spec.on_request} == ASKED
    for groups in (["fidelity"], ["all"], ["all", "fidelity"]):
        assert not ASKED & {spec.name for spec in chosen(groups)}
    assert not ASKED & {spec.name for spec in usual(["anything", "images"])}
    assert {spec.name for spec in chosen(["all"])} == set(METRICS) - ASKED
    assert {spec.name for spec in chosen(["modes", "cmmd"])} & ASKED == {"cmmd"}


@pytest.mark.parametrize(
    "metrics",
    [
        ("pixel_js",),
        ("conditional_accuracy", "robust_accuracy"),  # of classes that it does not know
        ("test_error", "cluster_accuracy", "sap"),
    ],
)
def test_nothing_is_fetched_for_what_reads_no_features(
    digits: Dataset, fetched: list[str], tmp_path: Path, metrics: tuple[str, ...]
) -> None:
    settings = Settings(samples=500, extractor="inception", metrics=metrics)
    found = evaluate(Album(digits, label=True), digits, seed=0, settings=settings)
    assert not any(skip.again for skip in found.skipped)
    assert not lacking(digits, settings)
    neighbours_picture(Evidence(Album(digits), digits, settings, seed=0), tmp_path / "n.png")
    assert not fetched


def test_a_key_fetches_nothing(digits: Dataset, fetched: list[str]) -> None:
    settings = Settings(extractor="inception", metrics=("all", "cmmd", "fd_dinov2"))
    settings.check()
    other = Settings(extractor="clip", metrics=settings.metrics)
    for spec in settings.specs_for(digits):
        # who reads none of the settings' extractor has one key, whatever that is called
        reads = spec.extractor in ("features", "classes")
        assert (settings.key(spec, digits) != other.key(spec, digits)) == reads
    assert not fetched


def test_no_image_is_read_for_logits_that_are_not_there(
    digits: Dataset, fetched: list[str]
) -> None:
    settings = Settings(extractor="clip", metrics=("inception_score",))
    found = evaluate(Album(digits), digits, seed=0, settings=settings)
    assert reasons(found) == {"inception_score": "extractor clip has no logits"}
    assert not fetched


def test_weights_that_are_not_here_are_asked_for_again(
    digits: Dataset, fetched: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(samples=2000, extractor="inception", metrics=("fid", "cluster_accuracy"))
    found = evaluate(Album(digits), digits, seed=0, settings=settings)
    assert len(fetched) == 1
    said = capfd.readouterr().err
    assert said == f"fetching {fetched[0]}, about 95 MB\n"
    assert [score.metric for score in found.scores] == ["cluster_accuracy"]
    assert {skip.metric: skip.again for skip in found.skipped} == {"fid": True}
    (skip,) = found.skipped
    assert skip.key == settings.key(METRICS["fid"], digits)
    for name, row in references.measure(digits, "test", settings):  # and not fetched for each row
        assert all(one.again and one.reason == skip.reason for one in row.skipped), name
    assert len(fetched) == 1


def test_what_takes_long_is_said_before(capfd: pytest.CaptureFixture[str]) -> None:
    one = object.__new__(torch_fidelity.TorchFidelityExtractor)
    one.name = "clip"

    def look(images: torch.Tensor) -> tuple[torch.Tensor, None]:
        return images.flatten(1)[:, :2].float(), None

    one.look = look  # type: ignore[method-assign]
    one.read(torch.zeros(10, 1, 4, 4, dtype=torch.uint8))
    assert capfd.readouterr().err == ""
    one.read(torch.zeros(5000, 1, 4, 4, dtype=torch.uint8))
    line = "clip reads 5,000 images: about 7 hours on one core of a CPU (--device cuda is faster)\n"
    assert capfd.readouterr().err == line
