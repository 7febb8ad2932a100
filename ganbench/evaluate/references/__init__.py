"""References: what stands beside a model in a table, measured as a model is.

Real images, simple methods and the best that can be had: small objects with a model's capabilities
that go through the harness. They depend on the data and the settings alone: their seed is fixed.
"""

from ganbench.evaluate.references.measure import SEED, measure
from ganbench.evaluate.references.table import REFERENCES, Reference

__all__ = ["REFERENCES", "SEED", "Reference", "measure"]
