"""CGAN (Mirza & Osindero 2014, arXiv:1411.1784)."""

import math

import torch
from torch import Tensor

from ganbench.model import GAN, Categorical, Latent, Noise


class CGAN(GAN):
    """GAN whose two players are told the class label.

    One change to GAN: V(D, G) = E[log D(x|y)] + E[log(1 - D(G(z|y)))] (eq. 2). y enters both
    networks at the input, one-hot: beside the noise, and as planes beside the channels.
    """

    conditional = True
    unsupported = {"gradient_penalty": "an image between two classes has no label to be shown with"}

    def make_latent(self) -> Latent:
        """Noise and the class label."""
        return Latent(Noise(self.noise, self.noise_kind), Categorical(self.classes, label=True))

    def unconditional_score(self, images: Tensor) -> Tensor:
        """log of the mean over labels of exp D(x|y), (n,): no label is given here."""
        repeated = images.repeat_interleave(self.classes, 0)
        labels = torch.arange(self.classes, device=images.device).repeat(len(images))
        scores = self.discriminator(repeated, labels).score.view(len(images), -1)
        return scores.logsumexp(1) - math.log(self.classes)
