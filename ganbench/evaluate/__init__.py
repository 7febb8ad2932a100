"""Evaluation of trained models: capabilities, evidence, metrics, extractors and plots.

`ganbench.evaluate.harness.evaluate` scores a model; `ganbench.evaluate.catalogue` lists the
metrics. What a plug-in's metric or extractor is written with can be imported from here; nothing
is, and no torch, before it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganbench.core.metric_specs import MetricSpec
    from ganbench.core.score import Score
    from ganbench.evaluate.capabilities import Unavailable
    from ganbench.evaluate.evidence import Evidence
    from ganbench.evaluate.extractor_table import ExtractorSpec
    from ganbench.evaluate.extractors import Extractor
    from ganbench.evaluate.measurement import Measurement

__all__ = [
    "Evidence",
    "Extractor",
    "ExtractorSpec",
    "Measurement",
    "MetricSpec",
    "Score",
    "Unavailable",
]

_PLACES = {
    "Evidence": "ganbench.evaluate.evidence",
    "Extractor": "ganbench.evaluate.extractors",
    "ExtractorSpec": "ganbench.evaluate.extractor_table",
    "Measurement": "ganbench.evaluate.measurement",
    "MetricSpec": "ganbench.core.metric_specs",
    "Score": "ganbench.core.score",
    "Unavailable": "ganbench.evaluate.capabilities",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
