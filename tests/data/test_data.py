import shutil
from pathlib import Path

import pytest
import torch

from ganbench import data
from ganbench.core.errors import UserError
from ganbench.data.dataset import Dataset, to_uint8, to_unit_range


def test_digits_splits(digits: Dataset) -> None:
    assert [len(s) for s in (digits.train, digits.validation, digits.test)] == [1097, 200, 500]
    assert digits.shape == (1, 8, 8)
    rows = torch.cat([s.images.flatten(1) for s in (digits.train, digits.validation, digits.test)])
    from sklearn.datasets import load_digits

    whole = torch.from_numpy(load_digits().data).mul(255 / 16).round().to(torch.uint8)
    assert sorted(map(tuple, rows.tolist())) == sorted(map(tuple, whole.tolist()))
    for split in (digits.train, digits.validation, digits.test):
        share = torch.bincount(split.labels, minlength=10) / len(split)
        assert (share - 0.1).abs().max() < 0.01


def test_the_digits_split_is_scikit_learns(digits: Dataset) -> None:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, labels = load_digits(return_X_y=True)
    rest, test = train_test_split(
        range(len(labels)), test_size=500, stratify=labels, random_state=0
    )
    train, validation = train_test_split(rest, test_size=200, stratify=labels[rest], random_state=0)
    whole = torch.from_numpy(pixels).mul(255 / 16).round().to(torch.uint8).reshape(-1, 1, 8, 8)
    for rows, split in (
        (train, digits.train),
        (validation, digits.validation),
        (test, digits.test),
    ):
        assert torch.equal(split.images, whole[sorted(rows)])
        assert split.labels.tolist() == labels[sorted(rows)].tolist()


def test_digits_by_scikit_learns_function_where_its_file_has_moved(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ganbench.data.sets import digits as module

    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert module.load().fingerprint == digits.fingerprint


def test_digits_are_the_same_everywhere(digits: Dataset) -> None:
    assert digits.fingerprint == "e42b6fd531e41de8"


def test_ranges_round_trip() -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    images = to_unit_range(levels)
    assert images.min() == -1
    assert images.max() == 1
    assert torch.equal(to_uint8(images), levels)
    assert to_uint8(torch.tensor([-3.0, 3.0])).tolist() == [0, 255]


def test_mnist(mnist_root: Path) -> None:
    mnist = data.load("mnist", mnist_root)
    assert [len(s) for s in (mnist.train, mnist.validation, mnist.test)] == [55_000, 5_000, 10_000]
    assert mnist.shape == (1, 28, 28)
    assert mnist.train.labels[:5].tolist() == [5, 0, 4, 1, 9]


def test_missing_mnist_says_what_to_put_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import MNIST

    def offline(self: MNIST) -> None:
        raise RuntimeError("Error downloading train-images-idx3-ubyte.gz:\nno route to host")

    monkeypatch.setattr(MNIST, "download", offline)
    with pytest.raises(UserError) as caught:
        data.load("mnist", tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    for piece in ("train-images-idx3-ubyte", str(tmp_path / "MNIST" / "raw"), "--data-root"):
        assert piece in message
    assert not (tmp_path / "MNIST").exists()  # nothing is left behind
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    with pytest.raises(UserError, match=f"--data-root {tmp_path}, perhaps"):
        data.load("mnist", tmp_path / "MNIST")


@pytest.mark.parametrize("damage", ["truncated", "empty", "garbage"])
def test_damaged_mnist_is_named(damage: str, tmp_path: Path, mnist_root: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    shutil.copytree(mnist_root / "MNIST" / "raw", raw)
    victim = raw / "train-images-idx3-ubyte"
    content = victim.read_bytes()
    victim.chmod(0o644)
    victim.write_bytes(
        {"truncated": content[:1_000_000], "empty": b"", "garbage": b"<html>" * 99}[damage]
    )
    with pytest.raises(UserError, match=r"damaged") as caught:
        data.load("mnist", tmp_path)
    assert str(victim) in str(caught.value)


def test_unknown_data_set_is_suggested() -> None:
    with pytest.raises(UserError, match="did you mean 'digits'"):
        data.load("digit")
