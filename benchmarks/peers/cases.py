"""What is compared: one entry per networks and variant, with how ganbench is asked for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from benchmarks.peers import networks
from benchmarks.peers.networks import Shape
from ganbench import data
from ganbench.core.specs import parse_spec
from ganbench.data.dataset import Split
from ganbench.plugins import registry
from ganbench.train.execution_modes import Execution
from ganbench.train.trainer import Trainer, build

IMAGES = 10_000


@dataclass(frozen=True)
class Case:
    """One comparison.

    spec: ganbench's variant with what is not its default; `dataset` names the recipe. make: the
    textbook's networks. fresh: the textbook draws anew for the generator's update, as Goodfellow
    et al.'s algorithm 1; or uses the images again that the discriminator saw, as torch's DCGAN
    tutorial. noise: standard deviation of the instance noise, constant in the textbook.
    """

    title: str
    spec: str
    dataset: str
    shape: Shape
    batch: int
    make: Callable[[int, Shape], tuple[nn.Module, nn.Module, int]]
    fresh: bool
    noise: float = 0.0
    q_width: int = 128
    continuous_weight: float = 0.1
    rates: tuple[float, float] = (2e-4, 2e-4)

    @property
    def variant(self) -> str:
        """Its name."""
        return self.spec.partition(":")[0]

    @property
    def information(self) -> str:
        """Whose loss InfoGAN's information is in, or ""."""
        if self.variant != "infogan":
            return ""
        for known in ("separate", "authors"):
            if known in self.spec:
                return {"authors": "joint"}.get(known, known)
        return "generator"

    @property
    def noise_size(self) -> int:
        """Numbers of noise in the latent."""
        return 32 if self.dataset == "digits" else 62


_UPSAMPLE = "backbone=upsample,leak=0.2,d_lr=2e-4,g_lr=2e-4,ema=0"
_UP: dict[str, Any] = {
    "dataset": "",
    "shape": (1, 32, 32),
    "batch": 64,
    "make": networks.upsampling,
    "fresh": False,
}
_PAPER: dict[str, Any] = {
    "spec": "infogan:preset=authors",
    "dataset": "mnist",
    "shape": (1, 28, 28),
    "batch": 128,
    "make": networks.transposed,
    "continuous_weight": 1.0,
    "rates": (2e-4, 1e-3),
}
_DIGITS: dict[str, Any] = {
    "dataset": "digits",
    "shape": (1, 8, 8),
    "batch": 64,
    "make": networks.dense,
    "noise": 0.3,
    "q_width": 64,
    "rates": (5e-4, 1e-3),
}
CASES = {
    "upsample-infogan": Case(
        "upsampling, infogan",
        f"infogan:information=separate,sigma=fixed,{_UPSAMPLE}",
        **_UP,
    ),
    "upsample-acgan": Case("upsampling, acgan", f"acgan:{_UPSAMPLE}", **_UP),
    "upsample-sgan": Case("upsampling, sgan", f"sgan:{_UPSAMPLE}", **_UP),
    "paper": Case("InfoGAN's MNIST networks, a draw per update", fresh=True, **_PAPER),
    "paper-reused": Case("InfoGAN's MNIST networks, one draw", fresh=False, **_PAPER),
    "digits-vanilla": Case("digits MLP, vanilla", "vanilla", fresh=True, **_DIGITS),
    "digits-infogan": Case("digits MLP, infogan", "infogan", fresh=True, **_DIGITS),
    "digits-acgan": Case("digits MLP, acgan", "acgan", fresh=True, **_DIGITS),
    "digits-vanilla-reused": Case(
        "digits MLP, vanilla, one draw", "vanilla", fresh=False, **_DIGITS
    ),
    "digits-infogan-reused": Case(
        "digits MLP, infogan, one draw", "infogan", fresh=False, **_DIGITS
    ),
    "digits-acgan-reused": Case("digits MLP, acgan, one draw", "acgan", fresh=False, **_DIGITS),
}


def images(case: Case) -> Split:
    """Digits, or made-up images and labels where only their shape matters."""
    if case.dataset == "digits":
        return data.load("digits").train[:]
    rng = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (IMAGES, *case.shape), generator=rng, dtype=torch.uint8)
    return Split(pixels, torch.randint(0, 10, (IMAGES,), generator=rng))


def ours(case: Case, mode: str = "auto") -> Trainer:
    """ganbench's side."""
    reference, given = parse_spec(case.spec)
    variant = registry.load(reference)
    hyperparameters = variant.resolve(given, case.dataset)
    model = build(variant, case.shape, 10, hyperparameters, 0)
    return Trainer(
        model,
        images(case),
        seed=0,
        batch_size=case.batch,
        rounds=100_000,
        execution=Execution(mode=mode),  # type: ignore[arg-type]
    )
