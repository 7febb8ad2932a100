"""Optimizers and schedules as a user or a variant names them."""

import math
import re

import pytest
import torch

from ganbench.core.errors import UserError
from ganbench.model import GAN, Update, update
from ganbench.model.optimizers import CLASSES, canonical, parse
from ganbench.model.schedules import SCHEDULES, cosine, linear


def test_one_spelling_for_one_optimizer() -> None:
    assert canonical("adam") == canonical("Adam/eps=1e-8") == "Adam"
    assert canonical("sgd/momentum=0.90") == "SGD/momentum=0.9"
    assert canonical("SGD/nesterov=TRUE/momentum=1") == "SGD/nesterov=True/momentum=1"
    assert parse("RMSprop/alpha=0.9") == (torch.optim.RMSprop, {"alpha": 0.9})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Adan", "unknown optimizer 'Adan'; did you mean 'Adam'? (valid: ASGD, Adadelta"),
        ("LBFGS", "no update can be trained by LBFGS: it computes a loss several times"),
        ("SGD/momentun=1", "unknown argument of SGD 'momentun'; did you mean 'momentum'?"),
        ("SGD/lr=1", "lr is a hyperparameter of its own"),
        ("SGD/momentum=x", "momentum=x: give a number, true or false"),
        ("SGD/momentum=-1", "invalid momentum value: -1"),
        ("SGD/fused=true", "unknown argument of SGD 'fused'"),
    ],
)
def test_a_bad_optimizer_is_told_in_one_line(text: str, message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        GAN.resolve({"optimizer": text})
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("GAN: optimizer=")


def test_the_valid_names_of_schedules_are_listed() -> None:
    with pytest.raises(UserError, match="'constant', 'linear' or 'cosine'"):
        GAN.resolve({"lr_schedule": "step"})


def test_weight_decay_needs_an_optimizer_that_has_it() -> None:
    assert "Rprop" in CLASSES
    with pytest.raises(ValueError, match="weight_decay: Rprop has none"):
        GAN((1, 8, 8), 10, {"optimizer": "Rprop", "weight_decay": 0.1})


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_begin_whole_and_end_where_they_are_told(name: str) -> None:
    end = 1.0 if name == "constant" else 0.25
    shares = [SCHEDULES[name](torch.tensor(p), end=end).item() for p in (0.0, 0.5, 1.0)]
    assert shares[0] == 1
    assert shares[2] == pytest.approx(end)
    assert shares[1] == pytest.approx((1 + end) / 2)


def test_schedules_by_hand() -> None:
    p = torch.tensor(0.25)
    assert linear(p).item() == pytest.approx(0.75)
    assert cosine(p).item() == pytest.approx((1 + math.cos(math.pi / 4)) / 2)


class Own(GAN):
    """Says something of its own for one update."""

    @update("generator", lr="g_lr", optimizer="SGD/momentum=0.5", weight_decay=0.5)
    def generator_loss(self, batch):  # type: ignore[no-untyped-def]
        return super().generator_loss(batch)


def test_an_update_says_otherwise_than_its_variant() -> None:
    given = {"optimizer": "RMSprop", "clip_gradient": 2.0, "lr_schedule": "linear", "lr_end": 0.5}
    model = Own((1, 8, 8), 10, GAN.resolve(given))
    discriminator, generator = (model.completed(one) for one in model.updates())
    assert (discriminator.optimizer, discriminator.weight_decay) == ("RMSprop", 0.0)
    assert (generator.optimizer, generator.weight_decay) == ("SGD/momentum=0.5", 0.5)
    assert discriminator.clip_gradient == generator.clip_gradient == 2.0
    for one in (discriminator, generator):
        assert one.schedule is not None
        assert one.schedule(torch.tensor(1.0)).item() == 0.5


def test_by_default_an_update_is_adam_at_one_rate() -> None:
    model = GAN((1, 8, 8), 10)
    for one in model.updates():
        completed = model.completed(one)
        assert (completed.optimizer, completed.schedule) == ("Adam", None)
        assert (completed.weight_decay, completed.clip_gradient) == (0.0, 0.0)
        assert isinstance(one, Update)
