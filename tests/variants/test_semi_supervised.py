"""SGAN, Improved GAN and CatGAN by hand: their discriminators are classifiers, too."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ganbench.data.dataset import Split
from ganbench.data.label_budget import choose_labelled
from ganbench.model.layers import GaussianNoise
from ganbench.train.trainer import Trainer
from tests.floats import single
from tests.variants.hands import hand, judged, logs, make, numbered, tell, value

LN2, LN3 = math.log(2), math.log(3)
SEMI = ["sgan", "improvedgan", "catgan"]


def h(*chances: float) -> float:
    """Entropy in nats."""
    return -sum(p * math.log(p) for p in chances if p)


# SGAN: outputs 0 to 2 are the classes, the last is "generated".
K_PLUS_1 = logs(
    (1, 2, 3, 4),  # 0, unlabelled: P(generated) = 4/10
    (5, 1, 2, 2),  # 1, labelled 0: 5/10
    (1, 1, 1, 1),  # 2, labelled 2: 1/4
    (1, 1, 1, 5),  # 3, generated: 5/8
    (2, 1, 1, 4),  # 4, generated: 4/8
)


def test_sgan_by_hand() -> None:
    """Each image's negative log-likelihood among the K + 1 outputs (algorithm 1)."""
    model = make("sgan:label_weight=3", classes=3)
    tell(model, K_PLUS_1)
    batch = hand(model, numbered(0, 0), numbered(3, 4), labelled=(numbered(1, 2), [0, 2]))
    unlabelled = -math.log(1 - 4 / 10)
    generated = -(math.log(5 / 8) + math.log(4 / 8)) / 2
    classes = -(math.log(5 / 10) + math.log(1 / 4)) / 2
    loss, logged = model.discriminator_loss(batch)
    assert logged["class_loss"].item() == single(classes)
    assert loss.item() == single(unlabelled + generated + 3 * classes)
    non_saturating = -(math.log(1 - 5 / 8) + math.log(1 - 4 / 8)) / 2
    assert value(model.generator_loss(batch)) == single(non_saturating)
    model.adversarial = "minimax"  # E log(1 - P(real)): the discriminator's own term, negated
    assert value(model.generator_loss(batch)) == single(-generated)


def test_sgan_scores_the_odds_of_being_real() -> None:
    model = make("sgan", classes=3)
    tell(model, K_PLUS_1)
    found = model.score(numbered(0, 3))
    assert found.tolist() == single([math.log(6 / 4), math.log(3 / 5)])
    # Its classes are those of a real image: the last output is no class.
    assert model.classify(numbered(0)).softmax(1)[0].tolist() == single([1 / 6, 2 / 6, 3 / 6])
    assert make("sgan", classes=7).discriminator.output.out_features == 8


# Improved GAN: D(x) = Z / (Z + 1), Z = sum of exp of the K logits.
K_LOGITS = logs(
    (1, 2, 3),  # 0, unlabelled: Z = 6, D = 6/7
    (1, 1, 6),  # 1, labelled 2: 6/8 among the classes
    (0.5, 0.25, 0.25),  # 2, generated: Z = 1, D = 1/2
    (1, 1, 1),  # 3, generated: Z = 3, D = 3/4
)


def test_improvedgan_by_hand() -> None:
    model = make("improvedgan:feature_matching=false,label_weight=2", classes=3)
    tell(model, K_LOGITS)
    batch = hand(model, numbered(0, 0), numbered(2, 3), labelled=(numbered(1), [2]))
    loss, logged = model.discriminator_loss(batch)
    contest = -math.log(6 / 7) - (math.log(1 - 1 / 2) + math.log(1 - 3 / 4)) / 2
    classes = -math.log(6 / 8)  # over the K classes: log p(y | x, y < K + 1), sec. 5
    assert logged["class_loss"].item() == single(classes)
    assert loss.item() == single(contest + 2 * classes)
    expected = -(math.log(1 / 2) + math.log(3 / 4)) / 2
    assert value(model.generator_loss(batch)) == single(expected)
    assert model.score(numbered(0)).sigmoid().item() == single(6 / 7)


def test_k_logits_are_k_plus_one_with_the_last_at_zero() -> None:
    """Sec. 5: subtracting a function from all logits leaves the softmax as it is."""
    rng = torch.Generator().manual_seed(0)
    outputs = 3 * torch.randn(9, 3, generator=rng)
    improved, sgan = make("improvedgan:feature_matching=false", classes=3), make("sgan", classes=3)
    tell(improved, outputs)
    tell(sgan, torch.cat([outputs, torch.zeros(9, 1)], 1))
    labelled = numbered(0, 1, 2), [0, 2, 1]
    batches = [
        hand(model, numbered(3, 4, 5), numbered(6, 7, 8), labelled=labelled)
        for model in (improved, sgan)
    ]
    (_, _, first), (_, _, second) = (
        improved.adversarial_terms(batches[0]),
        sgan.adversarial_terms(batches[1]),
    )
    assert first.item() == single(second.item())
    first, second = improved.generator_loss(batches[0]), sgan.generator_loss(batches[1])
    assert first.item() == single(second.item())
    # log p(y) = log p(y | y < K + 1) + log p(y < K + 1), which SGAN's labelled images add.
    z = outputs[:3].exp().sum(1)
    real = -(z / (z + 1)).log().mean().item()
    improved_loss, sgan_loss = improved.class_loss(batches[0]), sgan.class_loss(batches[1])
    assert (sgan_loss - improved_loss).item() == single(real)


def test_improvedgan_generator_matches_mean_features() -> None:
    model = make("improvedgan", classes=3)
    features = torch.tensor([[1.0, 0, 0], [3.0, 2, 0], [0.0, 0, 0], [0.0, 1, 4]])
    tell(model, K_LOGITS, features)
    batch = hand(model, numbered(0, 1), numbered(2, 3))
    # Means (2, 1, 0) and (0, 0.5, 2).
    assert value(model.generator_loss(batch)) == single(4 + 0.25 + 4)


def test_improvedgan_as_its_authors_have_it() -> None:
    """Their MNIST discriminator: 1000-500-250-250-250-10, weight norm, noise 0.3 and 0.5."""
    model = make("improvedgan:preset=authors", (1, 28, 28), 10)
    linear = [m for m in model.discriminator.modules() if isinstance(m, nn.Linear)]
    assert [m.out_features for m in linear] == [1000, 500, 250, 250, 250, 10]
    for layer in linear:
        length, direction = layer.parametrizations.weight.original0, layer.weight
        assert torch.allclose(direction.norm(dim=1, keepdim=True), length, rtol=1e-5)
        assert length.requires_grad == (layer is linear[-1])  # theirs trains the last one's alone
    noises = [m.strength for m in model.discriminator.modules() if isinstance(m, GaussianNoise)]
    assert noises == [0.5] * 5
    assert model.instance_noise == (0.6, 0.6)  # 0.3 where pixels are in [0, 1]
    assert model.generator[0].in_features == 100
    assert (model.latent.noise_kind, model.ema) == ("uniform", 0.9999)
    assert [u.lr for u in model.updates()] == [3e-3, 3e-3]
    # Their loss is CE + (unlabelled part) / 2.
    assert model.label_weight == 2


def test_weight_norm_is_initialised_from_the_first_real_batch() -> None:
    model = make("improvedgan:preset=authors,hidden=30/20,width=16,layer_noise=0.01")
    images = torch.rand(64, 1, 8, 8, generator=torch.Generator().manual_seed(1)) * 2 - 1
    model.prepare(hand(model, images))
    hidden = images
    linear = 0
    for layer in [*model.discriminator.trunk, model.discriminator.output]:
        hidden = layer(hidden)
        if isinstance(layer, nn.Linear):
            linear += 1
            assert hidden.mean(0).abs().max() < 1e-4
            assert (hidden.std(0) - 1).abs().max() < 1e-3
    assert linear == 3


@pytest.mark.parametrize("variant", SEMI)
def test_the_averaged_discriminator_classifies(variant: str) -> None:
    split = made_up(64)
    game = make(f"{variant}:width=8,ema=0.9,d_lr=0.01")
    trainer = Trainer(game, split, seed=0, batch_size=8, rounds=20)
    trainer.train(20)
    model = trainer.evaluation_model()
    slow = dict(trainer.averages["discriminator"].slow["discriminator"].named_parameters())
    for name, parameter in model.discriminator.named_parameters():
        assert torch.equal(parameter, slow[name])
        assert not torch.equal(parameter, dict(game.discriminator.named_parameters())[name])


# CatGAN: entropies of K classes.
K_CLASSES = logs((1, 1, 1), (1e9, 1e-9, 1e-9), (1e-9, 1e9, 1e-9), (1e-9, 1e-9, 1e9), (2, 1, 1))
UNIFORM, ONE, TWO, THREE, MIXED = range(5)


@pytest.mark.parametrize(
    ("real", "fake", "d_loss", "g_loss"),
    [
        # Sure of balanced real images and of nothing generated: D's minimum, -2 ln K.
        ((ONE, TWO, THREE), (UNIFORM,) * 3, -2 * LN3, 0),
        # Knows nothing at all: H[p(y)] = E H[p(y|x)] = ln K.
        ((UNIFORM,) * 3, (UNIFORM,) * 3, -LN3, 0),
        # One class for all: H[p(y)] = 0. Generated images are sure and balanced: G's minimum.
        ((ONE,) * 3, (ONE, TWO, THREE), 0, -LN3),
        # G collapsed onto one class.
        ((ONE, TWO, THREE), (TWO,) * 3, -LN3, 0),
        # H[p(y)] of (5/6, 1/12, 1/12)... by hand: the means of (1/2, 1/4, 1/4) and (1, 0, 0).
        (
            (MIXED, ONE),
            (MIXED, THREE),
            -(h(3 / 4, 1 / 8, 1 / 8) - h(1 / 2, 1 / 4, 1 / 4) / 2 + h(1 / 2, 1 / 4, 1 / 4) / 2),
            -h(1 / 4, 1 / 8, 5 / 8) + h(1 / 2, 1 / 4, 1 / 4) / 2,
        ),
    ],
)
def test_catgan_by_hand(real: tuple, fake: tuple, d_loss: float, g_loss: float) -> None:
    model = make("catgan:label_weight=0", classes=3)
    tell(model, K_CLASSES)
    batch = hand(model, numbered(*real), numbered(*fake))  # reading a label would fail
    assert value(model.discriminator_loss(batch)) == single(d_loss)
    assert value(model.generator_loss(batch)) == single(g_loss)


def test_a_sure_balanced_classifier_is_the_minimum_of_catgans_loss() -> None:
    """A public script has the signs reversed: there it is the maximum."""
    model = make("catgan:label_weight=0", classes=3)
    rng = torch.Generator().manual_seed(0)
    for scale in (0.1, 1.0, 10.0, 100.0):
        for _ in range(50):
            tell(model, scale * torch.randn(12, 3, generator=rng))
            batch = hand(model, numbered(*range(6)), numbered(*range(6, 12)))
            assert value(model.discriminator_loss(batch)) > -2 * LN3 + 1e-3
            assert value(model.generator_loss(batch)) > -LN3 - 1e-5


def test_catgan_adds_the_labelled_images_cross_entropy() -> None:
    """Eq. 9: raising it would make labels repel."""
    model = make("catgan:label_weight=5", classes=3)
    tell(model, K_CLASSES)
    batch = hand(model, numbered(1, 2, 3), numbered(0, 0, 0), labelled=(numbered(MIXED), [0]))
    assert value(model.discriminator_loss(batch)) == single(-2 * LN3 + 5 * LN2)
    right = hand(model, numbered(1, 2, 3), numbered(0, 0, 0), labelled=(numbered(ONE), [0]))
    wrong = hand(model, numbered(1, 2, 3), numbered(0, 0, 0), labelled=(numbered(ONE), [1]))
    assert value(model.discriminator_loss(right)) == single(-2 * LN3)
    assert value(model.discriminator_loss(wrong)) > 50


def test_catgan_scores_by_its_certainty() -> None:
    model = make("catgan", classes=3)
    tell(model, K_CLASSES)
    expected = [-LN3, 0, -h(1 / 2, 1 / 4, 1 / 4)]
    assert model.score(numbered(UNIFORM, ONE, MIXED)).tolist() == single(expected)


def test_catgan_clusters_without_labels_and_classifies_with_them() -> None:
    unsupervised, supervised = make("catgan:label_weight=0"), make("catgan")
    images = torch.rand(5, 1, 8, 8)
    outputs = unsupervised.discriminator(images).outputs
    assert torch.equal(unsupervised.cluster(images), outputs.argmax(1))
    with pytest.raises(NotImplementedError):
        unsupervised.classify(images)
    assert supervised.classify(images).shape == (5, 4)
    with pytest.raises(NotImplementedError):
        supervised.cluster(images)


@pytest.mark.parametrize("variant", SEMI)
def test_without_a_label_weight_no_label_is_read(variant: str) -> None:
    model = make(f"{variant}:label_weight=0")
    batch = hand(model, torch.rand(4, 1, 8, 8))
    assert math.isfinite(value(model.discriminator_loss(batch)))
    assert math.isfinite(value(model.generator_loss(batch)))
    with pytest.raises(NotImplementedError):
        model.classify(batch.real)
    with pytest.raises(AssertionError, match="label was read"):
        make(variant).discriminator_loss(batch)


@pytest.mark.parametrize("variant", SEMI)
def test_supervised_only_is_the_cross_entropy_alone(variant: str) -> None:
    model = make(f"{variant}:supervised_only=true,label_weight=7")
    batch = hand(model, torch.rand(4, 1, 8, 8), labelled=(torch.rand(4, 1, 8, 8), [0, 1, 2, 3]))
    outputs = model.discriminator(batch.labelled[0]).outputs
    expected = F.cross_entropy(outputs, batch.labelled[1]).item()
    assert value(model.discriminator_loss(batch)) == single(expected)
    assert [u.name for u in model.updates()] == ["discriminator"]
    with pytest.raises(NotImplementedError):
        model.generate(batch.latent)


def made_up(n: int) -> Split:
    rng = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (n, 1, 8, 8), generator=rng, dtype=torch.uint8)
    return Split(images, torch.arange(n) % 4)


@pytest.mark.parametrize("labels", [1, 10, 60_000])
@pytest.mark.parametrize("variant", SEMI)
def test_the_loss_is_finite_at_any_number_of_labels(variant: str, labels: int) -> None:
    split = made_up(60_000)
    labelled = choose_labelled(split, labels, 4, seed=0)
    assert len(labelled) == labels
    model = make(f"{variant}:width=8")
    trainer = Trainer(model, split, seed=0, batch_size=32, rounds=3, labelled=labelled)
    trainer.rehearse()
    for _ in range(3):
        trainer.train_round()
    for name, mean in trainer.losses.read().items():
        assert math.isfinite(mean), name
    assert torch.isfinite(trainer.evaluation_model().classify(torch.zeros(2, 1, 8, 8))).all()


@pytest.mark.parametrize("spec", SEMI)
def test_where_every_image_is_labelled_the_contests_view_is_the_class_losss(spec: str) -> None:
    model = make(f"{spec}:instance_noise=0/0")
    batch = hand(model, torch.rand(4, 1, 8, 8), torch.rand(4, 1, 8, 8), labels=[0, 1, 2, 3])
    shown = judged(model, lambda images: images.mean((1, 2, 3)))
    outputs = torch.randn(8, model.outputs())
    plain = model.discriminator.forward
    model.discriminator.forward = lambda x, *rest: plain(x)._replace(outputs=outputs[: len(x)])
    _, logged = model.discriminator_loss(batch)
    assert len(torch.cat(shown)) == 8  # each image once
    expected = F.cross_entropy(outputs[:4], batch.labelled[1])
    assert logged["class_loss"].item() == single(expected.item())


def test_with_half_batches_every_labelled_image_counts() -> None:
    model = make("sgan:instance_noise=0/0,half_batches=true")
    batch = hand(model, torch.rand(4, 1, 8, 8), torch.rand(4, 1, 8, 8), labels=[0, 1, 2, 3])
    expected = F.cross_entropy(model.discriminator(batch.real).outputs, batch.labelled[1])
    _, logged = model.discriminator_loss(batch)
    assert logged["class_loss"].item() == single(expected.item())
