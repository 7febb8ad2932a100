"""The batch that a loss reads: real images, labels, a latent, generated images."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ganbench.core.latent import Latent, LatentValue

NextBatch = Callable[[], tuple[Tensor, Tensor]]
"""Gives the next real images in [-1, 1] with their labels."""


class Batch:
    """A batch, drawn lazily: nothing is drawn that no loss reads, and nothing twice.

    generator: makes images of the vectors that latent draws; None of a variant that has neither,
    and reads no `fake` or `latent`. deal: gives the real images, size of
    them. rng: what all draws come from. progress: how far training is, 0 to 1, a 0-dim tensor.
    deal_labelled: gives labelled images where not every real one is.

    Updates of one round that read `fake` share it until the generator has moved; later ones
    see the same latent through the new generator.
    """

    def __init__(
        self,
        generator: Callable[[Tensor], Tensor] | None,
        latent: Latent | None,
        next_batch: NextBatch,
        size: int,
        rng: torch.Generator,
        progress: Tensor,
        next_labelled_batch: NextBatch | None = None,
    ) -> None:
        self.size = size
        self.rng = rng
        self.progress = progress
        self._generator = generator
        self._prior = latent
        self._next_batch = next_batch
        self._next_labelled_batch = next_labelled_batch
        self._dealt: tuple[Tensor, Tensor] | None = None
        self._labelled: tuple[Tensor, Tensor] | None = None
        self._latent: LatentValue | None = None
        self._fake: Tensor | None = None

    @property
    def real(self) -> Tensor:
        """Real images (size, *shape) in [-1, 1]; no label is read here."""
        return self._real[0]

    @property
    def labelled(self) -> tuple[Tensor, Tensor]:
        """Real images (size, *shape) with their labels (size,).

        Those of `real` where every training image is labelled; under a label budget a draw
        of their own from the labelled images alone, always `size` of them.
        """
        if self._next_labelled_batch is None:
            return self._real
        if self._labelled is None:
            self._labelled = self._next_labelled_batch()
        return self._labelled

    @property
    def _real(self) -> tuple[Tensor, Tensor]:
        if self._dealt is None:
            self._dealt = self._next_batch()
        return self._dealt

    @property
    def latent(self) -> LatentValue:
        """The batch's latents, drawn from the prior."""
        if self._latent is None:
            self._latent = self.draw(self.size)
        return self._latent

    @property
    def fake(self) -> Tensor:
        """The generator's images for `latent`, with their graph."""
        if self._fake is None:
            if self._generator is None:
                raise AttributeError("a loss reads batch.fake, but the variant has no generator")
            # channels come first to whoever reads them, whatever layout the generator likes
            self._fake = self._generator(self.latent.vector).contiguous()
        return self._fake

    def draw(self, n: int) -> LatentValue:
        """Draw `n` fresh latents."""
        if self._prior is None:
            raise AttributeError("a loss draws latents, but the variant has no latent")
        return self._prior.draw(n, self.rng)

    def randn_like(self, tensor: Tensor) -> Tensor:
        """Standard normal noise of a tensor's shape, from the batch's generator."""
        return torch.empty_like(tensor).normal_(generator=self.rng)

    def forget_fake(self) -> None:
        """The generator has moved: the next reader of `fake` gets new images."""
        self._fake = None

    def forget_latent(self) -> None:
        """The next reader gets a new latent, and with it new images."""
        self._latent = self._fake = None
