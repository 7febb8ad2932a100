"""What all tests share: one CPU thread, and the digits."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ganbench import data
from ganbench.data.dataset import Dataset

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return data.load("digits")


@pytest.fixture(scope="session")
def mnist_root() -> Path:
    """A copy of MNIST beside the checkout, where there is one."""
    root = SHARED / "data"
    if not (root / "MNIST" / "raw" / "train-images-idx3-ubyte").exists():
        pytest.skip("no copy of MNIST in ../shared/data")
    return root
