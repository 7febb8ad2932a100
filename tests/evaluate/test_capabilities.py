"""Capabilities are found by methods; what is missing has a reason."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import ganbench.model
from ganbench.core.errors import Unsupported
from ganbench.core.latent import Categorical, Latent, Noise
from ganbench.evaluate import capabilities
from ganbench.evaluate.capabilities import CapabilityError, Unavailable


class Whole:
    latent = Latent(Noise(2), Categorical(3))

    def score(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1).sum(1)

    def reconstruct(self, images: torch.Tensor) -> torch.Tensor:
        return images

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    classify = None


IMAGES = torch.zeros(4, 1, 8, 8)


def test_what_is_there() -> None:
    assert capabilities.score(Whole(), IMAGES).shape == (4,)
    assert capabilities.reconstruct(Whole(), IMAGES).shape == IMAGES.shape
    assert capabilities.latent_of(Whole()) is Whole.latent


def test_what_is_missing() -> None:
    with pytest.raises(Unavailable, match=r"^no encode\(\)$"):
        capabilities.encode(Whole(), IMAGES)
    with pytest.raises(Unavailable, match=r"^no classify\(\)$"):
        capabilities.classify(Whole(), IMAGES, 10)
    with pytest.raises(Unavailable, match=r"^no generate\(\)$"):
        capabilities.generate(Whole(), Whole.latent.draw(2, torch.Generator()), (1, 8, 8))
    with pytest.raises(Unavailable, match=r"^no latent$"):
        capabilities.latent_of(object())


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (torch.zeros(3, dtype=torch.int64), r"shape \(3,\), not \(4,\)"),
        (torch.zeros(4), "float32, not integers"),
        (torch.tensor([0, 1, -1, 2]), "below 0"),
    ],
)
def test_clusters_are_categories(answer: torch.Tensor, words: str) -> None:
    class Groups(Whole):
        def cluster(self, images: torch.Tensor) -> torch.Tensor:
            return answer

    with pytest.raises(ValueError, match=words):
        capabilities.cluster(Groups(), IMAGES)
    with pytest.raises(Unavailable, match=r"^no cluster\(\)$"):
        capabilities.cluster(Whole(), IMAGES)


def test_a_wrong_shape_says_so() -> None:
    class Wrong(Whole):
        def score(self, images: torch.Tensor) -> torch.Tensor:
            return images

    with pytest.raises(ValueError, match=r"score\(\) returned shape \(4, 1, 8, 8\), not \(4,\)"):
        capabilities.score(Wrong(), IMAGES)


def test_cannot_is_said_by_an_exception_of_its_own() -> None:
    class Modest(Whole):
        def score(self, images: torch.Tensor) -> torch.Tensor:
            raise Unsupported("it depends on the batch")

    with pytest.raises(Unavailable, match=r"^no score\(\): it depends on the batch$"):
        capabilities.score(Modest(), IMAGES)
    assert issubclass(Unsupported, NotImplementedError)  # whoever catches that goes on
    assert ganbench.model.Unsupported is Unsupported


def test_a_plug_in_that_says_it_the_old_way_is_warned() -> None:
    class Old(Whole):
        def score(self, images: torch.Tensor) -> torch.Tensor:
            raise NotImplementedError("not here")

    class Older(Old):
        @torch.no_grad()
        def score(self, images: torch.Tensor) -> torch.Tensor:
            return super().score(images)

    for model in (Old(), Older()):
        with (
            pytest.warns(FutureWarning, match=r"score\(\) says by .*raise ganbench.model.Unsupp"),
            pytest.raises(Unavailable, match=r"^no score\(\): not here$"),
        ):
            capabilities.score(model, IMAGES)


class Headless(nn.Module):
    """A network without `forward`."""


@pytest.mark.parametrize("cause", [Headless(), lambda x: x.missing, lambda x: [][0]])
def test_what_goes_wrong_inside_is_no_cannot(cause: Any) -> None:
    class Accident(Whole):
        def score(self, images: torch.Tensor) -> torch.Tensor:
            return cause(images)

    with pytest.raises(CapabilityError, match=r"^score\(\) raised \w+: ") as caught:
        capabilities.score(Accident(), IMAGES)
    assert caught.value.__cause__ is not None
