"""Validation of what fidelity metrics are given: features, as arrays or tensors."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.generic]


def as_array(values: ArrayLike | torch.Tensor, name: str) -> Array:
    """A NumPy array of real, finite numbers; not copied where that can be helped.

    Raises ValueError, which names the values `name`, for other types, NaN and infinities.
    """
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        values = (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    array: Array = np.asarray(values)
    if array.dtype.kind not in "buif":
        raise ValueError(f"{name} must be real numbers, not of type {array.dtype}")
    # the extremes see every NaN and infinity, and need no copy of a large array
    if array.size and not np.isfinite([float(array.min()), float(array.max())]).all():
        raise ValueError(f"{name} must be finite")
    return array


def as_features(values: ArrayLike | torch.Tensor, name: str, least: int = 1) -> Array:
    """Features (n, d) with at least `least` rows and one column; as `as_array` otherwise."""
    array = as_array(values, name)
    if array.ndim != 2 or len(array) < least or not array.shape[1]:
        rows = f"{least} row{'s' * (least > 1)}"
        raise ValueError(f"{name} must be (n, d) with at least {rows}, not {array.shape}")
    return array


def as_pair(
    real: ArrayLike | torch.Tensor, generated: ArrayLike | torch.Tensor, least: int = 1
) -> tuple[Array, Array]:
    """Real and generated features (n, d) and (m, d). Raises ValueError as `as_features`."""
    pair = (
        as_features(real, "real features", least),
        as_features(generated, "generated features", least),
    )
    if pair[0].shape[1] != pair[1].shape[1]:
        widths = pair[0].shape[1], pair[1].shape[1]
        raise ValueError(f"features differ in width: {widths[0]} real, {widths[1]} generated")
    return pair
