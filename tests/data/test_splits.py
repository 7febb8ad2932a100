"""Every class is in every split; what was fine before is where it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ganbench import data
from ganbench.core.errors import UserError
from ganbench.data.dataset import Dataset
from ganbench.data.sets.folder import by_hash
from ganbench.data.splits import every_class, split_rows


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path_factory.mktemp("cache")))


def fill(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(names):
        Image.fromarray(np.arange(i, i + 64, dtype=np.uint8).reshape(8, 8) * 2).save(folder / name)


def counts(found: Dataset) -> NDArray[np.int64]:
    """Images (3, classes) of each split and class."""
    splits = (found.train, found.validation, found.test)
    return np.stack([np.bincount(s.labels.numpy(), minlength=found.classes) for s in splits])


def falling_to(kind: str, split: int, n: int) -> list[str]:
    """n names whose hash puts them into one split."""
    return [
        name for name in map("{}.png".format, range(2000)) if by_hash(f"{kind}/{name}") == split
    ][:n]


@pytest.mark.parametrize("split", [0, 1, 2])
def test_a_class_whose_files_all_fall_to_one_split_is_in_all(split: int, tmp_path: Path) -> None:
    fill(tmp_path / "cat", [f"{i}.png" for i in range(60)])
    fill(tmp_path / "rare", falling_to("rare", split, 4))
    found = data.load(f"folder:{tmp_path}:size=8")
    rare = counts(found)[:, 1].tolist()
    assert sorted(rare) == [1, 1, 2]
    assert rare[split] == 2
    assert counts(found)[:, 0].tolist() == [
        sum(by_hash(f"cat/{i}.png") == part for i in range(60)) for part in range(3)
    ]


@pytest.mark.parametrize("kind", ["folder", "npz"])
def test_sixty_classes_of_three_images(kind: str, tmp_path: Path) -> None:
    if kind == "folder":
        for i in range(60):
            fill(tmp_path / "own" / f"{i:02}", ["a.png", "b.png", "c.png"])
        found = data.load(f"folder:{tmp_path / 'own'}:size=8")
    else:
        images = np.random.default_rng(0).integers(0, 256, (180, 8, 8), dtype=np.uint8)
        np.savez(tmp_path / "own.npz", images=images, labels=np.arange(180) % 60)
        found = data.load(f"npz:{tmp_path / 'own.npz'}")
    assert found.classes == 60
    assert counts(found).tolist() == [[1] * 60] * 3


def test_images_without_classes_fill_every_split(tmp_path: Path) -> None:
    fill(tmp_path, [name for name in map("{}.png".format, range(99)) if not by_hash(name)][:30])
    found = data.load(f"folder:{tmp_path}:size=8")
    assert [len(part) for part in (found.train, found.validation, found.test)] == [28, 1, 1]


def test_classes_too_small_to_be_split_are_named_with_their_counts(tmp_path: Path) -> None:
    fill(tmp_path / "folder" / "cat", [f"{i}.png" for i in range(40)])
    for i in range(7):
        fill(tmp_path / "folder" / f"rare {i}", ["a.png", "b.png"][: 1 + i % 2])
    with pytest.raises(
        UserError, match=r"fewer than 3 images of class rare 0 \(1\), rare 1 \(2\)"
    ) as told:
        data.load(f"folder:{tmp_path / 'folder'}")
    assert "and 2 more" in str(told.value)
    assert "\n" not in str(told.value)
    images = np.random.default_rng(0).integers(0, 256, (100, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "own.npz", images=images, labels=np.maximum(np.arange(100) - 98, 0))
    with pytest.raises(UserError, match=r"of class 1 \(1\): each must be"):
        data.load(f"npz:{tmp_path / 'own.npz'}")


def test_only_what_lacks_something_moves() -> None:
    kinds = np.repeat([0, 1, 2], [4, 3, 2])
    parts = np.array([0, 1, 2, 0, 2, 2, 2, 1, 1])
    assert every_class(parts, kinds).tolist() == [0, 1, 2, 0, 2, 0, 1, 1, 1]


def test_any_class_of_three_is_everywhere() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        labels = np.repeat(np.arange(20), rng.integers(3, 14, 20))
        rng.shuffle(labels)
        rows = split_rows(labels)
        assert sorted(np.concatenate(rows).tolist()) == list(range(len(labels)))
        assert all(len(np.unique(labels[part])) == 20 for part in rows)


def test_data_sets_whose_split_was_fine_keep_their_fingerprint(tmp_path: Path) -> None:
    """As they were before classes were looked at (commit b69900b)."""
    known = {
        "digits": "e42b6fd531e41de8",
        "sprites": "a7ad6e9e5d6d93dc",
        "ring": "c008dce905ada3b1",
        "grid": "54c2a62e5ea1c40f",
    }
    assert {name: data.load(name).fingerprint for name in known} == known
    images = np.broadcast_to(np.arange(200, dtype=np.uint8)[:, None, None], (200, 8, 8))
    np.savez(tmp_path / "own.npz", images=images, labels=np.arange(200) % 4)
    assert data.load(f"npz:{tmp_path / 'own.npz'}").fingerprint == "d2dc18622750d547"
    for kind in range(3):
        (tmp_path / "folder" / f"c{kind}").mkdir(parents=True)
        for i in range(60):
            grey = Image.new("L", (8, 8), kind * 80 + i)
            grey.save(tmp_path / "folder" / f"c{kind}" / f"{i:05}.bmp")
    found = data.load(f"folder:{tmp_path / 'folder'}:size=8")
    assert counts(found).tolist() == [
        [sum(by_hash(f"c{k}/{i:05}.bmp") == part for i in range(60)) for k in range(3)]
        for part in range(3)
    ]
