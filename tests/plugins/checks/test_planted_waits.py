"""Planted bugs that make a GPU wait, or that spoil random numbers and memory."""

import random
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ganbench.model import GAN, Batch, Loss
from tests.plugins.checks.planted import failures

# What makes a GPU wait.


def hasty(extra: Callable[[GAN, Batch, Tensor], Tensor]) -> type[GAN]:
    """A GAN whose generator's loss does something more."""

    class Hasty(GAN):
        def build(self) -> None:
            super().build()
            self.loose = torch.ones(16)

        def generator_loss(self, batch: Batch) -> Loss:
            return super().generator_loss(batch) + 0.0 * extra(self, batch, batch.fake)

    return Hasty


def branch(gan: GAN, batch: Batch, fake: Tensor) -> Tensor:
    return fake.mean() if fake.mean() > 0 else -fake.mean()


def gradient(gan: GAN, batch: Batch, fake: Tensor) -> Tensor:
    images = fake.detach().requires_grad_()
    (found,) = torch.autograd.grad(gan.discriminator(images).score.sum(), images, create_graph=True)
    return found.cpu().mean()


READS = {
    "item": lambda gan, batch, fake: fake * fake.mean().item(),
    "tolist": lambda gan, batch, fake: fake * len(fake[0, 0, 0].tolist()),
    "float": lambda gan, batch, fake: fake * float(fake.detach().mean()),
    "branch": branch,
    "boolean indexing": lambda gan, batch, fake: fake[fake > 0],
    "nonzero": lambda gan, batch, fake: fake + len(fake.flatten().nonzero()),
    "numpy": lambda gan, batch, fake: fake + float(fake.detach().numpy().mean()),
    "print": lambda gan, batch, fake: fake + len(str(fake)),
    "loose tensor": lambda gan, batch, fake: fake.flatten(1).sum(1) * gan.loose,
}
CROSSINGS = {
    "cpu": lambda gan, batch, fake: fake.cpu(),
    "made on the CPU": lambda gan, batch, fake: fake + torch.zeros(8),
    "moved": lambda gan, batch, fake: fake + torch.zeros(8).to(fake.device),
    "from numbers": lambda gan, batch, fake: fake + torch.tensor([0.0] * 8, device=fake.device),
    "new_tensor": lambda gan, batch, fake: fake + fake.new_tensor(2.0),
    "global CPU noise": lambda gan, batch, fake: fake + torch.randn(8),
    "behind a gradient": gradient,
}


@pytest.mark.parametrize("what", READS)
def test_a_loss_that_reads_values_on_the_host(what: str) -> None:
    variant = hasty(lambda *a: READS[what](*a).mean())
    found = failures(variant, "no_host_reads", "no_device_crossing")
    assert set(found) == {"no_host_reads"}
    assert "update 'generator'" in found["no_host_reads"]
    assert "(test_planted_waits.py, line " in found["no_host_reads"]


@pytest.mark.parametrize("what", CROSSINGS)
def test_a_loss_that_crosses_devices(what: str) -> None:
    variant = hasty(lambda *a: CROSSINGS[what](*a).mean())
    found = failures(variant, "no_host_reads", "no_device_crossing")
    assert set(found) == {"no_device_crossing"}, found
    assert "(test_planted_waits.py, line " in found["no_device_crossing"]


# Random numbers, state, labels.

GLOBAL_NOISE = {
    "torch's": lambda fake: torch.randn_like(fake),
    "numpy's": lambda fake: torch.as_tensor(np.random.rand(), dtype=fake.dtype),
    "Python's": lambda fake: torch.as_tensor(random.random(), dtype=fake.dtype),
}


@pytest.mark.parametrize("whose", GLOBAL_NOISE)
def test_noise_from_a_global_generator(whose: str) -> None:
    class Noisy(GAN):
        def generator_loss(self, batch: Batch) -> Loss:
            fake = batch.fake + 0.1 * GLOBAL_NOISE[whose](batch.fake)
            return self.g_loss(self.view(fake, batch), batch)

    found = failures(Noisy, "no_global_random_numbers")["no_global_random_numbers"]
    assert f"update 'generator' draws from {whose} global generator" in found


def test_dropout() -> None:
    class Dropped(GAN):
        def build(self) -> None:
            super().build()
            self.discriminator.trunk.append(nn.Dropout(0.5))

    found = failures(Dropped, "no_global_random_numbers")["no_global_random_numbers"]
    assert "Dropout draws from it too" in found


def test_an_answer_from_a_global_generator() -> None:
    class Vague(GAN):
        def score(self, images: Tensor) -> Tensor:
            return super().score(images + 0.1 * torch.randn_like(images))

    found = failures(Vague, "no_global_random_numbers")["no_global_random_numbers"]
    assert found.startswith("score() draws")


def test_a_fixed_seed() -> None:
    class Fixed(GAN):
        def build(self) -> None:
            torch.manual_seed(0)
            super().build()

        def discriminator_loss(self, batch: Batch) -> Loss:
            return self.discriminator.output.weight.square().sum() + 0 * super().discriminator_loss(
                batch
            )

        def generator_loss(self, batch: Batch) -> Loss:
            return self.generator[0].weight.square().sum() + 0 * super().generator_loss(batch)

    found = failures(Fixed, "same_seed_same_losses")["same_seed_same_losses"]
    assert "another seed gives the same losses" in found


def test_an_unseeded_generator() -> None:
    class Unseeded(GAN):
        def build(self) -> None:
            super().build()
            self.noise_source = np.random.default_rng()

        def generator_loss(self, batch: Batch) -> Loss:
            return super().generator_loss(batch) * (1 + self.noise_source.random())

    found = failures(Unseeded, "same_seed_same_losses", "no_global_random_numbers")
    assert "the same seed gives other losses" in found["same_seed_same_losses"]


def test_memory_outside_of_buffers() -> None:
    class Counting(GAN):
        def build(self) -> None:
            super().build()
            self.asked = 0

        def generator_loss(self, batch: Batch) -> Loss:
            self.asked += 1
            return super().generator_loss(batch) / self.asked

    found = failures(Counting, "same_seed_same_losses", "saved_and_loaded")
    assert set(found) == {"saved_and_loaded"}
    assert "register_buffer" in found["saved_and_loaded"]


def test_undeclared_labels() -> None:
    class Peeking(GAN):
        def discriminator_loss(self, batch: Batch) -> Loss:
            loss = super().discriminator_loss(batch)
            return loss * (1 + batch.labelled[1].float().mean())

    found = failures(Peeking, "labels_are_declared")["labels_are_declared"]
    assert "update 'discriminator' reads batch.labelled" in found
