"""CMMD and the Frechet distance in DINOv2's features."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from ganbench.data.dataset import Dataset
from ganbench.evaluate import extractors, references
from ganbench.evaluate.catalogue import METRICS
from ganbench.evaluate.evidence import Evidence, undisturbed
from ganbench.evaluate.extractors import Extractor
from ganbench.evaluate.harness import Settings, evaluate
from ganbench.evaluate.metrics.fidelity import cmmd as cmmds
from ganbench.evaluate.metrics.fidelity import mmd
from ganbench.evaluate.metrics.fidelity.cmmd import cmmd
from ganbench.evaluate.metrics.fidelity.fid import fid
from tests.evaluate.beside import row
from tests.evaluate.fakes import Album


def naive(x: np.ndarray, y: np.ndarray) -> float:
    """By the definition, one pair at a time."""

    def mean(a: np.ndarray, b: np.ndarray) -> float:
        return math.fsum(math.exp(-float(((p - q) ** 2).sum()) / 200) for p in a for q in b) / (
            len(a) * len(b)
        )

    return 1000 * (mean(x, x) + mean(y, y) - 2 * mean(x, y))


def test_by_hand() -> None:
    # two points at distance 10: 1 + 1 - 2 exp(-1/2)
    assert cmmd([[0.0, 0.0]], [[6.0, 8.0]]) == pytest.approx(2000 * (1 - math.exp(-0.5)))


@pytest.mark.parametrize("shift", [0.0, 0.01, 3.0])
def test_the_definition(shift: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mmd, "BLOCK", 7)  # several blocks, none whole
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 5)), rng.normal(size=(19, 5)) + shift
    assert cmmd(x, y) == pytest.approx(naive(x, y), rel=1e-9)
    assert cmmd(torch.from_numpy(x), torch.from_numpy(y)) == cmmd(x, y)
    assert cmmd(x, y) == pytest.approx(cmmd(y, x), rel=1e-9)


def test_equal_sets_are_at_zero() -> None:
    x = np.random.default_rng(0).normal(size=(50, 8))
    assert cmmd(x, x[::-1]) == pytest.approx(0, abs=1e-10)
    assert cmmd(np.ones((3, 2)), np.ones((5, 2))) == 0
    assert cmmd([[1e9]], [[0.0]]) == pytest.approx(2000)  # far beyond the kernel's width


def test_small_distances_keep_their_digits() -> None:
    # far below the kernel's width 1000 |mean x - mean y|^2 / sigma^2 is left
    x = np.full((4, 1), 1e-5)
    assert cmmd(x, np.zeros((4, 1))) == pytest.approx(1000 * 1e-10 / 100, rel=1e-6)


@pytest.mark.parametrize(
    ("real", "generated", "complaint"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), "differ in width"),
        (np.ones((2, 3)), np.full((2, 3), np.nan), "finite"),
        (np.full((2, 3), 1e200), np.ones((2, 3)), "too large"),
        (np.ones((0, 3)), np.ones((2, 3)), r"\(n, d\)"),
        (np.ones(3), np.ones(3), r"\(n, d\)"),
    ],
)
def test_what_is_refused(real: np.ndarray, generated: np.ndarray, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        cmmd(real, generated)


def test_the_standard_error() -> None:
    rng = np.random.default_rng(0)
    real = rng.normal(size=(300, 4))
    draws = [cmmds.kernels(real, rng.normal(size=(200, 4)) + 0.5) for _ in range(200)]
    spread = np.std([cmmds.distance(draw) for draw in draws], ddof=1)
    assert np.mean([cmmds.standard_error(draw) for draw in draws]) == pytest.approx(spread, rel=0.2)


class Rows(Extractor):
    """Features are the pixels of the first rows: a stand-in for a large network."""

    batch = 1000

    def __init__(self, name: str, rows: int) -> None:
        self.name = name
        self.identity = f"{name}@0123abcd (bilinear to 224 px)"
        self.shape = (None, None, None)
        self.rows = rows

    def look(self, images: Tensor) -> tuple[Tensor, None]:
        return images[:, :, : self.rows].flatten(1).float() + 1, None


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch, forgotten: object) -> None:
    made = {"dinov2": Rows("dinov2", 3), "clip": Rows("clip", 5)}
    original = extractors._made
    monkeypatch.setattr(
        extractors, "_made", lambda name, *rest: made.get(name) or original(name, *rest)
    )
    known = extractors._identity
    monkeypatch.setattr(
        extractors, "_identity", lambda name: made[name].identity if name in made else known(name)
    )


@pytest.mark.usefixtures("large")
def test_they_are_measured_where_asked_for(digits: Dataset) -> None:
    model = Album(digits)
    settings = Settings(samples=2000, metrics=("fid", "fd_dinov2", "cmmd"))
    found = evaluate(model, digits, seed=0, settings=settings)
    scores = {score.metric: score for score in found.scores}
    assert list(scores) == ["fid", "fd_dinov2", "cmmd"]
    assert str(scores["fid"].protocol["extractor"]).startswith("digits-v1@")
    for metric, name in (("fd_dinov2", "dinov2"), ("cmmd", "clip")):
        score = scores[metric]
        said = score.protocol_text
        assert said.startswith(
            f"{name}@0123abcd (bilinear to 224 px), 2000 generated, 1097 training"
        )
        assert score.standard_error is not None
        assert score.standard_error > 0
        assert score.count == 2000
    floor = row(references.HELD_OUT, digits, settings)
    assert {"fd_dinov2", "cmmd"} <= set(floor)
    assert "held-out real images" in floor["cmmd"].protocol_text

    evidence = Evidence(model, digits, settings, 0)
    look = {name: Rows(name, rows).features for name, rows in (("dinov2", 3), ("clip", 5))}
    with undisturbed(model, 0, evidence.device):
        train, drawn = digits.train.images, evidence.generated
    assert scores["fd_dinov2"].value == pytest.approx(
        fid(look["dinov2"](train), look["dinov2"](drawn))
    )
    unit = [
        f.double() / f.double().norm(dim=1, keepdim=True) for f in map(look["clip"], (train, drawn))
    ]
    assert scores["cmmd"].value == pytest.approx(cmmd(*unit), rel=1e-9)


def test_they_are_only_measured_where_asked_for(digits: Dataset) -> None:
    usual = {spec.name for spec in Settings().specs_for(digits)}
    assert not {"fd_dinov2", "cmmd"} & usual
    assert {"fd_dinov2", "cmmd"} <= set(METRICS)


@pytest.mark.usefixtures("large")
def test_their_weights_are_part_of_the_protocol(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keys() -> tuple[str, str]:
        fid, cmmd = (Settings().key(METRICS[name], digits) for name in ("fid", "cmmd"))
        return fid, cmmd

    before = keys()
    monkeypatch.setattr(
        extractors, "_identity", lambda name: f"{name}@{'1' if name == 'clip' else '2'}"
    )
    after = keys()
    monkeypatch.setattr(extractors, "_identity", lambda name: f"{name}@2")
    assert len({before[1], after[1], keys()[1]}) == 3
    assert keys()[0] == after[0] != before[0]  # CLIP's are none of FID's
