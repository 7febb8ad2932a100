"""Label budgets: who is labelled, and what cannot be."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from ganbench.core.errors import UserError
from ganbench.data.batches import BatchLoader
from ganbench.data.dataset import Dataset, Split
from ganbench.data.label_budget import check_labels, choose_labelled, parse_labels


def counts(split: Split) -> list[int]:
    return torch.bincount(split.labels, minlength=10).tolist()


def rows(split: Split) -> set[tuple[int, ...]]:
    return {tuple(image) for image in split.images.flatten(1).tolist()}


def made_up(*sizes: int) -> Split:
    """A split with so many images of each class; an image is its row number."""
    labels = torch.cat([torch.full((n,), label) for label, n in enumerate(sizes)])
    labels = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))]
    images = torch.arange(len(labels), dtype=torch.uint8).reshape(-1, 1, 1, 1)
    return Split(images, labels)


@pytest.mark.parametrize(
    ("text", "total"), [("100", 100), (100, 100), ("10/class", 100), (" 5 / class ", 50), ("1", 1)]
)
def test_budgets_are_read(text: str | int, total: int) -> None:
    assert parse_labels(text, 10) == total


@pytest.mark.parametrize(
    "text", ["", "0", "0/class", "-3", "ten", "10/cls", "1.5", "10%", "/class"]
)
def test_bad_budgets_name_the_two_forms(text: str) -> None:
    with pytest.raises(UserError, match=r"total \(100\) or a number per class \(250/class\)"):
        parse_labels(text, 10)


@pytest.mark.parametrize("total", [1, 3, 10, 13, 100, 105, 999])
def test_classes_are_balanced(total: int, digits: Dataset) -> None:
    split = choose_labelled(digits.train, total, 10, seed=0)
    each, extra = divmod(total, 10)
    assert len(split) == total
    assert sorted(counts(split)) == [each] * (10 - extra) + [each + 1] * extra
    assert rows(split) <= rows(digits.train)
    assert len(rows(split)) == total  # no image twice


def test_per_class(digits: Dataset) -> None:
    split = choose_labelled(digits.train, "25/class", 10, seed=3)
    assert counts(split) == [25] * 10
    assert rows(split) == rows(choose_labelled(digits.train, 250, 10, seed=3))


def test_an_image_keeps_its_label_and_its_place() -> None:
    whole = made_up(20, 30, 10)
    split = choose_labelled(whole, "8/class", 3, seed=0)
    places = split.images.flatten()
    assert torch.equal(whole.labels[places.long()], split.labels)
    assert torch.equal(places, places.sort().values)


def test_the_seed_fixes_the_choice(digits: Dataset) -> None:
    one, same, other = (rows(choose_labelled(digits.train, 100, 10, seed)) for seed in (1, 1, 2))
    assert one == same
    # Two independent choices of 100 of 1,097 share 9 on average.
    assert len(one & other) < 30


def test_no_image_and_no_class_is_preferred() -> None:
    """Over seeds every image is chosen equally often, and every class gets the extra one."""
    whole = made_up(20, 20, 20)
    chosen = [choose_labelled(whole, 10, 3, seed) for seed in range(900)]
    share = torch.bincount(torch.cat([c.images.flatten() for c in chosen]).int(), minlength=60)
    expected = 900 * 10 / 60  # 150, standard deviation 11
    assert (share - expected).abs().max() < 4.5 * 11.2
    lucky = np.mean([np.array(counts(c)[:3]) == 4 for c in chosen], axis=0)
    assert np.abs(lucky - 1 / 3).max() < 0.06


def test_fewer_labels_than_classes_are_different_classes() -> None:
    whole = made_up(5, 5, 5, 5)
    found = [choose_labelled(whole, 2, 4, seed).labels.tolist() for seed in range(60)]
    assert all(len(set(pair)) == 2 for pair in found)
    assert {label for pair in found for label in pair} == {0, 1, 2, 3}


def test_a_larger_budget_holds_a_smaller_one(digits: Dataset) -> None:
    sizes = (1, 7, 20, 100, 500)
    sets = [rows(choose_labelled(digits.train, n, 10, seed=5)) for n in sizes]
    assert all(small < large for small, large in pairwise(sets))


def test_the_stream_is_its_own(digits: Dataset) -> None:
    """Neither global generators nor the trainer's streams have a part in the choice."""
    before = rows(choose_labelled(digits.train, 50, 10, seed=0))
    torch.manual_seed(123)
    np.random.seed(123)
    state = torch.get_rng_state()
    assert rows(choose_labelled(digits.train, 50, 10, seed=0)) == before
    assert torch.equal(torch.get_rng_state(), state)


def test_all_labels_are_the_split_itself(digits: Dataset) -> None:
    split = choose_labelled(digits.train, len(digits.train), 10, seed=0)
    assert check_labels(digits.train, 1097, 10) is None
    dealt = [BatchLoader(s, 64, torch.Generator().manual_seed(1))() for s in (split, digits.train)]
    assert torch.equal(dealt[0][0], dealt[1][0])
    assert torch.equal(dealt[0][1], dealt[1][1])
    assert check_labels(made_up(4, 4), "4/class", 2) is None


def test_one_label_is_dealt_again_and_again() -> None:
    split = choose_labelled(made_up(5, 5), 1, 2, seed=0)
    images, labels = BatchLoader(split, 8, torch.Generator().manual_seed(0))()
    assert images.shape == (8, 1, 1, 1)
    assert labels.tolist() == split.labels.tolist() * 8


def test_too_many_labels() -> None:
    whole = made_up(20, 30, 10)
    for budget, words in (
        ("61", "only 60 training images"),
        ("21/class", "only 60 training images"),
        ("11/class", "11 labels per class, but class 2 has 10 training images"),
        ("33", "11 labels per class, but class 2 has 10"),
    ):
        with pytest.raises(UserError, match=words) as caught:
            check_labels(whole, budget, 3)
        assert "\n" not in str(caught.value)


def test_no_labels_at_all() -> None:
    with pytest.raises(UserError, match="the images have no labels"):
        check_labels(made_up(20), 10, 0)


def test_the_extra_label_goes_where_there_is_an_image_for_it() -> None:
    whole = made_up(20, 30, 10)
    for seed in range(10):
        assert counts(choose_labelled(whole, 32, 3, seed))[:3] == [11, 11, 10]
