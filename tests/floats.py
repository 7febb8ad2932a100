"""What numbers worked out by hand are compared by, where torch computed them in float32."""

from __future__ import annotations

from typing import Any

import pytest


def single(expected: Any) -> Any:
    """pytest.approx for float32: 1e-5 of a number's size, and of 1 where terms cancel.

    A number of float32 is right to 6e-8 of its size. Exponentials, logarithms and sums are off
    by a few of these, by how many depends on the processor: a formula of a dozen such steps stays
    far within 1e-5, and a mistake in it does not.
    """
    return pytest.approx(expected, rel=1e-5, abs=1e-5)
