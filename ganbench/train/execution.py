"""Execution of rounds by mode and precision; numbers move by rounding alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import nn

from ganbench.model.layers import Dense, UpsampledConv2d, known
from ganbench.train.execution_modes import Mode, Precision


def arrange(model: nn.Module, mode: Mode) -> None:
    """Lay out a model's convolutions, in place, and choose how its layers compute.

    Weights decide the layout of what flows through a convolution. Networks with modules
    of a plug-in's own stay as they are: `x.view(len(x), -1)` refuses channels_last.
    """
    plain = mode == "reference"
    for network in model.children():
        layout = torch.channels_last
        if plain or not known(network):
            layout = torch.contiguous_format
        for module in network.modules():
            if isinstance(module, Dense | UpsampledConv2d):
                module.literal = plain
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                module.to(memory_format=layout)
    if mode == "compile":
        for network in model.children():
            network.compile()


def autocast(device: torch.device, precision: Precision) -> Any:
    """The context that losses are computed in."""
    if precision == "bf16":
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


@contextmanager
def products(precision: Precision) -> Iterator[None]:
    """Rounding of float32 products on a GPU, for as long as it lasts."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = precision != "strict"
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before
