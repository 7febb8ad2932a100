"""Textbook loops: a variant's own networks and losses, trained as tutorials write it.

Separate passes, `.detach()`, default Adam, a fresh draw for each player, data in memory.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ganbench import data
from ganbench.model import Game
from ganbench.plugins import registry
from ganbench.train.trainer import build


class Textbook:
    """`vanilla`, `infogan` or `acgan` on digits, from the networks that ganbench builds."""

    def __init__(self, name: str, batch_size: int = 64) -> None:
        digits = data.load("digits")
        self.images = digits.train.images.float() / 127.5 - 1
        self.labels = digits.train.labels
        variant = registry.load(name)
        self.game: Game = build(variant, digits.shape, 10, variant.resolve({}, "digits"), 0)
        self.name, self.n = name, batch_size
        game = self.game
        heads = {"infogan": "q_head", "acgan": "class_head"}
        self.head = getattr(game, heads[name]) if name in heads else None
        d = [*game.discriminator.parameters()]
        g = [*game.generator.parameters()]
        if self.head is not None:  # Q learns with G, the classifier with D
            (g if name == "infogan" else d).extend(self.head.parameters())
        self.d_step = torch.optim.Adam(d, 5e-4, (0.5, 0.999))
        self.g_step = torch.optim.Adam(g, 1e-3, (0.5, 0.999))

    def view(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        seen = self.game.discriminator(images + 0.3 * torch.randn_like(images))
        return seen.score, seen.features

    def play(self, rounds: int) -> None:
        for _ in range(rounds):
            self.play_round()

    def play_round(self) -> None:
        ones, zeros, n = torch.ones(self.n), torch.zeros(self.n), self.n
        bce, rng = F.binary_cross_entropy_with_logits, torch.default_generator
        rows = torch.randint(len(self.images), (n,))
        real, labels = self.images[rows], self.labels[rows]

        self.d_step.zero_grad()
        latent = self.game.latent.draw(n, rng)
        fake = self.game.generator(latent.vector)
        real_score, real_features = self.view(real)
        fake_score, fake_features = self.view(fake.detach())
        d_loss = bce(real_score, ones) + bce(fake_score, zeros)
        if self.name == "acgan":
            d_loss = d_loss + F.cross_entropy(self.head(real_features), labels)
            wanted = latent.codes[:, 0].long()
            d_loss = d_loss + F.cross_entropy(self.head(fake_features), wanted)
        d_loss.backward()
        self.d_step.step()

        self.g_step.zero_grad()
        latent = self.game.latent.draw(n, rng)
        score, features = self.view(self.game.generator(latent.vector))
        g_loss = bce(score, ones)
        if self.name == "acgan":
            g_loss = g_loss + F.cross_entropy(self.head(features), latent.codes[:, 0].long())
        if self.name == "infogan":
            g_loss = g_loss - self.head(features).log_prob(latent.codes).sum(1).mean()
        g_loss.backward()
        self.g_step.step()
