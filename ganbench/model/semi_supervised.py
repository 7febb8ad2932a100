"""The base of semi-supervised variants: a discriminator that is a classifier, too."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ganbench.core.errors import Unsupported
from ganbench.core.latent import LatentValue
from ganbench.model.batch import Batch
from ganbench.model.discriminator import DiscriminatorOutput
from ganbench.model.gan import GAN
from ganbench.model.hyperparameters import Weight
from ganbench.model.update import Loss, Update


class SemiSupervised(GAN):
    """GAN whose discriminator's outputs are classes, learnt from the labelled images.

    A variant says how many outputs there are and how they `judge` an image. label_weight:
    of the cross-entropy on labelled images; 0 reads no labels. supervised_only: train the
    same network on that cross-entropy alone, with the same noise, averaging and rounds: what
    the unlabelled images have to beat.
    """

    label_weight: Weight = 1.0
    supervised_only: bool = False

    ema_networks = ("generator", "discriminator")
    unsupported = {"minibatch_discrimination": "an image's class would depend on its batch-mates"}

    def outputs(self) -> int:
        """One per class."""
        return self.classes

    def build(self) -> None:
        """The GAN's networks; a generator that nothing trains is frozen."""
        super().build()
        if self.supervised_only:
            if not self.label_weight:
                raise ValueError("supervised_only trains on labels: label_weight must not be 0")
            self.generator.requires_grad_(False)

    def updates(self) -> list[Update]:
        """The discriminator's, and the generator's unless `supervised_only`."""
        return super().updates()[: 1 if self.supervised_only else None]

    def class_loss(self, batch: Batch, real: DiscriminatorOutput | None = None) -> Tensor:
        """Cross-entropy of the outputs on labelled images, the mean over the batch.

        real: the view of `batch.real`; it serves where it shows those very images.
        """
        images, labels = batch.labelled
        if real is None or images is not batch.real or len(real.outputs) < len(labels):
            real = self.view(images, batch)
        return F.cross_entropy(real.outputs, labels)

    def discriminator_loss(self, batch: Batch) -> Loss:
        """The adversarial loss over unlabelled images, and the classes of labelled ones."""
        if self.supervised_only:
            return self.class_loss(batch)
        real, _, loss = self.adversarial_terms(batch)
        if not self.label_weight:
            return loss
        classes = self.class_loss(batch, real)
        return loss + self.label_weight * classes, {"class_loss": classes}

    def generate(self, latent: LatentValue) -> Tensor:
        """Images (n, *shape) in [-1, 1]; Unsupported with an untrained generator."""
        if self.supervised_only:
            raise Unsupported("supervised_only trains no generator")
        images: Tensor = super().generate(latent)
        return images

    def classify(self, images: Tensor) -> Tensor:
        """Logits (n, classes); Unsupported where no labels were read."""
        if not self.label_weight:
            raise Unsupported("label_weight=0 reads no labels")
        return self.discriminator(images).outputs[:, : self.classes]
