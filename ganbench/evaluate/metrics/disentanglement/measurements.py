"""Measurements of the disentanglement metrics, on codes of real images."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from ganbench.core.seeding import stream
from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.measurement import Measurement
from ganbench.evaluate.metrics.disentanglement.codes_and_factors import (
    CodesAndFactors,
    is_small,
    own_codes,
)
from ganbench.evaluate.metrics.disentanglement.dci_sap_explicitness import (
    areas,
    completeness_of,
    disentanglement_of,
    sap_of,
    separated,
)
from ganbench.evaluate.metrics.disentanglement.factor_vae_beta_vae import (
    beta_vae_score,
    factor_vae_score,
)
from ganbench.evaluate.metrics.disentanglement.mig_modularity_irs import (
    binned,
    entropy,
    gaps,
    irs,
    mig,
    modularity,
    mutual_information,
)
from ganbench.evaluate.metrics.uncertainty import bootstrap, of_accuracy, of_mean

COUNTS = (10_000, 5000)
"""Votes or points that interventions are fitted and tested on, as in the references."""
FEWER = (500, 250)
"""The same in a world too large to be encoded whole."""
IMAGES_PER_VOTE = 64
"""Of a vote, or pairs of a point, as in the references."""


def _spread(statistic: Callable[..., float], *arrays: ArrayLike) -> float | None:
    """Bootstrap standard error; None where a replicate leaves the statistic undefined."""
    try:
        return bootstrap(statistic, *arrays)
    except ValueError:
        return None


def measure_mig(evidence: Evidence) -> Measurement:
    """`mig` of the codes of held-out images; parts: each factor."""
    coded = own_codes(evidence)
    coded.need(codes=2)
    arrays, bins = (coded.held_out, coded.levels.held_out), coded.bins
    each = gaps(mutual_information(binned(arrays[0], bins), arrays[1])) / entropy(arrays[1])
    statistic = partial(mig, bins=bins)
    return Measurement(
        statistic(*arrays),
        len(coded.held_out),
        coded.protocol(len(coded.held_out), bins=bins),
        _spread(statistic, *arrays),
        coded.per_factor(each),
    )


def measure_modularity(evidence: Evidence) -> Measurement:
    """`modularity` of the codes of held-out images."""
    coded = own_codes(evidence)
    coded.need(factors=2)
    arrays, statistic = (
        (coded.held_out, coded.levels.held_out),
        partial(modularity, bins=coded.bins),
    )
    return Measurement(
        statistic(*arrays),
        len(coded.held_out),
        coded.protocol(len(coded.held_out), bins=coded.bins),
        _spread(statistic, *arrays),
    )


def measure_irs(evidence: Evidence) -> Measurement:
    """`irs` of the codes of held-out images."""
    coded = own_codes(evidence)
    # no standard error: it rests on a maximum, for which the bootstrap is not valid
    value, count = irs(coded.held_out, coded.levels.held_out), len(coded.held_out)
    return Measurement(value, count, coded.protocol(count, quantiles=[0.99]))


def measure_dci_disentanglement(evidence: Evidence) -> Measurement:
    """DCI's disentanglement."""
    coded = own_codes(evidence)
    coded.need(factors=2)
    value = disentanglement_of(coded.boosted[0])
    return Measurement(value, len(coded.levels.fitted), coded.fitted("gradient-boosted trees"))


def measure_dci_completeness(evidence: Evidence) -> Measurement:
    """DCI's completeness."""
    coded = own_codes(evidence)
    coded.need(codes=2)
    value = completeness_of(coded.boosted[0])
    return Measurement(value, len(coded.levels.fitted), coded.fitted("gradient-boosted trees"))


def measure_dci_informativeness(evidence: Evidence) -> Measurement:
    """DCI's informativeness: accuracy of boosted trees; parts: each factor."""
    coded = own_codes(evidence)
    right = coded.boosted[1]
    return Measurement(
        float(right.mean()),
        len(right),
        coded.fitted("gradient-boosted trees"),
        of_mean(right.mean(1)),
        coded.per_factor(right.mean(0)),
    )


def measure_sap(evidence: Evidence) -> Measurement:
    """SAP, by linear support vector machines; parts: each factor."""
    coded = own_codes(evidence)
    coded.need(codes=2)
    right = separated(*coded.parted)
    return Measurement(
        sap_of(right),
        len(right),
        coded.fitted("linear support vector machines"),
        _spread(sap_of, right),
        coded.per_factor(gaps(right.mean(0))),
    )


def measure_explicitness(evidence: Evidence) -> Measurement:
    """`explicitness` by logistic regression; parts: each factor."""
    coded = own_codes(evidence)
    each, moved = areas(*coded.parted)
    return Measurement(
        float(each.mean()),
        len(moved),
        coded.fitted("logistic regression"),
        float(np.sqrt(np.square(moved).sum())),
        coded.per_factor(each),
    )


def measure_factor_vae_score(evidence: Evidence) -> Measurement:
    """`factor_vae_score` of the codes of rendered images."""
    coded = own_codes(evidence)
    sizes, (fitted, tested) = _interventions(coded)
    value = factor_vae_score(
        coded.represent,
        sizes,
        stream(evidence.seed, "factor_vae_score"),
        train_votes=fitted,
        test_votes=tested,
    )
    return _accuracy(coded, value, (fitted, tested))


def measure_beta_vae_score(evidence: Evidence) -> Measurement:
    """`beta_vae_score` of the codes of rendered images."""
    coded = own_codes(evidence)
    sizes, (fitted, tested) = _interventions(coded)
    value = beta_vae_score(
        coded.represent,
        sizes,
        stream(evidence.seed, "beta_vae_score"),
        train_points=fitted,
        test_points=tested,
    )
    return _accuracy(coded, value, (fitted, tested))


def _interventions(coded: CodesAndFactors) -> tuple[tuple[int, ...], tuple[int, int]]:
    """The sizes of the factors, and the counts of training and test."""
    world = coded.world
    if world is None:
        raise Unavailable("it takes data whose factors can be set")
    return world.sizes, COUNTS if is_small(world) else FEWER


def _accuracy(coded: CodesAndFactors, value: float, votes: tuple[int, int]) -> Measurement:
    assert coded.world is not None
    protocol = {
        "codes_by": coded.by,
        "rendered": True,
        "factors": list(coded.world.names),
        "factors_are": "known",
        "votes": votes[0],
        "test_votes": votes[1],
        "images_per_vote": IMAGES_PER_VOTE,
    }
    return Measurement(value, votes[1], protocol, of_accuracy(value, votes[1]))
