"""DCGAN (Radford et al., ICLR 2016, arXiv:1511.06434)."""

from ganbench.model import GAN


class DCGAN(GAN):
    """GAN of strided convolutions with batch norm, N(0, 0.02) weights and Adam at 2e-4.

    One change to GAN: the architecture and its initialisation (sec. 3 and 4): no pooling,
    batch norm but at G's output and D's input, ReLU and tanh in G, leaky ReLU of slope 0.2
    in D, 100 uniform numbers as latent. At 64 pixels the widths are those of fig. 1.
    """

    width = 128
    noise = 100
    noise_kind = "uniform"
    backbone = "dcgan"
    leak = 0.2
    d_lr = g_lr = 2e-4

    recipes = {
        "digits": {"width": 64, "d_lr": 5e-4, "g_lr": 1e-3},
        "mnist": {"width": 64, "dense": 0},  # the paper has no dense layers
    }
