"""Faults planted in metrics, data sets and extractors: the check that is for it finds each."""

import re
from pathlib import Path

import pytest

from ganbench.evaluate import ExtractorSpec, extractor_table
from ganbench.plugins import scaffold
from ganbench.plugins.checks import kinds

METRIC = """
import random
import numpy as np
import torch
from ganbench.evaluate import Evidence, Measurement, MetricSpec, Unavailable

FACTS = {"generated": 2000, "held_out": 500}


def mean(evidence):
    return float(evidence.generated.double().mean())


def measure(evidence):
    @BODY@


MINE = MetricSpec("mine", "own", "A metric of a test.", measure, needs="images"@MORE@)
"""
HONEST = "return Measurement(mean(evidence), 2000, FACTS)"


def metric(path: Path, body: str, more: str = "") -> dict[str, str]:
    path.write_text(METRIC.replace("@BODY@", body).replace("@MORE@", more))
    return told(path, "metrics")


def told(path: Path, kind: str) -> dict[str, str]:
    """The reasons of the checks that failed, by their names."""
    results = kinds.examine(str(path), kind)
    return {result.name: result.reason for result in results if result.status == "failed"}


def test_an_honest_metric_is_accused_of_nothing(tmp_path: Path) -> None:
    assert metric(tmp_path / "mine.py", HONEST) == {}


@pytest.mark.parametrize(
    ("check", "body", "words"),
    [
        ("finite", "return Measurement(float('nan'), 2000, FACTS)", "finite number"),
        ("finite", "return Measurement(mean(evidence), 0, FACTS)", "its count is 0"),
        ("finite", "return Measurement(1.0, 2000, FACTS, standard_error=-1.0)", "standard_error"),
        ("finite", "return mean(evidence)", "returns float, not a"),
        ("finite", "raise Unavailable('')", "without a reason"),
        ("finite", "return Measurement(1 / 0, 2000, FACTS)", r"ZeroDivisionError.*\(mine.py"),
        (
            "same_twice",
            "return Measurement(np.random.rand(), 2000, FACTS, standard_error=1.0)",
            "draw from a generator",
        ),
        (
            "same_twice",
            "return Measurement(float(torch.rand(())), 2000, FACTS, standard_error=1.0)",
            "draw from a generator",
        ),
        (
            "leaves_all_as_found",
            "random.seed(0)\n    return Measurement(mean(evidence), 2000, FACTS)",
            "Python's global generator",
        ),
        (
            "leaves_all_as_found",
            "torch.manual_seed(0)\n    return Measurement(mean(evidence), 2000, FACTS)",
            "torch's global generator",
        ),
        (
            "leaves_all_as_found",
            "evidence.model.train()\n    return Measurement(mean(evidence), 2000, FACTS)",
            "mode of the model",
        ),
        (
            "leaves_all_as_found",
            "evidence.model.gain.data.mul_(1.01)\n"
            "    return Measurement(mean(evidence), 2000, FACTS)",
            "changes gain",
        ),
        (
            "leaves_all_as_found",
            "value = mean(evidence)\n    evidence.generated[0] ^= 1\n"
            "    return Measurement(value, 2000, FACTS, standard_error=1.0)",
            "writes into the generated images",
        ),
        (
            "order_does_not_matter",
            "return Measurement(float(evidence.held_out.images[0].float().mean()), 500, FACTS)",
            "does not depend on its order",
        ),
        (
            "order_does_not_matter",
            "made, real = evidence.generated[:500], evidence.held_out.images\n"
            "    apart = (made.double() - real.double()).abs().mean((1, 2, 3))\n"
            "    return Measurement(float(apart[:20].mean()), 500, FACTS)",
            "does not depend on its order",
        ),
        (
            "protocol",
            "return Measurement(mean(evidence), 2000, 'of 2000 images')",
            "is str: a dict",
        ),
        ("protocol", "return Measurement(mean(evidence), 2000, {'k': 3})", "how many images"),
        (
            "protocol",
            "return Measurement(mean(evidence), 2000, FACTS | {'weights': '/home/me/net.pt'})",
            "is a path",
        ),
        (
            "protocol",
            "return Measurement(mean(evidence), 2000, FACTS | {'of': torch.zeros(2)})",
            "is no JSON",
        ),
        (
            "protocol",
            "return Measurement(mean(evidence), 2000, FACTS | {'of': {'k': 3}})",
            "let it be flat",
        ),
        (
            "protocol",
            "return Measurement(mean(evidence), 2000, FACTS | {'at': id(evidence)})",
            "changes from one measurement",
        ),
    ],
)
def test_faults_of_a_metric(check: str, body: str, words: str, tmp_path: Path) -> None:
    found = metric(tmp_path / "mine.py", body)
    assert re.search(words, found[check]), found[check]
    assert "\n" not in found[check]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (', better="larger"', "better is 'larger'"),
        (", version=0", "version is 0"),
    ],
)
def test_faults_of_a_metrics_declaration(more: str, words: str, tmp_path: Path) -> None:
    assert words in metric(tmp_path / "mine.py", HONEST, more)["declaration"]


def test_a_metric_that_cannot_be_measured_here_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(METRIC.replace("@BODY@", "raise Unavailable('no fourth dimension')"))
    path.write_text(path.read_text().replace("@MORE@", ""))
    results = {result.name: result for result in kinds.examine(str(path), "metrics")}
    assert results.pop("declaration").status == "passed"
    assert {result.status for result in results.values()} == {"skipped"}
    assert "no fourth dimension" in results["finite"].reason


def template(kind: str, folder: Path, *changes: tuple[str, str]) -> Path:
    """What `ganbench new` writes, with faults in it."""
    (path,) = scaffold.write("mine_own", folder, kind=kind)
    text = path.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("check", "old", "new", "words"),
    [
        ("declaration", "rounds=2000", "rounds=0", "rounds is 0"),
        ("declaration", '("16", "32")', '"16"', "a tuple of text"),
        ("declaration", '# extractor="inception"', 'extractor="incepton"', "which is none of"),
        ("images", "shape=(1, 16, 16)", "shape=(3, 16, 16)", "declared is (3, 16, 16)"),
        ("images", "images.astype(np.uint8)", "images.astype(np.float32)", "torch.float32"),
        ("labels", "classes=2", "classes=3", "declared are 3"),
        ("labels", "torch.from_numpy(labels)", "torch.from_numpy(labels + 1)", "from 1 to 2"),
        ("labels", "torch.from_numpy(labels)", "torch.from_numpy(labels).int()", "torch.int32"),
        ("every_class_in_train", "spec.name, 2", "spec.name, 3", "no images of class 2"),
        ("splits_are_disjoint", "train, validation, test)", "train, test, test)", "200 images"),
        ("splits_are_disjoint", "(1000, 200, 200)", "(1000, 200, 1)", ""),
        ("same_twice", "RandomState(0)", "RandomState(None)", "fix what is drawn"),
        ("same_twice", "np.random.RandomState(0)", "np.random", "NumPy's global generator"),
    ],
)
def test_faults_of_a_data_set(check: str, old: str, new: str, words: str, tmp_path: Path) -> None:
    found = told(template("datasets", tmp_path, (old, new)), "datasets")
    if words:
        assert words in found[check]
        assert "\n" not in found[check]
    else:
        assert found == {}  # small is no fault


POINTS = """
import torch
from ganbench.data import DatasetSpec
from ganbench.data.dataset import Dataset, Split


def load(spec, root):
    rng = torch.Generator().manual_seed(0)
    parts = [Split(@POINTS@, torch.zeros(n, dtype=torch.int64)) for n in (300, 40, 50)]
    return Dataset(spec.name, 0, *parts)


POINTS = DatasetSpec("mine_points", "Points of a test.", load, shape=(2,))
"""


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ("torch.rand(n, 2, generator=rng)", ""),
        ("2 * torch.rand(n, 2, generator=rng)", "beyond [-1, 1]"),
        ("torch.rand(n, 2, generator=rng) / torch.zeros(n, 2)", "beyond [-1, 1]"),
        ("torch.rand(n, 2, generator=rng).double()", "torch.float64"),
        ("torch.rand(n, 3, generator=rng)", "have the shape (3,)"),
    ],
)
def test_points(points: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "points.py"
    path.write_text(POINTS.replace("@POINTS@", points))
    found = told(path, "datasets")
    assert words in found["images"] if words else found == {}


STREAM = """
import torch
from ganbench.data import DatasetSpec
from ganbench.data.dataset import Dataset, Streamed
from ganbench.data.io.stream import Stream


class Images(Stream):
    def __init__(self, first, n):
        self.first, self.shape, self.digest_, self.asked = first, (n, 1, 8, 8), str(first), 0

    digest = property(lambda self: self.digest_)

    def read(self, rows):
        self.asked += len(rows)
        numbers = self.first + rows[:, None] * 64 + torch.arange(64)@FAULT@
        return (numbers * 2654435761 % 2**32 // 2**24).to(torch.uint8).reshape(-1, 1, 8, 8)


def load(spec, root):
    parts = [
        Streamed(Images(first, n), torch.zeros(n, dtype=torch.int64))
        for first, n in ((0, 300), (100_000, 40), (200_000, 50))
    ]
    return Dataset(spec.name, 0, *parts)


STREAM = DatasetSpec("mine_stream", "A stream of a test.", load, shape=(1, 8, 8))
"""


@pytest.mark.parametrize("fault", ["", " + self.asked"])
def test_a_stream_is_read_in_any_order(fault: str, tmp_path: Path) -> None:
    path = tmp_path / "stream.py"
    path.write_text(STREAM.replace("@FAULT@", fault))
    found = told(path, "datasets")
    if fault:
        assert "depends on the order" in found["read_in_any_order"]
    else:
        assert found == {}


@pytest.mark.parametrize(
    ("check", "old", "new", "words"),
    [
        ("declaration", "features=128", "features=0", "features is 0"),
        ("features", "features=128", "features=127", "gives 128 features, declares 127"),
        ("features", "has_logits=False", "has_logits=True", "gives no logits"),
        ("features", "answers.mean((2, 3))", "answers.mean((2, 3)) / 0", "not finite"),
        ("features", "answers = F", "answers = 0 * F", "same features"),
        ("same_twice", "answers = F", "answers = torch.rand(()) * F", "torch's global generator"),
        ("same_twice", ".manual_seed(0)", ".manual_seed(id(self))", "drawn without a seed"),
        (
            "same_twice",
            "grey = images",
            "images[:, :, 0] = 0\n        grey = images",
            "writes into the images",
        ),
        (
            "answers_without_batch_mates",
            "answers = F.conv2d(grey, self.filters).relu()",
            "answers = F.batch_norm(F.conv2d(grey, self.filters), None, None, training=True)",
            "depend on the batch",
        ),
        (
            "needs_no_gradients",
            "rng = torch.Generator()",
            "self.layer = torch.nn.Linear(2, 2)\n        rng = torch.Generator()",
            "training mode",
        ),
        (
            "needs_no_gradients",
            "rng = torch.Generator()",
            "self.layer = torch.nn.Linear(2, 2).eval()\n        rng = torch.Generator()",
            "want gradients",
        ),
    ],
)
def test_faults_of_an_extractor(check: str, old: str, new: str, words: str, tmp_path: Path) -> None:
    found = told(template("extractors", tmp_path, (old, new)), "extractors")
    assert words in found[check], found
    assert "\n" not in found[check]


COUNTED = """
import itertools
import torch
from ganbench.evaluate import Extractor

COUNT = itertools.count()


class Mean(Extractor):
    shape = (1, 8, 8)
    batch = 10
    name = "mean"
    identity = "mean@1"

    def __init__(self, spec, device):
        pass

    def look(self, images):
        return images.float().flatten(1).mean(1, keepdim=True), None


def identity(spec):
    return f"mean@{next(COUNT)}"


def fixed(spec):
    return "mean@1"
"""


@pytest.mark.parametrize(("function", "fault"), [("fixed", ""), ("identity", "its identity is")])
def test_an_identity_that_changes(
    function: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of ganbench's own, that is: a plug-in's is made of its source."""
    (tmp_path / "counted_mean.py").write_text(COUNTED)
    monkeypatch.syspath_prepend(tmp_path)
    spec = ExtractorSpec(
        "mean", "A mean.", "counted_mean:Mean", 1, f"counted_mean:{function}", has_logits=False
    )
    monkeypatch.setitem(extractor_table.KNOWN, "mean", spec)
    results = {result.name: result for result in kinds.examine("mean", "extractors")}
    found = results["identity_is_stable"]
    assert found.status == ("failed" if fault else "passed"), found.reason
    assert fault in found.reason
