"""`ganbench new`: a variant to start from, which trains as it stands. Imports no torch."""

from __future__ import annotations

import importlib.util
import keyword
import re
from pathlib import Path

from ganbench.errors import UserError
from ganbench.plugins import registry

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
        real, fake, loss = self.contest(batch)  # what D says of real and of generated images
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
    #     return [discriminator.also("class_head"), generator]

    # A capability is a method that the evaluation finds by its name, and scores: generate,
    # score, encode, posterior_log_prob, classify, reconstruct.
    #
    # def classify(self, images: Tensor) -> Tensor:
    #     """Logits (n, classes)."""
    #     return self.class_head(self.discriminator(images).features)
'''

PROJECT = """\
[build-system]
requires = ["setuptools>=64"]
build-backend = "setuptools.build_meta"

[project]
name = "ganbench-@NAME@"
version = "0.1.0"
description = "A GAN variant for ganbench."
dependencies = ["ganbench"]

[project.entry-points."ganbench.variants"]
@NAME@ = "@NAME@:@CLASS@"

[tool.setuptools]
py-modules = ["@NAME@"]
"""

TEST = '''\
"""The variant sits ganbench's conformance exam."""

from ganbench.plugins.exam import parametrize_with_checks


@parametrize_with_checks(["@NAME@:@CLASS@"])
def test_conforms(check):
    check()
'''


def class_name(name: str) -> str:
    """`my_gan` -> `MyGAN`."""
    joined = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    return re.sub("gan$", "GAN", joined, flags=re.IGNORECASE)


def write(name: str, directory: Path, package: bool = False) -> list[Path]:
    """Write NAME.py into a directory; returns the files written.

    package: write ganbench-NAME/ with it, which can be installed. (A folder called NAME would
    be found in place of the installed module of that name.)

    Raises UserError for a name that is none in Python or is taken by a module, for a file
    that is there already, and for a directory that cannot be written.
    """
    if not name.isidentifier() or keyword.iskeyword(name) or not name.strip("_"):
        raise UserError(f"{name!r} is no name for a Python module: use letters, digits and _")
    texts = {f"{name}.py": VARIANT}
    if package:
        directory = directory / f"ganbench-{name}"
        texts |= {"pyproject.toml": PROJECT, f"test_{name}.py": TEST}
    paths = [directory / file for file in texts]
    there = [path for path in paths if path.exists()]
    if there:
        raise UserError(f"{there[0]} is there already; nothing was written")
    if name in registry.installed():
        raise UserError(f"{name!r} is the name of an installed variant: choose another")
    if importlib.util.find_spec(name) is not None:
        raise UserError(
            f"{name!r} is the name of a module that can be imported already: choose another"
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path, text in zip(paths, texts.values(), strict=True):
            filled = text.replace("@NAME@", name).replace("@CLASS@", class_name(name))
            with path.open("x", encoding="utf-8") as file:
                file.write(filled)
    except OSError as error:
        raise UserError(f"cannot write to {directory}: {error.strerror}") from error
    return paths
