"""What a model can do, found by the methods it has and never by its class.

A capability that is missing, or whose method raises NotImplementedError, raises
`Unavailable` with the reason; one that returns the wrong shape, numbers
that are not finite or categories that are not there raises ValueError.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ganbench.model.latent import Latent, LatentValue


class Unavailable(Exception):
    """Something cannot be measured on this model or data set; the message says why."""


def ask(model: Any, capability: str, *arguments: Any) -> Tensor:
    """Call a capability. Raises Unavailable where the model does not have it."""
    method = getattr(model, capability, None)
    if not callable(method):
        raise Unavailable(f"no {capability}()")
    try:
        answer: Tensor = method(*arguments)
    except NotImplementedError as error:
        raise Unavailable(f"no {capability}()") from error
    return answer


def latent_of(model: Any) -> Latent:
    """The layout of the model's latent. Raises Unavailable where it has none."""
    latent = getattr(model, "latent", None)
    if not isinstance(latent, Latent):
        raise Unavailable("no latent")
    return latent


def latent_with_codes(model: Any) -> Latent:
    """The layout of a latent that has codes. Raises Unavailable where it has none."""
    latent = latent_of(model)
    if not latent.codes:
        raise Unavailable("its latent carries no codes")
    return latent


def generate(model: Any, latent: LatentValue, shape: tuple[int, ...]) -> Tensor:
    """Images (n, *shape) in [-1, 1] for drawn latents."""
    return _checked("generate", ask(model, "generate", latent), (len(latent), *shape))


def encode(model: Any, images: Tensor) -> Tensor:
    """Codes (n, codes) of images: category index or posterior mean, in `Latent.codes` order."""
    codes = latent_with_codes(model).codes
    answer = _checked("encode", ask(model, "encode", images), (len(images), len(codes)))
    for code, column in zip(codes, answer.T, strict=True):
        if code.classes and not bool(((column >= 0) & (column < code.classes)).all()):
            raise ValueError(f"encode() returned categories outside 0..{code.classes - 1}")
    return answer


def posterior_log_prob(model: Any, images: Tensor, latent: LatentValue) -> Tensor:
    """log Q(c|x) in nats, (n, codes), of the codes that the images were generated from."""
    codes = latent_with_codes(model).codes
    answer = ask(model, "posterior_log_prob", images, latent)
    return _checked("posterior_log_prob", answer, (len(images), len(codes)))


def classify(model: Any, images: Tensor, classes: int) -> Tensor:
    """Logits (n, classes) of images."""
    return _checked("classify", ask(model, "classify", images), (len(images), classes))


def cluster(model: Any, images: Tensor) -> Tensor:
    """The category (n,) that the model puts each image in, integers from 0."""
    answer = _checked("cluster", ask(model, "cluster", images), (len(images),))
    if answer.is_floating_point() or answer.is_complex():
        raise ValueError(f"cluster() returned {answer.dtype}, not integers")
    if bool((answer < 0).any()):
        raise ValueError("cluster() returned categories below 0")
    return answer


def score(model: Any, images: Tensor) -> Tensor:
    """How real images look to the model, (n,): higher is more real."""
    return _checked("score", ask(model, "score", images), (len(images),))


def reconstruct(model: Any, images: Tensor) -> Tensor:
    """The model's own version (n, *shape) of images in [-1, 1]."""
    return _checked("reconstruct", ask(model, "reconstruct", images), tuple(images.shape))


def _checked(capability: str, answer: Tensor, shape: tuple[int, ...]) -> Tensor:
    if tuple(answer.shape) != shape:
        raise ValueError(f"{capability}() returned shape {tuple(answer.shape)}, not {shape}")
    if not bool(torch.isfinite(answer).all()):
        raise ValueError(f"{capability}() returned numbers that are not finite")
    return answer
