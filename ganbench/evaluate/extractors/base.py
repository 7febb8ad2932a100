"""The base of extractors: uint8 images in, features and perhaps logits out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor

from ganbench.evaluate.capabilities import Unavailable


class Read(NamedTuple):
    """What an extractor says of n images: features (n, d), logits (n, k) or None; float32, CPU."""

    features: Tensor
    logits: Tensor | None


class Extractor(ABC):
    """A frozen network whose feature space a fidelity metric is measured in.

    name: what it is asked for by. identity: name, hash of its weights and how it resizes; a
    part of the protocol of every number made with it. shape: (c, h, w) of the images that it
    reads, None for a size it takes any of. batch: images per forward pass, which bounds its
    memory. device: where it runs; what it returns is on the CPU.
    """

    name: str
    identity: str
    shape: tuple[int | None, ...]
    batch: int
    device: torch.device = torch.device("cpu")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.identity!r})"

    @abstractmethod
    def look(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Features (n, d) and logits (n, k) or None of one batch, uint8 on `device`."""

    def read(self, images: Tensor) -> Read:
        """Features and logits, float32 on the CPU, of uint8 images (n, c, h, w).

        Raises Unavailable for images that it does not read, and for answers that are not one
        row of finite numbers per image.
        """
        fits = images.dim() == 4 and all(
            want in (None, got) for want, got in zip(self.shape, images.shape[1:], strict=True)
        )
        if images.dtype != torch.uint8 or not fits:
            wanted = tuple("any" if size is None else size for size in self.shape)
            other = "" if images.dtype == torch.uint8 else f"{images.dtype} of shape "
            raise Unavailable(
                f"extractor {self.name} reads uint8 images of shape {wanted}, "
                f"not {other}{tuple(images.shape[1:])}"
            )
        features, logits = [], []
        with torch.no_grad():
            for part in images.split(self.batch):
                seen, scores = self.look(part.to(self.device))
                features.append(self._checked(seen, len(part), "features"))
                if scores is not None:
                    logits.append(self._checked(scores, len(part), "logits"))
        return Read(torch.cat(features), torch.cat(logits) if logits else None)

    def _checked(self, answer: Tensor, rows: int, what: str) -> Tensor:
        if answer.dim() != 2 or len(answer) != rows:
            raise Unavailable(
                f"extractor {self.name} gave {what} of shape {tuple(answer.shape)} for "
                f"{rows} images, not ({rows}, numbers)"
            )
        if not bool(torch.isfinite(answer).all()):
            raise Unavailable(f"extractor {self.name} gave {what} that are not finite")
        return answer.float().cpu()

    def features(self, images: Tensor) -> Tensor:
        """Features (n, d), float32, of uint8 images (n, c, h, w)."""
        return self.read(images).features

    def logits(self, images: Tensor) -> Tensor:
        """Logits (n, k), float32, of uint8 images. Raises Unavailable where it has none."""
        logits = self.read(images).logits
        if logits is None:
            raise Unavailable(f"extractor {self.name} has no logits")
        return logits


def first_line(error: BaseException) -> str:
    """An exception as one line."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
