"""What an update's optimizer does in a training, against torch's own by hand."""

import copy
import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from ganbench.core.optim import Adam
from ganbench.data.dataset import Split
from ganbench.model import GAN, Update
from ganbench.model.optimizers import CLASSES, arguments
from ganbench.model.schedules import linear
from ganbench.train.execution_modes import Execution
from ganbench.train.graphs import WARM_UP
from ganbench.train.optimizers import Rate, load_state, make
from ganbench.train.trainer import Trainer, build
from tests.train.test_graphs import Repeats

CPU = torch.device("cpu")
SHAPE = (1, 8, 8)


def parameters(dtype: torch.dtype = torch.float64) -> list[nn.Parameter]:
    rng = torch.Generator().manual_seed(0)
    sizes = (3, 4), (5,)
    return [nn.Parameter(torch.randn(s, generator=rng, dtype=dtype)) for s in sizes]


def push(owned: list[nn.Parameter], step: int) -> None:
    for p in owned:
        p.grad = torch.sin(p.detach() * 7 + step)


def some(**settings: Any) -> Update:
    return Update("some", ("some",), lambda batch: torch.zeros(()), 0.01, **settings)


@pytest.mark.parametrize("mode", ["eager", "reference"])
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("name", CLASSES)
def test_every_class_follows_a_schedule(name: str, decay: float, mode: Any) -> None:
    """The same steps as the class makes whose rate is set as a number before each.

    In float64: the paths differ in rounding alone, 1e-16 of a step, and 1e-9 is far from both
    that and any other rate, decay or default (the share of the rate falls by 0.1 a step).
    """
    takes = arguments(CLASSES[name])
    if decay and "weight_decay" not in takes:
        pytest.skip("it has none")
    update = some(optimizer=name, schedule=linear, weight_decay=decay)
    known = {"betas": update.betas, "weight_decay": decay}
    mine, theirs = parameters(), parameters()
    rate = Rate(update, CPU)
    one = make(update, mine, mode, rate)
    other = CLASSES[name](theirs, lr=0.01, **{k: v for k, v in known.items() if k in takes})
    for step in range(8):
        push(mine, step)
        push(theirs, step)
        rate.follow(torch.tensor(step / 10, dtype=torch.float64))
        other.param_groups[0]["lr"] = 0.01 * (1 - step / 10)
        one.step()
        other.step()
    for a, b in zip(mine, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)
    start = parameters()
    assert not torch.allclose(mine[0], start[0])


def test_adam_is_the_fused_one_where_that_serves() -> None:
    def made(owned: list[nn.Parameter], mode: Any = "eager", **settings: Any) -> Any:
        update = some(**settings)
        return make(update, owned, mode, Rate(update, CPU))

    assert isinstance(made(parameters()), Adam)
    assert isinstance(made(parameters(), optimizer="Adam/eps=1e-6"), Adam)
    assert isinstance(made(parameters(), weight_decay=0.1), Adam)
    half = [nn.Parameter(torch.zeros(3, dtype=torch.bfloat16))]
    for other in (
        made(half),
        made(parameters() + half),
        made(parameters(), "reference"),
        made(parameters(), optimizer="Adam/amsgrad=true"),
    ):
        assert isinstance(other, torch.optim.Adam)
        other.step()


@pytest.mark.parametrize("name", ["Adam", "Adam/amsgrad=true", "RMSprop"])
def test_after_loading_the_rate_is_still_followed(name: str) -> None:
    update = some(optimizer=name, schedule=linear)
    mine, theirs = parameters(), parameters()
    rates = Rate(update, CPU), Rate(update, CPU)
    one, other = (make(update, o, "eager", r) for o, r in zip((mine, theirs), rates, strict=True))
    push(mine, 0)
    one.step()
    with torch.no_grad():
        for p, q in zip(theirs, mine, strict=True):
            p.copy_(q)
    load_state(other, rates[1], copy.deepcopy(one.state_dict()))
    assert other.param_groups[0]["lr"] is rates[1].value
    for step in (1, 2, 3):
        for owned, optimizer, rate in ((mine, one, rates[0]), (theirs, other, rates[1])):
            push(owned, step)
            rate.follow(torch.tensor(step / 4))
            optimizer.step()
    for a, b in zip(mine, theirs, strict=True):
        assert torch.equal(a, b)


def trainer_of(rounds: int = 20, mode: Any = "eager", **given: Any) -> Trainer:
    rng = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (64, *SHAPE), generator=rng, dtype=torch.uint8)
    split = Split(images, torch.arange(64) % 4)
    model = build(GAN, SHAPE, 4, GAN.resolve({"width": 8, **given}), 0)
    return Trainer(model, split, seed=0, batch_size=8, rounds=rounds, execution=Execution(mode))


def weights(trainer: Trainer) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in trainer.model.parameters()])


def test_a_training_follows_its_schedule() -> None:
    trainer = trainer_of(rounds=4, lr_schedule="linear", d_lr=0.01)
    seen: list[float] = []
    trainer.after_round.append(lambda: seen.append(trainer.rates["discriminator"].value.item()))
    trainer.train(4)
    assert seen == pytest.approx([0.01, 0.0075, 0.005, 0.0025], rel=1e-6)


@pytest.mark.parametrize(
    "given",
    [
        {"lr_schedule": "cosine", "lr_end": 0.1},
        {"optimizer": "SGD/momentum=0.9", "lr_schedule": "linear"},
        {"clip_gradient": 0.01, "weight_decay": 0.1, "weight_clipping": 0.05},
    ],
    ids=str,
)
def test_recorded_rounds_follow_too(given: dict[str, Any]) -> None:
    plain, recorded = trainer_of(**given), trainer_of(**given)
    recorder = Repeats(recorded)
    recorded.graphs = recorded.graphed(recorder)
    plain.train(20)
    recorded.train(20)
    assert recorder.replayed == 20 - WARM_UP
    assert recorded.graphs.reason is None
    assert torch.equal(weights(plain), weights(recorded))
    assert plain.rates["generator"].value == recorded.rates["generator"].value


@pytest.mark.parametrize("given", [{}, {"optimizer": "RMSprop", "lr_schedule": "linear"}], ids=str)
def test_saved_and_loaded_it_goes_on_as_before(given: dict[str, Any]) -> None:
    first, second = trainer_of(**given), trainer_of(**given)
    first.train(7)
    second.load_state_dict(first.state_dict())
    first.train(5)
    second.train(5)
    assert torch.equal(weights(first), weights(second))


def test_the_gradients_norm_is_bounded() -> None:
    """By SGD at a rate of 1 a step is the gradient itself."""
    norms = {}
    for bound in (0.0, 0.01):
        trainer = trainer_of(optimizer="SGD", d_lr=1.0, clip_gradient=bound)
        owned = trainer.owned["discriminator"]
        before = [p.detach().clone() for p in owned]
        trainer.apply_update(trainer.updates[0], trainer.next_batch(trainer.clock))
        moved = torch.cat([(p - q).flatten() for p, q in zip(owned, before, strict=True)])
        norms[bound] = moved.norm().item()
    assert norms[0.01] == pytest.approx(0.01, rel=1e-3)
    assert norms[0.0] > 0.02


def test_a_schedule_that_gives_a_number_is_told() -> None:
    trainer = trainer_of()
    model, split = trainer.model, trainer.loader.split
    bad = Trainer(
        model,
        split,
        seed=0,
        batch_size=8,
        rounds=4,
        adapt=lambda one: replace(one, schedule=lambda progress: 0.5),  # type: ignore
    )
    with pytest.raises(ValueError, match=r"schedule of update 'discriminator' gives 0\.5"):
        bad.train(1)


def test_hooks_are_called_where_they_say() -> None:
    trainer = trainer_of(d_steps=2)
    told: list[str] = []
    weight = next(iter(trainer.owned["discriminator"]))
    values: list[torch.Tensor] = []

    def before(update: Update) -> None:
        assert all(p.grad is not None for p in trainer.owned[update.name])
        told.append(f"before {update.name}")
        values.append(weight.detach().clone())

    def after(update: Update) -> None:
        told.append(f"after {update.name}")
        values.append(weight.detach().clone())

    trainer.before_step.append(before)
    trainer.after_update.append(after)
    trainer.after_round.append(lambda: told.append(f"round {trainer.round}"))
    trainer.train(1)
    steps = ["discriminator", "discriminator", "generator"]
    assert told == [f"{when} {name}" for name in steps for when in ("before", "after")] + [
        "round 1"
    ]
    assert not torch.equal(values[0], values[1])  # the step lies between
    assert torch.equal(values[1], values[2])
    assert torch.equal(values[4], values[5])  # the generator's leaves it alone


def test_a_hook_can_change_a_gradient() -> None:
    plain, changed = trainer_of(optimizer="SGD"), trainer_of(optimizer="SGD")

    def halve(update: Update) -> None:
        for p in changed.owned[update.name]:
            assert p.grad is not None
            p.grad.mul_(0.5)

    changed.before_step.append(halve)
    start = weights(plain)
    batch = [t.next_batch(t.clock) for t in (plain, changed)]
    plain.apply_update(plain.updates[0], batch[0])
    changed.apply_update(changed.updates[0], batch[1])
    whole, half = weights(plain) - start, weights(changed) - start
    assert whole.norm() > 0
    assert (half.norm() / whole.norm()).item() == pytest.approx(0.5, rel=1e-2)


def test_sections_are_told_while_they_last() -> None:
    from contextlib import nullcontext

    trainer = trainer_of()
    told: list[str] = []

    def section(name: str) -> Any:
        told.append(name)
        return nullcontext()

    with trainer.sections(section):
        trainer.train_round()
    expected = ["update discriminator", "data", "optimizer", "update generator", "optimizer"]
    assert told == expected
    trainer.train_round()
    assert told == expected


def test_adapted_updates_are_the_trainers_and_its_twins() -> None:
    trainer = trainer_of()
    other = Trainer(
        trainer.model,
        trainer.loader.split,
        seed=0,
        batch_size=8,
        rounds=4,
        adapt=lambda one: replace(one, lr=math.pi),
    )
    for one in (other, other.clone()):
        assert [u.lr for u in one.updates] == [math.pi] * 2
        assert one.rates["generator"].value.item() == math.pi
