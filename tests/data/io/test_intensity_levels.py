"""Images that use a sliver of their type's range: told, scaled on request, refused as black."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from ganbench import data
from ganbench.core.errors import UserError
from ganbench.data.dataset import Dataset
from ganbench.data.io.intensity_levels import Span, span_of, suggested

N = 60


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path_factory.mktemp("cache")))


def scenes(top: int) -> NDArray[np.int64]:
    """N images of 8x8 whose levels go from 0 to top."""
    drawn = np.random.default_rng(0).integers(0, top + 1, (N, 8, 8))
    drawn[:, 0, 0], drawn[:, 7, 7] = 0, top
    return drawn


def written(folder: Path, images: NDArray[np.generic], suffix: str = "png") -> str:
    folder.mkdir(exist_ok=True)
    for i, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{i:03}.{suffix}")
    return f"folder:{folder}:size=8"


def packed(path: Path, images: NDArray[np.generic]) -> str:
    np.savez(path, images=images)
    return f"npz:{path}"


def pixels(found: Dataset) -> list[bytes]:
    splits = (found.train, found.validation, found.test)
    return sorted(image.numpy().tobytes() for part in splits for image in part[:].images)


def bytes_of(images: NDArray[np.integer], top: float) -> list[bytes]:
    return sorted(one.tobytes() for one in np.rint(images * (255 / top)).astype(np.uint8))


def told(spec: str) -> str:
    (notice,) = data.load(spec).notices
    return notice


def refused(spec: str) -> str:
    with pytest.raises(UserError) as caught:
        data.load(spec)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_twelve_bits_in_files_of_sixteen(tmp_path: Path) -> None:
    images = scenes(4095).astype(np.uint16)
    spec = written(tmp_path / "xray", images)
    notice = told(spec)
    assert "levels go from 0 to 4095, a small part of 0 to 65535" in notice
    assert f"data set folder:{tmp_path / 'xray'}:size=8,range=0-4095 scales them" in notice
    scaled = data.load(f"{spec},range=0-4095")
    assert not scaled.notices
    assert [len(scaled.train), scaled.shape] == [len(data.load(spec).train), (1, 8, 8)]
    assert pixels(scaled) == bytes_of(images, 4095)
    assert scaled.fingerprint != data.load(spec).fingerprint
    assert scaled.name.endswith(":size=8,range=0-4095")


def test_zeros_and_ones_in_bytes(tmp_path: Path) -> None:
    images = scenes(1).astype(np.uint8)
    spec = packed(tmp_path / "masks.npz", images)
    assert "levels go from 0 to 1, a small part of 0 to 255" in told(spec)
    assert f"npz:{tmp_path / 'masks.npz'}:range=0-1 scales them" in told(spec)
    scaled = data.load(f"{spec}:range=0-1")
    assert not scaled.notices
    assert pixels(scaled) == bytes_of(images, 1)
    folder = written(tmp_path / "masks", images)
    assert "range=0-1 scales them" in told(folder)
    assert pixels(data.load(f"{folder},range=0-1")) == pixels(scaled)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint16, np.int64, np.bool_])
def test_arrays_of_other_numbers_say_their_range(dtype: type, tmp_path: Path) -> None:
    images = scenes(1).astype(dtype)
    spec = packed(tmp_path / "own.npz", images)
    message = refused(spec)
    assert f"{np.dtype(dtype)} from 0 to 1; say which levels are black and white" in message
    assert f"npz:{tmp_path / 'own.npz'}:range=0-1" in message
    assert pixels(data.load(f"{spec}:range=0-1")) == bytes_of(scenes(1), 1)


def test_floating_point_files_are_read_where_a_range_is_given(tmp_path: Path) -> None:
    images = scenes(255)
    spec = written(tmp_path / "depth", (images / 255).astype(np.float32), "tif")
    assert "floating-point numbers" in refused(spec)
    assert "range=LOW-HIGH" in refused(spec)
    assert pixels(data.load(f"{spec},range=0-1")) == bytes_of(images, 255)
    nothing = written(tmp_path / "nan", np.full((N, 8, 8), np.nan, dtype=np.float32), "tif")
    assert "not all finite" in refused(f"{nothing},range=0-1")


def test_where_nothing_is_left_it_is_refused(tmp_path: Path) -> None:
    grey = np.full((N, 8, 8), 7, dtype=np.uint8)
    for spec in (written(tmp_path / "grey", grey), packed(tmp_path / "grey.npz", grey)):
        assert "every pixel of every image is 7: nothing can be learned" in refused(spec)
    faint = written(tmp_path / "faint", scenes(100).astype(np.uint16))
    assert "levels go from 0 to 100, and as part of 0 to 65535 become one" in refused(faint)
    assert "size=8,range=0-127 scales them" in refused(faint)
    assert "as part of 500 to 600 become one" in refused(f"{faint},range=500-600")
    assert "not finite" in refused(packed(tmp_path / "nan.npz", np.full((N, 8, 8), np.inf)))
    assert "complex128; store them" in refused(packed(tmp_path / "c.npz", grey.astype(complex)))


def test_levels_beyond_the_range_are_told(tmp_path: Path) -> None:
    spec = written(tmp_path / "deep", scenes(5000).astype(np.uint16))
    assert "levels go from 0 to 5000, and beyond range=0-4095 are cut off" in told(
        f"{spec},range=0-4095"
    )


def test_ordinary_images_are_not_remarked_upon(tmp_path: Path) -> None:
    assert not data.load(written(tmp_path / "a", scenes(255).astype(np.uint8))).notices
    assert not data.load(written(tmp_path / "b", scenes(60_000).astype(np.uint16))).notices
    assert not data.load(packed(tmp_path / "c.npz", scenes(200).astype(np.uint8))).notices
    assert not data.load("digits").notices


def test_a_training_image_that_uses_the_range_is_enough(tmp_path: Path) -> None:
    """Training files are decoded, and looked at, before all of a folder is called dark."""
    images = scenes(20).astype(np.uint8)
    spec = written(tmp_path / "night", images, "jpg")
    assert "a small part of 0 to 255" in told(spec)
    from ganbench.data.sets.folder import by_hash

    number = next(i for i in range(N) if by_hash(f"{i:03}.jpg") == 0)
    Image.fromarray(scenes(255)[0].astype(np.uint8)).save(tmp_path / "night" / f"{number:03}.jpg")
    assert not data.load(spec).notices


def test_files_of_different_types(tmp_path: Path) -> None:
    spec = written(tmp_path, scenes(255)[:40].astype(np.uint8))
    for i, image in enumerate(scenes(4095)[:40].astype(np.uint16)):
        Image.fromarray(image).save(tmp_path / f"deep{i:02}.png")
    notice = told(spec)
    assert f"{tmp_path / 'deep00.png'} and others of its type: levels go from 0 to 4095" in notice
    assert "store all images with levels of 8 bits" in notice
    assert "000.png and deep00.png have levels of different types" in refused(f"{spec},range=0-9")


@pytest.mark.parametrize(
    "text", ["", "5", "0-", "5-5", "9-2", "0-x", "a-b", "0--", "0-inf", "nan-1", "0-1-2"]
)
@pytest.mark.parametrize("kind", ["folder", "npz"])
def test_ranges_that_are_none(kind: str, text: str, tmp_path: Path) -> None:
    spec = written(tmp_path / "a", scenes(255).astype(np.uint8)).removesuffix(":size=8")
    spec = spec if kind == "folder" else packed(tmp_path / "a.npz", scenes(255).astype(np.uint8))
    assert f"range={text}: must be full, or the levels" in refused(f"{spec}:range={text}")


def test_ranges() -> None:
    assert span_of("full") is None
    assert span_of("0-4095") == Span(0, 4095)
    assert span_of("-1-1") == Span(-1, 1)
    assert span_of("-1024-3071") == Span(-1024, 3071)
    assert span_of("-2.5--1e-3") == Span(-2.5, -0.001)
    assert str(Span(-0.5, 4095)) == "-0.5-4095"


@pytest.mark.parametrize(
    ("used", "meant"),
    [
        (Span(0, 1), Span(0, 1)),
        (Span(0.01, 0.98), Span(0, 1)),
        (Span(3, 4000), Span(0, 4095)),
        (Span(0, 254.9), Span(0, 255)),
        (Span(-0.99, 0.97), Span(-1, 1)),
        (Span(30_000, 31_000), Span(30_000, 31_000)),
        (Span(0, 0.001), Span(0, 0.001)),
    ],
)
def test_the_range_that_was_probably_meant(used: Span, meant: Span) -> None:
    assert suggested(used) == meant


def test_levels_are_scaled_before_images_are_resized(tmp_path: Path) -> None:
    """Of zeros and ones the mean of an edge would otherwise be a zero or a one."""
    images = np.zeros((N, 16, 16), dtype=np.uint8)
    images[:, :, 5:] = 1
    for spec in (written(tmp_path / "a", images), packed(tmp_path / "a.npz", images) + ":size=8"):
        read = data.load(f"{spec},range=0-1").train[:].images
        assert len(torch.unique(read)) > 2
