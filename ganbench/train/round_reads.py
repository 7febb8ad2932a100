"""What a round reads of the data. Imports no torch."""

from __future__ import annotations

from typing import NamedTuple


class RoundReads(NamedTuple):
    """What a round reads: batches of real images, at least 1, and whether any labels."""

    batches: int
    labels: bool
