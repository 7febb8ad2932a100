"""Damaged files are told from whole ones, and named, before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ganbench.core import cache
from ganbench.core.errors import UserError
from ganbench.data.io import decoding, image_checks
from ganbench.data.io.decoding import decode
from ganbench.data.io.image_checks import Checked, jpeg_is_whole
from tests.data.io.test_decoding import photograph, written


def check_files(folder: Path, names: list[str], decoded: bool = False) -> list[Checked]:
    return image_checks.check_files(folder, names, [decoded] * len(names), 16, 0)


KINDS = {
    "JPEG": {},
    "PNG": {},
    "WEBP": {},
    "BMP": {},
    "GIF": {},
    "TIFF": {},
    "JPEG progressive": {"progressive": True},
    "JPEG with restarts": {"restart_marker_blocks": 4},
}


@pytest.mark.parametrize("kind", KINDS)
def test_whole_files_pass_and_short_ones_do_not(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "image.png"  # the name says nothing
    content = written(photograph(96, 80), kind.split()[0], **KINDS[kind])
    path.write_bytes(content)
    (found,) = check_files(tmp_path, [path.name])
    assert not found.grey
    decode(path, 16, 3)
    for share in (0.001, 0.1, 0.5, 0.9, 0.99):
        path.write_bytes(content[: max(int(len(content) * share), 1)])
        with pytest.raises(UserError, match=r"image\.png is (damaged|no image)") as caught:
            check_files(tmp_path, [path.name])
        assert "\n" not in str(caught.value)
        assert "delete it" in str(caught.value)


def test_a_jpeg_may_lack_its_last_mark_or_have_more_behind_it(tmp_path: Path) -> None:
    content = written(photograph(96, 80), "JPEG")
    assert jpeg_is_whole(content)
    assert jpeg_is_whole(content + b"made by a camera")
    assert not jpeg_is_whole(content[:-2])


def test_a_thumbnails_end_is_not_the_images(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "x" * 10
    inner = written(photograph(16, 16), "JPEG")
    content = written(photograph(96, 80), "JPEG", exif=exif.tobytes() + inner)
    assert inner in content
    assert jpeg_is_whole(content)
    assert not jpeg_is_whole(content[: len(content) // 2])


def test_damage_in_the_middle(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for kind in ("PNG", "JPEG"):
        content = bytearray(written(photograph(96, 80), kind))
        middle = len(content) // 2
        content[middle : middle + 1000] = rng.bytes(1000)
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(UserError, match="bad is damaged"):
            check_files(tmp_path, ["bad"])


def test_held_out_files_are_decoded_too(tmp_path: Path) -> None:
    """A Huffman table that is none: every marker is in its place."""
    content = bytearray(written(photograph(96, 80), "JPEG"))
    table = content.index(b"\xff\xc4") + 5
    content[table : table + 16] = b"\xff" * 16
    path = tmp_path / "bad.jpg"
    path.write_bytes(content)
    check_files(tmp_path, [path.name])
    with pytest.raises(UserError, match=r"bad\.jpg is damaged"):
        check_files(tmp_path, [path.name], decoded=True)
    with pytest.raises(UserError, match=r"bad\.jpg is damaged"):
        decode(path, 16, 3)


@pytest.mark.parametrize("decoded", [False, True])
@pytest.mark.parametrize(
    ("levels", "told"),
    [
        (np.zeros((8, 8), dtype=np.float32), "its pixels are floating-point numbers"),
        (np.full((8, 8), 70_000, dtype=np.int32), "its pixels go from 70000 to 70000"),
        (np.full((8, 8), -3, dtype=np.int32), "its pixels go from -3 to -3"),
    ],
)
def test_pixels_that_the_rule_has_no_place_for(
    levels: NDArray[Any], told: str, decoded: bool, tmp_path: Path
) -> None:
    """Nothing is wrong with the file; in training files it is found as well."""
    Image.fromarray(levels).save(tmp_path / "depth.tif")
    with pytest.raises(UserError, match=rf"depth\.tif cannot be used: {told}, .*convert it"):
        check_files(tmp_path, ["depth.tif"], decoded)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_held_out_files_are_decoded_as_they_will_be(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = []

    def fails(image: Image.Image, size: int, channels: int, span: None) -> None:
        asked.append((size, channels))
        raise decoding.UnsupportedImage("its pixels are odd")

    monkeypatch.setattr(decoding, "fit", fails)
    (tmp_path / "bad").write_bytes(written(photograph(96, 80), kind))
    for channels, used in ((0, 3), (1, 1)):
        with pytest.raises(UserError, match="bad cannot be used: its pixels are odd"):
            image_checks.check_files(tmp_path, ["bad"], [True], 24, channels)
        assert asked.pop() == (24, used)
    if kind != "TIFF":  # the end of a training file is found without
        image_checks.check_files(tmp_path, ["bad"], [False], 24, 0)


def test_what_is_no_image(tmp_path: Path) -> None:
    contents = {
        "page.jpg": b"<html>not found</html>" * 9,
        "script.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=f"{name} is no image"):
            check_files(tmp_path, [name])
    (tmp_path / "nothing.jpg").write_bytes(b"")
    with pytest.raises(UserError, match=r"nothing\.jpg is empty"):
        check_files(tmp_path, ["nothing.jpg"])


def test_more_than_one_bad_file(tmp_path: Path) -> None:
    for name in ("c.png", "a.png", "b.png"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(UserError, match=r"a\.png is empty.*\(2 more files"):
        check_files(tmp_path, ["a.png", "b.png", "c.png"])


def test_far_too_many_pixels(tmp_path: Path) -> None:
    """A small file that says it has 10^10 pixels is refused, not unpacked."""
    content = bytearray(written(Image.new("1", (8, 8)), "PNG"))
    content[16:24] = (100_000).to_bytes(4, "big") * 2
    (tmp_path / "bomb.png").write_bytes(content)
    with pytest.raises(UserError, match=r"bomb\.png"):
        check_files(tmp_path, ["bomb.png"])
    large = written(Image.new("1", (10_000, 9_000)), "PNG")
    (tmp_path / "large.png").write_bytes(large)
    with pytest.raises(UserError, match=r"large\.png has 90,000,000 pixels"):
        check_files(tmp_path, ["large.png"])


def test_checks_are_kept_until_a_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path / "kept"))
    monkeypatch.setattr(cache, "SLOW", 0)
    names = ["a.png", "b.png"]
    for i, name in enumerate(names):
        photograph(8, 8, i).save(tmp_path / name)
    looked: list[str] = []
    check = image_checks._check

    def seen(path: Path, *rest: Any) -> Checked:
        looked.append(path.name)
        return check(path, *rest)

    monkeypatch.setattr(image_checks, "_check", seen)
    first = check_files(tmp_path, names)
    assert sorted(looked) == names
    assert check_files(tmp_path, names) == first
    assert len(looked) == 2
    image_checks.check_files(tmp_path, names, [False] * 2, 32, 0)
    assert len(looked) == 4  # an image of another size is made in another way
    photograph(8, 8, 5).save(tmp_path / "b.png")
    second = check_files(tmp_path, names)
    assert [a == b for a, b in zip(first, second, strict=True)] == [True, False]
    for file in (tmp_path / "kept").rglob("files-*"):  # damage to what was kept is no harm
        file.write_bytes(file.read_bytes()[:-5])
    assert check_files(tmp_path, names) == second
