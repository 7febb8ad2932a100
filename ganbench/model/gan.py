"""The base of the GAN family: a generator, a discriminator, an adversarial loss."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from torch import Tensor

from ganbench.model import backbones, losses
from ganbench.model.backbones import Discriminator, View
from ganbench.model.batch import Batch
from ganbench.model.game import Game
from ganbench.model.hyperparameters import Count, Decay, Rate, Size, Weight
from ganbench.model.latent import Latent, Noise
from ganbench.model.update import Loss, update


class GAN(Game):
    """A generator against a discriminator (Goodfellow et al. 2014, arXiv:1406.2661).

    d_steps: discriminator updates per generator update (the paper's k).
    instance_noise: standard deviation of the Gaussian noise on everything the
    discriminator sees, from the first round to the last (linear).
    width: units per hidden layer (mlp) or channels of the first convolution (dcgan);
    0 means 256 or 64.
    """

    noise: Size = 62
    backbone: Literal["auto", "mlp", "dcgan"] = "auto"
    width: Size = 0
    adversarial: Literal["ns", "minimax", "hinge", "lsgan", "wasserstein"] = "ns"
    d_steps: Count = 1
    d_lr: Rate = 2e-4
    g_lr: Rate = 1e-3
    betas: tuple[Decay, Decay] = (0.5, 0.999)
    instance_noise: tuple[Weight, Weight] = (0.0, 0.0)

    recipes: ClassVar[dict[str, dict[str, Any]]] = {
        "digits": {"noise": 32, "d_lr": 5e-4, "instance_noise": (0.5, 0.1), "ema": 0.99},
        "mnist": {"instance_noise": (0.5, 0.1)},
    }
    discriminator: Discriminator

    def layout(self) -> Latent:
        """The latent's layout."""
        return Latent(Noise(self.noise))

    def build(self) -> None:
        """Make the latent, the generator and the discriminator."""
        self.latent = self.layout()
        if backbones.choose(self.backbone, self.shape) == "mlp":
            width = self.width or 256
            self.generator = backbones.mlp_generator(self.latent.size, self.shape, width)
            self.discriminator = backbones.mlp_discriminator(self.shape, width)
        else:
            width = self.width or 64
            self.generator = backbones.dcgan_generator(self.latent.size, self.shape, width)
            self.discriminator = backbones.dcgan_discriminator(self.shape, width)
            backbones.initialise(self.generator)
            backbones.initialise(self.discriminator)

    def view(self, images: Tensor, batch: Batch) -> View:
        """The discriminator's view of images, through the instance noise."""
        start, end = self.instance_noise
        if start or end:
            sigma = start + (end - start) * batch.progress
            images = images + sigma * batch.randn_like(images)
        return self.discriminator(images)

    def d_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """The discriminator's adversarial loss of scores (n,)."""
        return losses.ADVERSARIAL[self.adversarial].discriminator(real, fake)

    def g_loss(self, fake: Tensor) -> Tensor:
        """The generator's adversarial loss of scores (n,)."""
        return losses.ADVERSARIAL[self.adversarial].generator(fake)

    @update("discriminator", lr="d_lr", betas="betas", steps="d_steps")
    def discriminator_loss(self, batch: Batch) -> Loss:
        """What the discriminator lowers."""
        return self.d_loss(self.view(batch.real, batch).score, self.view(batch.fake, batch).score)

    @update("generator", lr="g_lr", betas="betas")
    def generator_loss(self, batch: Batch) -> Loss:
        """What the generator lowers."""
        return self.g_loss(self.view(batch.fake, batch).score)

    def score(self, images: Tensor) -> Tensor:
        """The discriminator's logits (n,): higher is more real."""
        return self.discriminator(images).score
