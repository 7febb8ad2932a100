"""How rounds may be executed: the choice, without torch. `train.execution` carries it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ganbench.core.errors import UserError

Mode = Literal["auto", "reference", "eager", "graph", "compile"]
Precision = Literal["tf32", "strict", "bf16"]


@dataclass(frozen=True)
class Execution:
    """mode: `reference` computes every layer as it is written; `eager` with the identities and
    layouts that are faster; `graph` replays CUDA graphs of whole rounds; `compile` hands the
    networks to torch.compile. `auto` is `graph` on a GPU, `eager` elsewhere.

    precision: of float32 products on a GPU: `tf32` rounds their inputs to 10 bits of mantissa,
    `strict` does not. `bf16` runs losses under autocast, on any device.

    Raises UserError for another mode or precision.
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

    def on(self, device: str) -> Execution:
        """With `auto` decided for a device. Raises UserError for graphs without a GPU."""
        gpu = device.startswith("cuda")
        if self.mode == "graph" and not gpu:
            raise UserError(f"mode graph: CUDA graphs need a GPU, not {device}")
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
