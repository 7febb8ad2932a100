"""Capabilities are found by methods; what is missing has a reason."""

from __future__ import annotations

import pytest
import torch

from ganbench.evaluate import capabilities
from ganbench.evaluate.capabilities import Unavailable
from ganbench.model.latent import Categorical, Latent, Noise


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
