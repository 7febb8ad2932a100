"""Sets in MNIST's format, made small: what is not as it was published is named, never read."""

from __future__ import annotations

import gzip
import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.datasets import KMNIST, MNIST, FashionMNIST

from ganbench import data
from ganbench.data.io import integrity
from tests.data.sets.test_torchvision_sets import TEST, TRAIN, _offline, _small, told, use

__all__ = ["_offline", "_small"]  # fixtures of every test here


def idx(array: np.ndarray) -> bytes:
    """LeCun's format: two zero bytes, type 8 (uint8), the number of dimensions, their sizes."""
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes() + array.tobytes()


FAMILY = {"mnist": MNIST, "fashion_mnist": FashionMNIST, "kmnist": KMNIST}
PARTS = {"train": TRAIN, "t10k": TEST}
every = pytest.mark.parametrize("name", FAMILY)


def family(name: str, root: Path, monkeypatch: pytest.MonkeyPatch, seed: int = 0) -> Path:
    """A small set in MNIST's format, told by the checks from every other."""
    kind = FAMILY[name].__name__
    raw = root / kind / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    looks = {}
    for part, n in PARTS.items():
        images, labels = f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"
        (raw / images).write_bytes(idx(rng.integers(0, 256, (n, 28, 28), "u1")))
        (raw / labels).write_bytes(idx(rng.integers(0, 10, n, "u1")))
        looks[images] = integrity.idx(kind, (n, 28, 28))
        looks[labels] = integrity.idx(kind, (n,), 10)
    use(monkeypatch, name, files=looks)
    if name == "mnist":
        sums = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in raw.iterdir()}
        monkeypatch.setattr(integrity, "MNIST_SUMS", sums)
    return raw


@every
def test_the_family_of_mnist(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    message = told(name, tmp_path)
    assert message.startswith(f"no {name} at {tmp_path / FAMILY[name].__name__ / 'raw'}, and no")
    assert not list(tmp_path.iterdir())
    raw = family(name, tmp_path, monkeypatch)
    found = data.load(name, tmp_path)
    assert (found.name, found.classes, found.shape) == (name, 10, (1, 28, 28))
    images = torch.cat([found.train.images, found.validation.images])
    content = {file.name: file.read_bytes() for file in raw.iterdir()}
    assert images.numpy().tobytes() == content["train-images-idx3-ubyte"][16:]
    assert bytes(found.test.labels.tolist()) == content["t10k-labels-idx1-ubyte"][8:]
    assert len(found.validation) == 10


@every
@pytest.mark.parametrize("file", ["train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"])
def test_a_damaged_file_of_the_family(
    name: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = family(name, tmp_path, monkeypatch) / file
    content = victim.read_bytes()
    victim.write_bytes(content[:-1])
    wanted = f"{victim} is damaged: it has {len(content) - 1:,} bytes, not {len(content):,}"
    assert wanted in told(name, tmp_path)
    for at in (0, 2, 3, 7):  # the type, the dimensions, the number of images
        victim.write_bytes(content[:at] + b"\x09" + content[at + 1 :])
        assert f"{victim} is damaged: it begins with " in told(name, tmp_path)
    if "labels" in file:
        victim.write_bytes(content[:10] + b"\xc8" + content[11:])
        assert f"{victim} is damaged: label 200 (of image 2) is none of 0 to 9" in told(
            name, tmp_path
        )
        victim.write_bytes(content[:10] + b"\x0a" + content[11:])
        assert "label 10" in told(name, tmp_path)
    if name == "mnist":  # the one whose bits are known
        victim.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert f"{victim} is not MNIST's, or damaged: its SHA-256" in told(name, tmp_path)


def test_no_set_is_taken_for_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mnist = family("mnist", tmp_path, monkeypatch)
    fashion = family("fashion_mnist", tmp_path, monkeypatch, seed=1)
    assert data.load("fashion_mnist", tmp_path).classes == 10
    for file in fashion.iterdir():
        content = file.read_bytes()
        file.write_bytes((mnist / file.name).read_bytes())
        assert f"{file} is MNIST's, not FashionMNIST's" in told("fashion_mnist", tmp_path)
        file.write_bytes(content)
        swapped = tmp_path / "swapped"
        shutil.copytree(mnist, swapped / "MNIST" / "raw")
        victim = swapped / "MNIST" / "raw" / file.name
        victim.write_bytes(content)
        assert f"{victim} is not MNIST's" in told("mnist", swapped)
        shutil.rmtree(swapped)


def test_the_known_sums_are_those_of_mnist(mnist_root: Path) -> None:
    for name, right in integrity.MNIST_SUMS.items():
        content = (mnist_root / "MNIST" / "raw" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == right


@every
def test_archives_that_are_not_the_published_ones(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = family(name, tmp_path, monkeypatch)
    images = raw / "train-images-idx3-ubyte"
    content = gzip.compress(images.read_bytes())
    packed = images.with_name(f"{images.name}.gz")
    right = dict(FAMILY[name].resources)[packed.name]
    packed.write_bytes(content[:100])
    data.load(name, tmp_path)  # it is not needed
    images.unlink()
    for damage in (content, content[:100], b""):
        packed.write_bytes(damage)
        message = told(name, tmp_path)
        assert f"{packed} is not the archive that was published, or not all of it" in message
        assert f"its md5 is not {right}" in message


def test_what_torchvision_kept_in_former_days_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    family("kmnist", tmp_path, monkeypatch)
    right = data.load("kmnist", tmp_path).fingerprint
    old = tmp_path / "KMNIST" / "processed"
    old.mkdir()
    for name, n in (("training.pt", TRAIN), ("test.pt", TEST)):
        images, labels = torch.zeros(n, 28, 28, dtype=torch.uint8), torch.full((n,), 200)
        torch.save((images, labels), old / name)
    assert data.load("kmnist", tmp_path).fingerprint == right
