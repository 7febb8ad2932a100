"""Which average of the generator to evaluate: decays, and whose batch-norm statistics.

    python benchmarks/averages.py

Trains each variant on digits once per seed (100-102, which no published record uses) and
prints FID (digits-v1, 5,000 images, to the training images) of the live generator and of its
averages, each with the live generator's batch-norm statistics copied and with its own.
"""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from ganbench import data
from ganbench.data.dataset import to_uint8
from ganbench.evaluate import extractors
from ganbench.evaluate.metrics.fidelity.fid import fid
from ganbench.plugins import registry
from ganbench.train.ema import ExponentialMovingAverage
from ganbench.train.trainer import Trainer, build

ROUNDS, DECAYS, SEEDS = 3000, (0.99, 0.999), (100, 101, 102)


def main() -> None:
    torch.set_num_threads(1)
    digits, extractor = data.load("digits"), extractors.get("digits-v1")
    reference = extractor.features(digits.train.images)

    def distance(generator: nn.Module, trainer: Trainer) -> float:
        latent = trainer.model.latent.draw(5000, torch.Generator().manual_seed(0))
        with torch.no_grad():
            images = copy.deepcopy(generator).eval()(latent.vector)
        return fid(reference, extractor.features(to_uint8(images)))

    def own_statistics(generator: nn.Module, trainer: Trainer) -> nn.Module:
        rng = torch.Generator().manual_seed(1)
        mine = copy.deepcopy(generator)
        update_bn((trainer.model.latent.draw(64, rng).vector for _ in range(50)), mine)
        return mine

    for name in ("vanilla", "infogan", "acgan"):
        variant = registry.load(name)
        for seed in SEEDS:
            model = build(variant, digits.shape, 10, variant.resolve({}, "digits"), seed)
            trainer = Trainer(model, digits.train, seed=seed, batch_size=64, rounds=ROUNDS)
            for decay in DECAYS:
                networks = nn.ModuleDict({"generator": model.generator})
                trainer.averages[f"{decay:g}"] = ExponentialMovingAverage(networks, decay)
            trainer.train(ROUNDS)
            found = [f"live {distance(model.generator, trainer):.2f}"]
            for decay in DECAYS:
                slow = trainer.averages[f"{decay:g}"].slow["generator"]
                mine = own_statistics(slow, trainer)
                copied, own = distance(slow, trainer), distance(mine, trainer)
                found.append(f"decay {decay:g}: copied {copied:.2f}, own {own:.2f}")
            print(f"{name} seed {seed}: " + "; ".join(found), flush=True)


if __name__ == "__main__":
    main()
