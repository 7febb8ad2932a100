"""What rounding may do to a round's losses and gradients, in units that hold on any processor.

How large a rounding error may grow depends on the round: on what cancels in it, and on how
ill-conditioned it is. So it is measured there, in float64 and with a generator of random numbers:
every layer's results, forward and backward, are moved by a relative 1e-9 of their size, and how
far a loss or gradient then moves is its `sensitivity`. A type that rounds to eps moves it by about
eps times that, whatever the processor, the instructions and the order of addition.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ganbench.core.specs import parse_spec
from ganbench.data.dataset import Split
from ganbench.model import Batch, Variant
from ganbench.plugins import registry
from ganbench.train.execution_modes import Execution
from ganbench.train.trainer import Trainer, build

SIDE, SIZE, ROUNDS = 16, 16, 50
ROUNDINGS = 64
"""Of eps times the sensitivity, what is put down to rounding.

Most errors are 1 to 3 of these units. A sum of n numbers that cancel, added one after another,
loses sqrt(n) / 5 units on average: 13 for the bias of a layer with n = 16 images of 16 x 16, the
longest sum here, and it is a single number there, which may be three or four times its average.
"""
MOVED = 1e-9
DRAWS = 4
Found = dict[str, Tensor]


@contextmanager
def typed(dtype: torch.dtype) -> Iterator[None]:
    """What is made in here is of that type."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


class SameDraws(TorchFunctionMode):
    """Draws from a generator are the same numbers in float64 as in float32."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if kwargs.get("generator") is not None:
            if func in (torch.randn, torch.rand):
                drawn = func(*args, **kwargs, dtype=torch.float32)
                return drawn.to(torch.get_default_dtype())
            if isinstance(args[0], Tensor) and args[0].dtype == torch.float64:
                return args[0].copy_(func(args[0].float(), *args[1:], **kwargs))
        return func(*args, **kwargs)


def images() -> Split:
    """64 images of noise, with labels."""
    rng = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (64, 1, SIDE, SIDE), generator=rng).to(torch.uint8)
    return Split(pixels, torch.randint(0, 10, (64,), generator=rng))


class Typed(Trainer):
    """Deals real images in the default type."""

    def next_batch(self, progress: Tensor) -> Batch:
        batch = super().next_batch(progress)
        next_batch = batch._next_batch

        def typed_deal() -> tuple[Tensor, Tensor]:
            real, labels = next_batch()
            return real.to(torch.get_default_dtype()), labels

        batch._next_batch = typed_deal
        return batch


def trainer(spec: str, mode: str, smooth: bool = False) -> Trainer:
    """Of a small game in the default type; `smooth` makes SiLU of every kinked activation.

    Where a number is within rounding of a ReLU's kink, its side decides the gradient: there no
    tolerance holds.
    """
    reference, given = parse_spec(spec)
    variant = registry.load(reference)
    model: Variant = build(variant, (1, SIDE, SIDE), 10, variant.resolve(given, ""), 0)
    for module in [*model.modules()] if smooth else ():
        for name, child in module.named_children():
            if isinstance(child, nn.ReLU | nn.LeakyReLU):
                setattr(module, name, nn.SiLU())
    execution = Execution(mode)  # type: ignore[arg-type]
    return Typed(model, images(), seed=0, batch_size=SIZE, rounds=ROUNDS, execution=execution)


def gradients(one: Trainer, state: dict[str, Any]) -> Found:
    """Each update's loss and gradients in float64, on the batch that is next in a state."""
    one.load_state_dict(state)
    names = {id(p): name for name, p in one.model.named_parameters()}
    found: Found = {}
    with typed(parameters(one).dtype), SameDraws():
        batch = one.next_batch(one.clock / one.rounds)
        for due in one.updates:
            loss, _ = one.loss(due, batch)
            slopes = torch.autograd.grad(loss, one.owned[due.name])
            found[f"{due.name}: loss"] = loss.detach().double()
            for p, slope in zip(one.owned[due.name], slopes, strict=True):
                found[f"{due.name}: {names[id(p)]}"] = slope.double()
            batch.forget_fake()
    one.load_state_dict(state)
    return found


def moved(x: Tensor) -> Tensor:
    """Every number off by a little of their root mean square."""
    return x + MOVED * x.square().mean().sqrt() * torch.randn_like(x)


def hook(module: nn.Module, inputs: tuple[Any, ...], y: Tensor) -> Tensor:
    """Moves what a layer computes, and the slope that comes back to it."""
    y = moved(y)
    if y.requires_grad:
        y.register_hook(moved)
    return y


def sensitivity(exact: Trainer, state: dict[str, Any], true: Found) -> Found:
    """How far losses and gradients move, per relative rounding of every layer's results."""
    layers = [m for m in exact.model.modules() if not list(m.children())]
    handles = [layer.register_forward_hook(hook) for layer in layers]
    try:
        draws = [gradients(exact, state) for _ in range(DRAWS)]
    finally:
        for handle in handles:
            handle.remove()
    squares = {k: sum((d[k] - x).square().sum() for d in draws) / DRAWS for k, x in true.items()}
    # and the type's own rounding of what comes out
    return {k: squares[k].sqrt() / MOVED + x.norm() for k, x in true.items()}


def beyond_rounding(
    pair: Sequence[Trainer], exact: Trainer, state: dict[str, Any]
) -> dict[str, float]:
    """Losses and gradients that are further from float64's than rounding: by how many units.

    pair: trainers in any mode and type. exact: the reference mode's in float64. All go to
    `state` for it.
    """
    true = gradients(exact, state)
    unit = sensitivity(exact, state, true)
    apart = {}
    for one in pair:
        eps, found = torch.finfo(parameters(one).dtype).eps, gradients(one, state)
        for name, x in true.items():
            units = ((found[name] - x).norm() / (eps * unit[name])).item()
            if not units <= ROUNDINGS:  # nor NaN
                apart[f"{one.execution.mode}, {name}"] = units
    return apart


def parameters(one: Trainer) -> Tensor:
    """All in one."""
    return torch.cat([p.detach().flatten() for p in one.model.parameters()])
