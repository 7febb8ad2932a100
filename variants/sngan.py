"""SNGAN (Miyato et al., ICLR 2018, arXiv:1802.05957)."""

from ganbench.model import GAN


class SNGAN(GAN):
    """GAN whose discriminator's weights are divided by their largest singular values.

    One change to GAN: spectral normalisation of every layer of D (eq. 8), one power
    iteration per forward pass (algorithm 1 has one per step), in place of batch norm; hinge
    loss (eq. 16, 17); rates as in setting C of table 1 (2e-4, betas 0.5 and 0.999, one D step).
    """

    spectral_norm = True
    adversarial = "hinge"
    d_norm = "none"
    d_lr = g_lr = 2e-4
    instance_noise = (0.0, 0.0)

    recipes = {"digits": {"d_lr": 1e-3, "g_lr": 1e-3, "betas": (0.0, 0.9)}}
