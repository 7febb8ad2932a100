"""The base of the GAN family: a generator, a discriminator, an adversarial loss, and the
techniques that compose with any of its variants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

import torch
from torch import Tensor

from ganbench.core.errors import Unsupported
from ganbench.core.latent import Latent, Noise
from ganbench.model import layers, losses
from ganbench.model.backbones import BACKBONES, Backbone, choose
from ganbench.model.batch import Batch
from ganbench.model.discriminator import Discriminator, DiscriminatorOutput, single_logit
from ganbench.model.gan_hyperparameters import validate_hyperparameters
from ganbench.model.hyperparameters import (
    Choice,
    Count,
    Decay,
    Fraction,
    Rate,
    Share,
    Size,
    Weight,
)
from ganbench.model.schedules import cosine
from ganbench.model.update import Loss, Update, update
from ganbench.model.variant import Variant

Shown = tuple[Tensor, Tensor | None]
"""Images (n, *shape) that the discriminator is shown, and their labels (n,) where it reads them."""


class GAN(Variant):
    """A generator against a discriminator (Goodfellow et al. 2014, arXiv:1406.2661).

    Networks. backbone: see `backbones.BACKBONES`. width: units per hidden layer (mlp, 0: 256), or
    channels of the first convolution (dcgan, 0: 64), of the last but one (upsample, 0: 64), of
    all (resnet, 0: 64). dense: units of one more dense layer (dcgan). hidden: the discriminator's
    hidden layers (mlp), () for two of `width`. leak: slope of its leaky ReLU. d_norm: its
    normalisation (not mlp). g_norm: the generator's. layer_noise: standard deviation of Gaussian
    noise behind the discriminator's hidden layers. spectral_norm (Miyato et al. 2018), weight_norm
    with data-dependent initialisation (Salimans & Kingma 2016): of its weights; lengths `learned`,
    or `fixed` but for the last layer's.

    Variant. adversarial: see `losses.ADVERSARIAL`. d_steps: discriminator updates per generator
    update (k of algorithm 1). half_batches: the discriminator sees half a batch of real and
    half of generated images. instance_noise: standard deviation of the Gaussian noise on
    everything the discriminator sees, from the first round to the last (linear).

    Penalties on the discriminator's gradient: r1 on real, r2 on generated images (the weight
    gamma of gamma/2 E||grad||^2, Mescheder et al. 2018), which fall to a share penalty_end along
    half a cosine (Huang et al. 2024, arXiv:2501.05441); gradient_penalty in between (lambda of
    Gulrajani et al. 2017). weight_clipping: its weights are put back to [-c, c] after
    each step (c of Arjovsky et al. 2017, arXiv:1701.07875; 0: off).

    The five techniques of Salimans et al. 2016 (arXiv:1606.03498, sec. 3): feature_matching
    takes the place of the generator's adversarial loss; minibatch_discrimination: number of
    kernels (0: off), each of minibatch_dims; historical_averaging: its weight, for
    historical_players; label_smoothing: what the real images' target lacks to 1;
    virtual_batch_norm: in place of batch norm, with vbn_references reference examples.
    """

    noise: Size = 62
    noise_kind: Literal["normal", "uniform"] = "normal"
    backbone: Annotated[str, Choice(["auto", *BACKBONES])] = "auto"
    width: Size = 0
    dense: Size = 0
    hidden: tuple[Count, ...] = ()
    leak: Weight = 0.1
    d_norm: Literal["batch", "layer", "none"] = "batch"
    g_norm: Literal["batch", "none"] = "batch"
    g_activation: Literal["relu", "softplus"] = "relu"
    layer_noise: Weight = 0.0
    spectral_norm: bool = False
    weight_norm: Literal["none", "learned", "fixed"] = "none"

    adversarial: Literal["ns", "minimax", "hinge", "lsgan", "wasserstein", "relativistic"] = "ns"
    d_steps: Count = 1
    d_lr: Rate = 2e-4
    g_lr: Rate = 1e-3
    betas: tuple[Decay, Decay] = (0.5, 0.999)
    half_batches: bool = False
    instance_noise: tuple[Weight, Weight] = (0.0, 0.0)
    r1: Weight = 0.0
    r2: Weight = 0.0
    penalty_end: Fraction = 1.0
    gradient_penalty: Weight = 0.0
    weight_clipping: Weight = 0.0

    feature_matching: bool = False
    minibatch_discrimination: Size = 0
    minibatch_dims: Count = 5
    historical_averaging: Weight = 0.0
    historical_players: Literal["both", "discriminator", "generator"] = "both"
    label_smoothing: Share = 0.0
    virtual_batch_norm: Literal["none", "generator", "both"] = "none"
    vbn_statistics: Literal["reference+example", "reference"] = "reference+example"
    vbn_references: Count = 64

    recipes: ClassVar[dict[str, dict[str, Any]]] = {
        "digits": {"noise": 32, "d_lr": 5e-4, "instance_noise": (0.5, 0.1), "ema": 0.99},
        "mnist": {"dense": 1024},  # InfoGAN's networks (its appendix C.1)
        "sprites": {"d_lr": 5e-4, "instance_noise": (0.3, 0.0)},
        "ring": {"noise": 2, "width": 128, "d_lr": 1e-3, "ema": 0.99},
        "grid": {"noise": 2, "width": 128, "d_lr": 1e-3, "ema": 0.99},
    }
    conditional: ClassVar[bool] = False
    """Whether the discriminator is shown labels beside the images."""
    discriminator: Discriminator

    @classmethod
    def resolve(
        cls, given: Mapping[str, Any], dataset: str = "", title: str | None = None
    ) -> dict[str, Any]:
        """As `Variant.resolve`; a recipe's or preset's `dense` goes with a backbone that has it."""
        found = super().resolve(given, dataset, title)
        backbone = BACKBONES.get(found["backbone"])
        if backbone and "dense" not in backbone.supports and "dense" not in given:
            found["dense"] = 0
        return found

    def make_latent(self) -> Latent:
        """The latent that the generator reads."""
        return Latent(Noise(self.noise, self.noise_kind))

    def outputs(self) -> int:
        """How many outputs the discriminator has."""
        return 1

    score_from_outputs = staticmethod(single_logit)
    """Makes the score (n,) of the discriminator's outputs (n, k)."""

    def build(self) -> None:
        """Make the latent, the generator and the discriminator.

        Raises ValueError where hyperparameters exclude each other.
        """
        validate_hyperparameters(self)
        self.latent = self.make_latent()
        condition = self.classes if self.conditional else 0
        seen = (self.shape[0] + condition, *self.shape[1:])
        backbone = self.design
        generator = backbone.generator(self.latent.size, self.shape, self)
        trunk, features = self.trunk(seen)
        kernels = (self.minibatch_discrimination, self.minibatch_dims)
        discriminator = Discriminator(
            trunk, features, self.outputs(), self.score_from_outputs, condition, kernels
        )
        backbone.initialise(generator)
        backbone.initialise(discriminator)
        if self.spectral_norm:
            layers.add_spectral_norm(discriminator)
        if self.weight_norm != "none":
            layers.add_weight_norm(discriminator)
        if self.weight_norm == "fixed":
            layers.freeze_lengths(trunk)
        settings = self.vbn_references, self.vbn_statistics == "reference+example"
        self.generator = generator
        if self.virtual_batch_norm != "none":
            self.generator = layers.WithReferenceBatch(generator, (self.latent.size,), *settings)
        if self.virtual_batch_norm == "both":
            discriminator.trunk = layers.WithReferenceBatch(trunk, seen, *settings)
        self.discriminator = discriminator

    def trunk(self, shape: tuple[int, ...]) -> tuple[layers.Stack, int]:
        """A discriminator's trunk for images of a shape, and the number of its features."""
        return self.design.trunk(shape, self)

    @property
    def design(self) -> Backbone:
        """The backbone that the networks are made by. ValueError where it cannot make the shape."""
        return choose(self.backbone, self.shape)

    def prepare(self, batch: Batch) -> None:
        """Choose reference batches; initialise normalised weights from data."""
        if isinstance(self.generator, layers.WithReferenceBatch):
            self.generator.choose(batch.draw(self.vbn_references).vector)
        discriminator, trunk = self.discriminator, self.discriminator.trunk
        if isinstance(trunk, layers.WithReferenceBatch):
            trunk.choose(discriminator.conditioned(*self.real(batch)))
        elif self.weight_norm != "none" and isinstance(trunk, layers.Stack):
            images = discriminator.conditioned(*self.real(batch))
            features = discriminator.compared(layers.initialise_from_data(trunk, images))
            layers.initialise_from_data(layers.Stack(discriminator.output), features)

    def updates(self) -> list[Update]:
        """The discriminator's and the generator's, pulled to their past and clipped where asked."""
        players = ("discriminator", "generator")
        pulled = players if self.historical_players == "both" else (self.historical_players,)
        found = []
        for one in super().updates():
            weight = self.historical_averaging if one.name in pulled else 0.0
            bound = self.weight_clipping if one.name == "discriminator" else 0.0
            found.append(replace(one, historical_averaging=weight, clip_weights=bound))
        return found

    def real(self, batch: Batch) -> Shown:
        """The real images that the discriminator is shown, with labels where it reads them."""
        return batch.labelled if self.conditional else (batch.real, None)

    def generated_labels(self, batch: Batch) -> Tensor:
        """The labels (n,) that the generator was given, where its latent carries the label."""
        column = self.latent.label_code
        assert column is not None
        return batch.latent.codes[:, column].long()

    def view(
        self, images: Tensor, batch: Batch, labels: Tensor | None = None
    ) -> DiscriminatorOutput:
        """The discriminator's view of images, through the instance noise."""
        start, end = self.instance_noise
        if start or end:
            sigma = start + (end - start) * batch.progress
            images = torch.addcmul(images, batch.randn_like(images), sigma)
        return self.discriminator(images, labels, batch.rng)

    def fake_view(self, batch: Batch) -> DiscriminatorOutput:
        """The discriminator's view of the batch's generated images."""
        return self.view(
            batch.fake, batch, self.generated_labels(batch) if self.conditional else None
        )

    def views(
        self, real: Shown, fake: Shown, batch: Batch
    ) -> tuple[DiscriminatorOutput, DiscriminatorOutput]:
        """The discriminator's views of real and of generated images, with their labels.

        Both in one pass where no layer mixes a batch: the same views for less (spectral norm
        iterates once for both). With a penalty on one side alone, its second derivative would
        have to pass through both.
        """
        if self.r1 or self.r2 or not self.one_by_one:
            return self.view(real[0], batch, real[1]), self.view(fake[0], batch, fake[1])
        told = [labels for _, labels in (real, fake) if labels is not None]
        labels = torch.cat(told) if told else None
        both = self.view(torch.cat([real[0], fake[0]]), batch, labels)
        sizes = [len(real[0]), len(fake[0])]
        first, second = zip(*(values.split(sizes) for values in both), strict=True)
        return DiscriminatorOutput(*first), DiscriminatorOutput(*second)

    @cached_property
    def one_by_one(self) -> bool:
        """Whether the discriminator is known to treat each image of a batch alone."""
        own = type(self).view is not GAN.view or not self.score_from_outputs.__module__.startswith(
            "ganbench."
        )
        return not own and layers.one_by_one(self.discriminator)

    def d_loss(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """The discriminator's adversarial loss."""
        smoothing = (self.label_smoothing,) if self.label_smoothing else ()
        return losses.ADVERSARIAL[self.adversarial].discriminator(
            real.score, fake.score, *smoothing
        )

    def g_loss(self, fake: DiscriminatorOutput, batch: Batch) -> Tensor:
        """The generator's adversarial loss, or the feature distance in its place."""
        pair = losses.ADVERSARIAL[self.adversarial]
        if not (self.feature_matching or pair.paired):
            return pair.generator(fake.score)
        with torch.no_grad():
            images, labels = self.real(batch)
            real = self.view(images, batch, labels)
        if self.feature_matching:
            return losses.feature_distance(real.features, fake.features)
        return pair.generator(fake.score, real.score)

    def penalty_share(self, batch: Batch) -> Tensor | float:
        """What is left of r1 and r2 now."""
        return 1.0 if self.penalty_end == 1.0 else cosine(batch.progress, self.penalty_end)

    def adversarial_terms(
        self, batch: Batch
    ) -> tuple[DiscriminatorOutput, DiscriminatorOutput, Tensor]:
        """The discriminator's outputs on real and on generated images, and `d_loss` with the
        penalties."""
        n = (batch.size + 1) // 2 if self.half_batches else batch.size
        images, labels = self.real(batch)
        images = images[:n].detach().requires_grad_(self.r1 > 0)
        labels = labels[:n] if labels is not None and self.conditional else None
        fakes, given = (
            batch.fake[:n],
            self.generated_labels(batch)[:n] if self.conditional else None,
        )
        if self.r2:
            fakes = fakes.detach().requires_grad_()
        real, fake = self.views((images, labels), (fakes, given), batch)
        loss, left = self.d_loss(real, fake), self.penalty_share(batch)
        if self.r1:
            loss = loss + self.r1 * left * losses.zero_centred(real.score, images)
        if self.r2:
            loss = loss + self.r2 * left * losses.zero_centred(fake.score, fakes)
        if self.gradient_penalty:
            share = images.new_empty(len(images), *[1] * len(self.shape))
            share = share.uniform_(generator=batch.rng)
            between = torch.lerp(fakes.to(images.dtype), images, share).detach().requires_grad_()
            score = self.view(between, batch).score
            loss = loss + self.gradient_penalty * losses.one_centred(score, between)
        return real, fake, loss

    @update("discriminator", lr="d_lr", betas="betas", steps="d_steps")
    def discriminator_loss(self, batch: Batch) -> Loss:
        """What the discriminator lowers."""
        return self.adversarial_terms(batch)[2]

    @update("generator", lr="g_lr", betas="betas")
    def generator_loss(self, batch: Batch) -> Loss:
        """What the generator lowers."""
        return self.g_loss(self.fake_view(batch), batch)

    def score(self, images: Tensor) -> Tensor:
        """The discriminator's score (n,): higher is more real.

        Raises Unsupported where it is a property of a whole batch.
        """
        if self.minibatch_discrimination:
            raise Unsupported("minibatch discrimination scores an image in its batch")
        return self.unconditional_score(images)

    def unconditional_score(self, images: Tensor) -> Tensor:
        """The score (n,) of images without labels, each by itself."""
        return self.discriminator(images).score
