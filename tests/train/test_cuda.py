"""What only a GPU can show. Skipped without one; see benchmarks/README.md."""

import pytest
import torch

from ganbench.data.dataset import Dataset
from ganbench.plugins import registry
from ganbench.train.trainer import Trainer, build

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def trainer(name: str, dataset: Dataset, device: str) -> Trainer:
    variant = registry.load(name)
    game = build(variant, dataset.shape, 10, variant.resolve({}, dataset.name), 0)
    return Trainer(game, dataset.train, seed=0, batch_size=64, rounds=100, device=device)


@pytest.mark.parametrize("name", ["vanilla", "infogan", "acgan"])
def test_rounds_never_wait_for_the_device(name: str, digits: Dataset) -> None:
    made = trainer(name, digits, "cuda")
    made.play(5)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(5):
            made.play_round()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert all(torch.isfinite(p).all() for p in made.game.parameters())


def test_one_seed_on_cuda_starts_from_the_cpus_weights(digits: Dataset) -> None:
    cpu, cuda = trainer("infogan", digits, "cpu"), trainer("infogan", digits, "cuda")
    for a, b in zip(cpu.game.parameters(), cuda.game.parameters(), strict=True):
        assert torch.equal(a, b.cpu())
    assert cuda.rehearse() == cpu.rehearse()
