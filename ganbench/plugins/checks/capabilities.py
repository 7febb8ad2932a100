"""Checks of capabilities: shapes, ranges, dtypes, and answers of one image alone."""

from __future__ import annotations

import torch
from torch import Tensor

from ganbench.evaluate.capabilities import CapabilityError
from ganbench.plugins.checks.result import Failed, Skipped, check
from ganbench.plugins.checks.subject import Subject
from ganbench.plugins.error_places import place

TOLERANCE = 1e-3
"""Of answers in halves and one by one, as a share of the largest answer."""


def answer(subject: Subject, capability: str) -> Tensor:
    """A capability's checked answer on all images of the checks, in eval mode.

    Raises Skipped where the variant does not have it, Failed where shape or values are wrong.
    """
    calls = subject.calls(subject.trained)
    if capability not in calls:
        raise Skipped(subject.missing[capability])
    try:
        found = calls[capability](slice(None))
    except CapabilityError as error:
        raise Failed(f"{error}{place(error)}") from error
    if found.dtype != torch.float32 and capability != "cluster":  # which checks its own
        raise Failed(f"{capability}() returns {found.dtype}, not torch.float32")
    return found


def in_range(images: Tensor, capability: str) -> None:
    """Fail where images leave [-1, 1]."""
    low, high = images.min().item(), images.max().item()
    if low < -1 - 1e-5 or high > 1 + 1e-5:
        raise Failed(
            f"{capability}() returns values from {low:.3g} to {high:.3g}: images are in [-1, 1], "
            f"end the network in Tanh"
        )


@check
def generate(subject: Subject) -> None:
    """generate(latent) returns images (n, *shape) in [-1, 1], other ones for other latents."""
    images = answer(subject, "generate")
    in_range(images, "generate")
    if (images - images[:1]).abs().max().item() < 1e-4:
        raise Failed("generate() returns the same image for every latent: it does not read it")


@check
def score(subject: Subject) -> None:
    """score(images) returns (n,) finite numbers."""
    answer(subject, "score")


@check
def encode(subject: Subject) -> None:
    """encode(images) returns (n, codes): the index of each category, the mean of each
    continuous code, in the latent's order."""
    found = answer(subject, "encode")
    for code, column in zip(subject.trained.latent.codes, found.T, strict=True):
        if code.classes and bool((column != column.round()).any()):
            raise Failed(f"encode() returns fractions for {code.name}: an index was asked for")


@check
def posterior_log_prob(subject: Subject) -> None:
    """posterior_log_prob(images, latent) returns (n, codes) in nats, normalised: over the
    values of a categorical code the probabilities sum to 1."""
    answer(subject, "posterior_log_prob")
    model, latent = subject.trained, subject.latent
    with torch.no_grad():
        images = model.generate(latent)
        for column, code in enumerate(model.latent.categorical):
            total = torch.zeros(len(latent))
            for value in range(code.classes):
                codes = latent.codes.clone()
                codes[:, column] = value
                moved = model.latent.assemble(model.latent.noise_of(latent), codes)
                total += model.posterior_log_prob(images, moved)[:, column].exp()
            if not torch.allclose(total, torch.ones_like(total), atol=1e-3):
                raise Failed(
                    f"posterior_log_prob() of {code.name}: probabilities sum to "
                    f"{total.mean():.3g} over its categories, not 1; return log-probabilities "
                    f"(log_softmax), not logits"
                )


@check
def classify(subject: Subject) -> None:
    """classify(images) returns (n, classes)."""
    answer(subject, "classify")


@check
def cluster(subject: Subject) -> None:
    """cluster(images) returns (n,) integers from 0."""
    answer(subject, "cluster")


@check
def reconstruct(subject: Subject) -> None:
    """reconstruct(images) returns images of the same shape in [-1, 1]."""
    in_range(answer(subject, "reconstruct"), "reconstruct")


@check
def answers_without_batch_mates(subject: Subject) -> None:
    """In eval mode an answer is the same whatever else is in the batch: whole, in halves and
    one by one."""
    n = len(subject.images)
    for name, call in subject.calls(subject.trained).items():
        whole = call(slice(None))
        scale = whole.abs().max().item() + 1e-6
        halves = torch.cat([call(slice(0, n // 2)), call(slice(n // 2, n))])
        single = torch.cat([call(slice(i, i + 1)) for i in range(4)])
        for other, how in ((halves, "in halves"), (single, "alone")):
            off = (other - whole[: len(other)]).abs().max().item()
            if not off <= TOLERANCE * scale:
                raise Failed(
                    f"{name}() of an image depends on the batch: {off:.3g} off when asked "
                    f"{how}; use running statistics (eval mode), or raise Unsupported "
                    f"where it is no property of one image"
                )


@check
def answers_leave_no_trace(subject: Subject) -> None:
    """Asking a capability changes no parameter, no buffer and no mode."""
    for name in subject.calls(subject.trained):
        model = subject.evaluated()
        before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
        subject.questions(model)[name](slice(None))
        changed = [k for k, v in model.state_dict().items() if not torch.equal(v, before[k])]
        if changed:
            raise Failed(f"{name}() changes {', '.join(changed)}: an answer leaves no trace")
        if any(module.training for module in model.modules()):
            raise Failed(f"{name}() puts networks into training mode")
