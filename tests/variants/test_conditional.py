"""ACGAN and CGAN by hand: class labels reach both players."""

import math

import pytest
import torch

from tests.floats import single
from tests.variants.hands import Fixed, hand, logs, make, numbered, tell, value

LN3 = math.log(3)


@pytest.mark.parametrize("variant", ["acgan", "cgan"])
def test_the_label_reaches_the_generator_as_a_one_hot_block(variant: str) -> None:
    model = make(variant).eval()
    noise = torch.randn(1, model.noise).expand(4, -1)
    latent = model.latent.assemble(noise, torch.arange(4.0)[:, None])
    assert torch.equal(latent.vector[:, model.noise :], torch.eye(4))
    images = model.generate(latent)
    distances = torch.cdist(images.flatten(1), images.flatten(1))
    assert (distances + torch.eye(4) > 1e-3).all()
    assert model.latent.label_code == 0


def test_the_label_reaches_cgans_discriminator_as_planes() -> None:
    model = make("cgan")
    images = torch.randn(1, 1, 8, 8).expand(4, -1, -1, -1)
    scores = model.discriminator(images, torch.arange(4)).score
    assert len(set(scores.tolist())) == 4
    model.discriminator.trunk = seen = Recorder()
    model.discriminator(images[:2], torch.tensor([2, 0]))
    planes = seen.images[:, 1:]
    assert torch.equal(seen.images[:, :1], images[:2])
    expected = torch.zeros(2, 4, 8, 8)
    expected[0, 2] = expected[1, 0] = 1
    assert torch.equal(planes, expected)


class Recorder(torch.nn.Module):
    """A trunk that keeps what it sees."""

    images: torch.Tensor

    def forward(self, images: torch.Tensor, rng: object = None) -> torch.Tensor:
        self.images = images
        return torch.zeros(len(images), 256)


def test_cgan_by_hand() -> None:
    """V(D, G) of eq. 2: real images with their own labels, generated ones with those asked for."""
    model = make("cgan")
    seen = tell(model, torch.tensor([[0.0], [LN3], [-LN3], [LN3]]))
    codes = torch.tensor([[3.0], [1.0]])
    batch = hand(model, numbered(0, 1), numbered(2, 3), labels=[2, 0], codes=codes)
    real = (math.log(1 / 2) + math.log(3 / 4)) / 2
    fake = (math.log(1 - 1 / 4) + math.log(1 - 3 / 4)) / 2
    assert value(model.discriminator_loss(batch)) == single(-real - fake)
    assert seen == [(0, 2), (1, 0), (2, 3), (3, 1)]
    seen.clear()
    expected = -(math.log(1 / 4) + math.log(3 / 4)) / 2
    assert value(model.generator_loss(batch)) == single(expected)
    assert seen == [(2, 3), (3, 1)]


def test_cgan_under_a_label_budget_is_shown_labelled_images_alone() -> None:
    model = make("cgan")
    seen = tell(model, torch.zeros(6, 1))
    codes = torch.zeros(2, 1)
    batch = hand(
        model, numbered(0, 1), numbered(2, 3), codes=codes, labelled=(numbered(4, 5), [1, 3])
    )
    model.discriminator_loss(batch)
    assert seen[:2] == [(4, 1), (5, 3)]


def test_cgans_score_is_the_mean_over_labels_of_the_odds() -> None:
    """No label is given with an image: log (1/K) sum_y exp D(x|y)."""
    model = make("cgan", classes=3)
    table = {(0, 0): 1.0, (0, 1): 2.0, (0, 2): 9.0, (1, 0): 4.0, (1, 1): 4.0, (1, 2): 4.0}

    def forward(images: torch.Tensor, labels: torch.Tensor, rng: object = None) -> object:
        pairs = zip(images[:, 0, 0, 0].int().tolist(), labels.tolist(), strict=True)
        return type("View", (), {"score": torch.tensor([math.log(table[p]) for p in pairs])})

    model.discriminator.forward = forward
    assert model.score(numbered(0, 1)).tolist() == single([math.log(12 / 3), math.log(4)])


def test_a_conditional_score_in_a_batch_is_refused_as_any_other() -> None:
    """With minibatch discrimination a score is a property of the batch."""
    model = make("cgan:minibatch_discrimination=4")
    with pytest.raises(NotImplementedError, match="in its batch"):
        model.score(torch.zeros(2, 1, 8, 8))


def test_acgan_classifies_real_and_generated_images_by_their_own_labels() -> None:
    """L_C = E log P(c | real) + E log P(c | generated): D and G both raise it (sec. 3)."""
    model = make("acgan:class_weight=3")
    outputs = torch.tensor([[0.0], [LN3], [-LN3], [LN3]])
    tell(model, outputs, features=torch.eye(4)[:, :3])
    model.class_head = Fixed(logs((1, 1, 4, 2), (3, 1, 2, 2)))
    batch = hand(
        model, numbered(0, 1), numbered(2, 3), labels=[2, 0], codes=torch.tensor([[3.0], [1.0]])
    )
    l_s = (math.log(1 / 2) + math.log(3 / 4)) / 2 + (math.log(3 / 4) + math.log(1 / 4)) / 2
    on_real = (math.log(4 / 8) + math.log(3 / 8)) / 2  # labels 2 and 0
    on_fake = (math.log(2 / 8) + math.log(1 / 8)) / 2  # asked for 3 and 1
    loss = value(model.discriminator_loss(batch))
    assert loss == single(-l_s - 3 * (on_real + on_fake))
    assert torch.equal(model.class_head.asked[0], torch.eye(4)[:2, :3])  # features of real images
    assert torch.equal(model.class_head.asked[1], torch.eye(4)[2:, :3])  # of generated ones
    expected = -(math.log(1 / 4) + math.log(3 / 4)) / 2 - 3 * on_fake
    assert value(model.generator_loss(batch)) == single(expected)


def test_acgans_classifier_is_trained_with_the_discriminator() -> None:
    model = make("acgan")
    owners = {u.name: u.owns for u in model.updates()}
    assert owners == {
        "discriminator": ("discriminator", "class_head"),
        "generator": ("generator",),
    }
    images = torch.rand(3, 1, 8, 8)
    features = model.discriminator(images).features
    assert torch.equal(model.classify(images), model.class_head(features))


@pytest.mark.parametrize("variant", ["acgan", "cgan"])
def test_half_batches_keep_each_image_with_its_label(variant: str) -> None:
    model = make(f"{variant}:half_batches=true")
    seen = tell(model, torch.zeros(8, 1), features=torch.zeros(8, 256))
    codes = torch.tensor([[3.0], [1.0], [0.0], [2.0]])
    batch = hand(
        model, numbered(0, 1, 2, 3), numbered(4, 5, 6, 7), labels=[2, 0, 1, 3], codes=codes
    )
    model.discriminator_loss(batch)
    assert [number for number, _ in seen] == [0, 1, 4, 5]
    if variant == "cgan":
        assert [label for _, label in seen] == [2, 0, 3, 1]


@pytest.mark.parametrize("variant", ["acgan", "cgan"])
def test_conditional_variants_read_labels(variant: str) -> None:
    model = make(variant)
    with pytest.raises(AssertionError, match="label was read"):
        model.discriminator_loss(hand(model, torch.rand(4, 1, 8, 8)))


def test_the_virtual_reference_batch_carries_its_own_labels() -> None:
    """The discriminator's reference batch is real images with the planes of their labels."""
    model = make(
        "cgan:virtual_batch_norm=both,backbone=dcgan,width=4,vbn_references=6", (1, 16, 16)
    )
    images = torch.rand(6, 1, 16, 16)
    labels = [0, 1, 2, 3, 0, 1]
    model.prepare(hand(model, images, labels=labels))
    reference = model.discriminator.trunk.reference
    assert torch.equal(reference[:, :1], images)
    planes = torch.nn.functional.one_hot(torch.tensor(labels), 4).float()
    assert torch.equal(reference[:, 1:], planes[:, :, None, None].expand(-1, -1, 16, 16))
