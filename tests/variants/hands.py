"""What the hand-computed cases share: players whose answers are written down beforehand."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from ganbench.core.specs import parse_spec
from ganbench.model import Batch, DiscriminatorOutput, Variant
from ganbench.plugins import registry
from ganbench.train.trainer import build

SHAPE = (1, 8, 8)


def make(spec: str, shape: tuple[int, ...] = SHAPE, classes: int = 4) -> Any:
    """A variant at its own defaults, without a data set's recipe."""
    reference, given = parse_spec(spec)
    variant = registry.load(reference)
    return build(variant, shape, classes, variant.resolve(given), seed=0)


def numbered(*numbers: float, shape: tuple[int, ...] = SHAPE) -> Tensor:
    """Images that carry a number each, in every pixel."""
    return torch.tensor(numbers).view(-1, 1, 1, 1).expand(-1, *shape).clone()


def logs(*rows: tuple[float, ...]) -> Tensor:
    """Logits whose softmax is each row divided by its sum."""
    return torch.tensor([[math.log(value) for value in row] for row in rows])


class Fixed(nn.Module):
    """A network that answers what it was told, whatever it is asked, and keeps the questions."""

    def __init__(self, answer: Tensor) -> None:
        super().__init__()
        self.answer = answer
        self.asked: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.asked.append(x)
        return self.answer


def tell(model: Variant, outputs: Tensor, features: Tensor | None = None) -> list[tuple]:
    """Let the discriminator answer the row of `outputs` that an image's number names.

    The score is the variant's own. Returns the list of (number, label) of what it was shown.
    """
    seen: list[tuple] = []
    discriminator: Any = model.discriminator

    def forward(
        images: Tensor, labels: Tensor | None = None, rng: Any = None
    ) -> DiscriminatorOutput:
        rows = images[:, 0, 0, 0].long()
        given = [None] * len(rows) if labels is None else labels.tolist()
        seen.extend(zip(rows.tolist(), given, strict=True))
        found = torch.zeros(len(rows), 3) if features is None else features[rows]
        return DiscriminatorOutput(
            discriminator.score_from_outputs(outputs[rows]), found, outputs[rows]
        )

    discriminator.forward = forward
    return seen


def judged(model: Variant, function: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """Let the discriminator be a function of images; returns the list of what it was shown."""
    seen: list[Tensor] = []
    discriminator: Any = model.discriminator

    def forward(
        images: Tensor, labels: Tensor | None = None, rng: Any = None
    ) -> DiscriminatorOutput:
        seen.append(images.detach().clone())
        score = function(images)
        return DiscriminatorOutput(score, images.flatten(1), score.unsqueeze(1))

    discriminator.forward = forward
    return seen


def forbidden() -> NoReturn:
    raise AssertionError("a label was read")


def hand(
    model: Variant,
    real: Tensor,
    fake: Tensor | None = None,
    labels: list[int] | None = None,
    labelled: tuple[Tensor, list[int]] | None = None,
    codes: Tensor | None = None,
    progress: float = 0.0,
) -> Batch:
    """A batch of these real images, generated images and codes.

    labelled: the draw from the label budget; without it and without `labels`, reading a label
    fails.
    """
    n = len(real)
    deal_labelled: Callable[[], tuple[Tensor, Tensor]] | None = None
    if labelled is not None:
        deal_labelled = lambda: (labelled[0], torch.tensor(labelled[1]))  # noqa: E731
    elif labels is None:
        deal_labelled = forbidden
    given = torch.zeros(n, dtype=torch.int64) if labels is None else torch.tensor(labels)
    rng = torch.Generator().manual_seed(0)
    batch = Batch(
        model.generator,
        model.latent,
        lambda: (real, given),
        n,
        rng,
        torch.tensor(progress),
        deal_labelled,
    )
    if fake is not None:
        batch._fake = fake
    if codes is not None:
        noise = model.latent.draw_noise(len(codes), rng)
        batch._latent = model.latent.assemble(noise, codes)
    return batch


def value(loss: Tensor | tuple[Tensor, dict[str, Tensor]]) -> float:
    """An update's loss as a number."""
    return (loss[0] if isinstance(loss, tuple) else loss).item()
