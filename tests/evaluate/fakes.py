"""Models made of real digits, whose right scores are known beforehand."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganbench.core.latent import Categorical, Latent, LatentValue, Noise, Uniform
from ganbench.data.dataset import Dataset, to_unit_range

IMAGES = torch.zeros(1, 1, 8, 8)


class Album(nn.Module):
    """Generates real training images of the coded class; encodes by looking images up.

    `shuffle` renames the classes of its code: class c has code shuffle[c].
    """

    def __init__(
        self, dataset: Dataset, *, label: bool = False, shuffle: list[int] | None = None
    ) -> None:
        super().__init__()
        self.latent = Latent(Noise(1), Categorical(10, label=label), Uniform(1))
        self.layer = nn.Linear(1, 1)
        self.dropout = nn.Dropout(0.5)
        self.shuffle = torch.tensor(shuffle or list(range(10)))
        train = dataset.train
        self.pages = [to_unit_range(train.images[train.labels == c]) for c in range(10)]
        parts = (dataset.train, dataset.validation, dataset.test)
        self.known = torch.cat([to_unit_range(part.images).flatten(1) for part in parts])
        self.labels = torch.cat([part.labels for part in parts])
        self.log: list[str] = []

    def generate(self, latent: LatentValue) -> Tensor:
        assert not self.training
        assert not torch.is_grad_enabled()
        assert len(latent) <= 1000
        self.log.append("generate")
        noise = torch.special.ndtr(self.latent.noise_of(latent)[:, 0])
        classes = self.shuffle.argsort()[latent.codes[:, 0].long()]
        images = [
            self.pages[c][int(u * len(self.pages[c]))]
            for c, u in zip(classes.tolist(), noise.tolist(), strict=True)
        ]
        return torch.stack(images)

    def classes_of(self, images: Tensor) -> Tensor:
        return self.labels[torch.cdist(images.flatten(1), self.known).argmin(1)]

    def encode(self, images: Tensor) -> Tensor:
        codes = self.shuffle[self.classes_of(images)].float()
        return torch.stack([codes, torch.zeros(len(images))], 1)

    def posterior_log_prob(self, images: Tensor, latent: LatentValue) -> Tensor:
        right = self.encode(images)[:, 0] == latent.codes[:, 0]
        log_prob = torch.where(right, 0.9, 0.1 / 9).log()
        return torch.stack([log_prob, torch.full_like(log_prob, -1.0)], 1)

    def classify(self, images: Tensor) -> Tensor:
        return torch.eye(10)[self.classes_of(images)]


class Static(nn.Module):
    """Images that have nothing to do with the codes, and no other capability."""

    def __init__(self) -> None:
        super().__init__()
        self.latent = Latent(Noise(64), Categorical(10), Uniform(2))

    def generate(self, latent: LatentValue) -> Tensor:
        return self.latent.noise_of(latent).clamp(-1, 1).reshape(-1, 1, 8, 8)


class Bars(nn.Module):
    """A bar whose width is the continuous code and whose row is the category."""

    def __init__(self) -> None:
        super().__init__()
        self.latent = Latent(Categorical(6), Uniform(1, 0.0, 1.0))

    def generate(self, latent: LatentValue) -> Tensor:
        images = torch.full((len(latent), 1, 8, 8), -1.0)
        rows = latent.codes[:, 0].long() + 1
        ends = (latent.codes[:, 1:] * 6).clamp(max=6)  # pixels of ink, the last one grey
        ink = (ends - torch.arange(6)).clamp(0, 1)
        images[torch.arange(len(rows)), 0, rows, 1:7] = 2 * ink - 1
        return images
