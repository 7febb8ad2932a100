"""What a batch costs, from memory and from a folder of image files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torchvision.transforms.functional import to_pil_image

from ganbench import data
from ganbench.data.batches import BatchLoader
from ganbench.data.dataset import Split

BATCHES, SIZE = 20, 64


def images(count: int) -> torch.Tensor:
    rng = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 3, 64, 64), generator=rng, dtype=torch.uint8)


def deal(loader: BatchLoader) -> None:
    for _ in range(BATCHES):
        loader()


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.benchmark(group=f"data: {BATCHES} batches of {SIZE}, 3 x 64 x 64")
def test_in_memory(benchmark) -> None:
    found = images(4096)
    loader = BatchLoader(Split(found, torch.zeros(len(found)).long()), SIZE, torch.Generator())
    benchmark.pedantic(deal, (loader,), rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group=f"data: {BATCHES} batches of {SIZE}, 3 x 64 x 64")
def test_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, benchmark) -> None:
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path / "cache"))
    for i, image in enumerate(images(2000)):
        path = tmp_path / "files" / str(i % 2) / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        to_pil_image(image).save(path)
    train = data.load(f"folder:{tmp_path / 'files'}").train
    loader = BatchLoader(train, SIZE, torch.Generator())
    benchmark.pedantic(deal, (loader,), rounds=5, warmup_rounds=1)
