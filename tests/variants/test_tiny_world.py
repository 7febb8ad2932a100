"""Every first-party variant learns a tiny world in seconds; untrained and broken ones do not."""

from typing import Any

import pytest
import torch

from ganbench.data.dataset import to_unit_range
from ganbench.model import Latent, LatentValue, Noise
from ganbench.plugins import registry
from tests.variants import worlds

pytestmark = pytest.mark.slow  # a second or two each, nearly a minute in all

FIRST_PARTY = [
    name for name, entry in registry.installed().items() if entry.target.startswith("ganbench.")
]
OTHER_FORMS = [
    f"catgan:label_weight=0,{worlds.LESS_NOISE}",
    "vanilla:feature_matching=true",
    "vanilla:minibatch_discrimination=8",
    "vanilla:virtual_batch_norm=generator",
    "vanilla:historical_averaging=0.01",
    "vanilla:label_smoothing=0.1",
    "vanilla:adversarial=relativistic",
    "vanilla:adversarial=hinge",
    "vanilla:backbone=resnet",
    "vanilla:lr_schedule=linear,clip_gradient=1",
]
ASKED = {
    "acgan": {"obedience", "accuracy"},
    "cgan": {"obedience"},
    "sgan": {"accuracy"},
    "improvedgan": {"accuracy"},
    "catgan": {"accuracy"},
    OTHER_FORMS[0]: {"clusters"},
    "infogan": {"code_shown", "code_read", "information", "continuous_read"},
    "infogan_cr": {"continuous_read"},
    "vae": {"reconstruction", "continuous_read"},
    "beta_vae": {"reconstruction", "continuous_read"},
}
"""What is asked beside realism and coverage: a capability that goes missing is noticed."""


@pytest.mark.parametrize("name", FIRST_PARTY + OTHER_FORMS)
def test_it_learns_the_tiny_world(name: str) -> None:
    spec, rounds = worlds.FORMS.get(name, (name, worlds.ROUNDS))
    before = worlds.measure(worlds.train(spec, rounds=0))
    assert worlds.short(before) == set(before), f"untrained, it passes already: {before}"
    after = worlds.learn(spec, rounds)
    assert not worlds.short(after), after
    assert set(after) >= {"realism", "coverage"} | ASKED.get(name, set())


@pytest.mark.parametrize("variant", ["improvedgan", "catgan"])
def test_unlabelled_images_help_where_labelled_ones_are_bad(variant: str) -> None:
    """One very noisy labelled image per class: alone they do not tell the classes apart."""
    labelled = worlds.draw(4, seed=5, noise=2.0)
    spec = f"{variant}:{worlds.LESS_NOISE}"
    assert worlds.accuracy(worlds.train(spec, labelled=labelled)) > 0.95
    alone = worlds.train(f"{spec},supervised_only=true", labelled=labelled)
    assert worlds.accuracy(alone) < 0.9


CatGAN: Any = registry.load("catgan")


class Reversed(CatGAN):
    """CatGAN with the signs of both players' objectives the wrong way round."""

    def d_loss(self, real: Any, fake: Any) -> torch.Tensor:
        return -super().d_loss(real, fake)

    def g_loss(self, fake: Any, batch: Any) -> torch.Tensor:
        return -super().g_loss(fake, batch)


def test_a_catgan_with_its_signs_reversed_falls_short() -> None:
    right = worlds.make("catgan:label_weight=0")
    knobs = {name: getattr(right, name) for name in CatGAN.resolve({})}
    wrong = Reversed(worlds.SHAPE, worlds.CLASSES, knobs)
    assert worlds.short(worlds.measure(worlds.train(wrong))) >= {"realism", "coverage", "clusters"}


def test_codes_that_nothing_rewards_are_not_shown() -> None:
    """Q alone is trained: the control of InfoGAN's fig. 1."""
    measured = worlds.measure(worlds.train("infogan:information=q_only"))
    assert worlds.short(measured) >= {"code_shown", "code_read", "information"}
    assert "realism" not in worlds.short(measured)


def test_labels_that_the_discriminator_ignores_are_not_obeyed() -> None:
    measured = worlds.measure(worlds.train("acgan:class_weight=0"))
    assert worlds.short(measured) >= {"obedience", "accuracy"}


class Painter:
    """A model that paints one pattern, or all of them mixed, whatever it is asked."""

    latent = Latent(Noise(2))

    def __init__(self, mixture: tuple[float, ...]) -> None:
        self.image = (torch.tensor(mixture)[:, None, None, None] * worlds.patterns()).sum(0)

    def generate(self, latent: LatentValue) -> torch.Tensor:
        return self.image.expand(len(latent), -1, -1, -1)


def test_the_checks_by_hand() -> None:
    one = worlds.measure(Painter((0.6, 0, 0, 0)))
    assert one == {"realism": 1.0, "coverage": 0.0}  # a collapsed generator
    assert worlds.measure(Painter((0.4, 0.4, 0, 0)))["realism"] == 0  # a blend
    assert worlds.measure(Painter((-0.6, 0, 0, 0)))["realism"] == 0  # a negative
    assert worlds.measure(Painter((0.0, 0, 0, 0)))["realism"] == 0  # grey
    fresh = worlds.draw(1000, seed=7)
    shown = worlds.shown(to_unit_range(fresh.images))
    assert (shown == fresh.labels).float().mean() > 0.98
    found, true = torch.tensor([2, 3, 0, 1, 1]), torch.tensor([0, 1, 2, 3, 0])
    assert worlds.matched(found, true) == pytest.approx(0.8)
