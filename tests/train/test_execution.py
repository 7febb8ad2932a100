"""Faster ways to execute a round compute the same round, but for rounding."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from ganbench.data.dataset import Split
from ganbench.model import Batch, Game, update
from ganbench.model.layers import UpsampledConv2d
from ganbench.plugins import registry
from ganbench.train.execution import products
from ganbench.train.modes import Execution
from ganbench.train.trainer import Trainer, build

ROUNDS = 50
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-9}
SIDE, SIZE = 16, 16
SPECS = [
    "infogan:backbone=upsample,width=16,information=separate",
    "acgan:backbone=upsample,width=16",
    "sgan:backbone=upsample,width=16",
    "infogan:backbone=dcgan,width=8,dense=1024,information=joint",  # with large dense layers
]


@pytest.fixture
def dtype(request: pytest.FixtureRequest) -> Iterator[torch.dtype]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(request.param)
    yield request.param
    torch.set_default_dtype(before)


def images() -> Split:
    rng = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (64, 1, SIDE, SIDE), generator=rng).to(torch.uint8)
    return Split(pixels, torch.randint(0, 10, (64,), generator=rng))


class Own(Trainer):
    """Deals real images in the default type."""

    def deal(self, progress: Tensor) -> Batch:
        batch = super().deal(progress)
        deal = batch._deal

        def typed() -> tuple[Tensor, Tensor]:
            real, labels = deal()
            return real.to(torch.get_default_dtype()), labels

        batch._deal = typed
        return batch


def trainer(spec: str, mode: str) -> Trainer:
    reference, given = registry.parse(spec)
    variant = registry.load(reference)
    game: Game = build(variant, (1, SIDE, SIDE), 10, variant.resolve(given, ""), 0)
    execution = Execution(mode)  # type: ignore[arg-type]
    return Own(game, images(), seed=0, batch_size=SIZE, rounds=ROUNDS, execution=execution)


def gradients(one: Trainer) -> dict[str, tuple[Tensor, tuple[Tensor, ...]]]:
    """Each update's loss and gradients on the batch that is next, from the state as it is."""
    state, found = one.state_dict(), {}
    batch = one.deal(one.clock / one.rounds)
    for due in one.updates:
        loss, _ = one.loss(due, batch)
        found[due.name] = loss.detach(), torch.autograd.grad(loss, one.owned[due.name])
        batch.forget_fake()
    one.load_state_dict(state)
    return found


def compare(spec: str, tolerance: float, rounds: int) -> list[str]:
    """Updates whose gradients differ by more than the tolerance, times their norm; losses may not.

    Each round starts from the reference mode's state: differences grow chaotically otherwise.
    """
    plain, fast = trainer(spec, "reference"), trainer(spec, "eager")
    apart = []
    for _ in range(rounds):
        fast.load_state_dict(plain.state_dict())
        wanted, found = gradients(plain), gradients(fast)
        for name, (loss, slopes) in wanted.items():
            torch.testing.assert_close(found[name][0], loss, rtol=tolerance, atol=tolerance)
            one, other = (torch.cat([g.flatten() for g in x]) for x in (found[name][1], slopes))
            if (one - other).norm() > tolerance * other.norm():
                apart.append(name)
        before = parameters(plain)
        plain.play_round()
        fast.play_round()
        step = parameters(plain) - before
        # in float32 Adam makes whole steps of gradients of mere rounding: biases in front of batch
        # norm have no others
        share = 0.5 if tolerance > 1e-6 else 1e-3
        assert (parameters(fast) - parameters(plain)).norm() < share * step.norm()
    return apart


def parameters(one: Trainer) -> Tensor:
    return torch.cat([p.detach().flatten() for p in one.game.parameters()])


@pytest.mark.parametrize("dtype", [torch.float64], indirect=True, ids=str)
@pytest.mark.parametrize("spec", [SPECS[0], SPECS[3]])
def test_a_few_rounds_are_those_of_the_reference_mode(spec: str, dtype: torch.dtype) -> None:
    assert compare(spec, TOLERANCE[dtype], rounds=4) == []


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], indirect=True, ids=str)
@pytest.mark.parametrize("spec", SPECS)
def test_losses_and_gradients_are_those_of_the_reference_mode(
    spec: str, dtype: torch.dtype
) -> None:
    # in float32 a number within rounding of 0 may fall on the other side of a ReLU's kink
    kinks = 1 if dtype == torch.float32 else 0
    assert len(compare(spec, TOLERANCE[dtype], ROUNDS)) <= kinks


@pytest.mark.parametrize("mode", ["reference", "eager"])
def test_the_same_bits_again(mode: str) -> None:
    first, second = (trainer(SPECS[0], mode) for _ in range(2))
    first.play(5)
    second.play(5)
    for one, other in zip(first.game.parameters(), second.game.parameters(), strict=True):
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
    weight = next(p for p in one.game.parameters() if p.dim() == 4 and p.shape[1] > 1)
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert all(p.is_contiguous() for p in one.evaluation_model().parameters())


def test_bf16_is_autocast_and_an_arithmetic_of_its_own() -> None:
    one = trainer("vanilla:backbone=upsample,width=16", "eager")
    one.execution = Execution("eager", "bf16")
    plain = trainer("vanilla:backbone=upsample,width=16", "eager")
    plain.play(1)
    one.play(1)
    pairs = zip(one.game.parameters(), plain.game.parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in pairs)
    assert all(p.dtype == torch.float32 for p in one.game.parameters())
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
from tests.train.test_execution import trainer
one = trainer("vanilla:backbone=mlp,width=16", "compile")
one.play(2)
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


class OwnNetwork(Game):
    """A plug-in with a network of its own, and a parameter of five dimensions."""

    averaged = ()

    def build(self) -> None:
        self.network = Tutorials()
        self.network.style = nn.Parameter(torch.ones(1, 2, 2, 3, 3))

    @update("network", lr=1e-3)
    def loss(self, batch: Batch) -> Tensor:
        return self.network(batch.real).mean() + self.network.style.sum()


@pytest.mark.parametrize("mode", ["reference", "eager"])
def test_networks_of_a_plug_ins_own_stay_as_they_are(mode: str) -> None:
    game = OwnNetwork((1, SIDE, SIDE), 10)
    one = Trainer(
        *(game, images()),
        **{"seed": 0, "batch_size": SIZE, "rounds": 5, "execution": Execution(mode)},
    )
    one.play(2)


def test_generated_images_are_laid_out_as_real_ones() -> None:
    game = build(registry.load("vanilla"), (3, 32, 32), 10, {"width": 8}, 0)
    split = Split(torch.zeros(8, 3, 32, 32, dtype=torch.uint8), torch.zeros(8).long())
    one = Trainer(game, split, seed=0, batch_size=8, rounds=5, execution=Execution("eager"))
    batch = one.deal(one.clock)
    assert next(p for p in game.generator.parameters() if p.dim() == 4).is_contiguous() is False
    assert batch.fake.is_contiguous()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(registry.installed()))
def test_every_variant_plays_in_bf16(name: str) -> None:
    one = trainer(
        f"{name}:backbone=upsample,width=8,d_norm=none" if name == "wgan_gp" else name, "eager"
    )
    one.execution = Execution("eager", "bf16")
    one.play(2)
