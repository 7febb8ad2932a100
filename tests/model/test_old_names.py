"""Former names of what plug-ins use: a plug-in of before works as it did, and is told once each."""

import importlib
import re
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

import pytest
import torch

from ganbench.data.dataset import Split
from ganbench.model import GAN, Latent, Noise, Update, Variant, old_names
from ganbench.plugins import registry
from ganbench.plugins.checks import examine
from ganbench.train.trainer import Trainer, build

FORMER = '''
"""A plug-in as it was written before."""

import torch
from torch import nn

from ganbench.model import GAN, Batch, Categorical, Latent, Loss, Noise, Update, View


class Former(GAN):
    """GAN that uses each of the former names."""

    unused = {"half_batches": "its batches are whole"}
    averaged = (*GAN.averaged, "head")
    exam_exceptions = {"every_update_has_a_direction": "for the test"}
    judge = staticmethod(lambda outputs: outputs.squeeze(1))

    def layout(self) -> Latent:
        noise = super().layout().noise_size
        return Latent(Noise(noise), Categorical(self.classes, label=True))

    def build(self) -> None:
        super().build()
        self.head = nn.Linear(self.discriminator.features, self.classes)

    def updates(self) -> list[Update]:
        discriminator, generator = super().updates()
        return [discriminator.also("head"), generator]

    def contest(self, batch: Batch) -> tuple[View, View, torch.Tensor]:
        real, fake, loss = super().contest(batch)
        return real, fake, loss + 0.001 * real.score.square().mean()

    def discriminator_loss(self, batch: Batch) -> Loss:
        real, fake, loss = self.contest(batch)
        classes = self.head(fake.features)
        return loss + nn.functional.cross_entropy(classes, self.intended(batch))

    def lone_score(self, images: torch.Tensor) -> torch.Tensor:
        return super().lone_score(images)
'''
RENAMES = {
    "unused": "unsupported",
    "averaged": "ema_networks",
    "exam_exceptions": "expected_failures",
    "judge": "score_from_outputs",
    "layout": "make_latent",
    "also": "with_modules",
    "contest": "adversarial_terms",
    "intended": "generated_labels",
    "lone_score": "unconditional_score",
    "View": "DiscriminatorOutput",
}


def renamed(text: str) -> str:
    return re.sub(r"\b(" + "|".join(RENAMES) + r")\b", lambda m: RENAMES[m[1]], text)


def load(folder: Path, name: str, text: str) -> type[Variant]:
    path = folder / f"{name}.py"
    path.write_text(text)
    return registry.load(str(path))


def losses(variant: type[Variant]) -> list[float]:
    model = build(variant, (1, 8, 8), 10, {"width": 8}, seed=3)
    rng = torch.Generator().manual_seed(0)
    images = torch.randint(256, (64, 1, 8, 8), generator=rng, dtype=torch.uint8)
    found: list[float] = []
    trainer = Trainer(model, Split(images, torch.arange(64) % 10), seed=3, batch_size=8, rounds=8)
    trainer.train(8, every=1, report=lambda means: found.extend(map(float, means.values())))
    return found


def test_a_plugin_of_before_trains_as_one_of_now(tmp_path: Path) -> None:
    with warnings.catch_warnings(action="ignore", category=FutureWarning):
        before = load(tmp_path, "former", FORMER)
        first = losses(before)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        now = load(tmp_path, "latter", renamed(FORMER))
        assert losses(now) == first
    assert before.unsupported == now.unsupported == {"half_batches": "its batches are whole"}
    assert before.ema_networks == now.ema_networks == ("generator", "head")
    assert before.expected_failures == now.expected_failures


def test_each_former_name_is_told_with_its_name(tmp_path: Path) -> None:
    with pytest.warns(FutureWarning) as told:
        losses(load(tmp_path, "former", FORMER))
    said = {str(one.message) for one in told}
    for former, name in RENAMES.items():
        assert any(line.endswith(f"{former} is called {name} now") for line in said), former
    assert all("\n" not in line for line in said)
    assert all(Path(one.filename).name == "former.py" for one in told), said


def test_a_plugin_of_before_conforms(tmp_path: Path) -> None:
    with pytest.warns(FutureWarning):
        results = examine(load(tmp_path, "former", FORMER))
    failed = [(r.name, r.reason) for r in results if r.status == "failed"]
    assert failed == []


def test_a_variant_of_now_may_derive_from_one_of_before(tmp_path: Path) -> None:
    with warnings.catch_warnings(action="ignore", category=FutureWarning):
        before = load(tmp_path, "former", FORMER)

        class Latter(before):  # type: ignore[misc, valid-type]
            def make_latent(self) -> Latent:
                return Latent(Noise(3), *super().make_latent().parts[1:])

        model = Latter((1, 8, 8), 10, {"width": 8})
        assert model.latent.noise_size == 3
        assert model.layout().noise_size == 3


def test_other_classes_may_use_the_former_names() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        class Other(Variant):
            def layout(self) -> str:
                return "of a page"

    assert not hasattr(Other, "make_latent")


def test_updates_and_modules() -> None:
    one = Update("one", ("a",), lambda batch: batch.real.mean(), 1e-3)
    with pytest.warns(FutureWarning, match="also is called with_modules now"):
        assert one.also("b") == one.with_modules("b")
    with pytest.warns(FutureWarning, match="sharing is called as_shared now"):
        assert one.sharing() == one.as_shared()
    for module, names in old_names.IMPORTS.items():
        for former, name in names.items():
            found = importlib.import_module(module)
            with pytest.warns(FutureWarning, match=f"{former} is called {name} now"):
                assert getattr(found, former) is getattr(found, name)
            with pytest.raises(AttributeError, match="no attribute 'nothing'"):
                _ = found.nothing
    code = (
        "import warnings; warnings.simplefilter('ignore')\n"
        "from ganbench.plugins.exam import CHECKS; print(next(iter(CHECKS)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "builds_and_trains", done.stderr


def test_the_classes_of_ganbench_use_no_former_name() -> None:
    code = textwrap.dedent(
        """
        import warnings
        warnings.simplefilter("error")
        from ganbench.plugins import registry
        for name in registry.installed():
            registry.load(name)
        """
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert issubclass(GAN, Variant)


def test_a_former_name_that_an_object_is_given() -> None:
    class Bare(GAN):
        def build(self) -> None:
            super().build()
            self.averaged = ()

    with pytest.warns(FutureWarning, match=r"Bare\.averaged is called ema_networks now") as said:
        made = Bare((1, 8, 8), 10)
    assert made.ema_networks == ()
    assert said[0].filename == __file__
