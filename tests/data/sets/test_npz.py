"""`npz:PATH`: what is taken, and one line for everything else."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from ganbench import data
from ganbench.core.errors import UserError
from ganbench.data.dataset import Dataset

N = 100


def levels(n: int = N, shape: tuple[int, ...] = (8, 8)) -> np.ndarray:
    """uint8 images (n, *shape): all of image i's pixels are i."""
    return np.broadcast_to(np.arange(n).reshape(-1, *(1 for _ in shape)), (n, *shape)).astype("u1")


def load(path: Path, options: str = "", **arrays: object) -> Dataset:
    np.savez(path, **arrays)
    return data.load(f"npz:{path}{options}")


def refused(path: Path, options: str = "", **arrays: object) -> str:
    with pytest.raises(UserError) as caught:
        load(path, options, **arrays)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "own.npz"


@pytest.mark.parametrize(
    ("shape", "found"),
    [
        ((8, 8), (1, 8, 8)),
        ((8, 8, 1), (1, 8, 8)),
        ((8, 8, 3), (3, 8, 8)),
        ((1, 8, 8), (1, 8, 8)),
        ((3, 8, 8), (3, 8, 8)),
    ],
)
def test_layouts(path: Path, shape: tuple[int, ...], found: tuple[int, ...]) -> None:
    made = load(path, images=levels(shape=shape))
    assert (made.name, made.shape, made.classes) == (f"npz:{path}", found, 0)
    splits = (made.train, made.validation, made.test)
    assert list(map(len, splits)) == [80, 10, 10]
    assert sorted(int(one[0, 0, 0]) for split in splits for one in split.images) == list(range(N))
    assert all((one == one[0, 0, 0]).all() for one in made.train.images)
    assert not made.train.labels.any()


def test_channels_last_are_turned(path: Path) -> None:
    images = np.zeros((40, 8, 8, 3), dtype=np.uint8)
    images[..., 2] = 9
    assert load(path, images=images).train.images[0].amax((1, 2)).tolist() == [0, 0, 9]


def test_labels_stay_with_their_images(path: Path) -> None:
    labels = np.arange(N) % 4
    made = load(path, images=levels(), labels=labels.astype(np.int32))
    assert made.classes == 4
    for split in (made.train, made.validation, made.test):
        assert split.labels.dtype == torch.int64
        assert torch.equal(split.images[:, 0, 0, 0].long() % 4, split.labels)
        counts = torch.bincount(split.labels, minlength=4)
        assert (counts - len(split) / 4).abs().max() <= 1
    again = data.load(f"npz:{path}")
    assert again.fingerprint == made.fingerprint
    assert load(path, images=levels(), labels=labels[::-1].copy()).fingerprint != made.fingerprint
    assert load(path, images=levels(), labels=np.zeros(N, dtype=int)).classes == 0


def test_sizes(path: Path) -> None:
    images = levels(shape=(8, 20))
    images[:, :, :6] = images[:, :, 14:] = 255
    made = load(path, images=images)
    assert made.shape == (1, 8, 8)
    assert all((one == one[0, 0, 0]).all() for one in made.train.images)
    made = load(path, ":size=4", images=images)
    assert (made.name, made.shape) == (f"npz:{path}:size=4", (1, 4, 4))
    assert load(path, ":size=16", images=levels(shape=(8, 8, 3))).shape == (3, 16, 16)


def test_images_that_are_refused(path: Path) -> None:
    assert "float64 from 0 to" in refused(path, images=levels() / 255)
    assert "int16 from 0 to 99" in refused(path, images=levels().astype(np.int16))
    for shape in ((64,), (8, 8, 2), (8, 8, 4), (2, 8, 8), (3, 3), (1, 1, 8, 8)):
        assert "shape 100x" in refused(path, images=levels(shape=shape))
    assert "29 images, fewer than 30" in refused(path, images=levels(29))
    assert "has 0 images" in refused(path, images=levels(0))
    assert "no array `images` (arrays: pixels)" in refused(path, pixels=levels())
    assert "arrays: none" in refused(path)
    with pytest.raises(UserError, match="size=-1: must be a whole number"):
        load(path, ":size=-1", images=levels())


def test_labels_that_are_refused(path: Path) -> None:
    def told(labels: object) -> str:
        return refused(path, images=levels(), labels=labels)

    assert "shape 99; one for each of 100" in told(np.zeros(99, dtype=int))
    assert "shape 100x1" in told(np.zeros((N, 1), dtype=int))
    assert "float64; store them as integers" in told(np.zeros(N))
    assert "bool; store them as integers" in told(np.zeros(N, dtype=bool))
    assert "label -1 is out of line" in told(np.arange(N) % 3 - 1)
    assert "label 1 is out of line: labels must be 0 to 2" in told(np.arange(N) % 3 + 1)
    assert "label 7 is out of line" in told(np.where(np.arange(N) < 50, 0, 7))
    assert "<U3" in told(np.array(["cat"] * N))


def test_nothing_is_unpickled(path: Path, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "exploded",))  # type: ignore[return-value]

    ragged = np.empty(N, dtype=object)
    ragged[:] = [Bomb()] * N
    message = refused(path, images=ragged)
    assert "would have to be unpickled" in message
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(UserError, match=r"is no whole \.npz file"):
        data.load(f"npz:{path}")
    assert not (tmp_path / "exploded").exists()


def test_files_that_are_no_whole_archive(path: Path, tmp_path: Path) -> None:
    def told() -> str:
        with pytest.raises(UserError) as caught:
            data.load(f"npz:{path}")
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "there is no such file" in told()
    path.mkdir()
    assert "is no file; for a folder of images" in told()
    path.rmdir()
    path.touch()
    assert "is empty" in told()
    np.save(tmp_path / "one.npy", levels())
    path.write_bytes((tmp_path / "one.npy").read_bytes())
    assert "is no whole .npz file" in told()
    np.savez_compressed(path, images=np.random.default_rng(0).integers(0, 256, (N, 8, 8), "u1"))
    content = path.read_bytes()
    for share in (0.2, 0.5, 0.95):
        path.write_bytes(content[: int(len(content) * share)])
        assert "is no whole .npz file" in told()
    bad = bytearray(content)
    bad[2000:2100] = bytes(100)
    path.write_bytes(bad)
    assert "is damaged" in told()


@pytest.mark.parametrize("member", ["images", "labels"])
@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        (".npy", b""),
        (".npy", b"no array"),
        ("", b"no array"),
        (".npy", b"\x93NUMPY\1\0"),
        (".npy", b"\x93NUMPY\1\0\x04\0{'de"),
        (".npy", b"\x93NUMPY\1\0\x0c\0{'descr': (\n "),
        (".npy", b"\x93NUMPY\2\0\x04\0\0\0[1]\n"),
        (".npy", b"\x93NUMPY\x09\0\x04\0\0\0[1]\n"),
    ],
)
def test_members_that_are_no_arrays(path: Path, member: str, suffix: str, content: bytes) -> None:
    np.savez(path, **({} if member == "images" else {"images": levels()}))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(member + suffix, content)
    with pytest.raises(UserError, match=r"own\.npz.*anew with numpy\.savez") as caught:
        data.load(f"npz:{path}")
    assert "\n" not in str(caught.value)


def test_far_too_large(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganbench.data.sets.npz.MOST_BYTES", 1000)
    assert "more than 1,000" in refused(path, images=levels())
