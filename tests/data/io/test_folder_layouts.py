"""What a folder holds that is probably not what was meant is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganbench import data
from ganbench.core.errors import UserError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path_factory.mktemp("cache")))


def fill(folder: Path, n: int = 20, suffix: str = "png") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        image = Image.fromarray(np.arange(i, i + 256, dtype=np.uint8).reshape(16, 16))
        image.save(folder / f"{i}.{suffix}", "JPEG" if suffix == "jfif" else None)


def told(folder: Path) -> tuple[str, ...]:
    found = data.load(f"folder:{folder}:size=8").notices
    assert all(line.startswith(f"{folder}: ") for line in found)
    return found


def test_nothing_is_said_of_what_is_in_order(tmp_path: Path) -> None:
    fill(tmp_path / "a" / "cat")
    fill(tmp_path / "a" / "dog" / "deeper")
    (tmp_path / "a" / "README.txt").write_text("x")
    assert told(tmp_path / "a") == ()
    fill(tmp_path / "b", 40)
    assert told(tmp_path / "b") == ()


@pytest.mark.parametrize("names", [("cat", "dog"), ("train", "val", "test")])
def test_a_folder_one_level_too_high(names: tuple[str, ...], tmp_path: Path) -> None:
    for name in names:
        fill(tmp_path / "animals" / name)
    (notice,) = told(tmp_path)
    assert "images in sub-folders of animals/ count as of one class, and there are no labels" in (
        notice
    )
    assert all(f"animals/{name}/" in notice for name in names)
    assert "name the folder that they lie in" in notice


def test_a_folder_two_levels_too_high(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        fill(tmp_path / "x" / "animals" / name)
    (notice,) = told(tmp_path)
    assert "x/animals/cat/, x/animals/dog/" in notice


def test_names_below_classes_are_lost(tmp_path: Path) -> None:
    for name in ("cat", "dog", "ape", "cow"):
        fill(tmp_path / "farm" / name)
    fill(tmp_path / "wild")
    (notice,) = told(tmp_path)
    assert "count as of one class, and their names are lost" in notice
    assert "farm/ape/, farm/cat/, farm/cow/ and 1 more" in notice
    for split in ("train", "val", "test"):
        for name in ("cat", "dog"):
            fill(tmp_path / "split" / split / "all" / name)
    (notice,) = told(tmp_path / "split")
    assert "sub-folders of all/ count as of one class, and there are no labels" in notice


@pytest.mark.parametrize("suffix", ["jfif", "jpe", "avif", "heic", "HEIC"])
def test_types_that_are_not_read(suffix: str, tmp_path: Path) -> None:
    fill(tmp_path, 40)
    for i in range(12):
        (tmp_path / f"other{i}.{suffix}").write_bytes(b"x")
    (notice,) = told(tmp_path)
    assert f"image files of other types are not read (.{suffix.lower()} 12): convert them" in notice


def test_nothing_but_types_that_are_not_read(tmp_path: Path) -> None:
    fill(tmp_path, 30, "jfif")
    with pytest.raises(
        UserError, match=r"has no images .*\.jpg.*; image files .*not read \(\.jfif 30"
    ):
        data.load(f"folder:{tmp_path}")


def test_a_class_that_is_lost(tmp_path: Path) -> None:
    fill(tmp_path / "cat", 40)
    fill(tmp_path / "dog", 40, "jfif")
    (tmp_path / "fish").mkdir()
    unread, lost = told(tmp_path)
    assert "image files of other types are not read (.jfif 40)" in unread
    assert "dog/, fish/ have no images that are read, and so no class is made" in lost


def test_a_class_that_is_not_held_out(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        fill(tmp_path / split / "cat")
        if split != "test":
            fill(tmp_path / split / "dog")
    (notice,) = told(tmp_path)
    assert "none of the images for test are of class dog/" in notice


def test_a_path_for_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(spec: str) -> str:
        with pytest.raises(UserError) as caught:
            data.load(spec)
        return str(caught.value)

    (tmp_path / "shapes").mkdir()
    (tmp_path / "own.npz").touch()
    monkeypatch.chdir(tmp_path / "shapes")
    assert asked("../shapes") == ("unknown data set '../shapes'; did you mean folder:../shapes?")
    assert "did you mean npz:../own.npz?" in asked("../own.npz")
    assert "did you mean folder:../none? (there is nothing at this path)" in asked("../none")
    assert "did you mean folder:" not in asked("dgits")
    monkeypatch.chdir(tmp_path)
    assert "did you mean folder:shapes?" in asked("shapes")
    assert "; for arrays there is npz:PATH" in asked("folder:own.npz")
