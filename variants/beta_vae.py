"""beta-VAE (Higgins et al., ICLR 2017, openreview Sy2fzU9gl)."""

from ganbench.model import Autoencoder


class BetaVAE(Autoencoder):
    """VAE with beta > 1 times the divergence, for codes that are independent of each other.

    One change to VAE: -E[log p(x|z)] + beta KL(q(z|x) || p(z)) (eq. 4); beta = 4, as on
    2D shapes (sec. 4.2).
    """

    beta = 4.0
