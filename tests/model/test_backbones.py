import pytest
import torch

from ganbench.model import GAN
from ganbench.model.backbones import choose
from ganbench.model.backbones.base import halvings


@pytest.mark.parametrize("side", [3, 8, 16, 17, 28, 32, 45, 64])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("backbone", ["mlp", "dcgan"])
def test_any_square_size(side: int, channels: int, backbone: str) -> None:
    shape = (channels, side, side)
    game = GAN(shape, 10, {"backbone": backbone, "width": 8})
    images = game.generator(torch.randn(3, game.latent.size))
    assert images.shape == (3, *shape)
    assert images.abs().max() <= 1
    view = game.discriminator(images)
    assert view.score.shape == (3,)
    assert view.features.shape == (3, game.discriminator.features)


def test_auto_is_mlp_up_to_16_pixels() -> None:
    assert choose("auto", (1, 16, 16)).name == "mlp"
    assert choose("auto", (1, 17, 17)).name == "dcgan"


def test_oblong_images_are_refused() -> None:
    with pytest.raises(ValueError, match="square"):
        GAN((1, 8, 9), 10)


def test_halvings() -> None:
    assert halvings(28) == [28, 14, 7]
    assert halvings(64) == [64, 32, 16, 8, 4]
