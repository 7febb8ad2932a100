import functools

import numpy as np
import pytest
import torch

from ganbench import data
from ganbench.core.errors import UserError
from ganbench.data import factors
from ganbench.data.dataset import Dataset
from ganbench.data.sets import sprites

rendered = functools.cache(sprites.render)


@pytest.fixture(scope="module")
def world() -> Dataset:
    return data.load("sprites")


def test_splits(world: Dataset) -> None:
    assert [len(s) for s in (world.train, world.validation, world.test)] == [7370, 923, 923]
    assert world.shape == (1, 16, 16)
    assert world.classes == 3
    assert world.name == "sprites"
    parts = [s.factors for s in (world.train, world.validation, world.test)]
    whole = torch.cat([part for part in parts if part is not None])
    assert whole.unique(dim=0).shape == (9216, 5)
    for split in (world.train, world.validation, world.test):
        assert split.factors is not None
        assert torch.equal(split.labels, split.factors[:, 0])
        share = torch.bincount(split.labels) / len(split)
        assert (share - 1 / 3).abs().max() < 0.001


def test_they_are_the_same_everywhere(world: Dataset) -> None:
    assert world.fingerprint == "a7ad6e9e5d6d93dc"
    assert data.load("sprites:size=64").fingerprint == "265d07232daec5b2"


def test_the_source_tells_the_factors(world: Dataset) -> None:
    assert world.world is not None
    assert data.source("sprites").factors == world.world.names
    assert data.source("sprites").size == np.prod(world.world.sizes) == 9216


def test_any_levels_are_rendered(world: Dataset) -> None:
    assert world.world is not None
    assert world.test.factors is not None
    images = world.world.render(world.test.factors.numpy())
    assert torch.equal(images, world.test.images)
    with pytest.raises(ValueError, match="invalid"):
        world.world.render(np.array([[3, 0, 0, 0, 0]]))


def test_no_image_is_in_two_splits(world: Dataset) -> None:
    seen = [
        {image.numpy().tobytes() for image in split.images}
        for split in (world.train, world.validation, world.test)
    ]
    assert len(set.union(*seen)) == sum(map(len, seen)) == 5376


@pytest.mark.parametrize("size", [16, 32, 64])
def test_nothing_is_cut_off(size: int) -> None:
    """Every sprite is a copy of the one in the corner, moved by whole pixels."""
    images = rendered(size)
    step = size // 16
    corner = images[:, :, :, 0, 0, 0]
    for x, y in ((7, 0), (0, 7), (7, 7), (3, 5)):
        moved = np.roll(corner, (y * step, x * step), (-2, -1))
        assert np.array_equal(images[:, :, :, x, y, 0], moved)
    mass = images.sum((-1, -2, -3), dtype=np.int64)
    assert np.ptp(mass, axis=(-1, -2)).max() == 0  # nothing was rolled around the border
    assert images[:, :, :, 7, 7, 0, 0].max() == images[:, :, :, 7, 7, 0, :, 0].max() == 0


@pytest.mark.parametrize("size", [16, 32, 64])
def test_areas(size: int) -> None:
    """Of a square, an ellipse half as high as wide, and a heart of circumradius r."""
    images = rendered(size)[:, :, :, 0, 0, 0]
    area = images.astype(float).sum((-1, -2)) / 255
    heart = (1 + np.pi / 4) * ((3 - 2**0.5) / 2**0.5) ** 2  # a square of side s and a disc
    for shape, unit in enumerate((2.0, np.pi / 2, heart)):
        for scale, share in enumerate((1 / 2, 2 / 3, 5 / 6, 1)):
            radius = share * 2**0.5 * 3 / 16 * size
            assert area[shape, scale] == pytest.approx(np.full(12, unit * radius**2), rel=0.005)


def test_a_heart_stands_on_its_tip_and_turns_clockwise() -> None:
    hearts = rendered(64)[2, 3, :, 0, 0, 0, :36, :36].astype(float)
    upright = hearts[0]
    assert np.array_equal(upright, upright[:, ::-1])
    rows = np.flatnonzero(upright.sum(1))
    assert upright[rows[-1]].sum() < upright[rows[0]].sum()  # a tip below, two arcs above
    assert np.array_equal(np.rot90(upright, -1), hearts[3])
    assert not np.array_equal(hearts[3], hearts[9])


def test_an_image_is_the_mean_of_the_larger_one() -> None:
    small, large = (rendered(size).astype(float) for size in (16, 64))
    mean = large.reshape(*large.shape[:-2], 16, 4, 16, 4).mean((-1, -3))
    assert abs(mean - small).max() <= 1


def test_options() -> None:
    found = data.load("sprites:size=32")
    assert found.shape == (1, 32, 32)
    assert found.name == "sprites:size=32"
    assert data.load("sprites:size=16").name == "sprites"
    with pytest.raises(UserError, match="valid: 16, 32, 64"):
        data.load("sprites:size=20")


def test_combinations_run_through_the_last_factor_first() -> None:
    assert factors.combinations((2, 3)).tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]


def test_splits_are_stratified_and_keep_groups_together() -> None:
    labels = np.repeat([0, 1], [400, 100])
    train, validation, test = factors.split_rows(labels)
    assert [len(rows) for rows in (train, validation, test)] == [400, 50, 50]
    assert np.bincount(labels[test]).tolist() == [40, 10]
    assert sorted([*train, *validation, *test]) == list(range(500))
    pairs = np.arange(500) // 2
    parts = [set(pairs[rows]) for rows in factors.split_rows(labels, pairs)]
    assert sum(map(len, parts)) == 250
