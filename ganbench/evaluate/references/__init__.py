"""References: what stands beside a model in a table, measured as a model is.

Real images, simple methods and the best that can be had: small objects with a model's capabilities
that go through the harness. They depend on the data and the settings alone: their seed is fixed.
"""

from ganbench.evaluate.references.measuring import SEED, measure
from ganbench.evaluate.references.table import (
    BLURRED,
    COMPONENTS,
    EXTRACTOR,
    HELD_OUT,
    K_MEANS,
    ORACLE,
    POINTS,
    RANDOM,
    REFERENCES,
    TRAINING,
    Reference,
)

__all__ = [
    "BLURRED",
    "COMPONENTS",
    "EXTRACTOR",
    "HELD_OUT",
    "K_MEANS",
    "ORACLE",
    "POINTS",
    "RANDOM",
    "REFERENCES",
    "SEED",
    "TRAINING",
    "Reference",
    "measure",
]
