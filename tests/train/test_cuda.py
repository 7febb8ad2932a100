"""What only a GPU can show. Skipped without one; see benchmarks/README.md."""

import pytest
import torch

from ganbench.core.specs import parse_spec
from ganbench.data.dataset import Dataset
from ganbench.plugins import registry
from ganbench.train.trainer import Trainer, build

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def trainer(spec: str, dataset: Dataset, device: str) -> Trainer:
    name, given = parse_spec(spec)
    variant = registry.load(name)
    model = build(variant, dataset.shape, 10, variant.resolve(given, dataset.name), 0)
    return Trainer(model, dataset.train, seed=0, batch_size=64, rounds=100, device=device)


SPECS = [
    *("vanilla", "infogan", "acgan", "wgan"),
    "vanilla:lr_schedule=cosine,clip_gradient=1,weight_decay=0.01",
    "vanilla:optimizer=SGD/momentum=0.9,lr_schedule=linear",
    "vanilla:backbone=resnet,d_norm=none",
]


@pytest.mark.parametrize("name", SPECS)
def test_rounds_never_wait_for_the_device(name: str, digits: Dataset) -> None:
    made = trainer(name, digits, "cuda")
    made.train(5)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(5):
            made.train_round()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert all(torch.isfinite(p).all() for p in made.model.parameters())


@pytest.mark.parametrize("optimizer", ["Adam", "RMSprop", "SGD", "Adam/amsgrad=true"])
def test_a_recorded_round_follows_its_schedule(optimizer: str, digits: Dataset) -> None:
    made = trainer(f"vanilla:optimizer={optimizer},lr_schedule=linear", digits, "cuda")
    made.train(60)
    assert made.graphs is not None
    assert made.graphs.reason is None
    for update in made.updates:
        rate = made.rates[update.name].value.item()
        # that of the last round, of progress 59 / 100, in float32
        assert rate == pytest.approx(update.lr * 0.41, rel=1e-5)


def test_one_seed_on_cuda_starts_from_the_cpus_weights(digits: Dataset) -> None:
    cpu, cuda = trainer("infogan", digits, "cpu"), trainer("infogan", digits, "cuda")
    for a, b in zip(cpu.model.parameters(), cuda.model.parameters(), strict=True):
        assert torch.equal(a, b.cpu())
    assert cuda.rehearse() == cpu.rehearse()
