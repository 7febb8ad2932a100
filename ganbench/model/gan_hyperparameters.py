"""Hyperparameters of the GAN base that exclude each other."""

from __future__ import annotations

from typing import Any

from ganbench.model.backbones import BACKBONES
from ganbench.model.losses import ADVERSARIAL


def validate_hyperparameters(gan: Any) -> None:
    """Raise ValueError with the reason where a GAN's hyperparameters exclude each other."""
    backbone = gan.design
    normed = gan.d_norm == "batch" and backbone.normalises(gan.shape, gan)
    batch_norm = normed and gan.virtual_batch_norm != "both"
    penalties = [name for name in ("r1", "r2", "gradient_penalty") if getattr(gan, name)]
    mixed = "the penalty is one per image, and {} mixes a batch (arXiv:1704.00028, sec. 4)"
    rules = {
        f"label_smoothing needs a target of real images to smooth; adversarial={gan.adversarial} "
        f"has none": bool(gan.label_smoothing) and not ADVERSARIAL[gan.adversarial].targets,
        "spectral_norm and weight_norm both set the scale of the discriminator's weights": (
            gan.spectral_norm and gan.weight_norm != "none"
        ),
        "virtual_batch_norm=both needs batch norm in the discriminator: backbone=dcgan has it, "
        "with d_norm=batch, from 16 pixels a side or with a dense layer": (
            gan.virtual_batch_norm == "both" and not normed
        ),
        "virtual_batch_norm=both and weight_norm's initialisation from data exclude each other": (
            gan.virtual_batch_norm == "both" and gan.weight_norm != "none"
        ),
        f"{' and '.join(penalties)}: {mixed.format('batch norm')}; use d_norm=none or layer": (
            bool(penalties) and batch_norm
        ),
        f"{' and '.join(penalties)}: {mixed.format('minibatch_discrimination')}": (
            bool(penalties) and gan.minibatch_discrimination > 0
        ),
    }
    asked = {
        "hidden": bool(gan.hidden),
        "dense": gan.dense > 0,
        "weight_norm": gan.weight_norm != "none",
    }
    for option, wanted in asked.items():
        able = " or ".join(one.name for one in BACKBONES.values() if option in one.supports)
        missing = option not in backbone.supports
        rules[f"{option} is for backbone={able}, not {backbone.name}"] = wanted and missing
    for reason, broken in rules.items():
        if broken:
            raise ValueError(reason)
