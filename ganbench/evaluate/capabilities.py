"""Capabilities of a model, found by the methods that it has and never by its class.

A capability that is missing, or whose method raises `Unsupported`, raises `Unavailable` with
the reason. One that raises anything else, or returns the wrong shape, numbers that are not
finite or categories that are not there, raises `CapabilityError`: the model is broken, and what
was to be measured did apply.
"""

from __future__ import annotations

import warnings
from types import TracebackType
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from ganbench.core.errors import Unsupported
from ganbench.core.latent import Latent, LatentValue


class Unavailable(Exception):
    """Something cannot be measured on this model or data set; the message says why."""


class TooFew(Unavailable):
    """A set has too few images to be compared; the message says which, and how many it takes."""


class NoWeights(Unavailable):
    """An extractor's weights are not here; the message says what to put where."""


class CapabilityError(ValueError):
    """A capability that the model has went wrong; the message says which, and how."""


def ask(model: Any, capability: str, *arguments: Any) -> Tensor:
    """Call a capability.

    Raises Unavailable where the model does not have it, CapabilityError where its method
    raises.
    """
    method = getattr(model, capability, None)
    if not callable(method):
        raise Unavailable(f"no {capability}()")
    try:
        answer: Tensor = method(*arguments)
    except Unsupported as reason:
        raise Unavailable(_without(capability, reason)) from reason
    except NotImplementedError as error:
        if not _says_it_itself(error, capability):
            raise _broken(capability, error) from error
        raise Unavailable(_without(capability, error)) from error
    except Exception as error:
        raise _broken(capability, error) from error
    return answer


def _without(capability: str, reason: Exception) -> str:
    text = _first_line(reason)
    return f"no {capability}()" + (f": {text}" if text else "")


def _broken(capability: str, error: Exception) -> CapabilityError:
    text = _first_line(error)
    return CapabilityError(
        f"{capability}() raised {type(error).__name__}" + (f": {text}" if text else "")
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "")


def _says_it_itself(error: NotImplementedError, capability: str) -> bool:
    """Whether a capability's own method raised, or one of that name that it overrides.

    So plug-ins said that they cannot before there was `Unsupported`: they are warned, once.
    What raises deeper down is an accident.
    """
    assert error.__traceback__ is not None
    frames: list[TracebackType] = []
    below = error.__traceback__.tb_next  # the first is of `ask`
    while below:
        frames.append(below)
        below = below.tb_next
    names = {frame.tb_frame.f_code.co_name for frame in frames}
    if not frames or not names <= {capability, "decorate_context"}:  # that of torch.no_grad()
        return False
    last = frames[-1]
    warnings.warn_explicit(
        f"{capability}() says by NotImplementedError that it cannot: raise "
        "ganbench.model.Unsupported instead, which no accident raises",
        FutureWarning,
        last.tb_frame.f_code.co_filename,
        last.tb_lineno,
        registry=last.tb_frame.f_globals.setdefault("__warningregistry__", {}),
    )
    return True


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


class RealImages(NamedTuple):
    """Real images that a reference shows where a model generates its own.

    images: (n, *shape), as the data set stores them. labels: (n,). source: the set that they are
    of. rows: which of its images they are, or None where they were changed. blur: standard
    deviation, in pixels, of the filter that they went through. new: the rows of the held-out
    images that stand for new ones where these are compared with new ones, or None for all.
    """

    images: Tensor
    labels: Tensor
    source: Literal["train", "held-out"]
    rows: Tensor | slice | None = slice(None)
    blur: float = 0.0
    new: Tensor | slice = slice(None)


def real_images(model: Any) -> RealImages | None:
    """What a model shows in place of generated images; None where it generates, or cannot."""
    method = getattr(model, "shown_real_images", None)
    shown = method() if callable(method) else None
    return shown if isinstance(shown, RealImages) else None


def encode(model: Any, images: Tensor) -> Tensor:
    """Codes (n, codes) of images: category index or posterior mean, in `Latent.codes` order."""
    codes = latent_with_codes(model).codes
    answer = _checked("encode", ask(model, "encode", images), (len(images), len(codes)))
    for code, column in zip(codes, answer.T, strict=True):
        if code.classes and not bool(((column >= 0) & (column < code.classes)).all()):
            raise CapabilityError(f"encode() returned categories outside 0..{code.classes - 1}")
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
        raise CapabilityError(f"cluster() returned {answer.dtype}, not integers")
    if bool((answer < 0).any()):
        raise CapabilityError("cluster() returned categories below 0")
    return answer


def score(model: Any, images: Tensor) -> Tensor:
    """How real images look to the model, (n,): higher is more real."""
    return _checked("score", ask(model, "score", images), (len(images),))


def reconstruct(model: Any, images: Tensor) -> Tensor:
    """The model's own version (n, *shape) of images in [-1, 1]."""
    return _checked("reconstruct", ask(model, "reconstruct", images), tuple(images.shape))


def _checked(capability: str, answer: Any, shape: tuple[int, ...]) -> Tensor:
    if not isinstance(answer, Tensor):
        raise CapabilityError(f"{capability}() returned {type(answer).__name__}, not a tensor")
    if tuple(answer.shape) != shape:
        raise CapabilityError(f"{capability}() returned shape {tuple(answer.shape)}, not {shape}")
    if not bool(torch.isfinite(answer).all()):
        raise CapabilityError(f"{capability}() returned numbers that are not finite")
    return answer
