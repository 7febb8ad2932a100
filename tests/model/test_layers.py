"""Layers against hand-computed cases and against torch's own."""

import math
from typing import Any

import pytest
import torch
from torch import nn

from ganbench.model import layers
from ganbench.model.layers import (
    ONEDNN,
    Dense,
    GaussianNoise,
    MinibatchDiscrimination,
    OneDNNProduct,
    Stack,
    WithReferenceBatch,
)
from ganbench.train.flops import FlopCounter

onednn = pytest.mark.skipif(ONEDNN is None, reason="this torch is built without oneDNN")


def test_minibatch_discrimination_on_three_images() -> None:
    """T is the identity: M_i is the image's own features; two kernels of two numbers each."""
    layer = MinibatchDiscrimination(4, kernels=2, dims=2)
    layer.projection.data = torch.eye(4)
    features = torch.tensor([[0.0, 0, 0, 0], [1.0, 0, 0, 0], [1.0, 2, 0, 3]])
    e = math.exp
    # Distances of kernel 0 (numbers 0, 1): 0-1: 1, 0-2: 3, 1-2: 2; of kernel 1: 0, 3, 3.
    expected = [[1 + e(-1) + e(-3), 2 + e(-3)], [1 + e(-1) + e(-2), 2 + e(-3)]]
    expected.append([1 + e(-3) + e(-2), 1 + 2 * e(-3)])
    assert torch.allclose(layer(features), torch.tensor(expected), atol=1e-6)


def test_minibatch_discrimination_agrees_with_its_formula() -> None:
    layer = MinibatchDiscrimination(6, kernels=4, dims=3)
    features = torch.randn(5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    layer = layer.double()
    m = torch.einsum("nf,fbc->nbc", features, layer.projection.view(6, 4, 3))
    closeness = torch.exp(-(m[:, None] - m[None]).abs().sum(3)).sum(1)
    assert torch.allclose(layer(features), closeness)


@pytest.mark.parametrize("example", [True, False])
@pytest.mark.parametrize("shape", [(3,), (3, 4, 4)])
def test_virtual_batch_norm_against_its_formula(example: bool, shape: tuple[int, ...]) -> None:
    rng = torch.Generator().manual_seed(0)
    r, n = 5, 2
    x = 2 + 3 * torch.randn(r + n, *shape, generator=rng, dtype=torch.float64)
    layer = layers.VirtualBatchNorm(3, r, example).double()
    layer.weight.data = torch.tensor([1.0, 2.0, -1.0], dtype=torch.float64)
    layer.bias.data = torch.tensor([0.5, 0.0, 1.0], dtype=torch.float64)
    places = (0, 2, 3)[: x.dim() - 1] if x.dim() > 2 else (0,)
    for i in range(n):
        # The statistics of the reference batch, or of it and the example as one batch.
        batch = torch.cat([x[:r], x[r + i : r + i + 1]]) if example else x[:r]
        mean = batch.mean(places, keepdim=True)
        variance = batch.var(places, unbiased=False, keepdim=True)
        column = (1, 3) + (1,) * (x.dim() - 2)
        expected = (x[r + i : r + i + 1] - mean) / (variance + layer.eps).sqrt()
        expected = expected * layer.weight.view(column) + layer.bias.view(column)
        assert torch.allclose(layer(x)[r + i : r + i + 1], expected)


def test_the_reference_batch_is_normalised_as_batch_norm_does() -> None:
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    layer = layers.VirtualBatchNorm(3, 6, example=True)
    assert torch.allclose(layer(x)[:6], nn.BatchNorm1d(3)(x[:6]), atol=1e-5)


def test_virtually_normalised_images_do_not_depend_on_their_batch() -> None:
    network = Stack(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    wrapped = WithReferenceBatch(network, (4,), 16, example=True)
    assert not any(isinstance(module, nn.BatchNorm1d) for module in wrapped.modules())
    wrapped.choose(torch.randn(10, 4))  # too few: repeated
    x = torch.randn(6, 4)
    together = wrapped(x)
    assert together.shape == (6, 2)
    assert torch.allclose(together[2:3], wrapped(x[2:3]), atol=1e-5)
    assert torch.equal(wrapped.state_dict()["reference"][10:], wrapped.reference[:6])


def test_noise_layers_are_for_training_and_draw_from_the_given_generator() -> None:
    stack = Stack(nn.Identity(), GaussianNoise(0.5))
    zeros = torch.zeros(2000, 10)
    noisy = stack(zeros, torch.Generator().manual_seed(1))
    assert noisy.std().item() == pytest.approx(0.5, rel=0.03)
    assert torch.equal(noisy, stack(zeros, torch.Generator().manual_seed(1)))
    assert torch.equal(stack(zeros), zeros)
    assert torch.equal(stack.eval()(zeros, torch.Generator()), zeros)


def test_weight_norm_is_initialised_from_data() -> None:
    stack = Stack(nn.Linear(6, 20), nn.ReLU(), nn.Linear(20, 5))
    layers.add_weight_norm(stack)
    x = 3 + 2 * torch.randn(200, 6)
    outputs = layers.initialise_from_data(stack, x)
    assert torch.allclose(outputs, stack(x), atol=1e-5)
    hidden = stack[0](x)
    for part in (hidden, outputs):
        assert torch.allclose(part.mean(0), torch.zeros(part.shape[1]), atol=1e-4)
        assert torch.allclose(part.std(0), torch.ones(part.shape[1]), atol=1e-4)


def test_spectral_norm_makes_every_layer_contract() -> None:
    network = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 1))
    network[0].weight.data *= 50
    layers.add_spectral_norm(network)
    for _ in range(30):  # one power iteration each
        network(torch.randn(2, 8))
    largest = torch.linalg.matrix_norm(network[0].weight.detach(), 2)
    assert largest.item() == pytest.approx(1, abs=1e-3)


@onednn
def test_a_product_and_its_first_and_second_derivatives() -> None:
    rng = torch.Generator().manual_seed(0)
    sizes = ((5, 7), (3, 7), (3,), (5, 3))
    a, b, bias, weights = (torch.randn(size, generator=rng) for size in sizes)
    inputs = [t.requires_grad_() for t in (a, b, bias)]
    found = []
    for product in (OneDNNProduct.apply, torch.nn.functional.linear):
        y = product(*inputs)
        first = torch.autograd.grad((y.sin() * weights).sum(), inputs, create_graph=True)
        norm = sum(g.square().sum() for g in first)
        found.append([y, *first, *torch.autograd.grad(norm, inputs)])
    for one, other in zip(*found, strict=True):
        assert (one - other).norm() < 1e-5 * other.norm()  # numbers of it may cancel


@onednn
def test_a_large_dense_layer_is_onednns_only_while_training(monkeypatch: Any) -> None:
    asked: list[tuple[int, ...]] = []
    apply = OneDNNProduct.apply
    monkeypatch.setattr(
        OneDNNProduct, "apply", lambda *args: asked.append(args[1].shape) or apply(*args)
    )
    layer, small = Dense(400, 300), Dense(40, 30)
    x = torch.randn(80, 400)
    trained = layer(x)
    assert asked == [(300, 400)]
    torch.testing.assert_close(layer.eval()(x), trained, rtol=1e-5, atol=1e-5)
    layer.train().literal = True
    layer(x)
    small(x[:, :40])
    layer(x[:8])
    layer.literal = False
    layer.double()(x.double())
    layer.float()
    layer(x[None])
    with torch.autocast("cpu", torch.bfloat16):
        layer(x)
    torch.func.vmap(layer)(x[None])
    assert len(asked) == 1


@onednn
def test_its_operations_are_counted() -> None:
    """2 n k m forward; as much again for the inputs and for the weights."""
    layer, x = Dense(400, 300), torch.randn(80, 400, requires_grad=True)
    with FlopCounter() as counter:
        layer(x).sum().backward()
    assert counter.total == 3 * 2 * 80 * 400 * 300


def test_which_networks_see_images_one_by_one() -> None:
    assert layers.one_by_one(Stack(Dense(2, 3), nn.LeakyReLU(), nn.GroupNorm(1, 3)))
    assert not layers.one_by_one(Stack(Dense(2, 3), nn.BatchNorm1d(3)))
    assert not layers.one_by_one(Stack(MinibatchDiscrimination(2, 3, 4)))
    network = Stack(nn.Conv2d(1, 2, 3))
    layers.add_spectral_norm(network)
    assert layers.one_by_one(network)

    class Strange(nn.Module):
        """What it does to a batch is not known here."""

    for unknown in (Strange(), nn.Softmax(0), nn.TransformerEncoderLayer(4, 2, 8)):
        assert not layers.one_by_one(Stack(unknown))
