import pytest
import torch
from torch import nn

from ganbench.model import GAN
from ganbench.model.backbones import BACKBONES, Plain, choose
from ganbench.model.backbones.base import halvings
from ganbench.model.backbones.resnet import DownBlock, SpatialPool, UpBlock
from ganbench.model.layers import GaussianNoise, VirtualBatchNorm


@pytest.mark.parametrize("side", [3, 8, 16, 17, 28, 32, 45, 64])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("backbone", ["mlp", "dcgan"])
def test_any_square_size(side: int, channels: int, backbone: str) -> None:
    shape = (channels, side, side)
    model = GAN(shape, 10, {"backbone": backbone, "width": 8})
    images = model.generator(torch.randn(3, model.latent.size))
    assert images.shape == (3, *shape)
    assert images.abs().max() <= 1
    view = model.discriminator(images)
    assert view.score.shape == (3,)
    assert view.features.shape == (3, model.discriminator.features)


@pytest.mark.parametrize("side", [8, 12, 16, 28, 32, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_residual_networks_of_any_side_that_halves(side: int, channels: int) -> None:
    shape = (channels, side, side)
    model = GAN(shape, 10, {"backbone": "resnet", "width": 8})
    images = model.generator(torch.randn(3, model.latent.size))
    assert images.shape == (3, *shape)
    assert 0.01 < images.std() < 0.99  # neither dead nor saturated before training
    view = model.discriminator(images)
    assert view.score.shape == (3,)
    assert view.features.shape == (3, model.discriminator.features) == (3, 8)


NORMS = nn.BatchNorm1d | nn.BatchNorm2d | nn.GroupNorm | nn.LayerNorm


@pytest.mark.parametrize("backbone", BACKBONES)
def test_no_norm_is_no_norm(backbone: str) -> None:
    given = {"backbone": backbone, "width": 8, "d_norm": "none", "g_norm": "none"}
    model = GAN((1, 32, 32), 10, given)
    assert not any(isinstance(module, NORMS) for module in model.modules())
    # without a norm behind it, a layer needs its bias
    layers = [m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    assert all(layer.bias is not None for layer in layers)
    assert model.one_by_one


@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_backbone_says_truly_whether_it_normalises(backbone: str) -> None:
    for side in (8, 16, 32):
        for norm in ("batch", "layer", "none"):
            given = {"backbone": backbone, "width": 8, "d_norm": norm}
            model = GAN((1, side, side), 10, given)
            found = any(isinstance(module, NORMS) for module in model.discriminator.modules())
            told = model.design.normalises(model.shape, model)
            assert found == (told and norm != "none")


def test_a_residual_block_by_hand() -> None:
    """With its body at zero the block is its shortcut: an average here, a repetition there."""
    down, up = DownBlock(2, 2, Plain(d_norm="none")), UpBlock(2, "none")
    for block in (down, up):
        for parameter in block.body.parameters():
            nn.init.zeros_(parameter)
        nn.init.dirac_(block.shortcut.weight)
        nn.init.zeros_(block.shortcut.bias)
    x = torch.arange(32.0).reshape(1, 2, 4, 4)
    torch.testing.assert_close(down(x), nn.functional.avg_pool2d(x, 2))
    torch.testing.assert_close(up(x), x.repeat_interleave(2, 2).repeat_interleave(2, 3))


def test_residual_networks_say_what_they_cannot() -> None:
    for shape, given, message in (
        ((1, 4, 4), {}, "8 pixels a side and more, not 4"),
        ((1, 45, 45), {}, "doubles 3 times: 45 is no multiple of 8"),
        ((2,), {}, "convolutions need images, not points"),
        ((1, 8, 8), {"dense": 3}, "dense is for backbone=dcgan, not resnet"),
        ((1, 8, 8), {"weight_norm": "fixed"}, "weight_norm is for backbone=mlp or dcgan"),
    ):
        with pytest.raises(ValueError, match=message):
            GAN(shape, 10, {"backbone": "resnet", **given})


def test_virtual_batch_norm_reaches_into_blocks() -> None:
    given = {"backbone": "resnet", "width": 8, "virtual_batch_norm": "both", "vbn_references": 4}
    model = GAN((1, 8, 8), 10, given)
    assert not any(isinstance(m, nn.BatchNorm2d | nn.BatchNorm1d) for m in model.modules())
    assert sum(isinstance(m, VirtualBatchNorm) for m in model.generator.modules()) == 3
    # two in every block but the first
    assert sum(isinstance(m, VirtualBatchNorm) for m in model.discriminator.modules()) == 4


def test_noise_is_the_same_in_any_layout() -> None:
    layer = GaussianNoise(0.5)
    x = torch.zeros(3, 4, 5, 5)
    rng = torch.Generator()
    plain = layer(x, rng.manual_seed(0))
    laid = layer(x.to(memory_format=torch.channels_last), rng.manual_seed(0))
    assert torch.equal(plain, laid)


def test_another_backbone_is_a_line_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wide(type(BACKBONES["mlp"])):  # type: ignore[misc]
        name = "wide"
        width = 300

    monkeypatch.setitem(BACKBONES, "wide", Wide())
    model = GAN((1, 8, 8), 10, {"backbone": "wide"})
    assert model.discriminator.features == 300


def test_auto_is_mlp_up_to_16_pixels() -> None:
    assert choose("auto", (1, 16, 16)).name == "mlp"
    assert choose("auto", (1, 17, 17)).name == "dcgan"


def test_oblong_images_are_refused() -> None:
    with pytest.raises(ValueError, match="square"):
        GAN((1, 8, 9), 10)


def test_halvings() -> None:
    assert halvings(28) == [28, 14, 7]
    assert halvings(64) == [64, 32, 16, 8, 4]


@pytest.mark.parametrize(("spectral", "pooled"), [(False, 2.5), (True, 10.0)])
def test_residual_features_are_means_or_sums(spectral: bool, pooled: float) -> None:
    """WGAN-GP's mean over pixels; SNGAN's sum where spectral norm keeps numbers small."""
    trunk, features = BACKBONES["resnet"].trunk((1, 8, 8), Plain(width=3, spectral_norm=spectral))
    assert features == 3
    pool = next(module for module in trunk if isinstance(module, SpatialPool))
    x = torch.tensor([1.0, 2.0, 3.0, 4.0]).reshape(1, 1, 2, 2)
    assert pool(x).item() == pooled
