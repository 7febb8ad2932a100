"""WGAN-GP (Gulrajani et al., NeurIPS 2017, arXiv:1704.00028)."""

from ganbench.model import GAN


class WGANGP(GAN):
    """GAN whose critic estimates the Wasserstein-1 distance under a gradient penalty.

    One change to GAN: D lowers E[D(G(z))] - E[D(x)] + lambda E[(||grad D|| - 1)^2] at points
    between real and generated images (eq. 3), with lambda = 10, n_critic = 5 (d_steps), Adam
    at 1e-4 with betas (0, 0.9) (algorithm 1), and no batch norm in the critic (sec. 4).
    """

    adversarial = "wasserstein"
    gradient_penalty = 10.0
    d_steps = 5
    d_norm = "layer"
    d_lr = g_lr = 1e-4
    betas = (0.0, 0.9)
    instance_noise = (0.0, 0.0)

    recipes = {"digits": {"d_lr": 1e-3, "g_lr": 1e-3}}
