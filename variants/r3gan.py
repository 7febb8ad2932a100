"""R3GAN (Huang et al., NeurIPS 2024, arXiv:2501.05441)."""

from ganbench.model import GAN


class R3GAN(GAN):
    """GAN with a relativistic pairing loss and zero-centred penalties on both sides.

    One change to GAN: the loss E[f(D(G(z)) - D(x))] with f = softplus (eq. 2) plus
    gamma/2 E||grad D||^2 on real images, R1, and on generated ones, R2 (eq. 3 and 4), which
    together need no further trick (sec. 2). Its networks are the suite's, without the
    discriminator's batch norm, not the paper's modernised ResNet (sec. 3).
    """

    adversarial = "relativistic"
    r1 = r2 = 1.0
    d_norm = "none"
    d_lr = g_lr = 2e-4
    betas = (0.0, 0.99)
    instance_noise = (0.0, 0.0)

    recipes = {
        "digits": {"d_lr": 1e-3, "g_lr": 1e-3},
        "ring": {"d_lr": 1e-3, "g_lr": 1e-3, "r1": 0.01, "r2": 0.01},
        "grid": {"d_lr": 1e-3, "g_lr": 1e-3, "r1": 0.01, "r2": 0.01},
    }
