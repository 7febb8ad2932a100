"""The base of variational autoencoders: an encoder and a decoder with one update."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganbench.core.latent import Latent, LatentValue, Normal, Posterior
from ganbench.model.backbones import BACKBONES, Plain, choose
from ganbench.model.batch import Batch
from ganbench.model.hyperparameters import Choice, Count, Decay, Rate, Size, Weight
from ganbench.model.update import Loss, update
from ganbench.model.variant import Variant


class Autoencoder(Variant):
    """Encoder q(z|x), decoder p(x|z), prior N(0, I), one loss for both (arXiv:1312.6114).

    The networks are the GANs' own: the decoder is their generator, the encoder their
    discriminator's trunk. codes: size of z. beta: weight of the divergence. likelihood:
    `bernoulli` takes pixels as probabilities, `gaussian` has standard deviation
    pixel_sigma on pixels in [-1, 1]. backbone and width as in `GAN`.
    """

    codes: Count = 10
    beta: Weight = 1.0
    likelihood: Literal["bernoulli", "gaussian"] = "bernoulli"
    pixel_sigma: Rate = 0.3
    backbone: Annotated[str, Choice(["auto", *BACKBONES])] = "auto"
    width: Size = 0
    lr: Rate = 1e-3
    betas: tuple[Decay, Decay] = (0.9, 0.999)

    recipes: ClassVar[dict[str, dict[str, Any]]] = {
        "digits": {"ema": 0.99, "likelihood": "gaussian"},  # grey levels, not probabilities
        "ring": {"ema": 0.99, "likelihood": "gaussian", "pixel_sigma": 0.05, "codes": 2},
        "grid": {"ema": 0.99, "likelihood": "gaussian", "pixel_sigma": 0.05, "codes": 2},
    }
    ema_networks = ("generator", "encoder")

    def build(self) -> None:
        """Make the decoder, called generator, and the encoder.

        Raises ValueError for points that are to be probabilities.
        """
        if self.likelihood == "bernoulli" and self.kind == "points":
            raise ValueError("points are no probabilities: use likelihood=gaussian")
        self.latent = Latent(Normal(self.codes))
        backbone, options = choose(self.backbone, self.shape), Plain(width=self.width)
        self.generator = backbone.generator(self.codes, self.shape, options)
        trunk, features = backbone.trunk(self.shape, options)
        self.encoder = nn.Sequential(trunk, nn.Linear(features, 2 * self.codes))

    def posterior(self, images: Tensor) -> Posterior:
        """q(z|x) of images (n, *shape)."""
        return self.latent.posterior(self.encoder(images))

    def decode(self, z: Tensor) -> Tensor:
        """The decoder's outputs (n, *shape), of images before its tanh."""
        for layer in self.generator:  # type: ignore[attr-defined]
            if not isinstance(layer, nn.Tanh):
                z = layer(z)
        return z

    def reconstruction(self, images: Tensor, decoded: Tensor) -> Tensor:
        """-log p(x|z) in nats, the mean over images of the sum over pixels."""
        if self.likelihood == "bernoulli":
            targets = (images + 1) / 2  # (1 + tanh a) / 2 = sigmoid(2 a)
            nats = F.binary_cross_entropy_with_logits(2 * decoded, targets, reduction="none")
        else:
            mean = torch.tanh(decoded) if self.kind == "images" else decoded
            nats = 0.5 * ((images - mean) / self.pixel_sigma).square()
            nats = nats + math.log(self.pixel_sigma * math.sqrt(2 * math.pi))
        return nats.flatten(1).sum(1).mean()

    @staticmethod
    def divergence(posterior: Posterior) -> Tensor:
        """KL(q(z|x) || N(0, I)) in nats, the mean over images (appendix B)."""
        mean, log_sigma = posterior.mean, posterior.log_sigma
        terms = mean.square() + (2 * log_sigma).exp() - 1 - 2 * log_sigma
        return 0.5 * terms.sum(1).mean()

    @update("encoder", "generator", lr="lr", betas="betas")
    def elbo_loss(self, batch: Batch) -> Loss:
        """-E[log p(x|z)] + beta * KL(q(z|x) || p(z)) (eq. 3), one z per image (sec. 2.3)."""
        posterior = self.posterior(batch.real)
        z = posterior.mean + posterior.log_sigma.exp() * batch.randn_like(posterior.mean)
        reconstruction = self.reconstruction(batch.real, self.decode(z))
        divergence = self.divergence(posterior)
        logs = {"reconstruction": reconstruction, "divergence": divergence}
        return reconstruction + self.beta * divergence, logs

    def encode(self, images: Tensor) -> Tensor:
        """The posterior means (n, codes)."""
        return self.posterior(images).mean

    def posterior_log_prob(self, images: Tensor, latent: LatentValue) -> Tensor:
        """log q(z|x) of each code in nats, (n, codes)."""
        return self.posterior(images).log_prob(latent.codes)

    def reconstruct(self, images: Tensor) -> Tensor:
        """Images (n, *shape) decoded from the posterior means."""
        reconstructed: Tensor = self.generator(self.encode(images))
        return reconstructed
