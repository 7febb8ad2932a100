"""What a training round costs: every variant on digits, a few on images of MNIST's shape."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from ganbench import data
from ganbench.data.dataset import Split
from ganbench.plugins import registry
from ganbench.train.trainer import Trainer, build

DIGITS = sorted(registry.installed())
MNIST = ("vanilla", "infogan", "acgan", "wgan_gp")


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    torch.set_num_threads(1)


def digits() -> Split:
    return data.load("digits").train[:]


def mnist() -> Split:
    """Made-up images of MNIST's shape."""
    rng = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (4096, 1, 28, 28), generator=rng, dtype=torch.uint8)
    return Split(images, torch.randint(0, 10, (4096,), generator=rng))


def trainer(name: str, dataset: str, split: Split, batch_size: int) -> Trainer:
    variant = registry.load(name)
    shape = tuple(split.images.shape[1:])
    model = build(variant, shape, 10, variant.resolve({}, dataset), 0)
    return Trainer(model, split, seed=0, batch_size=batch_size, rounds=100_000)


def play(benchmark: Callable, made: Trainer, rounds: int) -> None:
    benchmark.extra_info["rounds"] = rounds
    benchmark.pedantic(made.train, (rounds,), rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group="round: digits, batch 64, 20 rounds")
@pytest.mark.parametrize("name", DIGITS)
def test_digits(name: str, benchmark) -> None:
    play(benchmark, trainer(name, "digits", digits(), 64), 20)


@pytest.mark.benchmark(group="round: MNIST's shape, batch 128")
@pytest.mark.parametrize("name", MNIST)
def test_mnist(name: str, benchmark) -> None:
    play(benchmark, trainer(name, "mnist", mnist(), 128), 1)
