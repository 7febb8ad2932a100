"""DCI, SAP and explicitness: disentanglement by classifiers fitted on training rows.

All follow disentanglement_lib (Locatello et al. 2019, arXiv:1811.12359) with its classifiers.
A level that the training rows lack is never predicted, and counts as wrong.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from ganbench.evaluate.metrics.disentanglement.mig_modularity_irs import gaps
from ganbench.evaluate.metrics.inputs import pairs, varying
from ganbench.evaluate.metrics.robustness.accuracy_under_attack import placements

LARGEST = float(np.finfo(np.float32).max)
"""Trees read float32, and linear machines do not come to an end on much larger numbers."""


class DCI(NamedTuple):
    """Disentanglement, completeness and informativeness, each 0 to 1."""

    disentanglement: float
    completeness: float
    informativeness: float


class Parted(NamedTuple):
    """Codes and factors of training rows (n, ...) and of test rows (m, ...)."""

    train_codes: NDArray[Any]
    train_factors: NDArray[np.int64]
    test_codes: NDArray[Any]
    test_factors: NDArray[np.int64]


def _parted(*arrays: ArrayLike) -> Parted:
    train_codes, train_factors = pairs(arrays[0], arrays[1], "training ")
    test_codes, test_factors = pairs(arrays[2], arrays[3], "test ")
    for name, a, b in (
        ("codes", train_codes, test_codes),
        ("factors", train_factors, test_factors),
    ):
        if a.shape[1] != b.shape[1]:
            raise ValueError(f"{a.shape[1]} {name} in training rows but {b.shape[1]} in test rows")
    if max(np.abs(train_codes).max(), np.abs(test_codes).max()) > LARGEST:
        raise ValueError(f"codes beyond {LARGEST:.1e} are too large to fit a classifier on")
    varying(train_factors)
    return Parted(train_codes, train_factors, test_codes, test_factors)


@contextmanager
def as_the_reference_fits() -> Iterator[None]:
    """Silence two warnings of scikit-learn's classifiers.

    The references stop its solvers at their default number of steps, converged or not: more
    steps would give another number. And factors may have about as many levels as rows.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        yield


def dci(
    train_codes: ArrayLike, train_factors: ArrayLike, test_codes: ArrayLike, test_factors: ArrayLike
) -> DCI:
    """Disentanglement, completeness, informativeness (Eastwood & Williams, ICLR 2018, sec. 2).

    codes: (n, c) and (m, c). factors: (n, k) and (m, k), integers. Gradient-boosted trees
    (scikit-learn's defaults, generator fixed) predict each factor from the codes; a code's
    importance is its share of their splits' gain. See `disentanglement_of`, `completeness_of`.
    Informativeness is the mean accuracy on the test rows (what the reference calls test error).

    Raises ValueError with fewer than 2 codes or factors, or a factor constant in training rows.
    """
    importance, right = boosted(train_codes, train_factors, test_codes, test_factors)
    return DCI(disentanglement_of(importance), completeness_of(importance), float(right.mean()))


def boosted(*arrays: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Importances (c, k) of codes for factors, and which test rows are predicted right (m, k).

    arrays: the four of `dci`. Raises ValueError for a factor constant in the training rows.
    """
    train, train_factors, test, test_factors = _parted(*arrays)
    importances, right = [], []
    for levels, truth in zip(train_factors.T, test_factors.T, strict=True):
        with as_the_reference_fits():
            trees = GradientBoostingClassifier(random_state=0).fit(train, levels)
        importances.append(np.abs(trees.feature_importances_))
        right.append(trees.predict(test) == truth)
    return np.stack(importances, 1), np.stack(right, 1)


def disentanglement_of(importance: NDArray[np.float64]) -> float:
    """1 - entropy of a code's importances (c, k) over the factors, in units of ln k.

    The mean over codes, weighted by their importance; 0 where no code has any. Raises
    ValueError with fewer than 2 factors.
    """
    if importance.shape[1] < 2:
        raise ValueError("disentanglement compares a code's factors: it needs at least 2")
    return _concentration(importance)


def completeness_of(importance: NDArray[np.float64]) -> float:
    """1 - entropy of a factor's importances (c, k) over the codes, in units of ln c.

    The mean over factors, weighted by their importance; 0 where no code has any. Raises
    ValueError with fewer than 2 codes.
    """
    if len(importance) < 2:
        raise ValueError("completeness compares a factor's codes: it needs at least 2")
    return _concentration(importance.T)


def _concentration(importance: NDArray[np.float64]) -> float:
    totals = importance.sum(1)
    if not totals.any():
        return 0.0
    shares = importance / np.where(totals > 0, totals, 1)[:, None]
    concentrated = 1 - entr(shares).sum(1) / np.log(importance.shape[1])
    return float(np.average(concentrated, weights=totals))


def sap(
    train_codes: ArrayLike, train_factors: ArrayLike, test_codes: ArrayLike, test_factors: ArrayLike
) -> float:
    """Separated attribute predictability (Kumar et al., ICLR 2018, arXiv:1711.00848, sec. 3).

    codes: (n, c) and (m, c). factors: (n, k) and (m, k), integers. Linear support vector
    machines (one against the rest, C = 0.01, balanced classes) predict each factor from each
    single code; for each factor the gap of the two best accuracies on the test rows; the mean
    over factors. It depends on the scale of the codes.

    Raises ValueError with fewer than 2 codes or a factor constant in the training rows.
    """
    return sap_of(separated(train_codes, train_factors, test_codes, test_factors))


def separated(*arrays: ArrayLike) -> NDArray[np.bool_]:
    """Which test rows a linear machine on one code predicts right, (m, c, k), as `sap` says."""
    train, train_factors, test, test_factors = _parted(*arrays)
    if train.shape[1] < 2:
        raise ValueError(f"the gap needs at least 2 codes, not {train.shape[1]}")
    right = np.empty((len(test), train.shape[1], train_factors.shape[1]), bool)
    for i in range(train.shape[1]):
        for j, levels in enumerate(train_factors.T):
            machine = LinearSVC(C=0.01, class_weight="balanced", dual=False, random_state=0)
            with as_the_reference_fits():
                machine.fit(train[:, i : i + 1], levels)
            right[:, i, j] = machine.predict(test[:, i : i + 1]) == test_factors[:, j]
    return right


def sap_of(right: NDArray[np.bool_]) -> float:
    """The mean gap of what `separated` found, (m, c, k)."""
    return float(gaps(right.mean(0)).mean())


def explicitness(
    train_codes: ArrayLike, train_factors: ArrayLike, test_codes: ArrayLike, test_factors: ArrayLike
) -> float:
    """Explicitness: the AUC of linear classifiers of the factors (Ridgeway & Mozer 2018,
    arXiv:1802.05312, sec. 3).

    codes: (n, c) and (m, c), standardised by the training rows. factors: (n, k) and (m, k),
    integers. Logistic regression (scikit-learn's defaults) on all codes; the area under the ROC
    curve of each level against the others on the test rows, the mean over levels, then over
    factors: 0.5 for chance. Levels that either side lacks are left out.

    Raises ValueError for a factor constant in the training rows, and for one of whose levels
    the test rows have none, or no other, that was trained on.
    """
    return float(areas(train_codes, train_factors, test_codes, test_factors)[0].mean())


def areas(*arrays: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The mean area under the curve of each factor's levels (k,), as `explicitness` says.

    And what each test row (m,) moves the mean over factors by: the root of its sum of squares is
    the standard error (DeLong et al. 1988; one row stands in many curves: Obuchowski 1997).
    """
    train, train_factors, test, test_factors = _parted(*arrays)
    mean, spread = train.mean(0, np.float64), train.std(0, dtype=np.float64)
    varies = (train != train[0]).any(0) & (spread > 0)
    train, test = ((part - mean) / np.where(varies, spread, 1) for part in (train, test))
    found, moved = [], np.zeros(len(test))
    for j, (levels, truth) in enumerate(zip(train_factors.T, test_factors.T, strict=True)):
        with as_the_reference_fits():
            model = LogisticRegression().fit(train, levels)
        columns = zip(model.classes_, model.predict_proba(test).T, strict=True)
        curves = [
            (is_level, placements(scores[is_level], scores[~is_level]))
            for is_level, scores in ((truth == level, scores) for level, scores in columns)
            if is_level.any() and not is_level.all()
        ]
        if not curves:
            raise ValueError(f"factor {j} has no level in the test rows to tell from another")
        each = [placed.positive.mean() for _, placed in curves]
        found.append(np.mean(each))
        for area, (is_level, placed) in zip(each, curves, strict=True):
            weight = 1 / (len(curves) * train_factors.shape[1])
            moved[is_level] += weight * (placed.positive - area) / is_level.sum()
            moved[~is_level] += weight * (placed.negative - area) / (~is_level).sum()
    return np.array(found), moved
