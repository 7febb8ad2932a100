"""The metrics: formulas (arrays in, numbers out), and functions that measure them on evidence.

Which function measures a metric says its specification, in `ganbench.evaluate.catalogue`.
"""
