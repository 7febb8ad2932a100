"""`file:PATH`: networks of the user's own, as exported programs and as ONNX."""

from __future__ import annotations

import io
import os
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganbench.core.errors import UserError
from ganbench.data.dataset import Dataset, to_unit_range
from ganbench.evaluate import extractors
from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.catalogue import METRICS
from ganbench.evaluate.extractors import get
from ganbench.evaluate.harness import Settings, evaluate
from tests.evaluate.fakes import Album

ANY = ({0: torch.export.Dim("n")},)
IMAGES = torch.zeros(2, 1, 8, 8)


class Net(nn.Module):
    """Features of 6 numbers and, if asked, logits of 10 classes."""

    def __init__(self, pair: bool = True) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.layer = nn.Linear(64, 6)
            self.head = nn.Linear(6, 10)
        self.pair = pair

    def forward(self, images: Tensor) -> Any:
        features = self.layer(images.flatten(1))
        return (features, self.head(features.relu())) if self.pair else features


class Broken(nn.Module):
    def __init__(self, answer: str) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, images: Tensor) -> Any:
        flat = images.flatten(1)
        return {
            "maps": images,
            "numbers": flat.sum(1),
            "one row": flat.sum(0, keepdim=True),
            "three": (flat, flat, flat),
            "infinite": flat / (flat - flat),
        }[self.answer]


def program(network: nn.Module, path: Path, dynamic: Any = ANY) -> Path:
    exported = torch.export.export(network.eval(), (IMAGES,), dynamic_shapes=dynamic)
    torch.export.save(exported, path)
    return path


def test_a_program(tmp_path: Path, digits: Dataset) -> None:
    network = Net()
    path = program(network, tmp_path / "my net.pt2")
    extractor = get(f"file:{path}")
    assert extractor.identity.startswith("my_net@")
    assert extractors.identity(f"file:{path}", "any") == extractor.identity
    features, logits = network(to_unit_range(digits.test.images))
    found = extractor.read(digits.test.images)
    assert torch.allclose(found.features, features, atol=1e-5)
    assert found.logits is not None
    assert torch.allclose(found.logits, logits, atol=1e-5)
    one = extractor.read(digits.test.images[:1])  # what is left over after whole batches
    assert torch.allclose(one.features, features[:1], atol=1e-5)


def test_without_logits(tmp_path: Path, digits: Dataset) -> None:
    extractor = get(f"file:{program(Net(pair=False), tmp_path / 'net.pt2')}")
    assert extractor.read(digits.test.images).logits is None
    with pytest.raises(Unavailable, match="has no logits"):
        extractor.logits(digits.test.images)


def test_the_whole_evaluation(tmp_path: Path, digits: Dataset) -> None:
    path = program(Net(), tmp_path / "net.pt2")
    settings = Settings(extractor=f"file:{path}", metrics=("fid", "conditional_accuracy"))
    found = evaluate(Album(digits, label=True), digits, seed=0, settings=settings)
    assert {score.metric for score in found.scores} == {"fid", "conditional_accuracy"}
    assert all(score.protocol["extractor"].startswith("net@") for score in found.scores)
    (tmp_path / "elsewhere").mkdir()
    moved = path.rename(tmp_path / "elsewhere" / "net.pt2")
    there = Settings(extractor=f"file:{moved}", metrics=settings.metrics)
    keys = {there.key(METRICS[score.metric], digits) for score in found.scores}
    assert keys == {score.key for score in found.scores}


def test_other_content_is_another_extractor(tmp_path: Path, digits: Dataset) -> None:
    path = program(Net(), tmp_path / "net.pt2")
    before = get(f"file:{path}")
    program(Net(pair=False), path)
    after = get(f"file:{path}")
    assert before.identity != after.identity
    assert after.read(digits.test.images).logits is None


def test_fixed_batches_are_refused(tmp_path: Path) -> None:
    path = program(Net(), tmp_path / "net.pt2", dynamic=None)
    with pytest.raises(UserError, match="exactly 2; export it with a dynamic first dimension"):
        get(f"file:{path}")
    with pytest.raises(UserError, match="exactly 2"):  # told when a study is planned
        extractors.identity(f"file:{path}", "digits")


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ("maps", r"features of shape \(100, 1, 8, 8\) for 100 images"),
        ("numbers", r"features of shape \(100,\)"),
        ("one row", r"features of shape \(1, 64\)"),
        ("three", "neither features nor"),
        ("infinite", "features that are not finite"),
    ],
)
def test_wrong_answers(tmp_path: Path, digits: Dataset, answer: str, complaint: str) -> None:
    extractor = get(f"file:{program(Broken(answer), tmp_path / 'net.pt2')}")
    with pytest.raises(Unavailable, match=complaint):
        extractor.read(digits.test.images)


def test_images_of_another_size(tmp_path: Path) -> None:
    extractor = get(f"file:{program(Net(), tmp_path / 'net.pt2')}")
    with pytest.raises(Unavailable, match=r"of shape \(1, 8, 8\), not \(1, 9, 9\)"):
        extractor.read(torch.zeros(3, 1, 9, 9, dtype=torch.uint8))


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("absent.pt2", None, "there is no file"),
        ("net.pth", b"", "not a file in .pt2 or .onnx"),
        ("net.pt2", b"", "not a program of torch.export"),
        ("net.pt2", b"PK\x03\x04 cut", "not a program of torch.export"),
    ],
)
def test_files_that_cannot_be_used(
    tmp_path: Path,
    name: str,
    content: bytes | None,
    complaint: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=complaint) as caught:
        get(f"file:{tmp_path / name}")
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


class Bomb:
    def __reduce__(self) -> Any:
        return os.system, ("touch exploded",)


def test_what_is_pickled_in_a_program_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    good = program(Net(), tmp_path / "good.pt2")
    bomb = io.BytesIO()
    torch.save(Bomb(), bomb)
    with zipfile.ZipFile(good) as archive, zipfile.ZipFile("bad.pt2", "w") as bad:
        for name in archive.namelist():
            replaced = "sample_inputs" in name
            bad.writestr(name, bomb.getvalue() if replaced else archive.read(name))
    with pytest.raises(UserError, match="pickled objects"):
        get("file:bad.pt2")
    assert not Path("exploded").exists()
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ


# ONNX.


def onnx(network: nn.Module, path: Path, dynamic: Any = ANY, external: bool = False) -> Path:
    pytest.importorskip("onnxruntime", reason="needs ganbench[onnx]")
    pytest.importorskip("onnxscript", reason="torch.onnx needs onnx and onnxscript to export")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            (IMAGES,),
            path,
            dynamic_shapes=dynamic,
            dynamo=True,
            external_data=external,
            verbose=False,
        )
    return path


def test_onnx(tmp_path: Path, digits: Dataset) -> None:
    network = Net()
    extractor = get(f"file:{onnx(network, tmp_path / 'net.onnx')}")
    features, logits = network(to_unit_range(digits.test.images))
    found = extractor.read(digits.test.images)
    assert torch.allclose(found.features, features, atol=1e-5)
    assert found.logits is not None
    assert torch.allclose(found.logits, logits, atol=1e-5)


def test_onnx_of_fixed_batches(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="exactly 2; export it with a dynamic first dimension"):
        get(f"file:{onnx(Net(), tmp_path / 'net.onnx', dynamic=None)}")


def test_onnx_with_weights_in_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # where onnxruntime would find them
    onnx(Net(), tmp_path / "net.onnx", external=True)
    with pytest.raises(UserError, match=r"lie in another file.*external_data=False"):
        get("file:net.onnx")


def test_damaged_onnx(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxruntime", reason="needs ganbench[onnx]")
    (tmp_path / "net.onnx").write_bytes(b"nonsense")
    with pytest.raises(UserError, match="not an ONNX network") as caught:
        get(f"file:{tmp_path / 'net.onnx'}")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_onnx_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (tmp_path / "net.onnx").write_bytes(b"")
    with pytest.raises(UserError, match=r"pip install 'ganbench\[onnx\]'"):
        get(f"file:{tmp_path / 'net.onnx'}")
