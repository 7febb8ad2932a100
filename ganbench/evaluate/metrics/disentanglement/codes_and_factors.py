"""Codes of real images with the factors of the same images, for disentanglement metrics."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ganbench.data.dataset import World, to_unit_range
from ganbench.evaluate import capabilities
from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.evidence import Evidence, gathered
from ganbench.evaluate.metrics.disentanglement.dci_sap_explicitness import boosted
from ganbench.evaluate.metrics.disentanglement.factor_levels import Levels, levels_of
from ganbench.evaluate.metrics.disentanglement.factor_vae_beta_vae import Represent
from ganbench.evaluate.metrics.disentanglement.mig_modularity_irs import BINS
from ganbench.evaluate.networks import BATCH

TABLE = 50_000
"""A world of at most so many images is encoded whole, once; of a larger one fewer are drawn."""


class CodesAndFactors:
    """Codes of the real images of an evaluation, beside the images' factors.

    codes: (n, c) of all training and (m, c) of all held-out images. represent: levels of a
    world's factors (n, k) to the codes of their images. bins: for mutual information. by: who
    makes the codes, as protocols say it. Raises Unavailable where there are no factors.
    """

    def __init__(
        self,
        evidence: Evidence,
        codes: tuple[ArrayLike, ArrayLike],
        represent: Represent,
        bins: int = BINS,
        by: str = "encode()",
    ) -> None:
        self.levels: Levels = levels_of(evidence)
        self.train, self.held_out = (np.asarray(part) for part in codes)
        self.represent, self.bins, self.by = represent, bins, by
        self.world: World | None = evidence.dataset.world

    def need(self, codes: int = 1, factors: int = 1) -> None:
        """Raise Unavailable with fewer codes or factors."""
        if self.train.shape[1] < codes:
            raise Unavailable("its latent carries a single code, which leaves no gap")
        if len(self.levels.names) < factors:
            raise Unavailable(f"a single factor varies: {self.levels.names[0]}")

    @property
    def parted(self) -> tuple[NDArray[Any], ...]:
        """The four arrays of the metrics that fit classifiers."""
        levels = self.levels
        return (
            self.train[levels.fitted],
            levels.train[levels.fitted],
            self.held_out[levels.tested],
            levels.held_out[levels.tested],
        )

    @cached_property
    def boosted(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """What gradient-boosted trees find: fitted once for the three numbers of DCI."""
        return boosted(*self.parted)

    def protocol(self, held_out: int, **facts: Any) -> dict[str, Any]:
        """The facts of a number from the codes of so many held-out images, and further ones."""
        return {
            "codes_by": self.by,
            "held_out": held_out,
            "factors": list(self.levels.names),
            "factors_are": self.levels.source,
            **facts,
        }

    def fitted(self, predictor: str) -> dict[str, Any]:
        """The facts of a metric that fits classifiers."""
        counts = len(self.levels.fitted), len(self.levels.tested)
        return self.protocol(counts[1], predictor=predictor, training=counts[0])

    def per_factor(self, values: ArrayLike) -> dict[str, float]:
        """Numbers (k,) by the factors' names."""
        return {
            name: float(value)
            for name, value in zip(self.levels.names, np.asarray(values), strict=True)
        }


Encode = Callable[[Tensor], NDArray[Any]]
"""From stored images to their codes (n, c)."""


def is_small(world: World) -> bool:
    """Whether all images of a world are encoded, once."""
    return math.prod(world.sizes) <= TABLE


def _rendered(world: World | None, encode: Encode) -> Represent:
    """From levels to codes, through images of the world."""

    def represent(levels: NDArray[np.int64]) -> NDArray[Any]:
        if world is None:
            raise Unavailable("it takes data whose factors can be set")
        batches = (levels[start : start + BATCH] for start in range(0, len(levels), BATCH))
        return np.concatenate([encode(world.render(batch)) for batch in batches])

    if world is None or not is_small(world):
        return represent
    sizes = world.sizes

    @cache
    def table() -> NDArray[Any]:
        return represent(np.indices(sizes).reshape(len(sizes), -1).T)

    return lambda levels: table()[np.ravel_multi_index(tuple(levels.T), sizes)]


@gathered
def own_codes(evidence: Evidence) -> CodesAndFactors:
    """All codes of the model's encode(): category index or posterior mean."""
    if callable(getattr(evidence.model, "encode_known_factors", None)):
        return _of_factors(evidence)
    codes = evidence.latent.codes
    levels_of(evidence)  # raises Unavailable before anything is encoded in vain

    def encode(images: Tensor) -> NDArray[Any]:
        batch = to_unit_range(images).to(evidence.device)
        answer = capabilities.encode(evidence.model, batch)
        return np.asarray(answer.float().cpu())

    return CodesAndFactors(
        evidence,
        (evidence.train_codes, evidence.held_out_codes),
        _rendered(evidence.dataset.world, encode),
        max(BINS, *(code.classes for code in codes)),  # no two categories in one bin
    )


def _of_factors(evidence: Evidence) -> CodesAndFactors:
    """The codes of a reference that reads the factors themselves, and no image."""
    levels, world = levels_of(evidence), evidence.dataset.world
    encode: Callable[[NDArray[np.int64]], NDArray[np.float64]] = evidence.model.encode_known_factors
    names = () if world is None else world.names
    columns = [names.index(name) for name in levels.names if name in names]
    pair = encode(levels.train), encode(levels.held_out)
    return CodesAndFactors(
        evidence, pair, lambda asked: encode(asked[:, columns]), by="the factors themselves"
    )
