"""Vanilla GAN (Goodfellow et al., NeurIPS 2014, arXiv:1406.2661)."""

from ganbench.model import GAN, Latent
from ganbench.model.hyperparameters import Count, Size


class Vanilla(GAN):
    """GAN as first published: one generator, one discriminator, log loss.

    Its latent carries InfoGAN's codes, but nothing rewards the generator for showing them:
    the negative control of code recovery. `adversarial=minimax` is the paper's eq. 1;
    the default `ns` is the loss its sec. 3 advises; `d_steps` is k of its algorithm 1.
    """

    categorical: tuple[Count, ...] = (10,)
    continuous: Size = 2

    recipes = {"sprites": {"categorical": (3,), "continuous": 5}}

    def make_latent(self) -> Latent:
        """Noise and codes, as InfoGAN's."""
        return Latent.coded(
            self.noise, self.categorical, self.continuous, noise_kind=self.noise_kind
        )
