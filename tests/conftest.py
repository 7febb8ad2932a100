"""What all tests share: one CPU thread, and the digits."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from ganbench import data
from ganbench.data.dataset import Dataset

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Neither the user's caches nor a download: whatever is fetched meets a dead proxy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANBENCH_DATA", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.setenv("TORCH_HOME", str(tmp_path_factory.mktemp("torch")))
        patch.setenv("https_proxy", "http://127.0.0.1:9")
        yield


@pytest.fixture
def forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Forget what is kept of real images in memory and on disk: now, and when called."""
    from ganbench.evaluate import real_features

    def forget() -> None:
        real_features._reads.clear()
        monkeypatch.setenv("GANBENCH_DATA", tempfile.mkdtemp(dir=tmp_path))

    forget()
    return forget


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
