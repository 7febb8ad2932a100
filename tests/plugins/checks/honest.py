"""Correct variants of kinds that ganbench has none of: no check may fail on them."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganbench.model import GAN, Batch, Latent, Loss, Noise, Normal, Update, Variant, update
from ganbench.model.hyperparameters import Count, Rate, Size, Weight


def dense(*sizes: int) -> nn.Sequential:
    """Linear layers with leaky ReLUs in between."""
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1])


class Pairs(nn.Module):
    """The logit of an image and a code together."""

    def __init__(self, pixels: int, codes: int) -> None:
        super().__init__()
        self.trunk = dense(pixels + codes, 64, 1)

    def forward(self, images: Tensor, codes: Tensor) -> Tensor:
        return self.trunk(torch.cat([images.flatten(1), codes], 1)).squeeze(1)


class BiGAN(Variant):
    """BiGAN (Donahue et al. 2017): pairs (x, E(x)) against (G(z), z); E and G play together."""

    codes: Count = 8
    noise: Size = 8
    width: Size = 64
    lr: Rate = 1e-3
    ema_networks = ("generator", "encoder")

    def build(self) -> None:
        pixels = torch.Size(self.shape).numel()
        self.latent = Latent(Normal(self.codes))
        self.encoder = nn.Sequential(nn.Flatten(), dense(pixels, self.width, self.codes))
        self.generator = nn.Sequential(
            dense(self.codes, self.width, pixels), nn.Tanh(), nn.Unflatten(1, self.shape)
        )
        self.discriminator = Pairs(pixels, self.codes)

    def logits(self, batch: Batch) -> tuple[Tensor, Tensor]:
        real = self.discriminator(batch.real, self.encoder(batch.real))
        z = batch.latent.vector
        return real, self.discriminator(self.generator(z), z)

    @update("discriminator", lr="lr")
    def discriminator_loss(self, batch: Batch) -> Loss:
        real, fake = self.logits(batch)
        return F.softplus(-real).mean() + F.softplus(fake).mean()

    @update("generator", "encoder", lr="lr")
    def generator_loss(self, batch: Batch) -> Loss:
        real, fake = self.logits(batch)
        return F.softplus(real).mean() + F.softplus(-fake).mean()

    def score(self, images: Tensor) -> Tensor:
        return self.discriminator(images, self.encoder(images))

    def encode(self, images: Tensor) -> Tensor:
        return self.encoder(images)

    def reconstruct(self, images: Tensor) -> Tensor:
        return self.generator(self.encoder(images))


class Inferring(GAN):
    """BiGAN on the GAN base, which leaves some of the base's hyperparameters unused."""

    width = 64
    ema_networks = ("generator", "encoder")
    unsupported = {
        "instance_noise": "noise on one half of a pair alone would give it away",
        "noise": "its latent is as long as its codes",
    }
    codes: Count = 8

    def make_latent(self) -> Latent:
        return Latent(Normal(self.codes))

    def build(self) -> None:
        super().build()
        pixels = torch.Size(self.shape).numel()
        self.encoder = nn.Sequential(nn.Flatten(), dense(pixels, 64, self.codes))
        self.discriminator = Pairs(pixels, self.codes)

    def prepare(self, batch: Batch) -> None:
        pass

    def updates(self) -> list[Update]:
        discriminator, generator = super().updates()
        return [discriminator, generator.with_modules("encoder")]

    def pair(self, batch: Batch) -> tuple[Tensor, Tensor]:
        real = self.discriminator(batch.real, self.encoder(batch.real))
        return real, self.discriminator(batch.fake, batch.latent.vector)

    def discriminator_loss(self, batch: Batch) -> Loss:
        real, fake = self.pair(batch)
        return F.softplus(-real).mean() + F.softplus(fake).mean()

    def generator_loss(self, batch: Batch) -> Loss:
        real, fake = self.pair(batch)
        return F.softplus(real).mean() + F.softplus(-fake).mean()

    def unconditional_score(self, images: Tensor) -> Tensor:
        return self.discriminator(images, self.encoder(images))

    def encode(self, images: Tensor) -> Tensor:
        return self.encoder(images)

    def reconstruct(self, images: Tensor) -> Tensor:
        return self.generator(self.encoder(images))


class ALI(BiGAN):
    """ALI (Dumoulin et al. 2017): as BiGAN, but the encoder draws its codes."""

    def build(self) -> None:
        super().build()
        pixels = torch.Size(self.shape).numel()
        self.encoder = nn.Sequential(nn.Flatten(), dense(pixels, self.width, 2 * self.codes))

    def means(self, images: Tensor) -> Tensor:
        return self.encoder(images)[:, : self.codes]

    def logits(self, batch: Batch) -> tuple[Tensor, Tensor]:
        mean, log_sigma = self.encoder(batch.real).chunk(2, 1)
        drawn = mean + log_sigma.exp() * batch.randn_like(mean)
        z = batch.latent.vector
        real = self.discriminator(batch.real, drawn)
        return real, self.discriminator(self.generator(z), z)

    def score(self, images: Tensor) -> Tensor:
        return self.discriminator(images, self.means(images))

    def encode(self, images: Tensor) -> Tensor:
        return self.means(images)

    def reconstruct(self, images: Tensor) -> Tensor:
        return self.generator(self.means(images))


class Alternating(BiGAN):
    """BiGAN whose encoder and generator move in turn."""

    def updates(self) -> list[Update]:
        discriminator, generator = super().updates()
        apart = [
            Update(name, (name,), generator.loss, generator.lr, generator.betas)
            for name in ("encoder", "generator")
        ]
        return [discriminator, *apart]


class AlternatingAutoencoder(Variant):
    """An autoencoder whose two halves move in turn, each by an update of its own."""

    codes: Count = 8
    lr: Rate = 1e-3

    def build(self) -> None:
        pixels = torch.Size(self.shape).numel()
        self.latent = Latent(Noise(self.codes))
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(pixels, self.codes))
        self.generator = nn.Sequential(
            nn.Linear(self.codes, pixels), nn.Tanh(), nn.Unflatten(1, self.shape)
        )

    @update("encoder", lr="lr")
    def encoder_loss(self, batch: Batch) -> Loss:
        return (self.reconstruct(batch.real) - batch.real).square().mean()

    @update("generator", lr="lr")
    def decoder_loss(self, batch: Batch) -> Loss:
        return (self.reconstruct(batch.real) - batch.real).square().mean()

    def reconstruct(self, images: Tensor) -> Tensor:
        return self.generator(self.encoder(images))


class VAEGAN(GAN):
    """VAE/GAN (Larsen et al. 2016), less its prior: the decoder reconstructs and fools D."""

    width = 64
    encoding: Weight = 1.0

    def build(self) -> None:
        super().build()
        pixels = torch.Size(self.shape).numel()
        self.encoder = nn.Sequential(nn.Flatten(), dense(pixels, 64, self.latent.size))

    def updates(self) -> list[Update]:
        discriminator, generator = super().updates()
        return [discriminator, generator.with_modules("encoder")]

    def generator_loss(self, batch: Batch) -> Loss:
        error = (self.reconstruct(batch.real) - batch.real).square().mean()
        return self.g_loss(self.fake_view(batch), batch) + self.encoding * error

    def reconstruct(self, images: Tensor) -> Tensor:
        return self.generator(self.encoder(images))


class Energies(Variant):
    """EBGAN (Zhao et al. 2017): the discriminator is an autoencoder, its error the energy."""

    noise: Size = 16
    width: Size = 64
    margin: Weight = 0.5
    lr: Rate = 1e-3

    def build(self) -> None:
        pixels = torch.Size(self.shape).numel()
        self.latent = Latent(Noise(self.noise))
        self.generator = nn.Sequential(
            dense(self.noise, self.width, pixels), nn.Tanh(), nn.Unflatten(1, self.shape)
        )
        self.discriminator = nn.Sequential(
            nn.Flatten(),
            dense(pixels, self.width, 8, self.width, pixels),
            nn.Tanh(),
            nn.Unflatten(1, self.shape),
        )

    def energy(self, images: Tensor) -> Tensor:
        return (self.discriminator(images) - images).square().flatten(1).mean(1)

    @update("discriminator", lr="lr")
    def discriminator_loss(self, batch: Batch) -> Loss:
        held_off = F.relu(self.margin - self.energy(batch.fake))
        return self.energy(batch.real).mean() + held_off.mean()

    @update("generator", lr="lr")
    def generator_loss(self, batch: Batch) -> Loss:
        return self.energy(batch.fake).mean()

    def score(self, images: Tensor) -> Tensor:
        return -self.energy(images)

    def reconstruct(self, images: Tensor) -> Tensor:
        return self.discriminator(images)


class Balanced(Energies):
    """BEGAN (Berthelot et al. 2017): a balance in place of the margin."""

    gamma: Weight = 0.5
    rate: Rate = 1e-3

    def build(self) -> None:
        super().build()
        self.register_buffer("k", torch.zeros(()))

    @update("discriminator", lr="lr")
    def discriminator_loss(self, batch: Batch) -> Loss:
        real, fake = self.energy(batch.real).mean(), self.energy(batch.fake).mean()
        loss = real - self.k.clone() * fake
        with torch.no_grad():
            self.k.add_(self.rate * (self.gamma * real - fake)).clamp_(0, 1)
        return loss


class Duel(GAN):
    """D2GAN-like: two discriminators, of which score() asks the first."""

    width = 32

    def build(self) -> None:
        super().build()
        self.second = copy.deepcopy(self.discriminator)
        for layer in self.second.modules():
            if isinstance(layer, nn.Linear):
                layer.reset_parameters()

    @update("second", lr="d_lr", betas="betas")
    def second_loss(self, batch: Batch) -> Loss:
        real, fake = self.second(batch.real), self.second(batch.fake)
        return self.d_loss(real, fake)

    def generator_loss(self, batch: Batch) -> Loss:
        first = self.g_loss(self.fake_view(batch), batch)
        return first + self.g_loss(self.second(batch.fake), batch)


class Frozen(GAN):
    """A GAN whose discriminator stands on features that nobody trains."""

    width = 64

    def build(self) -> None:
        super().build()
        kinds = nn.Linear | nn.Conv2d
        first = next(part for part in self.discriminator.modules() if isinstance(part, kinds))
        first.requires_grad_(False)


class Unrolled(GAN):
    """The generator's loss looks one gradient step of the discriminator ahead (Metz 2017)."""

    width = 16
    d_norm = "none"
    ahead: Rate = 1e-3

    def generator_loss(self, batch: Batch) -> Loss:
        weights = {k: v.detach() for k, v in self.discriminator.named_parameters()}
        buffers = dict(self.discriminator.named_buffers())
        leaves = {k: v.requires_grad_() for k, v in weights.items()}

        def seen(images: Tensor, given: dict[str, Tensor]) -> Tensor:
            return torch.func.functional_call(
                self.discriminator, {**given, **buffers}, (images,)
            ).score

        real, fake = seen(batch.real, leaves), seen(batch.fake, leaves)
        loss = F.softplus(-real).mean() + F.softplus(fake).mean()
        steps = torch.autograd.grad(loss, list(leaves.values()), create_graph=True)
        moved = {k: w - self.ahead * g for (k, w), g in zip(leaves.items(), steps, strict=True)}
        return F.softplus(-seen(batch.fake, moved)).mean()


class Unlabelled(GAN):
    """A classifier head that a data set without labels leaves out."""

    width = 64

    def build(self) -> None:
        super().build()
        self.head = nn.Linear(self.discriminator.features, max(self.classes, 1))

    def updates(self) -> list[Update]:
        discriminator, generator = super().updates()
        return [discriminator.with_modules("head"), generator]

    def discriminator_loss(self, batch: Batch) -> Loss:
        images, labels = batch.labelled
        loss = self.adversarial_terms(batch)[2]
        return loss + F.cross_entropy(self.head(self.view(images, batch).features), labels)

    def classify(self, images: Tensor) -> Tensor:
        return self.head(self.discriminator(images).features)


class Separate(BiGAN):
    """A GAN, and beside it an encoder that learns to undo the generator."""

    def build(self) -> None:
        super().build()
        pixels = torch.Size(self.shape).numel()
        self.discriminator = nn.Sequential(nn.Flatten(), dense(pixels, 64, 1), nn.Flatten(0))

    def logits(self, batch: Batch) -> tuple[Tensor, Tensor]:
        return self.discriminator(batch.real), self.discriminator(batch.fake)

    def score(self, images: Tensor) -> Tensor:
        return self.discriminator(images)

    @update("generator", lr="lr")
    def generator_loss(self, batch: Batch) -> Loss:
        return F.softplus(-self.logits(batch)[1]).mean()

    @update("encoder", lr="lr")
    def inverse_loss(self, batch: Batch) -> Loss:
        return (self.encoder(batch.fake) - batch.latent.vector).square().mean()


class Cycled(GAN):
    """A GAN with a further update, of encoder and generator, that only reconstructs."""

    width = 64

    def build(self) -> None:
        super().build()
        pixels = torch.Size(self.shape).numel()
        self.encoder = nn.Sequential(nn.Flatten(), dense(pixels, 64, self.latent.size))

    def reconstruction_error(self, batch: Batch) -> Loss:
        return (self.reconstruct(batch.real) - batch.real).square().mean()

    def updates(self) -> list[Update]:
        owns = ("encoder", "generator")
        error = self.reconstruction_error
        cycle = Update("cycle", ("encoder",), error, self.g_lr, self.betas)
        return [*super().updates(), replace(cycle, owns=owns).as_shared(), self.lone_encoder()]

    def lone_encoder(self) -> Update:
        return Update("inverse", ("encoder",), self.reconstruction_error, self.g_lr, self.betas)

    def reconstruct(self, images: Tensor) -> Tensor:
        return self.generator(self.encoder(images))


class Adversarial(BiGAN):
    """Adversarial autoencoder (Makhzani et al. 2015): its discriminator looks at codes."""

    def build(self) -> None:
        super().build()
        self.discriminator = nn.Sequential(dense(self.codes, 64, 1), nn.Flatten(0))

    @update("discriminator", lr="lr")
    def discriminator_loss(self, batch: Batch) -> Loss:
        drawn, found = batch.latent.vector, self.encoder(batch.real)
        return (
            F.softplus(-self.discriminator(drawn)).mean()
            + F.softplus(self.discriminator(found)).mean()
        )

    @update("generator", "encoder", lr="lr")
    def generator_loss(self, batch: Batch) -> Loss:
        fooling = F.softplus(-self.discriminator(self.encoder(batch.real))).mean()
        return (self.reconstruct(batch.real) - batch.real).square().mean() + 0.1 * fooling

    def score(self, images: Tensor) -> Tensor:
        raise NotImplementedError("it scores codes")


HONEST = [
    BiGAN,
    Inferring,
    ALI,
    Alternating,
    AlternatingAutoencoder,
    VAEGAN,
    Energies,
    Balanced,
    Duel,
    Frozen,
    Unrolled,
    Unlabelled,
    Separate,
    Cycled,
    Adversarial,
]
