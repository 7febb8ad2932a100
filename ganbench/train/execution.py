"""How rounds are executed. It never changes what a round is: numbers move by rounding alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import nn

from ganbench.adam import Adam
from ganbench.errors import UserError
from ganbench.model.layers import Dense, UpsampledConv2d, known

Mode = Literal["auto", "reference", "eager", "graph", "compile"]
Precision = Literal["tf32", "strict", "bf16"]


@dataclass(frozen=True)
class Execution:
    """mode: `reference` computes every layer as it is written; `eager` with the identities and
    layouts that are faster; `graph` replays CUDA graphs of whole rounds; `compile` hands the
    networks to torch.compile. `auto` is `graph` on a GPU, `eager` elsewhere.

    precision: of float32 products on a GPU: `tf32` rounds their inputs to 10 bits of mantissa,
    `strict` does not. `bf16` runs losses under autocast, on any device.
    """

    mode: Mode = "auto"
    precision: Precision = "tf32"

    def __post_init__(self) -> None:
        for name, value, names in (
            ("mode", self.mode, get_args(Mode)),
            ("precision", self.precision, get_args(Precision)),
        ):
            if value not in names:
                raise UserError(f"{name} {value!r}: choose from {', '.join(names)}")

    def on(self, device: torch.device) -> Execution:
        """With `auto` decided for a device. Raises UserError for graphs without a GPU."""
        gpu = device.type == "cuda"
        if self.mode == "graph" and not gpu:
            raise UserError(f"mode graph: CUDA graphs need a GPU, not {device.type}")
        if self.mode != "auto":
            return self
        return Execution("graph" if gpu else "eager", self.precision)

    def arithmetic(self, device: str) -> str:
        """In what its rounding differs from `eager` with the default precision; "" for nothing."""
        parts: list[str] = [self.mode] if self.mode in ("reference", "compile") else []
        if self.precision == "bf16" or (self.precision == "strict" and device.startswith("cuda")):
            parts.append(self.precision)
        return ", ".join(parts)

    def plainly(self) -> Execution:
        """Without graphs and compilation: for rounds that are played once."""
        return Execution("reference" if self.mode == "reference" else "eager", self.precision)

    def arrange(self, game: nn.Module) -> None:
        """Lay out a game's convolutions, in place, and choose how its layers compute.

        Weights decide the layout of what flows through a convolution. Networks with modules
        of a plug-in's own stay as they are: `x.view(len(x), -1)` refuses channels_last.
        """
        plain = self.mode == "reference"
        for network in game.children():
            layout = torch.channels_last
            if plain or not known(network):
                layout = torch.contiguous_format
            for module in network.modules():
                if isinstance(module, Dense | UpsampledConv2d):
                    module.literal = plain
                if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                    module.to(memory_format=layout)
        if self.mode == "compile":
            for network in game.children():
                network.compile()

    def adam(
        self, owned: list[nn.Parameter], lr: float, betas: tuple[float, float]
    ) -> Adam | torch.optim.Adam:
        """The optimizer of an update's parameters."""
        if self.mode == "reference":
            return torch.optim.Adam(owned, lr, betas, fused=False)
        return Adam(owned, lr, betas)

    def losses(self, device: torch.device) -> Any:
        """The context that losses are computed in."""
        if self.precision == "bf16":
            return torch.autocast(device.type, torch.bfloat16)
        return nullcontext()

    @contextmanager
    def products(self) -> Iterator[None]:
        """Rounding of float32 products on a GPU, for as long as it lasts."""
        matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
        before = matmul.allow_tf32, cudnn.allow_tf32
        matmul.allow_tf32 = cudnn.allow_tf32 = self.precision != "strict"
        try:
            yield
        finally:
            matmul.allow_tf32, cudnn.allow_tf32 = before
