"""Historical averaging: its gradient by hand, and a game that it settles."""

import pytest
import torch
from torch import nn

from ganbench.data.dataset import Split
from ganbench.model import Batch, Loss, Update, Variant
from ganbench.train.historical_averaging import HistoricalAverage
from ganbench.train.trainer import Trainer

SPLIT = Split(torch.zeros(4, 1, 8, 8, dtype=torch.uint8), torch.zeros(4, dtype=torch.int64))


def test_a_hand_made_sequence() -> None:
    """theta = 1, 3, 8: means 1, 2, 4; the pull is 2 * weight * (theta - mean)."""
    theta = nn.Parameter(torch.tensor([1.0]))
    past = HistoricalAverage([theta], weight=0.5)
    for value, mean in ((1.0, 1.0), (3.0, 2.0), (8.0, 4.0)):
        if value != 1.0:
            theta.data.fill_(value)
            past.update()
        assert past.mean[0].item() == pytest.approx(mean)
        theta.grad = torch.tensor([10.0])
        past.add_gradient()
        assert theta.grad.item() == pytest.approx(10 + 2 * 0.5 * (value - mean))


def test_the_pull_is_the_gradient_of_the_term() -> None:
    """Against autograd on weight * ||theta - mean||^2, the mean a constant."""
    parameters = [nn.Parameter(torch.randn(3, 2)), nn.Parameter(torch.randn(4))]
    past = HistoricalAverage(parameters, weight=0.3)
    for parameter in parameters:
        parameter.data += torch.randn_like(parameter)
    past.update()
    term = sum(0.3 * (p - m).square().sum() for p, m in zip(parameters, past.mean, strict=True))
    expected = torch.autograd.grad(term, parameters)
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    past.add_gradient()
    for parameter, gradient in zip(parameters, expected, strict=True):
        assert torch.allclose(parameter.grad, gradient, atol=1e-6)


class Circle(Variant):
    """V(x, y) = (f(x) - 1)(y - 1), f(x) = x below 0 and x^2 above (arXiv:1606.03498, sec. 3.3).

    x lowers V, y raises it; the equilibrium is x = y = 1.
    """

    weight: float = 0.0
    ema_networks = ()

    def build(self) -> None:
        self.x = nn.Parameter(torch.tensor(0.2))
        self.y = nn.Parameter(torch.tensor(0.4))

    def updates(self) -> list[Update]:
        settings = {"lr": 0.01, "betas": (0.5, 0.999), "historical_averaging": self.weight}
        return [
            Update("x", ("x",), lambda batch: self.value(batch), **settings),
            Update("y", ("y",), lambda batch: -self.value(batch), **settings),
        ]

    def value(self, batch: Batch) -> Loss:
        f = torch.where(self.x < 0, self.x, self.x.square())
        return (f - 1) * (self.y - 1)


def distance(weight: float, rounds: int = 4000, last: int = 500) -> float:
    """Mean distance from the equilibrium over the last rounds."""
    model = Circle((1, 8, 8), 10, {"weight": weight})
    trainer = Trainer(model, SPLIT, seed=0, batch_size=2, rounds=rounds)
    trainer.train(rounds - last)
    total = 0.0
    for _ in range(last):
        trainer.train_round()
        total += float(torch.stack([model.x - 1, model.y - 1]).detach().norm())
    return total / last


def test_historical_averaging_finds_the_equilibrium_that_descent_circles() -> None:
    """With Adam at the suite's betas: 0.98 away without, 0.006 with."""
    assert distance(0.0) > 0.5
    assert distance(0.3) < 0.05


def test_the_mean_survives_saving() -> None:
    def start() -> Trainer:
        return Trainer(
            Circle((1, 8, 8), 10, {"weight": 0.3}), SPLIT, seed=0, batch_size=2, rounds=99
        )

    first, second = start(), start()
    first.train(30)
    second.load_state_dict(first.state_dict())
    first.train(10)
    second.train(10)
    assert torch.equal(first.model.x, second.model.x)
    assert torch.equal(
        first.historical_averages["x"].mean[0], second.historical_averages["x"].mean[0]
    )
