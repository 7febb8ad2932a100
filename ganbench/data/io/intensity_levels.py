"""Intensity ranges of images, and how they are scaled to 0 to 255."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganbench.core.errors import UserError
from ganbench.data import Spec

FULL = "full"
"""The option's default: levels mean what their type says, 0 to 255 or to 65,535."""
ENOUGH = 128
"""Levels of 255 that lie between the darkest and the brightest pixel of a data set that uses its
range: with fewer, somebody has probably stored 12 bits in 16, or 0 and 1 in 8."""
NUMBER = r"-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"


class Span(NamedTuple):
    """From which level to which."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{_written(self.low)}-{_written(self.high)}"

    @property
    def words(self) -> str:
        """As it stands in a sentence."""
        return f"{_written(self.low)} to {_written(self.high)}"


def span_of(text: str) -> Span | None:
    """The option range: `LOW-HIGH`, or None for `full`. Raises UserError for anything else."""
    if text == FULL:
        return None
    match = re.fullmatch(f"({NUMBER})-({NUMBER})", text, re.IGNORECASE)
    found = Span(float(match[1]), float(match[2])) if match else Span(0, 0)
    if not found.low < found.high < math.inf or not math.isfinite(found.high - found.low):
        raise UserError(
            f"range={text}: must be {FULL}, or the levels that become black and white, as 0-4095"
        )
    return found


def to_bytes(levels: NDArray[np.generic], span: Span) -> NDArray[np.uint8]:
    """Levels as uint8: a span's low becomes 0, its high 255, what lies beyond is cut off there."""
    share = (levels.astype(np.float64) - span.low) / (span.high - span.low)
    scaled: NDArray[np.uint8] = np.rint(255 * share.clip(0, 1)).astype(np.uint8)
    return scaled


def left(used: Span, of: Span) -> int:
    """The span of the levels that are in use, once the range `of` is scaled to 0 to 255."""
    dark, bright = to_bytes(np.array(used), of)
    return int(bright) - int(dark)


def judge(used: Span, top: int, spec: Spec, where: str, alike: bool = True) -> list[str]:
    """What to tell of images whose levels are `used`.

    top: the highest level of their type. where: the folder or file, or some of its files.
    alike: whether the option range can be meant for them.

    Raises UserError where all that is left of them is one level.
    """
    span = span_of(spec.options["range"])
    of, better = span or Span(0, top), suggested(used)
    if used.low == used.high:
        raise UserError(
            f"{where}: every pixel of every image is {_written(used.low)}: nothing can be learned"
        )
    apart = left(used, of)
    cure = f"data set {spec._replace(options={**spec.options, 'range': str(better)}).name}"
    cure = f"{cure} scales them" if alike else "store all images with levels of 8 bits"
    if not apart:
        raise UserError(
            f"{where}: levels go from {used.words}, and as part of {of.words} become one: {cure}"
        )
    told = []
    if apart < ENOUGH:
        told.append(
            f"{where}: levels go from {used.words}, a small part of {of.words}, so that the images "
            f"are almost one grey: {cure}"
        )
    slack = (of.high - of.low) / 255
    if used.low < of.low - slack or used.high > of.high + slack:
        told.append(f"{where}: levels go from {used.words}, and beyond range={of} are cut off")
    return told


def suggested(used: Span) -> Span:
    """The range that was probably meant: that of a whole number of bits, from 0 or symmetric."""
    most = max(abs(used.low), abs(used.high))
    top = 2.0 ** math.ceil(math.log2(most + 1)) - 1 if most > 1 else 1.0
    likely = Span(-top if used.low < 0 else 0.0, top)
    return likely if left(used, likely) >= ENOUGH // 2 else used


def _written(level: float) -> str:
    return f"{level:.0f}" if level == int(level) and abs(level) < 1e15 else f"{level:.9g}"
