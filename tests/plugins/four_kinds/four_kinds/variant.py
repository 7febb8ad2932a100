"""StripesGAN: least squares, in a package of somebody's own."""

from ganbench.model import GAN


class StripesGAN(GAN):
    """GAN with the least-squares loss, from outside."""

    adversarial = "lsgan"
