"""InfoGAN's recognition network Q(c|x), and the bound L_I that it gives."""

from __future__ import annotations

from torch import Tensor, nn

from ganbench.model.backbones import head
from ganbench.model.latent import Latent, Posterior


class Recognition(nn.Module):
    """Q(c|x): a head on a trunk's features that reads a latent's codes (arXiv:1606.03657, sec. 6).

    features: their number per image. width: units of its hidden layer.
    """

    entropy: Tensor

    def __init__(self, latent: Latent, features: int, width: int) -> None:
        super().__init__()
        self.latent = latent
        self.head = head(features, latent.posterior_size, width)
        self.register_buffer("entropy", latent.entropy(), persistent=False)

    def forward(self, features: Tensor) -> Posterior:
        """Features (n, f) to the posterior over the codes of n images."""
        return self.latent.posterior(self.head(features))

    def bound(self, posterior: Posterior, codes: Tensor) -> Tensor:
        """L_I = E[log Q(c|x)] + H(c) of each code, (codes,), in nats (eq. 5).

        codes: those (n, codes) that the images were generated from.
        """
        return posterior.log_prob(codes).mean(0) + self.entropy
