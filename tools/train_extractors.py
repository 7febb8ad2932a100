"""Train a shipped extractor: `python -m tools.train_extractors digits|mnist`.

Writes <name>.safetensors and <name>.json beside this file. Weights are learnt on the
training split, one of `CANDIDATES` seeds is chosen on validation, and the test split is read
once, for the accuracy that is reported.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
from pathlib import Path
from typing import Any

import sklearn
import torch
import torch.nn.functional as F
import torchvision
from safetensors.torch import save

from ganbench import data  # the only place where evaluation loads data by itself: a script
from ganbench.data.dataset import Dataset, Split, Streamed, to_unit_range
from ganbench.evaluate.extractors import FOLDER
from ganbench.evaluate.networks import Network, fit, fresh, outputs

STEPS = {"digits": 4000, "mnist": 4000}
CANDIDATES = {"digits": 4, "mnist": 2}
BATCH_SIZE = 100
RATE = 3e-3
SHIFT = {"digits": 1, "mnist": 2}
"""Pixels by which training images are moved at random."""


def main() -> None:
    """Train, choose, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", choices=sorted(STEPS))
    parser.add_argument("--data-root", type=Path, help="an existing copy of the data")
    parser.add_argument("--output", type=Path, default=FOLDER, help="folder to write to")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # the same bits on every run of one machine
    dataset = data.load(arguments.dataset, arguments.data_root)
    train_extractor(dataset, arguments.output)


def train_extractor(dataset: Dataset, folder: Path) -> None:
    """Train the default extractor of a data set and write its two files into `folder`."""
    seeds = range(CANDIDATES[dataset.name])
    candidates = [_train(dataset, seed) for seed in seeds]
    losses = [_loss(network, dataset.validation) for network in candidates]
    chosen = losses.index(min(losses))
    network = candidates[chosen]
    with torch.no_grad():
        parts = to_unit_range(dataset.train[:].images).split(1000)
        features = torch.cat([network.features(part) for part in parts]).double()
    weights = save(
        {key: value.contiguous() for key, value in network.state_dict().items()}
        | {
            "features.mean": features.mean(0).float(),
            "features.deviation": features.std(0).float(),
        }
    )
    name = dataset.extractor
    facts: dict[str, Any] = {
        "name": name,
        "sha256": hashlib.sha256(weights).hexdigest(),
        "dataset": dataset.name,
        "dataset_fingerprint": dataset.fingerprint,
        "shape": list(dataset.shape),
        "classes": dataset.classes,
        "features": features.shape[1],
        "preprocessing": "uint8 scaled to [-1, 1]; features standardised on the training split",
        "test_accuracy": _accuracy(network, dataset.test),
        "validation_accuracy": _accuracy(network, dataset.validation),
        "train_accuracy": _accuracy(network, dataset.train),
        "train_images": len(dataset.train),
        "validation_images": len(dataset.validation),
        "test_images": len(dataset.test),
        "script": "python -m tools.train_extractors " + dataset.name,
        "steps": STEPS[dataset.name],
        "batch_size": BATCH_SIZE,
        "learning_rate": RATE,
        "shift_pixels": SHIFT[dataset.name],
        "candidate_seeds": list(seeds),
        "seed": chosen,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
            "scikit-learn": sklearn.__version__,
        },
    }
    (folder / f"{name}.safetensors").write_bytes(weights)
    (folder / f"{name}.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    print(f"{name}@{facts['sha256'][:8]}: test accuracy {facts['test_accuracy']}")


def _train(dataset: Dataset, seed: int) -> Network:
    network = fresh(lambda: Network(dataset.shape, dataset.classes), seed)
    train = dataset.train[:]
    fit(
        network,
        train.images,
        train.labels,
        F.cross_entropy,
        seed=seed,
        steps=STEPS[dataset.name],
        batch_size=BATCH_SIZE,
        lr=RATE,
        shift=SHIFT[dataset.name],
    )
    return network


def _loss(network: Network, split: Split | Streamed) -> float:
    return float(F.cross_entropy(outputs(network, split[:].images), split.labels))


def _accuracy(network: Network, split: Split | Streamed) -> float:
    right = outputs(network, split[:].images).argmax(1) == split.labels
    return round(float(right.double().mean()), 6)


if __name__ == "__main__":
    main()
