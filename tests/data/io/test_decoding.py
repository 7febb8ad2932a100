"""The rule by which files become images, and how whole files are told from damaged ones."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ganbench.core.errors import UserError
from ganbench.data.io.decoding import UnsupportedImage, decode, fit


def photograph(width: int, height: int, seed: int = 0) -> Image.Image:
    """Smooth colours with some noise, as a photograph has."""
    rng = np.random.default_rng(seed)
    smooth = Image.fromarray(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8))
    pixels = np.asarray(smooth.resize((width, height), Image.Resampling.BICUBIC)).astype(int)
    noisy = pixels + rng.integers(-8, 9, pixels.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def written(image: Image.Image, kind: str, **options: object) -> bytes:
    content = BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def near(a: NDArray[np.uint8], b: NDArray[np.uint8], mean: float) -> bool:
    return bool(np.abs(a.astype(int) - b.astype(int)).mean() < mean)


def test_the_middle_is_cropped_and_nothing_is_squeezed() -> None:
    pixels = np.zeros((10, 30, 3), dtype=np.uint8)
    pixels[:, 10:20] = (10, 20, 30)
    pixels[:, :10] = 255
    for image in (Image.fromarray(pixels), Image.fromarray(pixels.swapaxes(0, 1))):
        found = fit(image, 10, 3)
        assert found.shape == (3, 10, 10)
        assert found.transpose(1, 2, 0).reshape(-1, 3).tolist() == [[10, 20, 30]] * 100


def test_an_image_of_the_right_size_keeps_its_pixels() -> None:
    image = photograph(16, 16)
    assert np.array_equal(fit(image, 16, 3).transpose(1, 2, 0), np.asarray(image))


def test_small_images_are_enlarged_and_large_ones_averaged() -> None:
    """A fine chequerboard becomes grey: the filter is as wide as the scale (no aliasing)."""
    board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    assert np.abs(fit(Image.fromarray(board), 8, 1).astype(int) - 127).max() <= 6
    assert fit(Image.fromarray(np.full((3, 3), 77, np.uint8)), 8, 1).tolist() == [[[77] * 8] * 8]


def test_luma_of_colour() -> None:
    red = Image.new("RGB", (8, 8), (255, 0, 0))
    assert set(fit(red, 8, 1).flatten().tolist()) == {76}  # 0.299 * 255, ITU-R 601


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_lies_over_black(mode: str) -> None:
    image = Image.new("RGBA", (8, 8), (200, 200, 200, 255))
    image.paste((200, 200, 200, 0), (0, 0, 8, 4))
    if mode == "P":
        image = Image.open(BytesIO(written(image, "GIF")))
        assert image.mode == "P"
    elif mode == "LA":
        image = image.convert("LA")
    found = fit(image, 8, 3)
    assert set(found[:, :4].flatten().tolist()) == {0}
    assert set(found[:, 4:].flatten().tolist()) == {200}


def test_half_transparent() -> None:
    assert set(fit(Image.new("LA", (8, 8), (200, 128)), 8, 1).flatten().tolist()) == {100}


def test_sixteen_bits_are_scaled() -> None:
    levels = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1040
    stored = Image.open(BytesIO(written(Image.fromarray(levels), "PNG")))
    assert np.array_equal(fit(stored, 8, 1)[0], np.round(levels / 257).astype(np.uint8))
    with pytest.raises(UnsupportedImage, match="floating-point"):
        fit(Image.fromarray(np.zeros((8, 8), dtype=np.float32)), 8, 1)
    with pytest.raises(UnsupportedImage, match="from 70000 to 70000"):
        fit(Image.fromarray(np.full((8, 8), 70_000, dtype=np.int32)), 8, 1)
    assert fit(Image.fromarray(np.full((8, 8), 65_535, dtype=np.int32)), 8, 1).min() == 255


def test_palettes_bits_and_cmyk() -> None:
    image = photograph(16, 16)
    few = image.quantize(8)
    assert np.array_equal(fit(few, 16, 3), fit(few.convert("RGB"), 16, 3))
    assert set(fit(Image.new("1", (8, 8), 1), 8, 3).flatten().tolist()) == {255}
    assert near(fit(image.convert("CMYK"), 16, 3), fit(image, 16, 3), 2)
    assert fit(Image.new("LAB", (8, 8), (255, 128, 128)), 8, 1).min() > 250  # L is lightness


def test_orientation_is_followed(tmp_path: Path) -> None:
    image = Image.new("L", (16, 16))
    image.paste(255, (0, 0, 8, 8))  # bright at the top left
    turned = image.transpose(Image.Transpose.ROTATE_90)  # as a camera on its side stores it
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it clockwise to see it
    path = tmp_path / "turned.jpg"
    turned.save(path, quality=95, exif=exif)
    assert near(decode(path, 16, 1), fit(image, 16, 1), 3)
    assert not near(decode(path, 16, 1), fit(turned, 16, 1), 60)


def test_a_large_jpeg_is_decoded_at_less_than_its_size(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    photograph(700, 500).save(path, quality=95)
    with Image.open(path) as image:
        whole = fit(image, 32, 3)
    found = decode(path, 32, 3)
    assert not np.array_equal(found, whole)
    assert near(found, whole, 1.5)


def test_animations_show_their_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("L", (8, 8), level) for level in (50, 100, 150)]
    for name in ("one.gif", "one.webp"):
        path = tmp_path / name
        frames[0].save(path, save_all=True, append_images=frames[1:])
        assert np.abs(decode(path, 8, 1).astype(int) - 50).max() <= 2


def test_a_file_that_changed_after_the_check_is_named(tmp_path: Path) -> None:
    path = tmp_path / "image.jpg"
    content = written(photograph(64, 64), "JPEG")
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"image\.jpg is damaged"):
        decode(path, 16, 3)
    path.unlink()
    with pytest.raises(UserError, match=r"image\.jpg is not there any more"):
        decode(path, 16, 3)
