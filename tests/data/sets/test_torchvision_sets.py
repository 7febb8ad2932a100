"""Torchvision's sets, made small: what is read, what is checked before, what is said offline."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat
from torchvision.datasets import CIFAR10, MNIST, SVHN, CelebA

from ganbench import data
from ganbench.core.errors import UserError
from ganbench.data.dataset import Streamed
from ganbench.data.io import integrity
from ganbench.data.sets import torchvision_sets

TRAIN, TEST = 100, 20


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setattr(torchvision_sets, "VALIDATION", 10)
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(self: Any) -> None:
        raise URLError("no route to host")

    for kind in (MNIST, CIFAR10, SVHN, CelebA):
        monkeypatch.setattr(kind, "download", download)


def use(monkeypatch: pytest.MonkeyPatch, name: str, **changed: Any) -> None:
    known = {**vars(torchvision_sets.KNOWN[name]), "train": TRAIN, "test": TEST, **changed}
    monkeypatch.setitem(torchvision_sets.KNOWN, name, torchvision_sets.TorchvisionDataset(**known))


def told(name: str, root: Path) -> str:
    with pytest.raises(UserError) as caught:
        data.load(name, root)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def cifar(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small CIFAR-10: batches of 20, row i of batch b is filled with 20b + i."""
    place = root / "cifar-10-batches-py"
    place.mkdir(parents=True)
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    for b, name in enumerate(names):
        level = np.arange(20 * b, 20 * b + 20, dtype=np.uint8)
        pixels = np.repeat(level[:, None], 3072, 1)
        pixels[:, 1024:2048] = 200  # green
        batch = {"data": pixels, "labels": (level % 10).tolist()}
        (place / name).write_bytes(pickle.dumps(batch))
    (place / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}))
    sums = {path.name: md5(path) for path in place.iterdir()}
    monkeypatch.setattr(CIFAR10, "train_list", [[n, sums[n]] for n in names[:5]])
    monkeypatch.setattr(CIFAR10, "test_list", [[n, sums[n]] for n in names[5:]])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": sums["batches.meta"]})
    use(monkeypatch, "cifar10", files={name: integrity.md5(found) for name, found in sums.items()})
    return place


def test_cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cifar(tmp_path, monkeypatch)
    found = data.load("cifar10", tmp_path)
    assert (found.classes, found.shape) == (10, (3, 32, 32))
    assert list(map(len, (found.train, found.validation, found.test))) == [90, 10, 20]
    assert found.validation.images[:, 0, 5, 7].tolist() == list(range(90, 100))
    assert found.validation.images[:, 1].unique().tolist() == [200]
    assert found.test.labels.tolist() == [*range(10), *range(10)]


@pytest.mark.parametrize("name", ["data_batch_2", "test_batch", "batches.meta"])
def test_no_foreign_pickle_is_opened(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "exploded",))  # type: ignore[return-value]

    place = cifar(tmp_path, monkeypatch)
    (place / name).write_bytes(pickle.dumps(Bomb()))
    assert f"{place / name} is damaged: its md5 is not" in told("cifar10", tmp_path)
    monkeypatch.setattr(integrity, "refuse", lambda path, look: None)  # torchvision's own remains
    assert "the files in" in told("cifar10", tmp_path)
    assert not (tmp_path / "exploded").exists()


def test_cifar10_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    message = told("cifar10", tmp_path / "new")
    assert "data_batch_1" in message
    assert "cifar-10-python.tar.gz in the folder above" in message
    assert "(<urlopen error no route to host>)" in message
    assert not (tmp_path / "new").exists()
    place = cifar(tmp_path, monkeypatch)
    (place / "data_batch_3").unlink()
    assert f"no cifar10 at {place}, and no download (" in told("cifar10", tmp_path)
    assert f"--data-root {tmp_path}, perhaps?" in told("cifar10", place)
    packed = tmp_path / "cifar-10-python.tar.gz"
    packed.write_bytes(b"half")
    assert f"{packed} is not the archive that was published" in told("cifar10", tmp_path)


def test_svhn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    message = told("svhn", tmp_path)
    assert f"no svhn at {tmp_path}, " in message
    assert "train_32x32.mat" in message
    lists = {}
    for split, n in (("train", TRAIN), ("test", TEST)):
        pixels = np.zeros((32, 32, 3, n), dtype=np.uint8)
        pixels[1, 2, 0] = np.arange(n)
        labels = (np.arange(n) % 10 + 1).astype(np.uint8)[:, None]  # 10 stands for the digit 0
        path = tmp_path / f"{split}_32x32.mat"
        savemat(path, {"X": pixels, "y": labels}, do_compression=True)
        lists[split] = ["", path.name, md5(path)]
    monkeypatch.setattr(SVHN, "split_list", lists)
    looks = {name: integrity.md5(found) for _, name, found in lists.values()}
    use(monkeypatch, "svhn", files=looks)
    found = data.load("svhn", tmp_path)
    assert (found.classes, found.shape) == (10, (3, 32, 32))
    assert found.train.images[:, 0, 1, 2].tolist() == list(range(90))
    assert found.train.labels[:11].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    victim = tmp_path / "test_32x32.mat"
    victim.write_bytes(victim.read_bytes()[:-100])  # half a download
    assert f"{victim} is damaged: its md5 is not" in told("svhn", tmp_path)


def test_the_last_training_images_are_for_validation(mnist_root: Path) -> None:
    """The real counts, of the set that is beside the checkout."""
    assert torchvision_sets.KNOWN["mnist"].train == torchvision_sets.KNOWN["kmnist"].train == 60_000
    found = data.load("mnist", mnist_root)
    assert list(map(len, (found.train, found.validation, found.test))) == [59_990, 10, 10_000]


def test_stacked_mnist(mnist_root: Path) -> None:
    mnist = data.load("mnist", mnist_root)
    found = data.load("stacked_mnist", mnist_root)
    assert (found.name, found.classes, found.shape) == ("stacked_mnist", 1000, (3, 28, 28))
    sizes = [len(split) for split in (found.train, found.validation, found.test)]
    assert sizes == [128_000, 10_000, 26_000]
    assert found.fingerprint == data.load("stacked_mnist", mnist_root).fingerprint
    pairs = zip(mnist.test.images[:, 0], mnist.test.labels.tolist(), strict=True)
    known = {image.numpy().tobytes(): label for image, label in pairs}
    assert isinstance(found.test, Streamed)
    few = found.test[:50]
    for image, label in zip(few.images, few.labels.tolist(), strict=True):
        digits = [known[channel.numpy().tobytes()] for channel in image]  # of MNIST's own split
        assert label == 100 * digits[0] + 10 * digits[1] + digits[2]
    rows = torch.tensor([7, 3, 7])
    assert torch.equal(found.test[rows].images, few.images[rows])
    counts = torch.bincount(found.train.labels, minlength=1000)
    assert counts.min() > 50  # every mode is there


@pytest.fixture
def celeba(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve faces of 178x218 pixels: face i is i wherever it is kept, white where cropped."""
    place = tmp_path / "celeba"
    (place / "img_align_celeba").mkdir(parents=True)
    names = [f"{i:06}.jpg" for i in range(1, 13)]
    for i, name in enumerate(names):
        pixels = np.full((218, 178, 3), 255, dtype=np.uint8)
        pixels[20:198] = 10 * i
        Image.fromarray(pixels).save(place / "img_align_celeba" / name, quality=100, subsampling=0)
    parts = [0] * 6 + [1] * 3 + [2] * 3
    rows = [f"{name} {part}" for name, part in zip(names, parts, strict=True)]
    (place / "list_eval_partition.txt").write_text("\n".join(rows) + "\n")
    rows = [f"{name}  {1 if i % 2 else -1} -1" for i, name in enumerate(names)]
    (place / "list_attr_celeba.txt").write_text("\n".join(["12", "Smiling Young ", *rows]) + "\n")
    lists = [("", md5(path), path.name) for path in place.glob("*.txt")]
    monkeypatch.setattr(CelebA, "file_list", lists)
    return place


def test_celeba(celeba: Path) -> None:
    found = data.load("celeba", celeba.parent)
    assert (found.name, found.classes, found.shape) == ("celeba", 0, (3, 64, 64))
    assert list(map(len, (found.train, found.validation, found.test))) == [6, 3, 3]
    middle = found.validation[:].images[:, :, 2:-2, 2:-2].long()
    levels = torch.tensor([60, 70, 80]).reshape(3, 1, 1, 1)
    assert (middle - levels).abs().max() <= 3  # what is above and below the square is gone
    smiling = data.load("celeba:size=32,attribute=Smiling", celeba.parent)
    assert (smiling.name, smiling.shape) == ("celeba:size=32,attribute=Smiling", (3, 32, 32))
    assert smiling.classes == 2
    assert smiling.train.labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert len({found.fingerprint, smiling.fingerprint}) == 2


def test_what_celeba_lacks(celeba: Path, tmp_path: Path) -> None:
    assert "did you mean 'Smiling'" in told("celeba:attribute=Smile", celeba.parent)
    assert "valid: 128, 32, 64" in told("celeba:size=48", celeba.parent)
    victim = celeba / "img_align_celeba" / "000007.jpg"
    content = victim.read_bytes()
    victim.write_bytes(content[:500])
    assert f"{victim} is damaged" in told("celeba", celeba.parent)
    victim.unlink()
    assert "lacks 1 of 12 images (000007.jpg, say)" in told("celeba", celeba.parent)
    partition = celeba / "list_eval_partition.txt"
    partition.write_text(partition.read_text()[:-9])
    assert f"{partition} is damaged: its md5 is not" in told("celeba", celeba.parent)
    partition.unlink()
    message = told("celeba", celeba.parent)
    assert f"no celeba at {celeba}, and no download (" in message
    told("celeba", tmp_path / "new")
    assert not (tmp_path / "new").exists()
