"""The checks on correct variants of other kinds than the suite's own."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ganbench.model import GAN, Batch, Loss
from ganbench.plugins.checks import examine
from ganbench.train.trainer import build
from tests.plugins.checks.honest import HONEST, VAEGAN, BiGAN, Cycled, Inferring

DIRECTIONS = (
    "discriminator_direction",
    "generator_direction",
    "reconstruction_direction",
    "label_direction",
    "every_update_has_a_direction",
)


@pytest.mark.slow
@pytest.mark.parametrize("variant", HONEST, ids=lambda one: one.__name__)
def test_an_honest_variant_is_accused_of_nothing(variant: Any) -> None:
    assert [(r.name, r.reason) for r in examine(variant) if r.status == "failed"] == []


@pytest.mark.parametrize("variant", [BiGAN, Inferring, Cycled], ids=lambda one: one.__name__)
def test_no_direction_is_asked_of_what_has_another(variant: Any) -> None:
    results = examine(variant, checks=DIRECTIONS)
    assert [(r.name, r.reason) for r in results if r.status == "failed"] == []
    assert {r.name: r.status for r in results}["generator_direction"] == "passed"


def negated(variant: Any, loss: str) -> Any:
    def lost(self: Any, batch: Batch) -> Loss:
        found = getattr(variant, loss)(self, batch)
        return -found[0] if isinstance(found, tuple) else -found

    marks = vars(getattr(variant, loss)).copy()
    lost.__dict__.update(marks)
    return type("Negated", (variant,), {loss: lost, "__module__": __name__})


@pytest.mark.parametrize(
    ("variant", "loss", "check"),
    [
        (BiGAN, "generator_loss", "generator_direction"),
        (BiGAN, "discriminator_loss", "discriminator_direction"),
        (Inferring, "generator_loss", "generator_direction"),
        (VAEGAN, "generator_loss", "generator_direction"),
        (Cycled, "reconstruction_error", "reconstruction_direction"),
        (Cycled, "generator_loss", "generator_direction"),
    ],
)
def test_their_wrong_signs_are_found(variant: Any, loss: str, check: str) -> None:
    (result,) = examine(negated(variant, loss), checks=[check])
    assert result.status == "failed", result
    assert f'if it is meant, say so: expected_failures = {{"{check}": "why"}}' in result.reason


def test_a_recipe_of_a_base_never_sets_what_a_variant_leaves_unused() -> None:
    assert GAN.resolve({}, "digits")["noise"] == 32
    found = Inferring.resolve({}, "digits")
    assert (found["noise"], found["instance_noise"]) == (62, (0.0, 0.0))
    assert found["d_lr"] == GAN.resolve({}, "digits")["d_lr"], "the rest of the recipe stays"
    build(Inferring, (1, 8, 8), 10, found, 0)
    with pytest.raises(ValueError, match="noise cannot be set: its latent is as long as its codes"):
        build(Inferring, (1, 8, 8), 10, Inferring.resolve({"noise": "7"}, "digits"), 0)


def test_a_preset_of_a_base_never_does_either() -> None:
    class Base(GAN):
        presets = {"authors": {"noise": 100, "d_lr": 1e-3}}

    class Child(Base):
        unsupported = {"noise": "none is drawn"}

    found = Child.resolve({"preset": "authors"})
    assert (found["noise"], found["d_lr"]) == (62, 1e-3)


def test_unused_names_hyperparameters() -> None:
    class Mistyped(GAN):
        unsupported = {"instance_nose": "there is none"}

    with pytest.raises(ValueError, match="'instance_nose', which is no hyperparameter"):
        Mistyped((1, 8, 8), 10)


def test_the_exam_builds_with_the_recipes_of_data_sets() -> None:
    """On made-up images without a recipe all was well; `run` on digits could not build it."""

    class Narrow(GAN):
        def build(self) -> None:
            if self.noise < 40:
                raise ValueError("at least 40 numbers of noise")
            super().build()

    class Own(GAN):
        depth: int = 1
        recipes = {"celeba": {"depth": 2}}

        def build(self) -> None:
            super().build()
            self.deep = [torch.nn.ReLU][self.depth - 1]

    found = {v: examine(v, checks=["builds_for_every_recipe"])[0] for v in (Narrow, Own, Inferring)}
    assert found[Narrow].status == "failed"
    assert found[Narrow].reason.startswith("data set digits: ValueError: at least 40 numbers")
    assert found[Own].status == "failed"
    assert found[Own].reason.startswith("data set celeba: IndexError")
    assert found[Inferring].status == "passed"
    (narrow,) = examine(Narrow, {"noise": 50}, checks=["builds_for_every_recipe"])
    assert narrow.status == "passed", "what the user sets goes before a recipe"
