"""What a training round costs, and how it compares with a textbook loop."""

from __future__ import annotations

import pytest
import torch

from benchmarks.textbook import Textbook
from ganbench import data
from ganbench.plugins import registry
from ganbench.train.trainer import Trainer, build

ROUNDS = 50


def trainer(name: str) -> Trainer:
    digits = data.load("digits")
    variant = registry.load(name)
    game = build(variant, digits.shape, 10, variant.resolve({}, "digits"), 0)
    made = Trainer(game, digits.train, seed=0, batch_size=64, rounds=10_000)
    made.play(ROUNDS)
    return made


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.benchmark(group="round")
@pytest.mark.parametrize("name", ["vanilla", "infogan", "acgan"])
def test_round(name: str, benchmark) -> None:
    made = trainer(name)
    benchmark.extra_info["rounds"] = ROUNDS
    benchmark.pedantic(made.play, (ROUNDS,), rounds=10, warmup_rounds=1)


@pytest.mark.benchmark(group="textbook")
@pytest.mark.parametrize("name", ["vanilla", "infogan", "acgan"])
@pytest.mark.parametrize("kind", ["ganbench", "textbook"])
def test_beside_the_textbook(kind: str, name: str, benchmark) -> None:
    made = trainer(name) if kind == "ganbench" else Textbook(name)
    benchmark.extra_info["rounds"] = ROUNDS
    benchmark.pedantic(made.play, (ROUNDS,), rounds=10, warmup_rounds=1)
