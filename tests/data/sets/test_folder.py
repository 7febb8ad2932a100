"""`folder:PATH`: layouts, splits, and one line for whatever cannot be used."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganbench import data
from ganbench.core.errors import UserError
from ganbench.data.dataset import Streamed
from ganbench.data.sets.folder import by_hash


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path_factory.mktemp("cache")))


def fill(folder: Path, n: int, start: int = 0, mode: str = "L", suffix: str = "png") -> None:
    """n images of one level each: image i is i."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(start, start + n):
        Image.new("L", (8, 8), i % 256).convert(mode).save(folder / f"{i:05}.{suffix}")


def refused(folder: Path, options: str = "") -> str:
    with pytest.raises(UserError) as caught:
        data.load(f"folder:{folder}{options}")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_images_without_classes(tmp_path: Path) -> None:
    fill(tmp_path / "a", 100)
    for junk in ("notes.txt", ".DS_Store", ".hidden.png", "Thumbs.db"):
        (tmp_path / "a" / junk).write_text("x")
    (tmp_path / "a" / ".git").mkdir()
    (tmp_path / "a" / "empty").mkdir()
    found = data.load(f"folder:{tmp_path / 'a'}:size=16")
    assert found.name == f"folder:{tmp_path / 'a'}:size=16"
    assert (found.classes, found.shape) == (0, (1, 16, 16))
    splits = (found.train, found.validation, found.test)
    assert all(isinstance(split, Streamed) for split in splits)
    levels = [split[:].images[:, 0, 0, 0].tolist() for split in splits]
    assert sorted(level for part in levels for level in part) == list(range(100))
    assert [len(part) for part in levels] == [
        sum(by_hash(f"{i:05}.png") == split for i in range(100)) for split in range(3)
    ]
    assert not found.train.labels.any()
    assert all(part == sorted(part) for part in levels)


def test_default_size_and_colour(tmp_path: Path) -> None:
    fill(tmp_path, 40)
    assert data.load(f"folder:{tmp_path}").shape == (1, 64, 64)
    assert data.load(f"folder:{tmp_path}:channels=3").shape == (3, 64, 64)
    fill(tmp_path, 1, 40, "RGB")
    assert data.load(f"folder:{tmp_path}").shape == (3, 64, 64)
    assert data.load(f"folder:{tmp_path}:size=8,channels=1").shape == (1, 8, 8)


def test_shares_of_the_splits() -> None:
    counts = Counter(by_hash(f"images/{i}.jpg") for i in range(10_000))
    assert abs(counts[0] - 8000) < 160  # four standard deviations
    assert abs(counts[1] - 1000) < 120
    assert by_hash("cat/1.jpg") == 0  # the same for ever
    # `printf 3.jpg | sha256sum` begins da87, which is 0.854 of the way
    assert [by_hash(f"{i}.jpg") for i in range(8)] == [0, 0, 0, 1, 0, 0, 0, 0]


def test_files_stay_in_their_split_when_others_are_added(tmp_path: Path) -> None:
    fill(tmp_path, 60)
    before = data.load(f"folder:{tmp_path}:size=8")
    fill(tmp_path, 60, 60)
    after = data.load(f"folder:{tmp_path}:size=8")
    for name in ("train", "validation", "test"):
        few = getattr(before, name)[:].images[:, 0, 0, 0].tolist()
        many = getattr(after, name)[:].images[:, 0, 0, 0].tolist()
        assert [level for level in many if level < 60] == few


def test_folders_are_classes_in_sorted_order(tmp_path: Path) -> None:
    for i, name in enumerate(("dog", "ape", "cat")):
        fill(tmp_path / name / "deeper", 50, 50 * i)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "x.txt").write_text("x")
    found = data.load(f"folder:{tmp_path}:size=8")
    assert found.classes == 3
    for split in (found.train, found.validation, found.test):
        read = split[:]
        kinds = read.images[:, 0, 0, 0].long() // 50  # dog, ape, cat
        assert torch.equal(read.labels, torch.tensor([2, 0, 1])[kinds])


def test_one_folder_is_no_class(tmp_path: Path) -> None:
    fill(tmp_path / "all", 50)
    assert data.load(f"folder:{tmp_path}:size=8").classes == 0


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Train", "validation", "TEST")])
@pytest.mark.parametrize("classes", [(), ("a", "b")])
def test_folders_as_splits(
    tmp_path: Path, names: tuple[str, ...], classes: tuple[str, ...]
) -> None:
    for i, name in enumerate(names):
        for j, kind in enumerate(classes or ("",)):
            fill(tmp_path / name / kind, 15, 60 * i + 20 * j)
    found = data.load(f"folder:{tmp_path}:size=8")
    assert found.classes == len(classes)
    for i, split in enumerate((found.train, found.validation, found.test)):
        levels = split[:].images[:, 0, 0, 0].long()
        assert set((levels // 60).tolist()) == {i}
        if classes:
            assert torch.equal(split.labels, levels % 60 // 20)


@pytest.mark.parametrize(
    "names", [("train", "test"), ("train",), ("train", "val", "valid", "test")]
)
def test_splits_must_be_three(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        fill(tmp_path / name, 20)
    assert "exactly train/, val/ and test/" in refused(tmp_path)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    for name in ("train", "car", "ship"):
        fill(tmp_path / name, 30)
    assert data.load(f"folder:{tmp_path}:size=8").classes == 3


def test_layouts_that_leave_open_what_is_meant(tmp_path: Path) -> None:
    fill(tmp_path / "a" / "cat", 30)
    fill(tmp_path / "a", 30)
    assert f"{tmp_path / 'a' / '00000.png'} lies beside folders of classes (cat/)" in refused(
        tmp_path / "a"
    )
    for name in ("train", "val", "test"):
        fill(tmp_path / "b" / name, 20)
    fill(tmp_path / "b" / "more", 1)
    assert f"{tmp_path / 'b' / 'more' / '00000.png'} lies beside the splits" in refused(
        tmp_path / "b"
    )
    for name in ("train", "val", "test"):
        fill(tmp_path / "c" / name / "cat", 20)
    fill(tmp_path / "c" / "test" / "dog", 1)
    assert "is of class dog, which train/ has no images of" in refused(tmp_path / "c")


def test_nothing_to_use(tmp_path: Path) -> None:
    assert "there is no such folder" in refused(tmp_path / "none")
    (tmp_path / "file.txt").write_text("x")
    assert "is no folder" in refused(tmp_path / "file.txt")
    assert "has no images" in refused(tmp_path)
    fill(tmp_path, 29)
    assert "29 images, fewer than 30" in refused(tmp_path)


@pytest.mark.parametrize("size", ["0", "3", "-8", "8.5", "many", "2000", "²"])
def test_bad_sizes(tmp_path: Path, size: str) -> None:
    assert "must be a whole number from 4 to 1024" in refused(tmp_path, f":size={size}")


def test_bad_options(tmp_path: Path) -> None:
    assert "channels" in refused(tmp_path, ":channels=2")
    assert "did you mean 'size'" in refused(tmp_path, ":siz=8")


def test_damaged_files_are_named_at_the_start(tmp_path: Path) -> None:
    fill(tmp_path, 40, suffix="jpg", mode="RGB")
    victim = tmp_path / "00017.jpg"
    content = victim.read_bytes()
    victim.write_bytes(content[:-40])
    assert f"{victim} is damaged" in refused(tmp_path)
    victim.write_bytes(b"")
    assert f"{victim} is empty" in refused(tmp_path)
    victim.write_bytes(content)
    link = tmp_path / "z.png"
    link.symlink_to(tmp_path / "nowhere.png")
    assert f"{link} is no file" in refused(tmp_path)
    link.unlink()
    data.load(f"folder:{tmp_path}")


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_floating_point_pixels_are_found_at_the_start(split: str, tmp_path: Path) -> None:
    for name in ("train", "val", "test"):
        fill(tmp_path / name, 15)
    depth = tmp_path / split / "depth.tif"
    Image.fromarray(np.zeros((8, 8), dtype=np.float32)).save(depth)
    message = refused(tmp_path)
    assert f"{depth} cannot be used: its pixels are floating-point numbers" in message
    assert "damaged" not in message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_files_that_may_not_be_read(tmp_path: Path) -> None:
    fill(tmp_path, 40)
    (tmp_path / "00003.png").chmod(0)
    assert "cannot read" in refused(tmp_path)


def test_files_that_vanish_are_named_when_they_are_due(tmp_path: Path) -> None:
    fill(tmp_path, 40)
    found = data.load(f"folder:{tmp_path}:size=8")
    for file in tmp_path.iterdir():
        file.unlink()
    with pytest.raises(UserError, match=r"\.png is not there any more"):
        found.train[:3]


def test_links_that_lead_in_a_circle(tmp_path: Path) -> None:
    fill(tmp_path / "data" / "cat", 40)
    fill(tmp_path / "elsewhere", 40)
    (tmp_path / "data" / "cat" / "up").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "dog").symlink_to(tmp_path / "elsewhere")
    found = data.load(f"folder:{tmp_path / 'data'}:size=8")
    assert found.classes == 2
    assert sum(map(len, (found.train, found.validation, found.test))) == 80


def test_the_fingerprint_is_that_of_the_contents(tmp_path: Path) -> None:
    fill(tmp_path / "a", 40)
    fill(tmp_path / "b", 40)
    prints = [data.load(f"folder:{tmp_path / name}").fingerprint for name in "ab"]
    assert prints[0] == prints[1]
    fill(tmp_path / "b", 1, 5, mode="RGB")
    again = [data.load(f"folder:{tmp_path / 'b'}:channels=1{more}") for more in ("", ",size=8")]
    assert len({prints[0], *(one.fingerprint for one in again)}) == 3


def test_streamed_and_read_at_once_are_the_same(tmp_path: Path) -> None:
    fill(tmp_path, 60)
    found = data.load(f"folder:{tmp_path}:size=8")
    whole = found.train[:]
    rows = torch.tensor([5, 0, 5, 20])
    assert torch.equal(found.train[rows].images, whole.images[rows])
    assert np.array_equal(found.train[rows].images[:, 0, 0, 0], whole.images[rows][:, 0, 0, 0])
