"""VAE (Kingma & Welling, ICLR 2014, arXiv:1312.6114)."""

from ganbench.model import Autoencoder


class VAE(Autoencoder):
    """Variational autoencoder: no adversary, one update; its latent means are its codes.

    Lowers -E[log p(x|z)] + KL(q(z|x) || p(z)) (eq. 3 and 10), the baseline beside the GANs.
    """
