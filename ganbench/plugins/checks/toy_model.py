"""A small model made by hand, with every capability, that metrics are examined on."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganbench.core.latent import Categorical, Latent, LatentValue, Noise, Uniform
from ganbench.data.dataset import Dataset, to_unit_range

SPREAD = 0.25
"""Standard deviation of the noise on an image in [-1, 1], near that within a class of digits."""
SHARPNESS = 0.1
"""Of the softmax over squared distances to the classes' means."""


class _Reordered(Latent):
    """A latent whose draws come in another order."""

    order: int

    def draw(self, n: int, rng: torch.Generator) -> LatentValue:
        """See `Latent.draw`."""
        rows = torch.randperm(n, generator=torch.Generator().manual_seed(self.order))
        return super().draw(n, rng)[rows]


class ToyModel(nn.Module):
    """Images around the mean training image of a class; it knows an image by the nearest mean.

    Its latent is noise, the class as a label, a category that decides whether an image is dark or
    bright, and two numbers: how much so, and how strong a ramp across the image is. order: of a
    permutation of whatever is drawn; None for none.
    """

    means: Tensor
    directions: Tensor
    ramp: Tensor

    def __init__(self, dataset: Dataset, order: int | None = None) -> None:
        super().__init__()
        train = dataset.train[:2000]
        classes = max(dataset.classes, 2)
        labels = train.labels if dataset.classes else torch.arange(len(train)) % classes
        images = to_unit_range(train.images)
        rows = [images[labels == c] for c in range(classes)]
        means = torch.stack([(one if len(one) else images).mean(0) for one in rows])
        parts = (Noise(8), Categorical(classes, label=True), Categorical(2), Uniform(2))
        self.latent = Latent(*parts)
        if order is not None:
            self.latent = _Reordered(*parts)
            self.latent.order = order
        rng = torch.Generator().manual_seed(0)
        spread = torch.randn(8, *dataset.shape, generator=rng) * SPREAD / 8**0.5
        self.register_buffer("means", means)
        self.register_buffer("directions", spread)
        self.register_buffer("ramp", torch.linspace(-1, 1, dataset.shape[-1]))
        self.gain = nn.Parameter(torch.ones(()))

    def generate(self, latent: LatentValue) -> Tensor:
        """Images (n, *shape) in [-1, 1]."""
        chosen, side, amount, slope = latent.codes.T
        noise = torch.tensordot(self.latent.noise_of(latent), self.directions, 1)
        one = (-1, *(1,) * (self.means.dim() - 1))
        shift = (0.2 * (2 * side - 1) + 0.1 * amount).reshape(one)
        shift = shift + 0.3 * slope.reshape(one) * self.ramp
        return (self.gain * (self.means[chosen.long()] + noise) + shift).clamp(-1, 1)

    def classify(self, images: Tensor) -> Tensor:
        """Logits (n, classes)."""
        apart = (images.flatten(1)[:, None] - self.means.flatten(1)).square().sum(2)
        return -SHARPNESS * self.gain * apart

    def cluster(self, images: Tensor) -> Tensor:
        """The nearest mean (n,)."""
        return self.classify(images).argmax(1)

    def score(self, images: Tensor) -> Tensor:
        """Nearness to the nearest mean (n,)."""
        return self.classify(images).amax(1)

    def reconstruct(self, images: Tensor) -> Tensor:
        """The nearest mean itself."""
        return self.means[self.cluster(images)]

    def encode(self, images: Tensor) -> Tensor:
        """Codes (n, 4)."""
        shift, slope = self._read(images)
        side = (shift > 0).float()
        amount = ((shift - 0.2 * (2 * side - 1)) / 0.1).clamp(-1, 1)
        return torch.stack([self.cluster(images).float(), side, amount, slope], 1)

    def posterior_log_prob(self, images: Tensor, latent: LatentValue) -> Tensor:
        """log Q(c|x) in nats, (n, 4)."""
        rows = torch.arange(len(images), device=images.device)
        chosen, side, *_ = latent.codes.T
        labels = F.log_softmax(self.classify(images), 1)[rows, chosen.long()]
        sides = F.logsigmoid((2 * side - 1) * 10 * self._read(images)[0])
        errors = latent.codes[:, 2:] - self.encode(images)[:, 2:]
        numbers = -0.5 * (errors.square() + torch.tensor(2 * torch.pi).log())
        return torch.cat([labels[:, None], sides[:, None], numbers], 1)

    def _read(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """How much brighter an image is than the nearest mean, and its ramp, each (n,)."""
        rest = images - self.means[self.cluster(images)]
        slope = (rest * self.ramp).flatten(1).mean(1) / self.ramp.square().mean() / 0.3
        return rest.flatten(1).mean(1), slope.clamp(-1, 1)
