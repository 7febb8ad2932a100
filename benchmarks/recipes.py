"""How the digits recipes of some variants were chosen: never on the test split.

    python benchmarks/recipes.py

Trains each candidate on seeds 100-102, which no published record uses, and prints the FID to
the training images and the error on the *validation* images, means over the seeds. The
semi-supervised ones have 100 labels. A candidate without changes is the recipe in force.
"""

from __future__ import annotations

from statistics import fmean

import torch

from ganbench import data
from ganbench.core.specs import parse_spec
from ganbench.data.label_budget import choose_labelled
from ganbench.evaluate import harness
from ganbench.evaluate.settings import Settings
from ganbench.plugins import registry
from ganbench.train.trainer import Trainer, build

ROUNDS, SEEDS, LABELS = 3000, (100, 101, 102), 100
SHOWN = ("fid", "test_error")
CANDIDATES = (
    "improvedgan",
    "improvedgan:layer_noise=0,d_lr=5e-4",
    "improvedgan:layer_noise=0,d_lr=5e-4,instance_noise=0.5/0.1",
    "sgan",
    "sgan:instance_noise=0.6/0.6",
    "catgan",
    "catgan:instance_noise=0.6/0.6",
    "sngan",
    "sngan:betas=0.5/0.999",
    "wgan",
    "wgan:weight_clipping=0.1",
    "wgan:weight_clipping=0.01,d_lr=5e-5,g_lr=5e-5",
    "vae",
    "vae:likelihood=bernoulli",
)


def main() -> None:
    torch.set_num_threads(1)
    digits = data.load("digits")
    for spec in CANDIDATES:
        reference, given = parse_spec(spec)
        variant = registry.load(reference)
        found: dict[str, list[float]] = {}
        for seed in SEEDS:
            model = build(variant, digits.shape, 10, variant.resolve(given, "digits"), seed)
            trainer = Trainer(
                model,
                digits.train,
                seed=seed,
                batch_size=64,
                rounds=ROUNDS // getattr(model, "d_steps", 1),  # as many images for all
                labelled=choose_labelled(digits.train, LABELS, 10, seed),
            )
            trainer.train(trainer.rounds)
            evaluation = harness.evaluate(
                trainer.evaluation_model(),
                digits,
                seed=seed,
                split="validation",
                settings=Settings(metrics=SHOWN),
            )
            for score in evaluation.scores:
                found.setdefault(score.metric, []).append(score.value)
        shown = [f"{m} {fmean(found[m]):.3f}" for m in SHOWN if m in found]
        print(f"{spec}: {', '.join(shown)}", flush=True)


if __name__ == "__main__":
    main()
