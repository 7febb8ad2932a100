"""Counts of operators, FLOPs and bytes of a round, as it is dispatched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from ganbench.train.flops import FlopCounter

aten = torch.ops.aten
NOTHING_MOVED = {aten._unsafe_view, aten.empty, aten.empty_like, aten.new_empty, aten.empty_strided}
"""Operators other than views that read and write no memory."""
ROWS_OF = {aten.index, aten.index_select, aten.gather, aten.embedding}
"""Operators that read as much of their first argument as they return, not the whole of it."""

ONLY_WRITTEN = {aten.copy_, aten.zero_, aten.fill_, aten.normal_, aten.uniform_, aten.bernoulli_}
"""Operators that do not read their first argument."""


class OperatorCounter(FlopCounter):
    """Counts operators below autograd (ATen's, oneDNN's), their FLOPs, and bytes.

    `bytes` is the sum of the sizes of the operators' inputs and outputs, views left out: a
    tensor that is written in place counts twice. It is what would be moved if each operator
    were a kernel of its own and no cache kept anything between them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operators = 0
        self.bytes = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        out = super().__torch_dispatch__(func, types, args, kwargs)
        if func.namespace not in ("aten", "mkldnn"):  # a profiler's range
            return out
        self.operators += 1
        if not func.is_view and func._overloadpacket not in NOTHING_MOVED:
            self.bytes += sum(map(_size, _moved(func, args, kwargs or {}, out)))
        return out


def _moved(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> Iterator[Tensor]:
    """Tensors that an operator reads, and those that it writes."""
    schema, operator = func._schema, func._overloadpacket
    if all(result.alias_info is None for result in schema.returns):  # not what it was given
        yield from _tensors(out)
    named = dict(zip((a.name for a in schema.arguments), args, strict=False)) | dict(kwargs)
    for argument in schema.arguments:
        if argument.alias_info is not None and argument.alias_info.is_write:
            yield from _tensors(named.get(argument.name))
    if operator in ROWS_OF:
        yield from _tensors(out)
    read = args[1:] if operator in ROWS_OF | ONLY_WRITTEN else args
    yield from _tensors((read, kwargs))


def _tensors(values: Any) -> Iterator[Tensor]:
    return (leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor))


def _size(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
