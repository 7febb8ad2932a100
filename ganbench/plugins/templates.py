"""What `ganbench new` writes: a plug-in of each kind to start from, which works as it stands.

@NAME@ stands for the name that was given, @CLASS@ and @CONSTANT@ for what Python would call a
class and a constant of that name.
"""

VARIANT = '''\
"""@CLASS@: say here which paper this is."""

from ganbench.model import GAN, Batch, Loss
from ganbench.model.hyperparameters import Weight


class @CLASS@(GAN):
    """GAN whose discriminator is kept from shouting.

    One change to GAN: the discriminator also lowers score_weight * E[D(x)^2], on real and on
    generated images.

    score_weight: of the mean squared score.
    """

    # A hyperparameter is an annotated attribute with a default. Its type is checked:
    # `ganbench run ./@NAME@.py:score_weight=0.1`. Other types: Rate, Count, Size, Decay,
    # bool, Literal["one", "two"], tuple[Weight, Weight].
    score_weight: Weight = 0.01

    # Defaults that depend on the data set stand in a table, not in branches.
    recipes = {"digits": {"score_weight": 0.02}}

    # A loss is overridden by name; what it trains, how fast and how often stays as it was.
    # It is a pure function of the batch: batch.real, batch.labelled, batch.latent, batch.fake;
    # it draws through batch.rng, and never reads a value (.item()), so that no GPU waits.
    def discriminator_loss(self, batch: Batch) -> Loss:
        """The adversarial loss and the mean squared score."""
        real, fake, loss = self.adversarial_terms(batch)  # D's outputs, the loss
        size = 0.5 * (real.score.square().mean() + fake.score.square().mean())
        # A scalar, or a scalar and named scalars for the history.
        return loss + self.score_weight * size, {"squared_score": size}

    # The generator's, as it is in GAN:
    #
    # def generator_loss(self, batch: Batch) -> Loss:
    #     return self.g_loss(self.fake_view(batch), batch)

    # A further network: make it, and say whose update trains it.
    #
    # def build(self) -> None:
    #     super().build()
    #     self.class_head = torch.nn.Linear(self.discriminator.features, self.classes)
    #
    # def updates(self) -> list[Update]:
    #     discriminator, generator = super().updates()
    #     return [discriminator.with_modules("class_head"), generator]

    # A capability is a method that the evaluation finds by its name, and scores: generate,
    # score, encode, posterior_log_prob, classify, reconstruct.
    #
    # def classify(self, images: Tensor) -> Tensor:
    #     """Logits (n, classes)."""
    #     return self.class_head(self.discriminator(images).features)
'''

METRIC = '''\
"""@NAME@: say here what it measures, and which paper it is from."""

from ganbench.evaluate import Evidence, Measurement, MetricSpec


def measure(evidence: Evidence) -> Measurement:
    """How much brighter generated images are than held-out real ones, in grey levels."""
    # What there is to read, gathered once for all metrics: generated, held_out.images and
    # train.images, uint8 (n, c, h, w); generated_features, held_out_features and train_features,
    # float32 (n, d), with extractor="features" below; generated_labels, held_out.labels, the
    # model's own answers. What is missing says so itself; where something else is, raise
    # ganbench.evaluate.Unavailable with the reason. Change nothing that you are given. Draw from
    # torch.Generator().manual_seed(ganbench.core.seeding.stream(evidence.seed, "@NAME@")).
    generated = evidence.generated.flatten(1).double().mean(1)
    real = evidence.held_out.images.flatten(1).double().mean(1)
    error = (generated.var() / len(generated) + real.var() / len(real)).sqrt()
    return Measurement(
        value=float(generated.mean() - real.mean()),
        count=len(generated),  # images behind the value
        # Every fact that changes the number, but the data set, the split and the version: where
        # two protocols differ, the numbers do not stand in one column.
        protocol={"generated": len(generated), "held_out": len(real)},
        standard_error=float(error),  # over these images, or None
    )


@CONSTANT@ = MetricSpec(
    name="@NAME@",
    group="fidelity",  # or modes, codes, disentanglement, ..., or a group of your own
    summary="brightness of generated less that of held-out real images",
    target=measure,
    better="none",  # or "higher", "lower"
    unit="grey levels",
    needs="images",  # or "anything", "world" (known factors), "mixture" (points)
    version=1,  # raise it when the numbers change meaning: old ones are measured again
)
'''

DATASET = '''\
"""@NAME@: say here what the data is, and where it comes from."""

from pathlib import Path

import numpy as np
import torch

from ganbench.data import DatasetSpec, Spec
from ganbench.data.dataset import Dataset, Split

SIZES = (1000, 200, 200)


def load(spec: Spec, root: Path) -> Dataset:
    """1,000 / 200 / 200 train / validation / test images; the label says square or disc."""
    # Files lie in root / "@NAME@" (--data-root); where they are missing, raise
    # ganbench.core.errors.UserError with what to put where. Images that do not fit into memory:
    # ganbench.data.dataset.Streamed in place of Split.
    size = int(spec.options["size"])
    rng = np.random.RandomState(0)  # its streams are the same in all versions of NumPy
    train, validation, test = (draw(n, size, rng) for n in SIZES)
    return Dataset(spec.name, 2, train, validation, test)


def draw(n: int, size: int, rng: np.random.RandomState) -> Split:
    """n grey images of a bright square (0) or disc (1) on a dark, noisy ground."""
    labels = rng.permutation(np.arange(n) % 2)
    centre = rng.uniform(0.35, 0.65, (n, 2, 1, 1)) * size
    radius = rng.uniform(0.2, 0.3, (n, 1, 1)) * size
    across = np.arange(size)
    x, y = np.abs(across - centre[:, 0]), np.abs(across[:, None] - centre[:, 1])
    inside = np.where(labels[:, None, None], x * x + y * y < radius**2, np.maximum(x, y) < radius)
    images = (40 + 170 * inside + rng.normal(0, 10, inside.shape)).clip(0, 255).round()
    # uint8 (n, c, h, w), and int64 (n,) from 0 to classes - 1.
    return Split(torch.from_numpy(images.astype(np.uint8))[:, None], torch.from_numpy(labels))


@CONSTANT@ = DatasetSpec(
    name="@NAME@",
    summary="1,400 squares and discs, 16x16 grey",
    target=load,
    size=sum(SIZES),
    shape=(1, 16, 16),  # of the default options
    classes=2,  # 0: no labels
    origin="drawn by @NAME@.py",
    rounds=2000,  # of batch_size images each: what a study trains unless told otherwise
    batch_size=64,
    embedded=True,  # it needs no file
    options={"size": ("16", "32")},  # the default first: --dataset ./@NAME@.py:size=32
    # tuned_as="digits",  # the data set whose tuned hyperparameters are used
    # extractor="inception",  # what fidelity is measured in by default
)
'''

EXTRACTOR = '''\
"""@NAME@: say here which network it is, and where its weights are from."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ganbench.evaluate import Extractor, ExtractorSpec


class @CLASS@(Extractor):
    """Mean and largest answer of 64 fixed random filters of 5x5 pixels, on grey images.

    A network of yours: load its weights here (safetensors, or torch.load with weights_only),
    call eval() and requires_grad_(False), and move it to the device.
    """

    shape = (None, None, None)  # (c, h, w) of the images that it reads; None: any
    batch = 100  # images per call of look

    def __init__(self, spec: ExtractorSpec, device: torch.device | str) -> None:
        self.device = torch.device(device)
        rng = torch.Generator().manual_seed(0)
        self.filters = (torch.randn(64, 1, 5, 5, generator=rng) / 5).to(self.device)

    def look(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Features (n, 128) of uint8 images (n, c, h, w), and no logits."""
        grey = images.float().mean(1, keepdim=True) / 127.5 - 1
        answers = F.conv2d(grey, self.filters).relu()
        return torch.cat([answers.mean((2, 3)), answers.amax((2, 3))], 1), None


@CONSTANT@ = ExtractorSpec(
    name="@NAME@",
    summary="64 random filters of 5x5 pixels: their means and maxima",
    target=@CLASS@,
    features=128,
    has_logits=False,  # True: look gives (n, classes), too
    # classes_of="digits",  # the data set whose classes the logits are
    # seconds=0.01,  # per image on one core: what takes minutes is announced
)
'''

PROJECT = """\
[build-system]
requires = ["setuptools>=64"]
build-backend = "setuptools.build_meta"

[project]
name = "ganbench-@NAME@"
version = "0.1.0"
description = "A @NOUN@ for ganbench."
dependencies = ["ganbench"]

[project.entry-points."ganbench.@KIND@"]
@NAME@ = "@NAME@:@MEMBER@"

[tool.setuptools]
py-modules = ["@NAME@"]
"""

TEST = '''\
"""The @NOUN@ passes ganbench's conformance checks."""

from ganbench.plugins.checks import parametrize_with_checks


@parametrize_with_checks(["@NAME@:@MEMBER@"], "@KIND@")
def test_conforms(check):
    check()
'''

PLUG_INS = {"variants": VARIANT, "metrics": METRIC, "datasets": DATASET, "extractors": EXTRACTOR}
"""The module that is written, by kind."""
