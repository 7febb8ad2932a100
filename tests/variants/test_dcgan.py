"""DCGAN's architecture and initialisation against its paper (arXiv:1511.06434, sec. 3 and 4)."""

import pytest
import torch
from torch import nn

from ganbench.model.layers import Dense
from tests.variants.hands import make

NORMS = nn.BatchNorm1d | nn.BatchNorm2d | nn.GroupNorm | nn.LayerNorm
CONVOLUTIONS = nn.Conv2d | nn.ConvTranspose2d


@pytest.fixture(scope="module")
def model() -> nn.Module:
    """At 64 pixels, with the 128 channels that fig. 1 has."""
    return make("dcgan:width=128", (3, 64, 64))


def shapes(network: nn.Module, x: torch.Tensor, kinds: object) -> list[tuple[int, ...]]:
    """What layers of these kinds put out."""
    found: list[tuple[int, ...]] = []
    hooks = [
        m.register_forward_hook(lambda _m, _x, y: found.append(tuple(y.shape[1:])))
        for m in network.modules()
        if isinstance(m, kinds)
    ]
    with torch.no_grad():
        network(x)
    for hook in hooks:
        hook.remove()
    return found


def test_fig_1(model: nn.Module) -> None:
    """100 numbers, projected and reshaped to 1024 x 4 x 4, then four fractional strides."""
    latent = model.latent.draw(2, torch.Generator().manual_seed(0)).vector
    assert latent.shape == (2, 100)
    assert shapes(model.generator, latent, nn.Unflatten) == [(1024, 4, 4)]
    expected = [(512, 8, 8), (256, 16, 16), (128, 32, 32), (3, 64, 64)]
    assert shapes(model.generator, latent, CONVOLUTIONS) == expected
    expected = [(128, 32, 32), (256, 16, 16), (512, 8, 8), (1024, 4, 4)]
    assert shapes(model.discriminator, torch.zeros(2, 3, 64, 64), CONVOLUTIONS) == expected


def test_strides_in_place_of_pooling_and_no_hidden_dense_layer(model: nn.Module) -> None:
    pools = nn.MaxPool2d | nn.AvgPool2d | nn.Upsample
    assert not [m for m in model.modules() if isinstance(m, pools)]
    for network, kind in ((model.generator, nn.ConvTranspose2d), (model.discriminator, nn.Conv2d)):
        layers = [m for m in network.modules() if isinstance(m, CONVOLUTIONS)]
        assert {type(m) for m in layers} == {kind}
        assert {m.stride for m in layers} == {(2, 2)}
        assert len([m for m in network.modules() if isinstance(m, nn.Linear)]) == 1
    assert model.discriminator.output.out_features == 1


def test_batch_norm_but_at_gs_output_and_ds_input(model: nn.Module) -> None:
    kinds = [type(m) for m in model.generator]
    after = {i: kinds[i + 1] for i, kind in enumerate(kinds) if issubclass(kind, CONVOLUTIONS)}
    assert list(after.values()) == [nn.BatchNorm2d] * 3 + [nn.Tanh]
    assert kinds[:2] == [Dense, nn.BatchNorm1d]
    kinds = [type(m) for m in model.discriminator.trunk]
    after = {i: kinds[i + 1] for i, kind in enumerate(kinds) if issubclass(kind, CONVOLUTIONS)}
    assert list(after.values()) == [nn.LeakyReLU] + [nn.BatchNorm2d] * 3
    assert not isinstance(model.discriminator.output, NORMS)


def test_activations(model: nn.Module) -> None:
    """ReLU in G but for its tanh; leaky ReLU of slope 0.2 in D."""
    words = nn.ReLU | nn.Tanh | nn.LeakyReLU | nn.Sigmoid | nn.Softplus
    in_g = [type(m) for m in model.generator.modules() if isinstance(m, words)]
    assert in_g == [nn.ReLU] * 4 + [nn.Tanh]
    in_d = [m for m in model.discriminator.modules() if isinstance(m, words)]
    assert [(type(m), m.negative_slope) for m in in_d] == [(nn.LeakyReLU, 0.2)] * 4


def test_weights_are_normal_with_deviation_0_02(model: nn.Module) -> None:
    for network in (model.generator, model.discriminator):
        for module in network.modules():
            if isinstance(module, CONVOLUTIONS | nn.Linear):
                weights = module.weight.detach().flatten()
                z = weights / 0.02
                error = len(z) ** -0.5
                assert abs(z.mean()) < 5 * error
                assert abs(z.std() - 1) < 5 * error
                assert abs((z.abs() < 1).float().mean() - 0.6827) < 5 * error  # normal, no other
                assert module.bias is None or not module.bias.any()
            elif isinstance(module, NORMS):
                z = (module.weight.detach() - 1) / 0.02
                assert abs(z.mean()) < 5 * len(z) ** -0.5
                assert abs(z.std() - 1) < 5 * len(z) ** -0.5
                assert not module.bias.any()


def test_the_latent_is_uniform(model: nn.Module) -> None:
    latent = model.latent.draw(2000, torch.Generator().manual_seed(0)).vector
    assert -1 <= latent.min() < -0.999
    assert 0.999 < latent.max() <= 1
    assert abs(latent.mean()) < 0.01
    assert latent.std().item() == pytest.approx(3**-0.5, abs=0.01)


def test_adam_at_2e_4_with_momentum_a_half(model: nn.Module) -> None:
    assert [(u.lr, u.betas, u.steps) for u in model.updates()] == [(2e-4, (0.5, 0.999), 1)] * 2


@pytest.mark.parametrize("side", [8, 28, 32])
def test_other_sizes_come_out_at_their_own(side: int) -> None:
    small = make("dcgan:width=4", (1, side, side))
    images = small.generate(small.latent.draw(3, torch.Generator().manual_seed(0)))
    assert images.shape == (3, 1, side, side)
    assert images.abs().max() <= 1
    assert small.discriminator(images).score.shape == (3,)
