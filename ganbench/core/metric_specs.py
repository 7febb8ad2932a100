"""The declaration of a metric. Imports no torch: tables and plans read it, too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal

Better = Literal["higher", "lower", "none"]
"""Which way is better; none: to be read beside the value of real images."""
Needs = Literal["anything", "images", "world", "mixture", "stacked"]
"""The data that a metric can be measured on: any, images, images whose factors can be set,
points of a known mixture, stacked digits."""

GROUPS: Mapping[str, str] = {
    "fidelity": "Quality",
    "classes": "Quality",
    "modes": "Modes",
    "codes": "Codes",
    "information": "Codes",
    "clusters": "Real images",
    "disentanglement": "Disentanglement",
    "memorisation": "Memorisation and robustness",
    "robustness": "Memorisation and robustness",
}
"""Groups of metrics, each with the title that tables show them under, in their order."""


@dataclass(frozen=True)
class MetricSpec:
    """The one declaration of a metric.

    name: of its score. group: one of `GROUPS`, or a group of its own. summary: one line. target:
    the function from `Evidence` to `Measurement`, as `module:function`, which is imported when it
    is first called, or itself. version: raised when its numbers change meaning. unit: "" for a
    dimensionless number. needs: see `Needs`. on_request: costly, measured only where it is asked
    for by its own name, and in no group. extractor: what it reads of the extractor that the
    settings name: its `features`, or its `classes`, which have to be the data set's; or the name
    of the one extractor that it is defined in. headline: its place among the few metrics that
    answer for a kind of data, by kind. digest: of the source of a guest's, "" for ganbench's own.
    """

    name: str
    group: str
    summary: str
    target: str | Callable[[Any], Any]
    better: Better = "higher"
    version: int = 1
    unit: str = ""
    needs: Needs = "anything"
    on_request: bool = False
    extractor: str = ""
    headline: Mapping[str, int] = field(default_factory=dict)
    digest: str = ""

    def measure(self, evidence: Any) -> Any:
        """The `Measurement` of some `Evidence`. Imports the target."""
        if callable(self.target):
            return self.target(evidence)
        module, _, name = self.target.partition(":")
        return getattr(import_module(module), name)(evidence)
