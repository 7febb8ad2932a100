"""The measurement that a metric's function returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Measurement:
    """A number, and what is known of it where it is measured.

    standard_error: of the value, over what it was averaged on (not over seeds), or None.
    count: how many items that is. protocol: the facts that change the number, besides the data
    set, the split and the version; see `ganbench.core.protocol`. parts: further numbers by
    name, such as one per code.
    """

    value: float
    count: int
    protocol: Mapping[str, Any]
    standard_error: float | None = None
    parts: dict[str, float] = field(default_factory=dict)
