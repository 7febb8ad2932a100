"""The techniques of the GAN base inside variants: each composes with each, or says why not."""

import math
import re

import pytest
import torch

from ganbench.data.dataset import Split
from ganbench.model import GAN
from ganbench.plugins import registry
from ganbench.train.trainer import Trainer
from tests.variants.hands import hand, make

FIRST_PARTY = [
    name for name, entry in registry.installed().items() if entry.target.startswith("ganbench.")
]
GANS = [name for name in FIRST_PARTY if issubclass(registry.load(name), GAN)]

TECHNIQUES = {
    "feature_matching": "feature_matching=true",
    "minibatch_discrimination": "minibatch_discrimination=4",
    "historical_averaging": "historical_averaging=0.1",
    "label_smoothing": "label_smoothing=0.1",
    "vbn_generator": "virtual_batch_norm=generator,vbn_references=8",
    "vbn_both": "virtual_batch_norm=both,vbn_references=8,backbone=dcgan",
    "ns": "adversarial=ns",
    "minimax": "adversarial=minimax",
    "hinge": "adversarial=hinge",
    "lsgan": "adversarial=lsgan",
    "wasserstein": "adversarial=wasserstein",
    "relativistic": "adversarial=relativistic",
    "r1": "r1=1",
    "r2": "r2=1",
    "gradient_penalty": "gradient_penalty=10,d_norm=none",
    "spectral_norm": "spectral_norm=true",
    "weight_norm": "weight_norm=learned",
    "weight_norm_fixed": "weight_norm=fixed",
    "instance_noise": "instance_noise=0.5/0.1",
    "layer_noise": "layer_noise=0.3",
    "half_batches": "half_batches=true",
    "ema": "ema=0.9",
    "d_steps": "d_steps=2",
    "fresh_fakes": "fresh_fakes=true",
    "optimizer": "optimizer=RMSprop/alpha=0.9",
    "lr_schedule": "lr_schedule=cosine,lr_end=0.1",
    "weight_decay": "weight_decay=0.01,optimizer=AdamW",
    "clip_gradient": "clip_gradient=0.1",
    "weight_clipping": "weight_clipping=0.1",
    "g_norm": "g_norm=none",
    "resnet": "backbone=resnet,d_norm=none",
}

DEPENDENT = "an image's class would depend on its batch-mates"
PER_IMAGE = "the penalty is one per image"
NO_BATCH_NORM = "virtual_batch_norm=both needs batch norm in the discriminator"
TWO_SCALES = "both set the scale of the discriminator's weights"
ENTROPIES = "entropies are its losses"
REFUSED = {
    ("sgan", "minibatch_discrimination"): DEPENDENT,
    ("improvedgan", "minibatch_discrimination"): DEPENDENT,
    ("catgan", "minibatch_discrimination"): DEPENDENT,
    ("wgan_gp", "minibatch_discrimination"): PER_IMAGE,
    ("r3gan", "minibatch_discrimination"): PER_IMAGE,
    ("catgan", "label_smoothing"): "no targets to smooth",
    ("wgan", "label_smoothing"): "adversarial=wasserstein has none",
    ("wgan_gp", "label_smoothing"): "adversarial=wasserstein has none",
    ("sngan", "label_smoothing"): "adversarial=hinge has none",
    ("r3gan", "label_smoothing"): "adversarial=relativistic has none",
    ("wgan_gp", "vbn_both"): NO_BATCH_NORM,
    ("sngan", "vbn_both"): NO_BATCH_NORM,
    ("r3gan", "vbn_both"): NO_BATCH_NORM,
    ("dcgan", "r1"): PER_IMAGE,
    ("dcgan", "r2"): PER_IMAGE,
    ("cgan", "gradient_penalty"): "has no label to be shown with",
    ("sngan", "weight_norm"): TWO_SCALES,
    ("sngan", "weight_norm_fixed"): TWO_SCALES,
    **{
        ("catgan", name): ENTROPIES
        for name in ("minimax", "hinge", "lsgan", "wasserstein", "relativistic")
    },
}


def test_the_table_of_refusals_names_what_there_is() -> None:
    assert all(variant in GANS and technique in TECHNIQUES for variant, technique in REFUSED)


@pytest.mark.parametrize("technique", TECHNIQUES)
@pytest.mark.parametrize("variant", GANS)
def test_techniques_compose_with_variants(variant: str, technique: str) -> None:
    """A round of training with finite losses that reach every parameter, or a reason."""
    spec = f"{variant}:width=4,{TECHNIQUES[technique]}"
    side = 16 if "dcgan" in spec else 8  # the first size with batch norm in the discriminator
    reason = REFUSED.get((variant, technique))
    if reason:
        with pytest.raises(ValueError, match=re.escape(reason)):
            make(spec, (1, side, side))
        return
    play(make(spec, (1, side, side)))


PAIRS = [
    ("minibatch_discrimination", "feature_matching"),
    ("minibatch_discrimination", "vbn_both"),
    ("minibatch_discrimination", "spectral_norm"),
    ("minibatch_discrimination", "weight_norm"),
    ("minibatch_discrimination", "half_batches"),
    ("weight_norm", "layer_noise"),
    ("weight_norm", "r1"),
    ("weight_norm", "historical_averaging"),
    ("vbn_both", "spectral_norm"),
    ("vbn_both", "layer_noise"),
    ("r1", "r2"),
    ("gradient_penalty", "half_batches"),
    ("relativistic", "half_batches"),
    ("fresh_fakes", "d_steps"),
]


@pytest.mark.parametrize("pair", PAIRS, ids="+".join)
def test_techniques_compose_with_each_other(pair: tuple[str, str]) -> None:
    given = ",".join(TECHNIQUES[technique] for technique in pair)
    play(make(f"vanilla:width=4,{given}", (1, 16, 16)))


def play(game: GAN) -> None:
    """A rehearsal, a round and an evaluation model: finite, and all that can move moves."""
    trainer = Trainer(game, images(16, game.shape[1]), seed=0, batch_size=8, rounds=4)
    before = {name: p.detach().clone() for name, p in game.named_parameters()}
    trainer.rehearse()  # raises where a loss is not finite or reaches too little
    trainer.train_round()
    for name, mean in trainer.losses.read().items():
        assert math.isfinite(mean), name
    for name, parameter in game.named_parameters():
        assert torch.isfinite(parameter).all(), name
        # Nothing is frozen but what weight_norm=fixed is for.
        assert parameter.requires_grad or name.endswith("weight.original0"), name
    trained = {name: p for name, p in game.named_parameters() if p.requires_grad}
    moved = [not torch.equal(p, before[name]) for name, p in trained.items()]
    assert sum(moved) >= 0.8 * len(moved)
    model = trainer.evaluation_model()
    made = model.generate(model.latent.draw(3, torch.Generator().manual_seed(0)))
    assert made.shape == (3, *game.shape)
    assert torch.isfinite(made).all()


def images(n: int, side: int) -> Split:
    rng = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (n, 1, side, side), generator=rng, dtype=torch.uint8)
    return Split(pixels, torch.arange(n) % 4)


@pytest.mark.parametrize("variant", ["vanilla", "infogan", "acgan", "dcgan"])
def test_virtually_normalised_images_ignore_their_batch_mates(variant: str) -> None:
    """Also while training; with batch norm they do not."""

    def distance(technique: str) -> float:
        model = make(f"{variant}:width=8,{technique}").train()
        model.prepare(hand(model, torch.rand(8, 1, 8, 8)))
        rng = torch.Generator().manual_seed(0)
        latent = model.latent.draw(12, rng)
        together, alone = model.generate(latent)[:4], model.generate(latent[:4])
        return (together - alone).abs().max().item()

    assert distance("virtual_batch_norm=generator,vbn_references=16") < 1e-5
    assert distance("virtual_batch_norm=none") > 1e-3


def test_a_virtually_normalised_discriminator_ignores_batch_mates() -> None:
    spec = "vanilla:backbone=dcgan,width=4,vbn_references=8,virtual_batch_norm="
    shown = torch.rand(12, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    for choice, alike in (("both", True), ("none", False)):
        model = make(spec + choice, (1, 16, 16)).train()
        model.prepare(hand(model, shown))
        together, alone = model.discriminator(shown).score[:4], model.discriminator(shown[:4]).score
        assert torch.allclose(together, alone, atol=1e-5) == alike


def test_the_reference_batches_are_latents_and_real_images() -> None:
    spec = "vanilla:backbone=dcgan,width=4,vbn_references=6,virtual_batch_norm=both"
    with pytest.raises(ValueError, match="from 16 pixels a side"):
        make(spec)  # a stack of one convolution has no norm
    model = make(spec, (1, 16, 16))
    real = torch.rand(6, 1, 16, 16)
    assert not model.generator.reference.any()
    model.prepare(hand(model, real))
    assert torch.equal(model.discriminator.trunk.reference, real)
    assert len(model.generator.reference.unique(dim=0)) == 6
    assert "generator.reference" in model.state_dict()


@pytest.mark.parametrize(
    "variant", [v for v in GANS if (v, "minibatch_discrimination") not in REFUSED]
)
def test_with_minibatch_discrimination_an_image_has_no_score_of_its_own(variant: str) -> None:
    model = make(f"{variant}:width=8,minibatch_discrimination=4").eval()
    shown = torch.rand(6, 1, 8, 8)
    with pytest.raises(NotImplementedError, match="in its batch"):
        model.score(shown)


@pytest.mark.parametrize("variant", ["infogan", "acgan"])
def test_heads_do_not_see_batch_mates_through_minibatch_discrimination(variant: str) -> None:
    model = make(f"{variant}:width=8,minibatch_discrimination=4").eval()
    shown = torch.rand(6, 1, 8, 8)
    read = model.encode if variant == "infogan" else model.classify
    assert torch.allclose(read(shown)[:2], read(shown[:2]), atol=1e-5)
    together, alone = model.discriminator(shown), model.discriminator(shown[:2])
    assert torch.allclose(together.features[:2], alone.features, atol=1e-5)
    assert not torch.allclose(together.score[:2], alone.score, atol=1e-3)


def test_minibatch_discrimination_tells_a_collapsed_batch() -> None:
    """Sec. 3.2: what is compared is how close images are; equal ones are as close as can be."""
    model = make("vanilla:width=8,minibatch_discrimination=4")
    features = model.discriminator(torch.rand(1, 1, 8, 8)).features.expand(6, -1)
    assert torch.allclose(model.discriminator.minibatch(features), torch.full((6, 4), 6.0))


@pytest.mark.parametrize("players", ["both", "discriminator", "generator"])
def test_historical_averaging_pulls_the_players_asked_for(players: str) -> None:
    model = make(f"infogan:historical_averaging=0.2,historical_players={players}")
    pulled = {u.name for u in model.updates() if u.historical_averaging == 0.2}
    assert pulled == ({"discriminator", "generator"} if players == "both" else {players})


def test_d_steps_deals_fresh_images_and_latents_each_time() -> None:
    model = make("vanilla:width=4,d_steps=3")
    trainer = Trainer(model, images(24, 8), seed=0, batch_size=8, rounds=4)
    shown: list[torch.Tensor] = []
    plain = model.adversarial_terms
    model.adversarial_terms = lambda batch: (
        shown.append((batch.real, batch.latent.vector)) or plain(batch)
    )
    trainer.train_round()
    assert len(shown) == 3
    real = torch.cat([images for images, _ in shown]).flatten(1)
    assert len(real.unique(dim=0)) == 24
    assert len(torch.cat([vector for _, vector in shown]).unique(dim=0)) == 24


def test_instance_noise_fades() -> None:
    model = make("vanilla:instance_noise=0.5/0.1,width=4")
    seen: list[torch.Tensor] = []
    plain = model.discriminator.forward
    model.discriminator.forward = lambda x, *rest: seen.append(x) or plain(x, *rest)
    for progress in (0.0, 0.5, 1.0):
        model.discriminator_loss(hand(model, torch.zeros(500, 1, 8, 8), progress=progress))
    found = [both[:500].std().item() for both in seen]
    assert found == pytest.approx([0.5, 0.3, 0.1], rel=0.02)
