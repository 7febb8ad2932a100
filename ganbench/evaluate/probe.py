"""Probes: fresh networks that read codes off images, or are trained on a model's images."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganbench.core.latent import Code
from ganbench.evaluate.networks import Network, fit, fresh, outputs, reader

CLASSIFIER_RATE = 5e-3


def read_codes(
    train: tuple[Tensor, Tensor],
    test: Tensor,
    codes: Sequence[Code],
    *,
    noise: float,
    steps: int,
    seed: int,
) -> Tensor:
    """Train a probe on `train` and read the codes (n, codes) off the `test` images.

    train: uint8 images (m, c, h, w) and their codes (m, codes), categorical columns first.
    noise: standard deviation on the images in [-1, 1], in training (anew for every batch)
    and in the test. The loss is cross-entropy per categorical code plus the squared error
    of each continuous code scaled to [-1, 1].
    """
    images, values = train
    sizes = [code.classes or 1 for code in codes]

    def loss(predicted: Tensor, target: Tensor) -> Tensor:
        total = predicted.new_zeros(())
        for code, part, column in zip(codes, predicted.split(sizes, 1), target.T, strict=True):
            if code.classes:
                total = total + F.cross_entropy(part, column.long())
            else:
                total = total + F.mse_loss(part.squeeze(1), _scaled(column, code))
        return total

    network = fresh(lambda: reader(tuple(images.shape[1:]), sum(sizes)), seed)
    fit(network, images, values, loss, seed=seed, steps=steps, noise=noise)
    answers = outputs(network, test, noise=noise, seed=seed + 1)
    columns = [
        part.argmax(1).float() if code.classes else _unscaled(part.squeeze(1), code)
        for code, part in zip(codes, answers.split(sizes, 1), strict=True)
    ]
    return torch.stack(columns, 1)


def classify(
    train: tuple[Tensor, Tensor], test: Tensor, classes: int, *, steps: int, seed: int
) -> Tensor:
    """Train a classifier on uint8 images and int64 labels; its classes (n,) of `test` images.

    Of points (n, 2) too: `Network` sorts images, `reader` points.
    """
    return outputs(classifier(*train, classes, steps=steps, seed=seed), test).argmax(1)


def classifier(images: Tensor, labels: Tensor, classes: int, *, steps: int, seed: int) -> nn.Module:
    """A network, in eval mode, trained on images (n, ...) and int64 labels (n,); as `classify`."""
    make = Network if images.dim() == 4 else reader
    network: nn.Module = fresh(lambda: make(tuple(images.shape[1:]), classes), seed)
    fit(network, images, labels, F.cross_entropy, seed=seed, steps=steps, lr=CLASSIFIER_RATE)
    return network


def _scaled(column: Tensor, code: Code) -> Tensor:
    return (column - code.low) * (2 / (code.high - code.low)) - 1


def _unscaled(column: Tensor, code: Code) -> Tensor:
    return (column + 1) * ((code.high - code.low) / 2) + code.low
