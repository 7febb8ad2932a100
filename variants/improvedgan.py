"""Improved GAN (Salimans et al., NeurIPS 2016, arXiv:1606.03498)."""

from torch import Tensor

from ganbench.model import SemiSupervised


class ImprovedGAN(SemiSupervised):
    """Semi-supervised GAN with K logits and feature matching.

    Two changes to GAN (sec. 5): the logit of "generated" is fixed at 0, so that
    D(x) = Z / (Z + 1) with Z = sum_k exp l_k(x), whose logit is log Z; labelled images add
    the cross-entropy over the K classes. G matches D's features (sec. 3.1).

    `preset=authors` is their MNIST set-up: weight norm with data-dependent initialisation,
    Gaussian noise layers, parameter averaging. Different here: no weight norm on G's output
    layer, and noise uniform on [-1, 1].
    """

    feature_matching = True

    recipes = {"digits": {"instance_noise": (0.6, 0.6), "layer_noise": 0.3, "d_lr": 1e-3}}
    presets = {
        "authors": {
            "noise": 100,
            "noise_kind": "uniform",
            "backbone": "mlp",
            "width": 500,
            "g_activation": "softplus",
            "hidden": (1000, 500, 250, 250, 250),
            "leak": 0.0,
            "weight_norm": "fixed",
            # Noise of 0.3 on pixels in [0, 1] is 0.6 here; their loss halves the unlabelled part.
            "instance_noise": (0.6, 0.6),
            "layer_noise": 0.5,
            "label_weight": 2.0,
            "d_lr": 3e-3,
            "g_lr": 3e-3,
            "ema": 0.9999,
        },
    }

    @staticmethod
    def score_from_outputs(outputs: Tensor) -> Tensor:
        """log Z of outputs (n, K)."""
        return outputs.logsumexp(1)
