"""Planted bugs: the right check must find each."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganbench.model import GAN, Batch, Categorical, Latent, Loss, Noise, Update, update
from ganbench.plugins.checks import examine
from tests.plugins.checks.planted import failures

# Ownership.


def test_an_undeclared_second_owner() -> None:
    class Twice(GAN):
        def updates(self) -> list[Update]:
            first, second = super().updates()
            return [first, second.with_modules("discriminator")]

    found = failures(Twice)
    assert "owned by discriminator and generator" in found["builds_and_trains"]
    assert "shared=True" in found["ownership"]


def test_an_unowned_parameter() -> None:
    class Forgotten(GAN):
        def build(self) -> None:
            super().build()
            self.extra = nn.Linear(2, 2)

    assert "extra.weight is trained by no update" in failures(Forgotten)["ownership"]


def test_an_owned_parameter_that_the_loss_does_not_reach() -> None:
    class Unreached(GAN):
        def build(self) -> None:
            super().build()
            self.extra = nn.Linear(2, 2)

        def updates(self) -> list[Update]:
            first, second = super().updates()
            return [first.with_modules("extra"), second]

    assert "does not reach extra.weight" in failures(Unreached, "ownership")["ownership"]


def test_an_update_that_writes_to_anothers_parameters() -> None:
    class Clipped(GAN):
        def generator_loss(self, batch: Batch) -> Loss:
            with torch.no_grad():
                for parameter in self.discriminator.parameters():
                    parameter.clamp_(-0.01, 0.01)
            return super().generator_loss(batch)

    found = failures(Clipped, "own_parameters_only")["own_parameters_only"]
    assert "'generator' changes discriminator.output.bias" in found


def test_a_batch_changed_in_place() -> None:
    class Messy(GAN):
        def discriminator_loss(self, batch: Batch) -> Loss:
            batch.real.add_(0.1)
            return super().discriminator_loss(batch)

    found = failures(Messy, "batches_are_left_alone")["batches_are_left_alone"]
    assert "update 'discriminator' changes batch.real in place" in found


def test_a_generator_that_ignores_its_latent() -> None:
    class Deaf(GAN):
        def generate(self, latent: object) -> Tensor:
            return super().generate(latent).mean(0, keepdim=True).expand(len(latent), -1, -1, -1)

    assert "the same image for every latent" in failures(Deaf, "generate")["generate"]


def test_a_loss_that_breaks_down() -> None:
    class Breaking(GAN):
        def build(self) -> None:
            super().build()
            self.register_buffer("left", torch.tensor(15.0))

        def generator_loss(self, batch: Batch) -> Loss:
            self.left -= 1
            return super().generator_loss(batch) * torch.where(self.left < 0, torch.nan, 1.0)

    found = failures(Breaking, "generator_direction")["generator_direction"]
    assert "no longer finite" in found


def test_gradients_left_behind() -> None:
    class Backward(GAN):
        def generator_loss(self, batch: Batch) -> Loss:
            loss = super().generator_loss(batch)
            loss.backward(retain_graph=True)
            return loss

    assert "calls no backward()" in failures(Backward, "own_parameters_only")["own_parameters_only"]


def test_updates_that_depend_on_what_was_played() -> None:
    class Fickle(GAN):
        def updates(self) -> list[Update]:
            self.asked = getattr(self, "asked", 0) + 1
            return [replace(u, lr=u.lr / self.asked) for u in super().updates()]

    assert "another list" in failures(Fickle, "cadence")["cadence"]


# Logits.


class Labelled(GAN):
    """A GAN with a classifier, right as it stands."""

    def make_latent(self) -> Latent:
        return Latent(Noise(self.noise), Categorical(self.classes, label=True))

    def build(self) -> None:
        super().build()
        self.class_head = nn.Linear(self.discriminator.features, self.classes)

    def updates(self) -> list[Update]:
        first, second = super().updates()
        return [first.with_modules("class_head"), second]

    def logits(self, features: Tensor) -> Tensor:
        return self.class_head(features)

    def discriminator_loss(self, batch: Batch) -> Loss:
        loss = self.adversarial_terms(batch)[2]
        images, labels = batch.labelled
        features = self.view(images, batch).features
        return loss + F.cross_entropy(self.logits(features), labels)

    def classify(self, images: Tensor) -> Tensor:
        return self.logits(self.discriminator(images).features)


def test_the_labelled_gan_is_right() -> None:
    assert failures(Labelled) == {}


@pytest.mark.parametrize("squash", [lambda x: F.softmax(x, 1), torch.sigmoid])
def test_squashed_outputs_fed_to_cross_entropy(squash: Callable[[Tensor], Tensor]) -> None:
    class Squashed(Labelled):
        def logits(self, features: Tensor) -> Tensor:
            return squash(super().logits(features))

    found = failures(Squashed)
    assert "it wants logits" in found["losses_are_given_logits"]
    assert "(test_planted_bugs.py, line " in found["losses_are_given_logits"]


def test_probabilities_from_classify() -> None:
    class Probabilities(Labelled):
        def classify(self, images: Tensor) -> Tensor:
            return super().classify(images).softmax(1)

    assert set(failures(Probabilities)) == {"classify_gives_logits"}


def test_what_only_looks_like_squashing_is_let_pass() -> None:
    class Bounded(Labelled):
        def logits(self, features: Tensor) -> Tensor:
            return super().logits(features).sigmoid().logit().tanh() * 5

    assert failures(Bounded, "losses_are_given_logits", "classify_gives_logits") == {}


def test_a_probability_as_score() -> None:
    class Sigmoid(GAN):
        score_from_outputs = staticmethod(lambda outputs: outputs.squeeze(1).sigmoid())

    found = failures(Sigmoid, "losses_are_given_logits")["losses_are_given_logits"]
    assert "softplus is given the output of sigmoid" in found


@pytest.mark.parametrize("norm", [lambda n: nn.BatchNorm1d(n, 0.8), lambda n: nn.LayerNorm(n, 0.5)])
def test_momentum_passed_as_eps(norm: Callable[[int], nn.Module]) -> None:
    class Eps(GAN):
        def build(self) -> None:
            super().build()
            self.generator = nn.Sequential(
                nn.Linear(self.latent.size, 16),
                norm(16),
                nn.Linear(16, 64),
                nn.Tanh(),
                nn.Unflatten(1, (1, 8, 8)),
            )

    assert "momentum" in failures(Eps, "norm_layers")["norm_layers"]


# Capabilities.


class Coded(GAN):
    """A GAN with codes and a posterior that nobody trains: right answers, no reward."""

    def make_latent(self) -> Latent:
        return Latent(Noise(8), Categorical(3))

    def posterior_log_prob(self, images: Tensor, latent: object) -> Tensor:
        return torch.full((len(images), 1), 1 / 3).log()

    def encode(self, images: Tensor) -> Tensor:
        return torch.zeros(len(images), 1)


def test_the_coded_gan_is_right() -> None:
    assert failures(Coded) == {}


class BatchMates(GAN):
    def score(self, images: Tensor) -> Tensor:
        scores = super().score(images)
        return scores - scores.mean()


class LeftInTraining(GAN):
    def build(self) -> None:
        super().build()
        self.discriminator.trunk.append(nn.BatchNorm1d(self.discriminator.features))

    def score(self, images: Tensor) -> Tensor:
        self.discriminator.train()
        return super().score(images)


class Unbounded(GAN):
    def build(self) -> None:
        super().build()
        self.generator[7] = nn.Identity()

    def generate(self, latent: object) -> Tensor:
        return 5 * super().generate(latent)


class Columns(GAN):
    def score(self, images: Tensor) -> Tensor:
        return super().score(images).unsqueeze(1)


class Unnormalised(Coded):
    def posterior_log_prob(self, images: Tensor, latent: object) -> Tensor:
        return torch.zeros(len(images), 1)


class Fractions(Coded):
    def encode(self, images: Tensor) -> Tensor:
        return torch.full((len(images), 1), 0.5)


class Doubles(GAN):
    def score(self, images: Tensor) -> Tensor:
        return super().score(images).double()


@pytest.mark.parametrize(
    ("variant", "check", "words"),
    [
        (BatchMates, "answers_without_batch_mates", "score() of an image depends on the batch"),
        (LeftInTraining, "answers_leave_no_trace", "score() changes"),
        (Unbounded, "generate", "images are in [-1, 1]"),
        (Columns, "score", "shape (16, 1), not (16,)"),
        (Unnormalised, "posterior_log_prob", "sum to 3"),
        (Fractions, "encode", "an index was asked for"),
        (Doubles, "score", "float64"),
    ],
)
def test_wrong_answers(variant: type[GAN], check: str, words: str) -> None:
    assert words in failures(variant, check)[check]


# Elsewhere.


def test_one_size_only() -> None:
    class Eights(GAN):
        def build(self) -> None:
            super().build()
            if self.shape != (1, 8, 8):
                raise ValueError("needs 8x8 images")

    found = failures(Eights)
    assert set(found) == {"builds_and_trains"}
    assert "28x28" in found["builds_and_trains"]
    assert "needs 8x8 images" in found["builds_and_trains"]


def test_an_update_that_no_check_can_judge_is_named() -> None:
    class Extra(GAN):
        def build(self) -> None:
            super().build()
            self.extra = nn.Linear(1, 1)

        @update("extra", lr=0.1)
        def extra_loss(self, batch: Batch) -> Loss:
            return self.extra(batch.fake.mean().view(1, 1)).square().mean()

    (result,) = examine(Extra, checks=["every_update_has_a_direction"])
    assert (result.status, "'extra'" in result.reason) == ("skipped", True)
