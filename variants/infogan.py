"""InfoGAN (Chen et al., NeurIPS 2016, arXiv:1606.03657)."""

from typing import Literal

from ganbench.model import Batch, CodedGAN, Loss, Update

PUBLISHED = {"noise": 62, "d_lr": 2e-4, "instance_noise": (0.0, 0.0), "ema": 0.0}
"""What the published configurations have in common."""


class InfoGAN(CodedGAN):
    """GAN whose generator is rewarded for codes that a recognition network Q can read back.

    One change to GAN: lower -lambda * L_I(G, Q), with L_I = E[log Q(c|x)] + H(c) (eq. 5, 6).
    Q is a head on the discriminator's trunk (sec. 6), Gaussian with learned sigma for the
    continuous codes (sec. 6).

    information: `generator` trains G and Q on L_I, which is eq. 6; `joint` also trains the
    discriminator's trunk on it, with Q in the discriminator's optimizer, as the authors'
    code does; `separate` is a third update over G, Q and that trunk with an optimizer of its
    own, as some re-implementations have it; `q_only` trains Q but does not reward G, the
    control of fig. 1.
    info_weight is 1 for categorical codes in sec. 6; continuous_weight is smaller because a
    density has no scale of its own.
    """

    information: Literal["generator", "joint", "separate", "q_only"] = "generator"

    presets = {
        # Appendix C.1 and the authors' MNIST launcher (mnist's 5,000 rounds of 128 are its own).
        "authors": PUBLISHED
        | {
            "noise_kind": "uniform",
            "backbone": "dcgan",
            "dense": 1024,
            "information": "joint",
            "sigma": "fixed",
            "continuous_weight": 1.0,
            "q_width": 128,
        },
        # A common re-implementation: L_I as a third update, squared error, one learning rate.
        "mlp": PUBLISHED
        | {"backbone": "mlp", "information": "separate", "sigma": "fixed", "g_lr": 2e-4},
        # A common tutorial: transposed convolutions, one continuous code, D on half batches.
        "tutorial": PUBLISHED
        | {"backbone": "dcgan", "continuous": 1, "half_batches": True, "g_lr": 2e-4},
    }

    def updates(self) -> list[Update]:
        """Who lowers -lambda L_I: see `information`."""
        discriminator, generator = super().updates()
        if self.information == "generator":
            return [discriminator, generator.with_modules("q_head")]
        if self.information == "joint":
            return [discriminator.with_modules("q_head"), generator]
        own = Update("information", ("q_head",), self.q_loss, self.g_lr, self.betas)
        if self.information == "q_only":
            return [discriminator, own, generator]
        own = own.with_modules("generator", "discriminator.trunk").as_shared()
        return [discriminator, generator, own]

    def discriminator_loss(self, batch: Batch) -> Loss:
        """V(D, G), and with `joint` -lambda L_I."""
        _, fake, loss = self.adversarial_terms(batch)
        return loss + self.information_loss(fake, batch)[0] if self.information == "joint" else loss

    def q_loss(self, batch: Batch) -> Loss:
        """-lambda L_I, in an update of its own."""
        return self.information_loss(self.fake_view(batch), batch)

    def generator_loss(self, batch: Batch) -> Loss:
        """V(D, G) - lambda L_I(G, Q) (eq. 6)."""
        fake = self.fake_view(batch)
        loss = self.g_loss(fake, batch)
        if self.information in ("q_only", "separate"):
            return loss
        information, logs = self.information_loss(fake, batch)
        return loss + information, logs
