"""R3GAN (Huang et al., NeurIPS 2024, arXiv:2501.05441)."""

from ganbench.model import GAN


class R3GAN(GAN):
    """GAN with a relativistic pairing loss and zero-centred penalties on both sides.

    One change to GAN: the loss E[f(D(G(z)) - D(x))] with f = softplus (eq. 2) plus
    gamma/2 E||grad D||^2 on real images, R1, and on generated ones, R2 (eq. 3 and 4), which
    together need no further trick (sec. 2). Its networks are the suite's, without the
    discriminator's batch norm, not the paper's modernised ResNet (sec. 3).

    `preset=authors` is their configuration for CIFAR-10 as far as the suite has it: residual
    networks without normalisation, leaky ReLU of slope 0.2 in D, 64 numbers as latent, rates that
    fall from 2e-4 to 5e-5 and gamma from 0.05 to 0.005, both along half a cosine. Different here:
    plain blocks with ReLU in G, in place of grouped convolutions with inverted bottlenecks;
    Adam's beta2 is its last value, 0.99, all along (there from 0.9); the average's half-life is
    the suite's; no augmentation.
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
    presets = {
        "authors": {
            "backbone": "resnet",
            "g_norm": "none",
            "leak": 0.2,
            "noise": 64,
            "d_lr": 2e-4,
            "g_lr": 2e-4,
            "lr_schedule": "cosine",
            "lr_end": 0.25,
            "r1": 0.05,
            "r2": 0.05,
            "penalty_end": 0.1,
            "betas": (0.0, 0.99),
        },
    }
