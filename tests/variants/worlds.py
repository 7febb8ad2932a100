"""A tiny world that every variant learns in seconds, and what having learnt it means.

Four patterns of 8 x 8 pixels, each a class, with a little noise. What is asked of a model
depends on what it can do; every share below is far out of reach of an untrained one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ganbench.core.specs import parse_spec
from ganbench.data.dataset import Split, to_uint8, to_unit_range
from ganbench.evaluate.capabilities import Unavailable, ask
from ganbench.evaluate.capabilities import generate as generated
from ganbench.model import Variant
from ganbench.model.hyperparameters import declared
from ganbench.plugins import registry
from ganbench.train.trainer import Trainer, build

SHAPE, CLASSES = (1, 8, 8), 4
CONTRAST, NOISE = (0.45, 0.85), 0.25
NEAR = 0.78
"""Cosine to the pattern that an image shows; half one pattern and half another has 0.71."""
ROUNDS, BATCH = 700, 32
SETTINGS: dict[str, Any] = {
    "noise": 8,
    "noise_kind": "uniform",
    "categorical": (CLASSES,),
    "width": 32,
    "q_width": 32,
    "ema": 0.98,
    "d_lr": 1e-3,
    "g_lr": 2e-3,
    "lr": 2e-3,
    "instance_noise": (1.0, 0.1),
}
"""Where a variant has such hyperparameters, and its categorical codes are not switched off."""

LESS_NOISE = "instance_noise=0.5/0.1"
FORMS = {
    "dcgan": (f"dcgan:{LESS_NOISE}", ROUNDS),
    "improvedgan": (f"improvedgan:{LESS_NOISE}", ROUNDS),
    "infogan": ("infogan:continuous_weight=0.2", ROUNDS),
    # Its cross-entropy over K + 1 outputs tells labelled images "real" once more; where all
    # are labelled, with a weight of 1, real scores end at 1 to 2.5 and G may drop a pattern.
    "sgan": ("sgan:label_weight=0.1", ROUNDS),
    "vanilla:backbone=resnet": ("vanilla:backbone=resnet,width=16,d_norm=none", ROUNDS),
    # Both of five critic steps each.
    "wgan": ("wgan:weight_clipping=0.05", 400),
    "wgan_gp": ("wgan_gp", 400),
}
"""What a variant is given, and the rounds, where that is not the plain variant and `ROUNDS`."""


def patterns() -> Tensor:
    """The four (4, 1, 8, 8): halves, upper and left, their checkerboard, and stripes.

    As vectors they are at right angles, all as far from each other, and from a grey image.
    """
    row, column = torch.meshgrid(torch.arange(8), torch.arange(8), indexing="ij")
    masks = [column < 4, row < 4, (row < 4) ^ (column < 4), row // 2 % 2 == 0]
    return torch.stack([2.0 * mask - 1 for mask in masks]).unsqueeze(1)


def draw(n: int, seed: int, noise: float = NOISE) -> Split:
    """`n` images, their classes in turn, in contrasts from faint to strong."""
    rng = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % CLASSES
    low, high = CONTRAST
    contrast = low + (high - low) * torch.rand(n, 1, 1, 1, generator=rng)
    clean = contrast * patterns()[labels]
    return Split(to_uint8(clean + noise * torch.randn(clean.shape, generator=rng)), labels)


def make(spec: str, seed: int = 0) -> Variant:
    """A variant with the world's settings beneath what its spec says."""
    reference, given = parse_spec(spec)
    variant = registry.load(reference)
    knobs = declared(variant, Variant)
    settings = {name: value for name, value in SETTINGS.items() if name in knobs}
    if not knobs.get("categorical", (None, ()))[1]:
        settings.pop("categorical", None)
    return build(variant, SHAPE, CLASSES, variant.resolve({**settings, **given}), seed)


def train(
    model: str | Variant, rounds: int = ROUNDS, seed: int = 0, labelled: Split | None = None
) -> Variant:
    """The model to evaluate, after so many rounds (0: untrained)."""
    trainer = Trainer(
        make(model, seed) if isinstance(model, str) else model,
        draw(1024, seed=1),
        seed=seed,
        batch_size=BATCH,
        rounds=max(rounds, 1),
        labelled=labelled,
    )
    trainer.train(rounds)
    return trainer.evaluation_model()


def shown(images: Tensor) -> Tensor:
    """The pattern (n,) that each image shows, -1 where it shows none or a mixture."""
    whole = patterns().flatten(1)
    contrast, which = (images.flatten(1) @ whole.T / whole.shape[1]).max(1)
    cosine = contrast / images.square().flatten(1).mean(1).sqrt()
    low, high = CONTRAST
    clear = (cosine > NEAR) & (contrast > 0.6 * low) & (contrast < 1.2 * high)
    return torch.where(clear, which, -1)


def matched(found: Tensor, true: Tensor) -> float:
    """Share of agreement under the best one-to-one matching of four categories."""
    best = 0.0
    for order in itertools.permutations(range(CLASSES)):
        mapped = torch.tensor(order)[true]
        best = max(best, (mapped == found).float().mean().item())
    return best


def sample(model: Any, n: int = 400) -> tuple[Any, Tensor]:
    """Latents and the images generated from them."""
    latent = model.latent.draw(n, torch.Generator().manual_seed(3))
    return latent, generated(model, latent, SHAPE)


def realism(model: Any) -> float:
    """Share of generated images near a pattern."""
    return (shown(sample(model)[1]) >= 0).float().mean().item()


def coverage(model: Any) -> float:
    """The share of generated images near the rarest pattern, of the quarter it should be."""
    which = shown(sample(model)[1])
    counts = which[which >= 0].bincount(minlength=CLASSES)
    return counts.min().item() / len(which) * CLASSES


def obedience(model: Any) -> float:
    """Share of generated images that show the class that was asked for."""
    latent, images = sample(model)
    column = model.latent.label_code
    if column is None:
        raise Unavailable("no class label in its latent")
    return (shown(images) == latent.codes[:, column]).float().mean().item()


def accuracy(model: Any) -> float:
    """Share of fresh images whose class is recognised."""
    fresh = draw(400, seed=2)
    logits = ask(model, "classify", to_unit_range(fresh.images))
    return (logits.argmax(1) == fresh.labels).float().mean().item()


def clusters(model: Any) -> float:
    """Share of fresh images whose cluster is their class, by the best matching."""
    fresh = draw(400, seed=2)
    return matched(ask(model, "cluster", to_unit_range(fresh.images)), fresh.labels)


def reconstruction(model: Any) -> float:
    """Share of fresh images whose reconstruction shows their pattern."""
    fresh = draw(400, seed=2)
    images = ask(model, "reconstruct", to_unit_range(fresh.images))
    return (shown(images) == fresh.labels).float().mean().item()


def categorical(model: Any) -> int:
    """The column of a categorical code to be discovered."""
    for i, code in enumerate(model.latent.codes):
        if code.classes and not code.label:
            return i
    raise Unavailable("no categorical code")


def code_shown(model: Any) -> float:
    """Share of generated images whose pattern follows from the code, by the best matching."""
    column = categorical(model)
    latent, images = sample(model)
    ask(model, "encode", images)  # a variant that recognises codes was rewarded for showing them
    return matched(shown(images), latent.codes[:, column].long())


def code_read(model: Any) -> float:
    """Share of categorical codes that the model reads off its own images."""
    column = categorical(model)
    latent, images = sample(model)
    found = ask(model, "encode", images)
    return (found[:, column] == latent.codes[:, column]).float().mean().item()


def information(model: Any) -> float:
    """L_I of the categorical code as a share of its bound, ln K."""
    column = categorical(model)
    latent, images = sample(model)
    nats = ask(model, "posterior_log_prob", images, latent)[:, column].mean().item()
    share = (nats + math.log(CLASSES)) / math.log(CLASSES)
    assert share <= 1 + 1e-6
    return share


def continuous_read(model: Any) -> float:
    """The best correlation of a continuous code with what is read off its images."""
    latent, images = sample(model)
    found = ask(model, "encode", images)
    columns = [i for i, code in enumerate(model.latent.codes) if not code.classes]
    if not columns:
        raise Unavailable("no continuous code")
    pairs = (torch.stack([found[:, i], latent.codes[:, i]]) for i in columns)
    return max(torch.corrcoef(pair)[0, 1].nan_to_num().item() for pair in pairs)


CHECKS: dict[Callable[[Any], float], float] = {
    realism: 0.7,
    coverage: 0.3,
    obedience: 0.9,
    accuracy: 0.95,
    clusters: 0.95,
    reconstruction: 0.95,
    code_shown: 0.9,
    code_read: 0.95,
    information: 0.9,
    continuous_read: 0.6,
}
"""What is measured where a model can do it, and what one that has learnt reaches."""


def measure(model: Any) -> dict[str, float]:
    """Every check that the model's capabilities allow."""
    found = {}
    with torch.no_grad():
        for check in CHECKS:
            try:
                found[check.__name__] = check(model)
            except Unavailable:
                continue
    return found


def short(measured: dict[str, float]) -> set[str]:
    """The checks that a model does not pass."""
    return {c.__name__ for c, least in CHECKS.items() if measured.get(c.__name__, 1) < least}


def learn(spec: str, rounds: int = ROUNDS, tries: int = 3) -> dict[str, float]:
    """What a trained variant measures: the first seed of a few that falls short of nothing.

    Dropping a pattern now and then is a known habit of GANs; a variant that does it under
    every seed has not learnt the world.
    """
    measured: dict[str, float] = {}
    for seed in range(tries):
        measured = measure(train(spec, rounds, seed))
        if not short(measured):
            break
    return measured
