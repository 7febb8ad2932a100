"""The four kinds of plug-in, and what ganbench's own of each kind are called. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from ganbench.core.metric_specs import GROUPS


@dataclass(frozen=True)
class Kind:
    """A kind of plug-in.

    name: of `ganbench list`, and of the entry points `ganbench.NAME`. noun: for messages. wanted:
    what a declaration is. constructor: the class that a declaration is an instance of, "" where it
    is a class itself. type: that class, or the one that is derived from. listed: the names of
    ganbench's own; of variants entry points tell. reserved: further names that nobody can take.
    """

    name: str
    noun: str
    wanted: str
    constructor: str
    type: Callable[[], type]
    listed: Callable[[], Collection[str]]
    reserved: Collection[str] = ()

    @property
    def group(self) -> str:
        """The group of its entry points."""
        return f"ganbench.{self.name}"

    def own(self) -> set[str]:
        """The names that no plug-in can take."""
        return {*self.listed(), *self.reserved}

    def is_one(self, member: Any) -> bool:
        """Whether a member of a module is a declaration of this kind."""
        if self.constructor:
            return isinstance(member, self.type())
        return isinstance(member, type) and issubclass(member, self.type())

    def __str__(self) -> str:
        return self.noun


def _game() -> type:
    from ganbench.model import Variant

    return Variant


def _metric() -> type:
    from ganbench.core.metric_specs import MetricSpec

    return MetricSpec


def _metrics() -> Collection[str]:
    from ganbench.evaluate.catalogue import METRICS

    return METRICS.keys()


def _dataset() -> type:
    from ganbench.data import DatasetSpec

    return DatasetSpec


def _datasets() -> Collection[str]:
    from ganbench.data import SOURCES

    return SOURCES


def _extractor() -> type:
    from ganbench.evaluate.extractor_table import ExtractorSpec

    return ExtractorSpec


def _extractors() -> Collection[str]:
    from ganbench.evaluate.extractor_table import KNOWN

    return KNOWN


VARIANTS = Kind(
    "variants", "variant", "a subclass of ganbench.model.Variant", "", _game, frozenset[str]
)
METRICS = Kind(
    "metrics",
    "metric",
    "a ganbench.evaluate.MetricSpec",
    "MetricSpec",
    _metric,
    _metrics,
    (*GROUPS, "all"),
)
DATASETS = Kind(
    "datasets", "data set", "a ganbench.data.DatasetSpec", "DatasetSpec", _dataset, _datasets
)
EXTRACTORS = Kind(
    "extractors",
    "extractor",
    "a ganbench.evaluate.ExtractorSpec",
    "ExtractorSpec",
    _extractor,
    _extractors,
)
KINDS = {kind.name: kind for kind in (VARIANTS, METRICS, DATASETS, EXTRACTORS)}
