"""Faster ways to execute a round compute the same round, but for rounding."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganbench.core.optim import Adam
from ganbench.data.dataset import Split
from ganbench.model import Batch, Variant, layers, update
from ganbench.model.layers import UpsampledConv2d
from ganbench.plugins import registry
from ganbench.train.execution import products
from ganbench.train.execution_modes import Execution
from ganbench.train.trainer import Trainer, build
from tests.train.rounding import (
    ROUNDS,
    SIDE,
    SIZE,
    beyond_rounding,
    images,
    parameters,
    trainer,
    typed,
)

SPECS = [
    "infogan:backbone=upsample,width=16,information=separate",
    "acgan:backbone=upsample,width=16",
    "sgan:backbone=upsample,width=16",
    "infogan:backbone=dcgan,width=16,dense=1024,information=joint",  # with a large dense layer
]
TYPES = [torch.float32, torch.float64]
STEP = 1e-6
"""Of a round's step in float64, what rounding may change. Adam divides by no less than 1e-8: the
1e-15 that rounding leaves of a gradient that is 0 move a parameter by 1e-7 of its usual step."""


onednn = pytest.mark.skipif(layers.ONEDNN is None, reason="this torch is built without oneDNN")


class Modes:
    """The reference mode and the eager one in a type, and the first in float64 beside them.

    In float32 without kinks; in float64 no number comes as near to one as rounding is wide.
    """

    def __init__(self, spec: str, dtype: torch.dtype) -> None:
        torch.manual_seed(0)
        smooth = dtype == torch.float32
        with typed(dtype):
            self.plain, self.fast = (trainer(spec, mode, smooth) for mode in ("reference", "eager"))
        with typed(torch.float64):
            self.exact = trainer(spec, "reference", smooth)

    def play(self, compare: bool) -> dict[str, float]:
        """A round from the plain state; what is otherwise in it than rounding explains.

        Each round starts from the same state: differences grow chaotically otherwise.
        """
        state = self.plain.state_dict()
        self.move(self.plain)
        if not compare:
            return {}
        after = self.plain.state_dict()
        pair = self.plain, self.fast
        found = beyond_rounding(pair, self.exact, state)
        if parameters(self.fast).dtype == torch.float64:
            for one in pair:
                one.load_state_dict(state)
            before = parameters(self.plain)
            for one in pair:
                self.move(one)
            step, other = (parameters(one) - before for one in pair)
            apart = ((other - step).norm() / step.norm()).item()
            found |= {} if apart <= STEP else {"step": apart}
        self.plain.load_state_dict(after)
        return found

    def move(self, one: Trainer) -> None:
        with typed(parameters(one).dtype):
            one.train_round()


Fault = Callable[[Modes, pytest.MonkeyPatch], None]


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("spec", [SPECS[0], SPECS[3]])
def test_a_few_rounds_are_those_of_the_reference_mode(spec: str, dtype: torch.dtype) -> None:
    modes = Modes(spec, dtype)
    assert [modes.play(compare=True) for _ in range(2)] == [{}, {}]


def worse_loss(modes: Modes, patch: pytest.MonkeyPatch) -> None:
    """In the fifth digit."""
    loss = modes.fast.loss
    patch.setattr(modes.fast, "loss", lambda *args: (loss(*args)[0] * (1 + 1e-4), {}))


def missing_term(modes: Modes, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(modes.fast.model, "continuous_weight", 0.0)


def transposed_kernel(modes: Modes, patch: pytest.MonkeyPatch) -> None:
    kernel = layers.repeated_kernel
    patch.setattr(layers, "repeated_kernel", lambda weight: kernel(weight.transpose(2, 3)))


def half_precision(modes: Modes, patch: pytest.MonkeyPatch) -> None:
    product = layers.ONEDNN
    patch.setattr(layers, "ONEDNN", lambda a, b, *more: product(a.half().float(), b, *more))


def other_betas(modes: Modes, patch: pytest.MonkeyPatch) -> None:
    for optimizer in modes.fast.optimizers.values():
        patch.setattr(optimizer, "step", partial(step_by_others, optimizer))


def step_by_others(optimizer: Adam) -> None:
    first, second = optimizer.param_groups[0]["betas"]
    optimizer.param_groups[0]["betas"] = first + 0.001, second
    Adam.step(optimizer)


@pytest.mark.parametrize(
    ("fault", "spec", "dtype", "where"),
    [
        (worse_loss, SPECS[0], torch.float32, "loss"),
        (worse_loss, SPECS[3], torch.float64, "loss"),
        (missing_term, SPECS[0], torch.float32, "loss"),
        (transposed_kernel, SPECS[0], torch.float32, "weight"),
        pytest.param(half_precision, SPECS[3], torch.float32, "weight", marks=onednn),
        (other_betas, SPECS[0], torch.float64, "step"),
    ],
)
def test_it_takes_no_fault_for_rounding(
    fault: Fault, spec: str, dtype: torch.dtype, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes = Modes(spec, dtype)
    modes.play(compare=False)
    fault(modes, monkeypatch)
    found = modes.play(compare=True)
    assert found
    assert not any(name.startswith("reference") for name in found)
    assert any(name.endswith(where) for name in found), found


@pytest.mark.parametrize("spec", SPECS)
def test_optimizers_are_set_alike(spec: str) -> None:
    def settings(mode: str) -> list[tuple[Any, ...]]:
        groups = [o.param_groups[0] for o in trainer(spec, mode).optimizers.values()]
        return [(group["lr"], group["betas"], group["eps"]) for group in groups]

    assert settings("reference") == settings("eager")


@pytest.mark.slow
@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("spec", SPECS)
def test_losses_and_gradients_are_those_of_the_reference_mode(
    spec: str, dtype: torch.dtype
) -> None:
    modes = Modes(spec, dtype)
    found = {n: modes.play(compare=n % 5 == 0) for n in range(ROUNDS)}
    assert {n: faults for n, faults in found.items() if faults} == {}


@pytest.mark.parametrize("mode", ["reference", "eager"])
def test_the_same_bits_again(mode: str) -> None:
    first, second = (trainer(SPECS[0], mode) for _ in range(2))
    first.train(5)
    second.train(5)
    for one, other in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_an_upsampled_convolution_is_what_it_says() -> None:
    layer, x = UpsampledConv2d(3, 5).double(), torch.randn(2, 3, 7, 6).double().requires_grad_()
    answers = []
    for literal in (True, False):
        layer.literal = literal
        y = layer(x)
        weights = torch.arange(y.numel()).view_as(y).sin()
        answers.append((y, *torch.autograd.grad((y * weights).sum(), [x, *layer.parameters()])))
    assert answers[0][0].shape == (2, 5, 14, 12)
    for one, other in zip(*answers, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_what_is_evaluated_is_laid_out_as_always() -> None:
    one = trainer(SPECS[0], "eager")
    weight = next(p for p in one.model.parameters() if p.dim() == 4 and p.shape[1] > 1)
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert all(p.is_contiguous() for p in one.evaluation_model().parameters())


def test_bf16_is_autocast_and_an_arithmetic_of_its_own() -> None:
    one = trainer("vanilla:backbone=upsample,width=16", "eager")
    one.execution = Execution("eager", "bf16")
    plain = trainer("vanilla:backbone=upsample,width=16", "eager")
    plain.train(1)
    one.train(1)
    pairs = zip(one.model.parameters(), plain.model.parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in pairs)
    assert all(p.dtype == torch.float32 for p in one.model.parameters())
    assert Execution("eager", "bf16").arithmetic("cpu") == "bf16"
    assert Execution("reference", "strict").arithmetic("cpu") == "reference"
    assert Execution("graph", "strict").arithmetic("cuda:0") == "strict"
    assert Execution("graph").arithmetic("cuda") == Execution("eager").arithmetic("cpu") == ""


def test_tf32_is_put_back() -> None:
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    with products("strict"):
        assert (matmul.allow_tf32, cudnn.allow_tf32) == (False, False)
    with products("tf32"):
        assert (matmul.allow_tf32, cudnn.allow_tf32) == (True, True)
    assert (matmul.allow_tf32, cudnn.allow_tf32) == before


@pytest.mark.slow
def test_compiled_networks_train() -> None:
    # a process of its own: torch's compiler refuses one in which distutils was imported before
    code = """
import torch
from tests.train.rounding import trainer
one = trainer("vanilla:backbone=mlp,width=16", "compile")
one.train(2)
model = one.evaluation_model()
points = model.generate(model.latent.draw(3, torch.Generator().manual_seed(0)))
assert torch.isfinite(points).all()
"""
    subprocess.run([sys.executable, "-c", code], check=True)


class Tutorials(nn.Module):
    """What tutorials write behind a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 3, 3, 2, 1)
        self.dense = nn.Linear(3 * 64, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.convolution(x)
        return self.dense(x.view(x.size(0), -1))


class OwnNetwork(Variant):
    """A plug-in with a network of its own, and a parameter of five dimensions."""

    ema_networks = ()

    def build(self) -> None:
        self.network = Tutorials()
        self.network.style = nn.Parameter(torch.ones(1, 2, 2, 3, 3))

    @update("network", lr=1e-3)
    def loss(self, batch: Batch) -> Tensor:
        return self.network(batch.real).mean() + self.network.style.sum()


@pytest.mark.parametrize("mode", ["reference", "eager"])
def test_networks_of_a_plug_ins_own_stay_as_they_are(mode: str) -> None:
    model = OwnNetwork((1, SIDE, SIDE), 10)
    one = Trainer(
        *(model, images()),
        **{"seed": 0, "batch_size": SIZE, "rounds": 5, "execution": Execution(mode)},
    )
    one.train(2)


def test_generated_images_are_laid_out_as_real_ones() -> None:
    model = build(registry.load("vanilla"), (3, 32, 32), 10, {"width": 8}, 0)
    split = Split(torch.zeros(8, 3, 32, 32, dtype=torch.uint8), torch.zeros(8).long())
    one = Trainer(model, split, seed=0, batch_size=8, rounds=5, execution=Execution("eager"))
    batch = one.next_batch(one.clock)
    assert next(p for p in model.generator.parameters() if p.dim() == 4).is_contiguous() is False
    assert batch.fake.is_contiguous()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(registry.installed()))
def test_every_variant_plays_in_bf16(name: str) -> None:
    one = trainer(
        f"{name}:backbone=upsample,width=8,d_norm=none" if name == "wgan_gp" else name, "eager"
    )
    one.execution = Execution("eager", "bf16")
    one.train(2)
