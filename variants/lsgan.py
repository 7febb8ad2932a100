"""LSGAN (Mao et al., ICCV 2017, arXiv:1611.04076)."""

from ganbench.model import GAN


class LSGAN(GAN):
    """GAN with squared distances to the targets 1 (real) and 0 (generated).

    One change to GAN: the loss, eq. 9 of the paper (a = 0, b = c = 1).
    """

    adversarial = "lsgan"
