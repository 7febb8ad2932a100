"""Sample counts: how many images of each set are compared, and the fewest that will do.

Where the count decides the number (balls shrink and histograms fill up as images are added),
every row of a table compares the same count: `equal`. Where a distance has a floor that falls
with the count, its row says how many images it is of.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ganbench.evaluate.capabilities import TooFew
from ganbench.evaluate.evidence import Evidence, rows_of

FEWEST = 100
"""Images of a set that is compared with another: a share of fewer is off by more than 0.05."""

FEWEST_FRECHET = 2000
"""With fewer generated images a Frechet distance is too biased to be printed. Of held-out ones,
of which there may be no more, as many as there are features do: fewer span no covariance."""


def enough(count: int, what: str, least: int = FEWEST) -> None:
    """Raise TooFew where there are fewer than `least` of `what`."""
    if count < least:
        raise TooFew(f"needs at least {least} {what}, not {count}")


def enough_generated(evidence: Evidence, least: int = FEWEST) -> None:
    """Raise TooFew for too few generated images, or real ones that are shown in their place."""
    if evidence.shown is None:
        enough(evidence.settings.samples, "generated images", least)
    else:
        what = "training" if evidence.shown.source == "train" else "held-out real"
        enough(len(evidence.shown.images), f"{what} images", least)


def enough_training(evidence: Evidence, least: int = FEWEST) -> None:
    """Raise TooFew for too few training images."""
    enough(len(evidence.train), "training images", least)


def enough_held_out(evidence: Evidence, least: int = FEWEST) -> None:
    """Raise TooFew for too few held-out images."""
    enough(len(evidence.held_out), "held-out real images", least)


def enough_for_frechet(evidence: Evidence, width: Callable[[], int]) -> None:
    """Raise TooFew for too few images for a Frechet distance to the training images.

    width: how many features there are, which is asked for real images that are shown alone.
    """
    enough_generated(evidence, FEWEST_FRECHET if evidence.shown is None else FEWEST)
    enough_training(evidence)
    if evidence.shown is not None:
        enough_generated(evidence, max(FEWEST, min(width(), FEWEST_FRECHET)))


def equal(evidence: Evidence) -> int:
    """The images of each set that are compared where the count decides the number.

    As many as the smallest of the three sets has: generated, training and held-out images. So
    the row of the held-out images is of the count of all others. Held-out images that are too
    few for a row of their own do not bound the others. Raises TooFew.
    """
    enough_generated(evidence)
    enough(evidence.settings.samples, "generated images")
    enough_training(evidence)
    counts = [evidence.settings.samples, len(evidence.train), len(evidence.held_out)]
    return min(count for count in counts if count >= FEWEST)


def compared(evidence: Evidence, values: Tensor) -> Tensor:
    """`equal` rows of what belongs to the generated images (n, ...): the first that were drawn.

    Of real images that are shown in their place it is a fixed random choice.
    """
    count = equal(evidence)
    return values[:count] if evidence.shown is None else some(values, count)


def some(values: Tensor, count: int) -> Tensor:
    """`count` rows of what belongs to real images (n, ...), a fixed random choice.

    Drawn, because files may lie in the order of their classes.
    """
    return values[rows_of(len(values), count)]
