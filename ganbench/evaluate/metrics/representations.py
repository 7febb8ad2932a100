"""How the disentanglement metrics are measured of any codes, a model's or a reference's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.evidence import Evidence, stream
from ganbench.evaluate.metrics.coded import Coded, is_small, own_codes
from ganbench.evaluate.metrics.disentanglement import (
    binned,
    entropy,
    gaps,
    irs,
    mig,
    modularity,
    mutual_information,
)
from ganbench.evaluate.metrics.interventions import beta_vae_score, factor_vae_score
from ganbench.evaluate.metrics.predictors import (
    areas,
    completeness_of,
    disentanglement_of,
    sap_of,
    separated,
)
from ganbench.evaluate.metrics.registry import Measurement, metric
from ganbench.evaluate.metrics.uncertainty import bootstrap, of_accuracy, of_mean

COUNTS = (10_000, 5000)
"""Votes or points that interventions are fitted and tested on, as in the references."""
FEWER = (500, 250)
"""The same in a world too large to be encoded whole."""

Measure = Callable[[Evidence, Coded], Measurement]

MEASURES: dict[str, Measure] = {}
"""The disentanglement metrics by name: how each is measured of any codes."""


def _of_codes(name: str) -> Callable[[Measure], Measure]:
    """Register a measure, and the metric that applies it to the model's own codes."""

    def register(measure: Measure) -> Measure:
        MEASURES[name] = measure
        metric(name)(lambda evidence: measure(evidence, own_codes(evidence)))
        return measure

    return register


def _spread(statistic: Callable[..., float], *arrays: ArrayLike) -> float | None:
    """Bootstrap standard error; None where a replicate leaves the statistic undefined."""
    try:
        return bootstrap(statistic, *arrays)
    except ValueError:
        return None


@_of_codes("mig")
def _mig(evidence: Evidence, coded: Coded) -> Measurement:
    coded.need(codes=2)
    arrays, bins = (coded.held_out, coded.levels.held_out), coded.bins
    each = gaps(mutual_information(binned(arrays[0], bins), arrays[1])) / entropy(arrays[1])
    statistic = partial(mig, bins=bins)
    return Measurement(
        statistic(*arrays),
        len(coded.held_out),
        coded.informed(f"{bins} bins"),
        _spread(statistic, *arrays),
        coded.per_factor(each),
    )


@_of_codes("modularity")
def _modularity(evidence: Evidence, coded: Coded) -> Measurement:
    coded.need(factors=2)
    arrays, statistic = (
        (coded.held_out, coded.levels.held_out),
        partial(modularity, bins=coded.bins),
    )
    return Measurement(
        statistic(*arrays),
        len(coded.held_out),
        coded.informed(f"{coded.bins} bins"),
        _spread(statistic, *arrays),
    )


@_of_codes("irs")
def _irs(evidence: Evidence, coded: Coded) -> Measurement:
    # no standard error: it rests on a maximum, for which the bootstrap is not valid
    value = irs(coded.held_out, coded.levels.held_out)
    return Measurement(value, len(coded.held_out), coded.informed("99 % quantile"))


@_of_codes("dci_disentanglement")
def _dci_disentanglement(evidence: Evidence, coded: Coded) -> Measurement:
    coded.need(factors=2)
    value = disentanglement_of(coded.boosted[0])
    return Measurement(value, len(coded.levels.fitted), coded.fitted("gradient-boosted trees"))


@_of_codes("dci_completeness")
def _dci_completeness(evidence: Evidence, coded: Coded) -> Measurement:
    coded.need(codes=2)
    value = completeness_of(coded.boosted[0])
    return Measurement(value, len(coded.levels.fitted), coded.fitted("gradient-boosted trees"))


@_of_codes("dci_informativeness")
def _dci_informativeness(evidence: Evidence, coded: Coded) -> Measurement:
    right = coded.boosted[1]
    return Measurement(
        float(right.mean()),
        len(right),
        coded.fitted("gradient-boosted trees"),
        of_mean(right.mean(1)),
        coded.per_factor(right.mean(0)),
    )


@_of_codes("sap")
def _sap(evidence: Evidence, coded: Coded) -> Measurement:
    coded.need(codes=2)
    right = separated(*coded.parted)
    return Measurement(
        sap_of(right),
        len(right),
        coded.fitted("linear support vector machines"),
        _spread(sap_of, right),
        coded.per_factor(gaps(right.mean(0))),
    )


@_of_codes("explicitness")
def _explicitness(evidence: Evidence, coded: Coded) -> Measurement:
    each, moved = areas(*coded.parted)
    return Measurement(
        float(each.mean()),
        len(moved),
        coded.fitted("logistic regression"),
        float(np.sqrt(np.square(moved).sum())),
        coded.per_factor(each),
    )


@_of_codes("factor_vae_score")
def _factor_vae_score(evidence: Evidence, coded: Coded) -> Measurement:
    sizes, (fitted, tested) = _interventions(coded)
    value = factor_vae_score(
        coded.represent,
        sizes,
        stream(evidence.seed, "factor_vae_score"),
        train_votes=fitted,
        test_votes=tested,
    )
    return _accuracy(coded, value, tested, f"{fitted} training and {tested} test votes of batches")


@_of_codes("beta_vae_score")
def _beta_vae_score(evidence: Evidence, coded: Coded) -> Measurement:
    sizes, (fitted, tested) = _interventions(coded)
    value = beta_vae_score(
        coded.represent,
        sizes,
        stream(evidence.seed, "beta_vae_score"),
        train_points=fitted,
        test_points=tested,
    )
    return _accuracy(coded, value, tested, f"{fitted} training and {tested} test points of pairs")


def _interventions(coded: Coded) -> tuple[tuple[int, ...], tuple[int, int]]:
    """The sizes of the factors, and the counts of training and test."""
    world = coded.world
    if world is None:
        raise Unavailable("it takes data whose factors can be set")
    return world.sizes, COUNTS if is_small(world) else FEWER


def _accuracy(coded: Coded, value: float, count: int, what: str) -> Measurement:
    assert coded.world is not None
    factors = ", ".join(coded.world.names)
    protocol = f"{what} of 64, codes by {coded.by}, rendered images, factors {factors} (known)"
    return Measurement(value, count, protocol, of_accuracy(value, count))
