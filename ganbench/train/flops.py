"""Counts floating-point operations of what runs under it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry, register_flop_formula

from ganbench.model.layers import ONEDNN

if ONEDNN is not None and ONEDNN not in flop_registry:

    @register_flop_formula(ONEDNN)
    def _product(a: Sequence[int], b: Sequence[int], *rest: Any, **named: Any) -> int:
        """Of shapes (n, k) and (m, k)."""
        return 2 * a[0] * a[1] * b[0]


class FlopCounter(TorchDispatchMode):
    """Multiplications and additions of matrix products and convolutions, into `total`.

    torch's formulas; torch's own FlopCounterMode cannot be used, because its module tracker
    refuses a gradient inside a loss, which every gradient penalty has.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """torch would import its compiler for nothing but to keep it out of this method."""
        return False

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        count: Callable[..., int] | None = flop_registry.get(func._overloadpacket)
        if count:
            self.total += count(*args, **(kwargs or {}), out_val=out)
        return out
