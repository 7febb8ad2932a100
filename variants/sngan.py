"""SNGAN (Miyato et al., ICLR 2018, arXiv:1802.05957)."""

from ganbench.model import GAN


class SNGAN(GAN):
    """GAN whose discriminator's weights are divided by their largest singular values.

    One change to GAN: spectral normalisation of every layer of D (eq. 8), one power
    iteration per forward pass (algorithm 1 has one per step), in place of batch norm; hinge
    loss (eq. 16, 17); rates as in setting C of table 1 (2e-4, betas 0.5 and 0.999, one D step).

    `preset=authors` is their residual network for CIFAR-10 with its training: betas 0 and 0.9,
    five D steps, rates that fall to 0 in a straight line, no averaged generator. Different here:
    both networks have 128 channels (their generator 256), and G sees as many latents as D (there
    twice as many).
    """

    spectral_norm = True
    adversarial = "hinge"
    d_norm = "none"
    d_lr = g_lr = 2e-4
    instance_noise = (0.0, 0.0)

    recipes = {"digits": {"d_lr": 1e-3, "g_lr": 1e-3, "betas": (0.0, 0.9)}}
    presets = {
        "authors": {
            "backbone": "resnet",
            "width": 128,
            "noise": 128,
            "leak": 0.0,
            "d_lr": 2e-4,
            "g_lr": 2e-4,
            "betas": (0.0, 0.9),
            "d_steps": 5,
            "lr_schedule": "linear",
            "lr_end": 0.0,
            "ema": 0.0,
        },
    }
