"""Checks for host synchronisation: losses run on fake tensors, without a GPU.

FakeTensorMode computes shapes and devices but no values, so that whatever reads a value
(`.item()`, `if tensor:`), or makes a shape of values (boolean indexing), is refused, and a
tensor made on the CPU meets one on the GPU with an error. The device `meta` stands for the
GPU: torch builds without CUDA cannot slice a fake `cuda` tensor or record its graph.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensorMode,
)
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from ganbench.model import Batch, Variant
from ganbench.plugins.checks.result import Failed, Skipped, check
from ganbench.plugins.checks.subject import BATCH, CLASSES, Subject
from ganbench.plugins.error_places import located, place

READS = (
    "reads a tensor's value on the host (.item(), .tolist(), float(tensor), if tensor: ...), "
    "which makes the GPU wait: stay with tensors, torch.where in place of if"
)
SHAPES = (
    "makes a tensor whose shape depends on values (boolean indexing, nonzero, unique, one_hot "
    "without num_classes, ...): use masks and torch.where, shapes are static"
)
MIXES = (
    "mixes devices: a tensor made on the CPU meets one on the GPU; make it with "
    "device=batch.real.device, or keep it in a buffer (register_buffer)"
)
STRANGER = (
    "uses a tensor that is neither a parameter nor a buffer of the variant: register_buffer "
    "it in build(), so that it moves to the GPU and into checkpoints"
)
MOVES = "copies a tensor between host and GPU (.cpu(), .to(...)): make it where it is used"
COPIES = "makes a tensor of Python numbers on the GPU, a copy from the host: torch.full or a buffer"

CPU, GPU = torch.device("cpu"), torch.device("meta")


class HostRead(Failed):
    """A loss reads values on the host, and so cannot be followed any further."""


class Waits(Exception):
    """A call that would make the host wait for the GPU, or copy between them."""


class FakeGenerator(torch.Generator):
    """Stands for a generator of a device that may not be there."""

    device = torch.device("cpu")


def fake_generator(device: torch.device) -> FakeGenerator:
    """A generator that says it lives on `device`."""
    kind = type("FakeGenerator", (FakeGenerator,), {"device": device})
    return kind()


class HostWatch(TorchFunctionMode):
    """Draws without generators, and refuses what fake tensors let pass: copies and prints."""

    PRINTS = (Tensor.__repr__, Tensor.numpy, Tensor.__array__)
    MAKERS = (torch.tensor, torch.as_tensor, torch.asarray, Tensor.new_tensor)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Call the function, unless it waits."""
        kwargs = {k: v for k, v in (kwargs or {}).items() if not isinstance(v, FakeGenerator)}
        args = tuple(a for a in args if not isinstance(a, FakeGenerator))
        if func in self.PRINTS:
            raise Waits(READS)
        if func is Tensor.cuda:
            raise Waits(MOVES)
        answer = func(*args, **kwargs)
        came = {x.device.type for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)}
        goes = {x.device.type for x in tree_leaves(answer) if isinstance(x, Tensor)}
        if came and goes and not goes <= came:
            raise Waits(MOVES)
        if func in self.MAKERS and GPU.type in goes and self.from_numbers(func, args):
            raise Waits(COPIES)
        return answer

    def from_numbers(self, func: Callable[..., Any], args: Any) -> bool:
        """Whether a tensor was made of something that is no tensor."""
        data = args[1:] if func is Tensor.new_tensor else args
        return not any(isinstance(x, Tensor) for x in data[:1])


def fake_model(model: Variant, mode: FakeTensorMode, device: torch.device) -> Variant:
    """A copy of a model whose parameters and buffers are fakes on a device."""
    twin = copy.deepcopy(model)
    made: dict[int, Tensor] = {}

    def fake(tensor: Tensor) -> Tensor:
        if id(tensor) not in made:
            with mode:
                new = torch.empty(tensor.shape, dtype=tensor.dtype, device=device)
            if isinstance(tensor, nn.Parameter):
                new = nn.Parameter(new, requires_grad=tensor.requires_grad)
            made[id(tensor)] = new
        return made[id(tensor)]

    kept = list(twin.parameters()) + list(twin.buffers())  # ids stay theirs while they live
    for module in twin.modules():
        tables: tuple[dict[str, Any], ...] = (module._parameters, module._buffers)
        for table in tables:
            for name, tensor in table.items():
                if tensor is not None:
                    table[name] = fake(tensor)
    del kept
    return twin


def fake_batch(model: Variant, device: torch.device) -> Batch:
    """A batch of fake images and labels; called under a FakeTensorMode."""

    def deal() -> tuple[Tensor, Tensor]:
        images = torch.empty(BATCH, *model.shape, device=device)
        return images, torch.zeros(BATCH, dtype=torch.long, device=device)

    progress = torch.zeros((), device=device)
    return model.batch(deal, BATCH, fake_generator(device), progress)


@contextmanager
def refused(update: str) -> Iterator[None]:
    """Say in a plug-in author's words what fake tensors refused."""
    try:
        yield
    except Waits as error:
        kind = HostRead if READS in str(error) else Failed
        raise kind(f"update {update!r} {error}{place(error)}") from error
    except Exception as error:
        text = str(error)
        if "devices" in text and ("two" in text or "same" in text):
            raise Failed(f"update {update!r} {MIXES}{place(error)}") from error
        if isinstance(error, DataDependentOutputException):
            what = READS
        elif isinstance(error, DynamicOutputShapeException):
            what = SHAPES
        elif "convert all Tensors to FakeTensors" in text:
            what = STRANGER
        else:
            raise Failed(f"update {update!r} on fake tensors: {located(error)}") from error
        raise HostRead(f"update {update!r} {what}{place(error)}") from error


def run_on_fake_tensors(subject: Subject, device: torch.device) -> None:
    """Compute every loss of a round, with its gradients, on fake tensors of a device."""
    mode = FakeTensorMode()
    model = fake_model(subject.trainer(classes=CLASSES).model, mode, device)
    with mode, HostWatch():
        for update in model.updates():
            with refused(update.name):
                result = update.loss(fake_batch(model, device))
                loss, logs = result if isinstance(result, tuple) else (result, {})
                for name, value in {"loss": loss, **logs}.items():
                    if not isinstance(value, Tensor):
                        raise Waits(f"returns {name!r} as {value!r}, not as a tensor")
                    if value.device.type != device.type:
                        raise Waits(f"returns {name!r} on another device than its networks'")
                torch.autograd.grad(loss, model.owned(update), allow_unused=True)
                if update.schedule:
                    update.schedule(torch.zeros((), device=device))


@check
def no_host_reads(subject: Subject) -> None:
    """A round runs on fake tensors: no .item(), no branch on a tensor, static shapes.

    Cannot see what happens inside prepare() and build(), which may read values.
    """
    run_on_fake_tensors(subject, CPU)


@check
def no_device_crossing(subject: Subject) -> None:
    """A round runs on fake tensors of a device that is not the CPU: nothing is made on the
    CPU, or copied to it or from it."""
    try:
        run_on_fake_tensors(subject, GPU)
    except HostRead as error:
        raise Skipped("its losses cannot be followed: see no_host_reads") from error
