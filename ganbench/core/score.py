"""The score of a metric, with all that is needed to read, compare and pool it."""

from __future__ import annotations

from ganbench.core import protocol as protocols
from ganbench.core.document import (
    Count,
    Document,
    Gauged,
    Name,
    Number,
    Object,
    Parts,
    Reason,
    Text,
)
from ganbench.core.metric_specs import Better


class Score(Document):
    """One metric's number with its protocol. Not finite is not a score but a `Skip`.

    key: hash of what was asked for (metric, version, settings, extractor, data set, split), by
    which it is found again; "" in records of schema 1. group: of a metric that is not ganbench's
    own, where a table shows it.
    """

    metric: Name
    value: Number
    standard_error: Gauged = None
    """Of this one value, over its samples (not over seeds)."""
    count: Count | None = None
    """Samples behind the value."""
    better: Better
    protocol: Object | Text
    """Every fact that changes the number. In records of schema 1: a sentence."""
    key: Text = ""
    group: Text = ""
    seconds: Number = 0.0
    parts: Parts = {}
    """Values per code, factor or class; those that are not finite are left out."""

    @property
    def protocol_key(self) -> str:
        """What numbers that may be pooled have in common."""
        return protocols.key(self.protocol)

    @property
    def protocol_text(self) -> str:
        """The protocol as people read it."""
        return protocols.sentence(self.protocol)


class Skip(Document):
    """A metric that gave no number, and why.

    again: what it takes (weights) was not here: another evaluation may measure it.
    """

    metric: Text
    reason: Reason
    key: Text = ""
    again: bool = False
