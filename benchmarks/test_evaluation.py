"""What each metric of the default evaluation costs on digits, alone, features and all."""

from __future__ import annotations

import pytest
import torch

from ganbench import data
from ganbench.evaluate import harness
from ganbench.evaluate.catalogue import usual
from ganbench.evaluate.settings import Settings
from ganbench.plugins import registry
from ganbench.train.trainer import Trainer, build


@pytest.fixture(scope="module")
def trainer() -> Trainer:
    torch.set_num_threads(1)
    digits, variant = data.load("digits"), registry.load("infogan")
    model = build(variant, digits.shape, 10, variant.resolve({}, "digits"), 0)
    made = Trainer(model, digits.train, seed=0, batch_size=64, rounds=100)
    made.train(100)
    return made


@pytest.mark.benchmark(group="evaluation: digits, 5,000 images")
@pytest.mark.parametrize("name", [spec.name for spec in usual(["anything", "images"])])
def test_metric(name: str, trainer: Trainer, benchmark) -> None:
    settings = Settings(metrics=(name,))
    arguments = (trainer.evaluation_model(), data.load("digits"))
    benchmark.pedantic(
        harness.evaluate, arguments, {"seed": 0, "settings": settings}, rounds=2, warmup_rounds=1
    )
