"""A data set is its facts: however it is spelled and wherever it lies."""

from pathlib import Path

import numpy as np
import pytest

from ganbench import data
from ganbench.data.dataset import Dataset, Split


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    path = tmp_path / "mine.npz"
    np.savez(path, images=rng.integers(0, 256, (60, 8, 8), dtype=np.uint8))
    return path


def test_the_spelling_of_a_path_is_no_fact(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    moved = file.parent / "elsewhere.npz"
    moved.write_bytes(file.read_bytes())
    specs = [f"npz:{file}", "npz:mine.npz", "npz:./mine.npz", f"npz:{moved}", "npz:mine.npz:size=8"]
    loaded = [data.load(spec) for spec in specs]
    for one in loaded:
        assert one.facts == {"dataset": "npz", "fingerprint": one.fingerprint}
        assert one.facts == loaded[0].facts
        assert one.short_name == f"npz-{one.fingerprint[:8]}"
        assert one.extractor == "inception"
    assert data.load("npz:mine.npz:size=16").facts != loaded[0].facts


def test_options_are_facts_where_they_are_no_defaults() -> None:
    small, large = data.load("sprites:size=16"), data.load("sprites:size=32")
    assert small.facts == {"dataset": "sprites", "fingerprint": small.fingerprint}
    assert large.facts["options"] == ["size=32"]
    assert (small.short_name, large.short_name) == ("sprites", "sprites-size-32")
    assert small.facts == data.load("sprites").facts


def test_what_was_made_by_hand_has_facts_too(digits: Dataset) -> None:
    part = Split(digits.train.images[:30], digits.train.labels[:30])
    made = Dataset("my own", 10, part, part, part)
    assert made.facts == {"dataset": "my own", "fingerprint": made.fingerprint}
    assert made.short_name == f"my-own-{made.fingerprint[:8]}"
    assert made.extractor == ""
    assert Dataset("digits", 10, part, part, part).extractor == "digits-v1"
