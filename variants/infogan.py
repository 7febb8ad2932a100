"""InfoGAN (Chen et al., NeurIPS 2016, arXiv:1606.03657)."""

from typing import Literal

from torch import Tensor

from ganbench.model import GAN, Batch, Latent, LatentValue, Loss, Recognition, Update, View
from ganbench.model.hyperparameters import Count, Size, Weight


class InfoGAN(GAN):
    """GAN whose generator is rewarded for codes that a recognition network Q can read back.

    One change to GAN: lower -lambda * L_I(G, Q), with L_I = E[log Q(c|x)] + H(c) (eq. 5, 6).
    Q is a head on the discriminator's trunk (sec. 6), Gaussian with learned sigma for the
    continuous codes (sec. 6).

    information: `generator` trains G and Q on L_I, which is eq. 6; `joint` also trains the
    discriminator's trunk on it, with Q in the discriminator's optimizer, as the authors'
    code does; `q_only` trains Q but does not reward G, the control of fig. 1.
    info_weight: lambda of the categorical codes (1 in sec. 6); continuous_weight: that of
    the continuous ones, smaller because a density has no scale of its own (sec. 6).
    """

    categorical: tuple[Count, ...] = (10,)
    continuous: Size = 2
    information: Literal["generator", "joint", "q_only"] = "generator"
    info_weight: Weight = 1.0
    continuous_weight: Weight = 0.1
    q_width: Count = 128

    recipes = {"digits": {"q_width": 64}}

    def layout(self) -> Latent:
        """Noise and codes; MNIST's in appendix C.1 are 62 noise, Cat(10), 2 uniform."""
        return Latent.coded(self.noise, self.categorical, self.continuous)

    def build(self) -> None:
        """Add Q's head to the GAN's networks."""
        super().build()
        self.q_head = Recognition(self.latent, self.discriminator.features, self.q_width)

    def updates(self) -> list[Update]:
        """Who lowers -lambda L_I: see `information`."""
        discriminator, generator = super().updates()
        if self.information == "generator":
            return [discriminator, generator.also("q_head")]
        if self.information == "joint":
            return [discriminator.also("q_head"), generator]
        q_head = Update("q_head", ("q_head",), self.q_head_loss, self.g_lr, self.betas)
        return [discriminator, q_head, generator]

    def information_loss(self, view: View, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """-lambda L_I of the batch's fakes, and L_I per code in nats."""
        bound = self.q_head.bound(self.q_head(view.features), batch.latent.codes)  # eq. 5
        k = len(self.latent.categorical)
        reward = self.info_weight * bound[:k].sum() + self.continuous_weight * bound[k:].sum()
        names = (f"information/{code.name}" for code in self.latent.codes)
        return -reward, dict(zip(names, bound.unbind(), strict=True))

    def discriminator_loss(self, batch: Batch) -> Loss:
        """V(D, G), and with `joint` -lambda L_I."""
        fake = self.view(batch.fake, batch)
        loss = self.d_loss(self.view(batch.real, batch).score, fake.score)
        return loss + self.information_loss(fake, batch)[0] if self.information == "joint" else loss

    def q_head_loss(self, batch: Batch) -> Loss:
        """-lambda L_I, for Q alone."""
        return self.information_loss(self.view(batch.fake, batch), batch)

    def generator_loss(self, batch: Batch) -> Loss:
        """V(D, G) - lambda L_I(G, Q) (eq. 6)."""
        fake = self.view(batch.fake, batch)
        loss = self.g_loss(fake.score)
        if self.information == "q_only":
            return loss
        information, logs = self.information_loss(fake, batch)
        return loss + information, logs

    def encode(self, images: Tensor) -> Tensor:
        """The most likely category or the posterior mean of each code, (n, codes)."""
        return self.q_head(self.discriminator(images).features).point()

    def posterior_log_prob(self, images: Tensor, latent: LatentValue) -> Tensor:
        """log Q(c|x) of each code in nats, (n, codes)."""
        return self.q_head(self.discriminator(images).features).log_prob(latent.codes)
