"""Checks for classic mistakes that train without an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ganbench.evaluate import capabilities
from ganbench.plugins.checks.result import Failed, Skipped, check
from ganbench.plugins.checks.subject import CLASSES, Subject
from ganbench.plugins.error_places import place

LARGEST_EPS = 1e-2
NORMS = (
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
)
SQUASHED = {"Softmax", "LogSoftmax", "Sigmoid", "LogSigmoid"}
THROUGH = {"View", "UnsafeView", "ReshapeAlias", "Squeeze", "Unsqueeze", "Expand", "Clone"}
THROUGH |= {"Neg", "T", "Transpose", "Permute", "Select", "Slice"}
"""Operations after which a squashed output is still one."""


@check
def norm_layers(subject: Subject) -> None:
    """No normalisation layer has an eps above 1e-2: BatchNorm2d(n, 0.8) sets eps to 0.8, where
    momentum was meant."""
    for name, module in subject.sample.named_modules():
        eps = getattr(module, "eps", None)
        if isinstance(module, NORMS) and eps is not None and eps > LARGEST_EPS:
            raise Failed(
                f"{name}, a {type(module).__name__}, has eps={eps}: its second argument is eps, "
                f"not momentum; write momentum={eps} if that was meant"
            )


class Squashed(Exception):
    """A loss of logits was given what has been through softmax or sigmoid."""


class LogitWatch(TorchFunctionMode):
    """Looks at what functions of logits are given while a loss runs."""

    READERS: dict[Any, str] = {
        F.cross_entropy: "cross_entropy",
        F.binary_cross_entropy_with_logits: "binary_cross_entropy_with_logits",
        F.softplus: "softplus",
        F.log_softmax: "log_softmax",
        Tensor.log_softmax: "log_softmax",
        torch.log_softmax: "log_softmax",
    }

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Call the function after a look at its first argument."""
        kwargs = kwargs or {}
        reader = self.READERS.get(func)
        if reader:
            given = args[0] if args else kwargs["input"]
            squashed = squashing(given)
            if not squashed and reader == "cross_entropy" and is_distribution(given):
                squashed = "probabilities"
            if squashed:
                raise Squashed(f"{reader} is given {squashed}, it wants logits")
        return func(*args, **kwargs)


def squashing(tensor: Tensor) -> str:
    """Which squashing function made a tensor, by its graph: `the output of softmax`, or nothing."""
    node = tensor.grad_fn
    while node is not None:
        name = node.name().partition("Backward")[0]
        if name in SQUASHED:
            return f"the output of {name.lower()}"
        node = node.next_functions[0][0] if name in THROUGH and node.next_functions else None
    return ""


def is_distribution(outputs: Tensor) -> bool:
    """Whether every row (n, k) is non-negative and sums to 1."""
    if outputs.dim() < 2 or outputs.shape[1] < 2 or not outputs.is_floating_point():
        return False
    rows = outputs.detach()
    one = torch.ones((), dtype=rows.dtype)
    return bool((rows >= 0).all()) and bool(torch.isclose(rows.sum(1), one, atol=1e-4).all())


@check
def losses_are_given_logits(subject: Subject) -> None:
    """No loss gives cross-entropy, softplus or log-softmax what has already been through
    softmax or sigmoid."""
    trainer = subject.trainer()
    for update in trainer.updates:
        try:
            with LogitWatch():
                trainer.loss(update, trainer.next_batch(trainer.clock))
        except Squashed as error:
            raise Failed(
                f"update {update.name!r}: {error}; drop the squashing{place(error)}"
            ) from error


@check
def classify_gives_logits(subject: Subject) -> None:
    """classify() returns logits, not probabilities."""
    if not subject.has("classify"):
        raise Skipped("no classify()")
    model = subject.trained
    with torch.no_grad():
        logits = capabilities.classify(model, subject.images, CLASSES)
    if is_distribution(logits):
        raise Failed(
            "classify() returns probabilities (rows that are non-negative and sum to 1): return "
            "the logits, without softmax"
        )
