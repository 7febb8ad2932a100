"""ACGAN (Odena et al., ICML 2017, arXiv:1610.09585)."""

import torch.nn.functional as F
from torch import Tensor, nn

from ganbench.model import GAN, Batch, Categorical, Latent, Loss, Noise, Update
from ganbench.model.hyperparameters import Weight


class ACGAN(GAN):
    """GAN with a class label for the generator and an auxiliary classifier on the trunk.

    One change to GAN: D lowers -(L_S + L_C) and G lowers L_S - L_C, where L_C is the
    log-likelihood of the right class on real *and* generated images (sec. 3, eq. 2 and 3).

    class_weight: of L_C (1 in the paper).
    """

    class_weight: Weight = 1.0

    def make_latent(self) -> Latent:
        """Noise and the class label."""
        return Latent(Noise(self.noise, self.noise_kind), Categorical(self.classes, label=True))

    def build(self) -> None:
        """Add the auxiliary classifier to the GAN's networks."""
        super().build()
        self.class_head = nn.Linear(self.discriminator.features, self.classes)

    def updates(self) -> list[Update]:
        """The auxiliary classifier is the discriminator's."""
        discriminator, generator = super().updates()
        return [discriminator.with_modules("class_head"), generator]

    def real(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Labelled images: L_C needs a label of each."""
        return batch.labelled

    def class_loss(self, features: Tensor, labels: Tensor) -> Tensor:
        """-log P(C = c | X), the mean over a batch (half of -L_C)."""
        return F.cross_entropy(self.class_head(features), labels[: len(features)])

    def discriminator_loss(self, batch: Batch) -> Loss:
        """-(L_S + L_C) (eq. 2, 3)."""
        real, fake, loss = self.adversarial_terms(batch)
        on_real = self.class_loss(real.features, batch.labelled[1])
        on_fake = self.class_loss(fake.features, self.generated_labels(batch))
        logs = {"class_loss/real": on_real, "class_loss/fake": on_fake}
        return loss + self.class_weight * (on_real + on_fake), logs

    def generator_loss(self, batch: Batch) -> Loss:
        """L_S - L_C, of which only the fakes' half moves G."""
        fake = self.fake_view(batch)
        on_fake = self.class_loss(fake.features, self.generated_labels(batch))
        return self.g_loss(fake, batch) + self.class_weight * on_fake

    def classify(self, images: Tensor) -> Tensor:
        """Logits (n, classes)."""
        return self.class_head(self.discriminator(images).features)
