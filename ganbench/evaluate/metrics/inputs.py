"""Validation of what metrics of codes and clusters are given: numbers, a row per image.

Arrays or CPU tensors. Each function returns an array, or raises ValueError with one line that
says what is wrong.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ganbench.evaluate.metrics.arrays import as_array


def _numbers(values: ArrayLike | Tensor, name: str) -> NDArray[Any]:
    array: NDArray[Any] = as_array(values, name)
    if array.size == 0:
        raise ValueError(f"{name} are empty, of shape {array.shape}")
    return array


def as_codes(codes: ArrayLike | Tensor, name: str = "codes") -> NDArray[Any]:
    """Codes (n, c), float32 or float64; (n,) is one code."""
    array = _numbers(codes, name)
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} must be of shape (n, codes), not {array.shape}")
    array = array[:, None] if array.ndim == 1 else array
    return array if array.dtype == np.float32 else array.astype(np.float64, copy=False)


def as_factors(factors: ArrayLike | Tensor, name: str = "factors") -> NDArray[np.int64]:
    """Whole numbers (n, k), int64; (n,) is one factor."""
    array = as_integers(factors, name)
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} must be of shape (n, factors), not {array.shape}")
    return array[:, None] if array.ndim == 1 else array


def as_classes(classes: ArrayLike | Tensor, name: str) -> NDArray[np.int64]:
    """Whole numbers (n,), int64: clusters or labels."""
    array = as_integers(classes, name)
    if array.ndim != 1:
        raise ValueError(f"{name} must be of shape (n,), not {array.shape}")
    return array


def as_integers(values: ArrayLike | Tensor, name: str) -> NDArray[np.int64]:
    """Whole numbers of any shape, int64; floats without a fraction are whole numbers too."""
    array = _numbers(values, name)
    whole = array.astype(np.int64)
    if array.dtype.kind == "f" and (whole != array).any():
        raise ValueError(f"{name} must be whole numbers")
    return whole


def pairs(
    codes: ArrayLike | Tensor, factors: ArrayLike | Tensor, where: str = ""
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Codes (n, c) and factors (n, k) of the same images; `where` is said before their names."""
    c, f = as_codes(codes, f"{where}codes"), as_factors(factors, f"{where}factors")
    same_length(c, f, f"{where}codes", f"{where}factors")
    return c, f


def same_length(a: NDArray[Any], b: NDArray[Any], a_name: str, b_name: str) -> None:
    """Raise ValueError unless both have as many rows."""
    if len(a) != len(b):
        raise ValueError(f"{len(a)} {a_name} but {len(b)} {b_name}")


def varying(factors: NDArray[np.int64]) -> None:
    """Raise ValueError where a factor (column) is constant: there is nothing to tell apart."""
    constant = np.flatnonzero((factors == factors[0]).all(0))
    if len(constant):
        raise ValueError(f"a constant factor has nothing to tell apart: column {constant[0]}")
