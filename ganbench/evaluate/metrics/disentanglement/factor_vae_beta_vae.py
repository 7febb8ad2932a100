"""The disentanglement scores of FactorVAE and beta-VAE, by holding one factor.

Both need a world whose factors can be set. They follow disentanglement_lib (Locatello et al.
2019, arXiv:1811.12359), with its sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression

from ganbench.evaluate.metrics.disentanglement.dci_sap_explicitness import as_the_reference_fits
from ganbench.evaluate.metrics.inputs import as_codes, as_integers

Represent = Callable[[NDArray[np.int64]], ArrayLike]
"""From levels of factors (n, k), int64, to the codes (n, c) of their images."""

ROWS = 2**16
"""At most so many rows go to `represent` at once."""

THRESHOLD = 0.05


def factor_vae_score(
    represent: Represent,
    factor_sizes: Sequence[int],
    seed: int,
    *,
    batch_size: int = 64,
    train_votes: int = 10_000,
    test_votes: int = 5000,
    variance_rows: int = 10_000,
    threshold: float = THRESHOLD,
) -> float:
    """FactorVAE's disentanglement score (Kim & Mnih 2018, arXiv:1802.05983, sec. 4), 0 to 1.

    represent: levels (n, k), int64, to codes (n, c). factor_sizes: k numbers of levels. A vote
    is the code that varies least, relative to its variance over `variance_rows` draws, in a
    batch that shares the level of one random factor. A majority vote per code names its factor;
    the value is the share of test votes that it gets right. Codes whose standard deviation is
    below `threshold` are dropped; 0 where all are.

    Raises ValueError for sizes below 1, a batch below 2, or codes that are not finite.
    """
    draws = _Draws(represent, factor_sizes, seed)
    for name, value in (("batch_size", batch_size), ("variance_rows", variance_rows)):
        if value < 2:
            raise ValueError(f"{name} must be at least 2 for a variance, not {value}")
    overall = np.concatenate(list(draws.codes(variance_rows))).var(0, ddof=1)
    active = np.sqrt(overall) >= threshold
    if not active.any():
        return 0.0
    votes = []
    for count in (train_votes, test_votes):
        table = np.zeros((draws.factors, active.sum()), np.int64)
        for held, codes in draws.held(count, batch_size):
            spread = codes[..., active].var(1, ddof=1) / overall[active]
            np.add.at(table, (held, spread.argmin(1)), 1)
        votes.append(table)
    named = votes[0].argmax(0)
    return float(votes[1][named, np.arange(len(named))].sum() / test_votes)


def beta_vae_score(
    represent: Represent,
    factor_sizes: Sequence[int],
    seed: int,
    *,
    batch_size: int = 64,
    train_points: int = 10_000,
    test_points: int = 5000,
) -> float:
    """beta-VAE's disentanglement score (Higgins et al., ICLR 2017, sec. 3), 0 to 1.

    represent, factor_sizes: as for `factor_vae_score`. A point is the mean |difference| of the
    codes of `batch_size` pairs of images that share the level of one random factor. The value
    is the accuracy on test points of a logistic regression (scikit-learn's defaults) that names
    the factor. It depends on the scale of the codes.

    Raises ValueError for sizes below 1, or codes that are not finite.
    """
    draws = _Draws(represent, factor_sizes, seed)
    (train, named), (test, truth) = (
        draws.differences(count, batch_size) for count in (train_points, test_points)
    )
    if len(np.unique(named)) == 1:  # a world with a single factor
        return float(np.mean(truth == named[0]))
    with as_the_reference_fits():
        model = LogisticRegression().fit(train, named)
    return float(np.mean(model.predict(test) == truth))


class _Draws:
    """Random levels of factors, and the codes of what they make. One stream, fixed by `seed`."""

    def __init__(self, represent: Represent, factor_sizes: Sequence[int], seed: int) -> None:
        self.sizes = as_integers(factor_sizes, "factor_sizes")
        if self.sizes.ndim != 1 or (self.sizes < 1).any():
            raise ValueError(f"factor_sizes must be numbers of levels from 1, not {factor_sizes}")
        self.represent = represent
        self.rng = np.random.default_rng(seed)

    @property
    def factors(self) -> int:
        """How many factors there are."""
        return len(self.sizes)

    def levels(self, *shape: int) -> NDArray[np.int64]:
        """Uniform levels (*shape, k)."""
        return self.rng.integers(self.sizes, size=(*shape, self.factors))

    def codes(self, n: int) -> Iterator[NDArray[np.float64]]:
        """Codes of n images, in chunks (rows, c)."""
        for start in range(0, n, ROWS):
            yield self.codes_of(self.levels(min(ROWS, n - start)))

    def codes_of(self, levels: NDArray[np.int64]) -> NDArray[np.float64]:
        """The codes (..., c) of levels (..., k)."""
        rows = levels.reshape(-1, self.factors)
        codes = as_codes(self.represent(rows)).astype(np.float64)
        if len(codes) != len(rows):
            raise ValueError(f"represent made {len(codes)} codes of {len(rows)} images")
        return codes.reshape(*levels.shape[:-1], codes.shape[1])

    def _chunks(self, count: int, rows: int) -> Iterator[NDArray[np.int64]]:
        """The held factor of each of `count` groups of so many rows, in chunks of groups."""
        held, size = self.rng.integers(self.factors, size=count), max(ROWS // rows, 1)
        yield from (held[start : start + size] for start in range(0, count, size))

    def held(
        self, count: int, batch: int
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
        """(held factors (g,), codes (g, batch, c)): each batch shares a level of its factor."""
        for held in self._chunks(count, batch):
            levels, groups = self.levels(len(held), batch), np.arange(len(held))
            levels[groups, :, held] = levels[groups, 0, held][:, None]
            yield held, self.codes_of(levels)

    def differences(self, count: int, batch: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Mean |differences| (count, c) of `batch` pairs that share a level, and its factor."""
        points, factors = [], []
        for held in self._chunks(count, 2 * batch):
            levels, groups = self.levels(2, len(held), batch), np.arange(len(held))
            levels[1, groups, :, held] = levels[0, groups, :, held]
            first, second = self.codes_of(levels)
            points.append(np.abs(first - second).mean(1))
            factors.append(held)
        return np.concatenate(points), np.concatenate(factors)
