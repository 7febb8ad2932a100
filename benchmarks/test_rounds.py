"""What a training round costs, and how it compares with a textbook loop."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ganbench import data
from ganbench.model import backbones
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


class Textbook:
    """The vanilla GAN's networks as tutorials train them: `.detach()`, default Adam."""

    def __init__(self) -> None:
        digits = data.load("digits")
        self.images = digits.train.images.float() / 127.5 - 1
        self.generator = backbones.mlp_generator(32 + 12, digits.shape, 256)
        self.discriminator = backbones.mlp_discriminator(digits.shape, 256)
        self.g_step = torch.optim.Adam(self.generator.parameters(), 1e-3, (0.5, 0.999))
        self.d_step = torch.optim.Adam(self.discriminator.parameters(), 5e-4, (0.5, 0.999))

    def latent(self) -> torch.Tensor:
        classes = F.one_hot(torch.randint(10, (64,)), 10).float()
        return torch.cat([torch.randn(64, 32), classes, torch.rand(64, 2) * 2 - 1], 1)

    def view(self, images: torch.Tensor) -> torch.Tensor:
        return self.discriminator(images + 0.3 * torch.randn_like(images)).score

    def play(self, rounds: int) -> None:
        ones, zeros = torch.ones(64), torch.zeros(64)
        loss = nn.BCEWithLogitsLoss()
        for _ in range(rounds):
            real = self.images[torch.randint(len(self.images), (64,))]
            fake = self.generator(self.latent())
            self.d_step.zero_grad()
            d_loss = loss(self.view(real), ones) + loss(self.view(fake.detach()), zeros)
            d_loss.backward()
            self.d_step.step()
            self.g_step.zero_grad()
            g_loss = loss(self.view(self.generator(self.latent())), ones)
            g_loss.backward()
            self.g_step.step()


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
@pytest.mark.parametrize("kind", ["ganbench", "textbook"])
def test_vanilla_beside_the_textbook(kind: str, benchmark) -> None:
    made = trainer("vanilla") if kind == "ganbench" else Textbook()
    benchmark.extra_info["rounds"] = ROUNDS
    benchmark.pedantic(made.play, (ROUNDS,), rounds=10, warmup_rounds=1)
