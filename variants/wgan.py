"""WGAN (Arjovsky et al., ICML 2017, arXiv:1701.07875)."""

from ganbench.model import GAN


class WGAN(GAN):
    """GAN whose critic, its weights clipped, estimates the Wasserstein-1 distance.

    One change to GAN: D lowers E[D(G(z))] - E[D(x)], without a sigmoid, and after each step its
    weights are put back to [-c, c], which bounds how steep it can be (eq. 3). c = 0.01,
    n_critic = 5 (d_steps), RMSprop at 5e-5 (algorithm 1), whose other settings are torch's. The
    paper's networks are DCGAN's; here they are the suite's, and `preset=authors` is DCGAN's pair
    with algorithm 1's figures on every data set, without an averaged generator.
    """

    adversarial = "wasserstein"
    weight_clipping = 0.01
    d_steps = 5
    optimizer = "RMSprop"
    d_lr = g_lr = 5e-5
    instance_noise = (0.0, 0.0)

    # At the paper's rate and bound nothing is learnt within the 600 rounds of this budget.
    recipes = {"digits": {"d_lr": 5e-4, "g_lr": 1e-3, "weight_clipping": 0.05}}
    presets = {
        "authors": {
            "backbone": "dcgan",
            "noise": 100,
            "leak": 0.2,
            "dense": 0,
            "ema": 0.0,
            "d_lr": 5e-5,
            "g_lr": 5e-5,
            "d_steps": 5,
            "weight_clipping": 0.01,
        },
    }
