"""Optimizers by name: `Adam`, `RMSprop/alpha=0.9`, any class of torch.optim that can be used.

A name is checked and read here; `train.optimizers` makes the optimizer.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import torch
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from ganbench.core.errors import unknown
from ganbench.model.hyperparameters import Described

UNUSABLE = {
    "Optimizer": "it is the base of all",
    "LBFGS": "it computes a loss several times within a step",
    "SparseAdam": "gradients are dense",
    "Muon": "it trains matrices alone, and every network has biases",
}
"""Classes of torch.optim that cannot train an update, with the reason."""
ELSEWHERE = {"params", "lr", "betas", "weight_decay"}
"""Arguments that are hyperparameters or settings of an update."""
HOW = {"foreach", "fused", "capturable", "differentiable", "maximize"}
"""Arguments that are the trainer's to choose."""


OptimizerClass = Callable[..., torch.optim.Optimizer]


def _classes() -> dict[str, OptimizerClass]:
    found = {
        name: member
        for name, member in vars(torch.optim).items()
        if isinstance(member, type) and issubclass(member, torch.optim.Optimizer)
    }
    return {name: found[name] for name in sorted(found) if name not in UNUSABLE}


CLASSES = _classes()


def arguments(cls: OptimizerClass) -> dict[str, Any]:
    """What a class of optimizers takes, by name, with the defaults."""
    parameters = list(inspect.signature(cls).parameters.values())
    return {one.name: one.default for one in parameters}


def parse(text: str) -> tuple[OptimizerClass, dict[str, Any]]:
    """`SGD/momentum=0.9/nesterov=true` as a class of torch.optim and its keyword arguments, those
    left out that have their default.

    Raises ValueError for an unknown class, an unknown argument, or a value that is none.
    """
    name, *pieces = text.split("/")
    spelt = {one.lower(): one for one in CLASSES}.get(name.lower())
    if spelt is None:
        if name in UNUSABLE:
            raise ValueError(f"no update can be trained by {name}: {UNUSABLE[name]}")
        raise ValueError(str(unknown("optimizer", name, CLASSES)))
    cls = CLASSES[spelt]
    valid = [key for key in arguments(cls) if key not in ELSEWHERE | HOW]
    given: dict[str, Any] = {}
    for piece in pieces:
        key, equals, value = (part.strip() for part in piece.partition("="))
        if key in ELSEWHERE:
            raise ValueError(f"{key} is a hyperparameter of its own, no argument of {spelt}")
        if not equals or key not in valid:
            raise ValueError(str(unknown(f"argument of {spelt}", key, valid)))
        default = arguments(cls)[key]
        read = _value(key, value, float if type(default) is float else None)
        if read != default:
            given[key] = read
    return cls, given


def _value(key: str, text: str, kind: type[float] | None) -> Any:
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return kind(text) if kind else ast.literal_eval(text)
    except (ValueError, SyntaxError):
        raise ValueError(f"{key}={text}: give a number, true or false") from None


def canonical(text: str) -> str:
    """The one spelling of an optimizer. Raises ValueError as `parse` does, and where the class
    refuses a value."""
    cls, given = parse(text)
    if given:  # making one imports torch's compiler, which takes seconds
        try:
            cls([torch.zeros(1, requires_grad=True)], lr=1e-3, **given)
        except (ValueError, TypeError, AttributeError, RuntimeError) as error:
            raise ValueError(str(error)) from None
    return "/".join([cls.__name__, *(f"{key}={value}" for key, value in given.items())])


def _checked(text: str) -> str:
    try:
        return canonical(text)
    except ValueError as error:
        raise PydanticCustomError("optimizer", "{why}", {"why": str(error)}) from None


OptimizerName = Annotated[
    str,
    AfterValidator(_checked),
    Described("a class of torch.optim, with arguments as SGD/momentum=0.9"),
]


def refuse_optimizer(name: str, weight_decay: float) -> None:
    """Raise ValueError where weight decay is asked of an optimizer that has none."""
    cls, _ = parse(name)
    if weight_decay and "weight_decay" not in arguments(cls):
        raise ValueError(f"weight_decay: {cls.__name__} has none")
