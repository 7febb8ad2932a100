"""InfoGAN-CR (Lin et al., ICML 2020, arXiv:1906.06034)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganbench.model import Batch, CodedGAN, Loss, Update
from ganbench.model.hyperparameters import Fraction, Weight


class InfoGANCR(CodedGAN):
    """InfoGAN with a contrastive regulariser: a third network must see which code a pair shares.

    One change to InfoGAN: G and H also lower -alpha * L_c(G, H) (sec. 3.1, eq. 4 and 5). Two
    images are generated that share one code I, drawn at random, and differ in all others;
    L_c is the expected log-likelihood of I under H's softmax on the pair.

    contrastive_weight: alpha. gap: how far apart the other codes are at least, from the
    first round to the last (linear), as a share of their range: hard pairs come late (3.2).
    """

    categorical = ()
    continuous = 5
    contrastive_weight: Weight = 1.0
    gap: tuple[Fraction, Fraction] = (0.95, 0.0)

    def build(self) -> None:
        """Add H: a trunk of the discriminator's kind on both images, and a linear layer."""
        super().build()
        if len(self.latent.codes) < 2 or self.latent.categorical:
            raise ValueError("a pair shares one of several continuous codes: set continuous >= 2")
        trunk, features = self.trunk((2 * self.shape[0], *self.shape[1:]))
        self.h_network = nn.Sequential(trunk, nn.Linear(features, len(self.latent.codes)))

    def updates(self) -> list[Update]:
        """G, Q and H lower the generator's loss together (eq. 4)."""
        discriminator, generator = super().updates()
        return [discriminator, generator.with_modules("q_head", "h_network")]

    def pairs(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Latent vectors (2, n, size) of pairs, and which code (n,) each pair shares."""
        n, k = batch.size, len(self.latent.codes)
        low, high = self.code_range
        gap = (high - low) * (self.gap[0] + (self.gap[1] - self.gap[0]) * batch.progress)
        unit = batch.draw(2 * n).codes.sub(low).div(high - low).unflatten(0, (2, n))
        swap = unit[0] > unit[1]  # uniform over all pairs that are at least `gap` apart
        codes = low + unit * (high - low - gap)
        codes = codes + gap * torch.stack([swap, ~swap]).float()
        shared = torch.randint(k, (n,), generator=batch.rng, device=codes.device)
        same = F.one_hot(shared, k).bool()
        first = self.latent.draw_codes(n, batch.rng)
        codes = torch.where(same, first, codes).flatten(0, 1)
        noise = self.latent.draw_noise(2 * n, batch.rng)
        return self.latent.assemble(noise, codes).vector.unflatten(0, (2, n)), shared

    def contrast(self, batch: Batch) -> Tensor:
        """-L_c: cross-entropy of H on pairs of generated images."""
        latents, shared = self.pairs(batch)
        images = self.generator(latents.flatten(0, 1)).unflatten(0, latents.shape[:2])
        return F.cross_entropy(self.h_network(torch.cat([*images], 1)), shared)

    def generator_loss(self, batch: Batch) -> Loss:
        """V(D, G) - lambda L_I(G, Q) - alpha L_c(G, H)."""
        fake = self.fake_view(batch)
        information, logs = self.information_loss(fake, batch)
        contrast = self.contrast(batch)
        loss = self.g_loss(fake, batch) + information + self.contrastive_weight * contrast
        return loss, {**logs, "contrastive_loss": contrast}
