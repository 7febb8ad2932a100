"""Precision, recall, density and coverage, by nearest neighbours.

Balls around the points of one set, each as wide as the distance to the k-th nearest other
point of that set, are the set's estimated support; the question is which points of the other
set lie in them.

Distances are made in blocks by matrix products, in float64 and around the real mean. Where
their rounding error could decide an answer (duplicates, ties, the border of a ball) the pair
is computed again from the differences of its coordinates, so that equal points are at
distance exactly 0 and a distance is the same number from both its ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ganbench.evaluate.metrics.arrays import Array, as_features, as_pair

Matrix = NDArray[np.float64]
Mask = NDArray[np.bool_]

ROWS = 256
"""A block has the distances of so many points to all points of the other set."""
COLUMNS = 1024
"""Points of the other set that are turned to float64 at once."""
COORDINATES = 2**15
"""Coordinates of pairs that are computed again at once."""


class PrecisionRecall(NamedTuple):
    """Shares of generated points in the real support, and of real points in the generated one."""

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """How many real balls hold a generated point, over k; share of real balls that hold one."""

    density: float
    coverage: float


def precision_recall(
    real: ArrayLike | Tensor, generated: ArrayLike | Tensor, k: int = 3
) -> PrecisionRecall:
    """Improved precision and recall (Kynkäänniemi et al. 2019, arXiv:1904.06991, eq. 1 and 2).

    real, generated: features (n, d) and (m, d). A ball has its border (`<=`, the paper's eq. 1,
    and torch-fidelity's choice), so a copy of a real point counts even where duplicates have
    shrunk the ball to it. prdc leaves the border out: the same but for such copies and exact
    ties. Offset and scale of the features do not matter.

    Memory beside the features: 0.6 GB for 50,000 x 2048 on either side, see `neighbours`.

    Raises ValueError for features that are not finite, other widths, or a k that is not from
    1 to the size of the smaller set less 1.
    """
    clouds = Clouds(real, generated)
    inside = supports(clouds, spans(clouds.real, k), spans(clouds.generated, k))
    return PrecisionRecall(*(float(mask.mean()) for mask in inside))


def density_coverage(
    real: ArrayLike | Tensor, generated: ArrayLike | Tensor, k: int = 5
) -> DensityCoverage:
    """Density and coverage (Naeem et al. 2020, arXiv:2002.09797, eq. 4 and 5).

    real, generated: features (n, d) and (m, d). A ball lacks its border (`<`, as in the
    authors' prdc): a set compared with itself has density and coverage 1, and balls that k
    duplicates have shrunk to a point hold nothing. Density has no upper bound. Offset and
    scale of the features do not matter. Memory: as `precision_recall`.

    Raises ValueError for features that are not finite, no generated points, other widths, or
    a k that is not from 1 to the number of real points less 1.
    """
    clouds = Clouds(real, generated)
    held, occupied = occupancy(clouds, spans(clouds.real, k))
    # in this order, so that the last bit is prdc's as well
    return DensityCoverage(1 / k * float(held.mean()), float(occupied.mean()))


class Cloud:
    """Points (n, d) that are turned to float64 part by part, in a common scale and around a centre.

    The scale is a power of two, so it rounds nothing and no square overflows.
    """

    def __init__(self, name: str, points: Array, scale: float, centre: Matrix | None) -> None:
        self.name = name
        self.points = points
        self.scale = scale
        parts = [slice(i, i + COLUMNS) for i in range(0, len(points), COLUMNS)]
        if centre is None:
            centre = np.sum([self[part].sum(0) for part in parts], axis=0) / len(points)
        self.centre = centre
        self.norms = np.concatenate([(self.centred(part) ** 2).sum(1) for part in parts])

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, rows: slice | NDArray[np.intp]) -> Matrix:
        """Points as they are, but for the scale."""
        points = self.points[rows].astype(np.float64)
        points *= self.scale
        return points

    def centred(self, rows: slice) -> Matrix:
        """Points less the centre, which may round them."""
        points = self[rows]
        points -= self.centre
        return points


class Clouds:
    """Real and generated features (n, d), (m, d) as clouds; raises ValueError as `as_pair`."""

    def __init__(self, real: ArrayLike | Tensor, generated: ArrayLike | Tensor) -> None:
        pair = as_pair(real, generated)
        largest = max(max(float(part.max()), -float(part.min())) for part in pair)
        scale = 2.0 ** -np.clip(np.frexp(largest)[1], -1000, 1000)
        self.real = Cloud("real", pair[0], scale, None)
        self.generated = Cloud("generated", pair[1], scale, self.real.centre)


def spans(cloud: Cloud, k: int) -> Matrix:
    """Squared distance (n,) of every point to its k-th nearest other one; a duplicate is one."""
    return nearest(cloud, k)[:, -1]


def nearest(cloud: Cloud, k: int) -> Matrix:
    """Squared distances (n, k) of every point to the k nearest others, ascending.

    Raises ValueError for a k that is not from 1 to n - 1.
    """
    if not 1 <= k < len(cloud):
        raise ValueError(
            f"k must be from 1 to the number of {cloud.name} points less 1, not {k} of {len(cloud)}"
        )
    found = np.empty((len(cloud), k))
    for block in _blocks(cloud, cloud):
        count = len(block.squared)
        block.squared[np.arange(count), np.arange(block.start, block.start + count)] = np.inf
        found[block.start : block.start + count] = block.nearest(k)[0]
    return found


def nearest_rows(
    rows: ArrayLike | Tensor, reference: ArrayLike | Tensor, k: int
) -> tuple[Matrix, NDArray[np.int64]]:
    """The k nearest reference rows (m, d) of each row (n, d): distances and indices, (n, k).

    Nearest first, Euclidean, in float64, in bounded memory; of equal ones the first. Raises
    ValueError for rows that are not finite or do not fit, or fewer than k reference rows.
    """
    wanted, known = as_features(rows, "rows"), as_features(reference, "reference rows", least=k)
    clouds = Clouds(known, wanted)
    indices = np.concatenate([b.nearest(k)[1] for b in _blocks(clouds.generated, clouds.real)])
    distances = np.empty(indices.shape)
    for start in range(0, len(wanted), ROWS):
        part = slice(start, start + ROWS)
        left = wanted[part].astype(np.float64)
        for column, chosen in enumerate(indices[part].T):
            gaps = left - known[chosen].astype(np.float64)
            distances[part, column] = np.linalg.norm(gaps, axis=1)
    return distances, indices


def supports(clouds: Clouds, real_spans: Matrix, generated_spans: Matrix) -> tuple[Mask, Mask]:
    """Which generated points (m,) lie in a real ball, and which real ones (n,) in a generated one.

    real_spans, generated_spans: (n,) and (m,), the squared radii. Balls have their borders.
    """
    real, generated = clouds.real, clouds.generated
    precise, recalled = np.zeros(len(generated), bool), np.zeros(len(real), bool)
    for block in _blocks(generated, real):
        rows = slice(block.start, block.start + ROWS)
        precise[rows] = block.within(real_spans, closed=True).any(1)
        recalled |= block.within(generated_spans[rows, None], closed=True).any(0)
    return precise, recalled


def occupancy(clouds: Clouds, real_spans: Matrix) -> tuple[NDArray[np.int64], Mask]:
    """How many real balls hold each generated point (m,), and which real balls (n,) hold one.

    real_spans: (n,), the squared radii. Balls lack their borders.
    """
    real, generated = clouds.real, clouds.generated
    held, occupied = np.zeros(len(generated), np.int64), np.zeros(len(real), bool)
    for block in _blocks(generated, real):
        inside = block.within(real_spans, closed=False)
        held[block.start : block.start + ROWS] = inside.sum(1)
        occupied |= inside.any(0)
    return held, occupied


@dataclass
class _Block:
    """Squared distances (b, m) of points x[start : start + b] to all of y, up to a slack (b, m)."""

    x: Cloud
    y: Cloud
    start: int
    squared: Matrix
    slack: Matrix

    def nearest(self, k: int) -> tuple[Matrix, NDArray[np.int64]]:
        """The k nearest of y to each point, (b, k): squared distances, ascending, and indices.

        Of equal ones the first. `squared` is used up.
        """
        upper = self.squared + self.slack
        upper.partition(k - 1, axis=1)
        # whoever may be among the k nearest: the k-th upper bound is no less than the k-th distance
        self.squared -= self.slack
        rows, columns = np.nonzero(self.squared <= upper[:, k - 1 : k])
        exact = self.exact(rows, columns)
        order = np.lexsort((columns, exact, rows))
        first = np.searchsorted(rows, np.arange(len(self.squared)))
        chosen = order[first[:, None] + np.arange(k)]
        return exact[chosen], columns[chosen]

    def within(self, limits: Matrix, closed: bool) -> Mask:
        """Which distances are below squared limits, (m,) or (b, 1); closed: or equal."""
        gaps = self.squared - limits
        inside: Mask = gaps < 0
        np.abs(gaps, out=gaps)
        rows, columns = np.nonzero(gaps <= self.slack)
        if len(rows):
            limit = np.broadcast_to(limits, gaps.shape)[rows, columns]
            exact = self.exact(rows, columns)
            inside[rows, columns] = exact <= limit if closed else exact < limit
        return inside

    def exact(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Matrix:
        """Squared distances of pairs (p,), from the differences of their coordinates."""
        found = np.empty(len(rows))
        step = max(COORDINATES // self.x.points.shape[1], 1)
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            gaps = self.x[rows[part] + self.start] - self.y[columns[part]]
            found[part] = np.einsum("ij,ij->i", gaps, gaps)
        return found


def _blocks(x: Cloud, y: Cloud) -> Iterator[_Block]:
    # the error of a product of length d is at most d eps |x||y| (Higham 2002, sec. 3.5); with
    # that of the norms, of centring and of the differences: at most this times |x|^2 + |y|^2
    error = (4 * len(x.centre) + 32) * np.finfo(np.float64).eps
    for start in range(0, len(x), ROWS):
        rows = slice(start, start + ROWS)
        left = -2 * x.centred(rows)
        squared = np.empty((len(left), len(y)))
        for i in range(0, len(y), COLUMNS):
            columns = slice(i, i + COLUMNS)
            squared[:, columns] = left @ y.centred(columns).T
        norms = x.norms[rows, None] + y.norms
        squared += norms
        norms *= error
        yield _Block(x, y, start, squared, norms)
