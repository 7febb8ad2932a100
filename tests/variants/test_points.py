"""Every first-party variant plays on points, or is refused in one line."""

import pytest
import torch

from ganbench import data
from ganbench.core.errors import UserError
from ganbench.data.dataset import Dataset
from ganbench.plugins import registry
from ganbench.study.run_trial import start
from tests.study.planning import plan

FIRST_PARTY = [
    name for name, entry in registry.installed().items() if entry.target.startswith("ganbench.")
]
FORMS = [
    "vanilla:minibatch_discrimination=100",
    "vanilla:virtual_batch_norm=generator",
    "vanilla:categorical=8,continuous=2",
    "vanilla:weight_norm=learned",
    "vanilla:layer_noise=0.1,half_batches=true",
    "improvedgan:preset=authors",
    "infogan:preset=mlp",
]
ROUNDS = 30


@pytest.fixture(scope="module")
def ring() -> Dataset:
    return data.load("ring")


@pytest.mark.parametrize("spec", sorted(set(FIRST_PARTY) - {"dcgan"}) + FORMS)
def test_it_plays_on_points(spec: str, ring: Dataset) -> None:
    (trial,) = plan([spec], dataset="ring", seeds=1, rounds=ROUNDS, batch_size=32, device="cpu")
    trainer = start(trial, ring)
    trainer.rehearse()
    before = trainer.model.generator.state_dict()
    before = {name: tensor.clone() for name, tensor in before.items()}
    trainer.train(trial.config.rounds)
    model = trainer.evaluation_model()
    points = model.generate(model.latent.draw(50, torch.Generator().manual_seed(0)))
    assert points.shape == (50, 2)
    assert torch.isfinite(points).all()
    after = trainer.model.generator.state_dict()
    assert any(not torch.equal(after[name], tensor) for name, tensor in before.items())
    if hasattr(model, "encode"):
        assert len(model.encode(points)) == 50
    if hasattr(model, "classify"):
        assert model.classify(points).shape == (50, 8)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("dcgan", "convolutions need images"),
        ("vanilla:backbone=dcgan", "convolutions need images"),
        ("infogan:preset=authors", "convolutions need images"),
        ("vae:backbone=dcgan", "convolutions need images"),
        ("vae:likelihood=bernoulli", "points are no probabilities"),
    ],
)
def test_what_needs_images_is_refused(spec: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason) as caught:
        plan([spec], dataset="ring", device="cpu")
    assert "\n" not in str(caught.value)
    assert "cannot be built for ring" in str(caught.value)
