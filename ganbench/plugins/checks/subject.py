"""The subject of the checks: a variant, built small and trained briefly on made-up images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ganbench.data.dataset import Split, to_unit_range
from ganbench.evaluate import capabilities
from ganbench.evaluate.capabilities import Unavailable
from ganbench.model import Batch, LatentValue, Update, Variant
from ganbench.plugins.checks.result import Untrainable
from ganbench.plugins.error_places import located
from ganbench.train.trainer import Trainer, build

SHAPES = ((1, 8, 8), (1, 28, 28), (3, 32, 32))
"""Image shapes that a variant should build at; most checks use the first that it can."""
WIDTH = 16
BATCH = 16
CLASSES = 4
ROUNDS = 100
"""The length of the checks' schedules; far fewer rounds are trained."""


def world(shape: tuple[int, ...], classes: int, seed: int = 0, n: int = 64) -> Split:
    """Labelled images with something to learn: a smooth pattern per class, plus noise."""
    rng = torch.Generator().manual_seed(seed)
    channels, height, width = shape
    coarse = torch.rand(classes, channels, 4, 4, generator=torch.Generator().manual_seed(1))
    patterns = F.interpolate(coarse, (height, width), mode="bilinear")
    patterns = (patterns - 0.5).sign() * 90 + 127
    labels = torch.randperm(n, generator=rng) % classes
    images = patterns[labels] + 20 * torch.randn(n, *shape, generator=rng)
    return Split(images.clamp(0, 255).round().to(torch.uint8), labels)


class LabelWatch(Batch):
    """A batch that remembers whether its labels were read."""

    def __init__(self, batch: Batch) -> None:
        self.__dict__.update(batch.__dict__)
        self.labels_read = False

    @property
    def labelled(self) -> tuple[Tensor, Tensor]:
        """As in `Batch`."""
        self.labels_read = True
        return super().labelled


class Subject:
    """A variant to be checked, with the hyperparameters that the user gave.

    A variant with a hyperparameter `width` is made narrow, unless the user chose one: the
    checks ask whether it is right, not whether it is good.

    Raises UserError for hyperparameters that the variant does not have.
    """

    def __init__(
        self, variant: type[Variant], hyperparameters: Mapping[str, Any] | None = None
    ) -> None:
        self.variant = variant
        self.given = dict(hyperparameters or {})
        if "width" in variant.resolve(self.given):
            self.given = {"width": WIDTH, **self.given}
        self.hyperparameters = self.chosen()
        self.missing: dict[str, str] = {}

    def chosen(self, recipe: str = "") -> dict[str, Any]:
        """The hyperparameters that it has by a data set's recipe, or by none."""
        return self.variant.resolve(self.given, recipe)

    @property
    def expected_failures(self) -> Mapping[str, str]:
        """The checks that the variant excuses itself from, with its reasons."""
        return getattr(self.variant, "expected_failures", {})

    def build(
        self, shape: tuple[int, ...] | None = None, classes: int = CLASSES, seed: int = 0
    ) -> Variant:
        """Build the variant; torch's global generator is left as it was."""
        return build(self.variant, shape or self.shape, classes, dict(self.hyperparameters), seed)

    def trainer(
        self,
        shape: tuple[int, ...] | None = None,
        *,
        classes: int = CLASSES,
        seed: int = 0,
        batch_size: int = BATCH,
        split: Split | None = None,
        adapt: Callable[[Update], Update] = lambda update: update,
    ) -> Trainer:
        """A trainer of a fresh model on the made-up world; `adapt` as a trainer takes it."""
        shape = shape or self.shape
        return Trainer(
            self.build(shape, classes, seed),
            split or world(shape, classes),
            seed=seed,
            batch_size=batch_size,
            rounds=ROUNDS,
            adapt=adapt,
        )

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The first of `SHAPES` at which the variant builds and plays a round.

        Raises Unplayable where there is none.
        """
        errors = []
        for shape in SHAPES:
            try:
                self.trainer(shape).train_round()
            except Exception as error:
                errors.append(f"{shape}: {located(error)}")
            else:
                return shape
        raise Untrainable(f"no round can be played: {errors[0]}")

    @cached_property
    def sample(self) -> Variant:
        """A model in its first state, to look at; never trained."""
        return self.build()

    def evaluated(self) -> Any:
        """A new model after a few rounds, in eval mode, as evaluation gets it."""
        trainer = self.trainer()
        trainer.train(3)
        return trainer.evaluation_model()

    @cached_property
    def trained(self) -> Any:
        """One such model, to ask."""
        return self.evaluated()

    @cached_property
    def images(self) -> Tensor:
        """Real images (16, *shape) in [-1, 1] that were not trained on."""
        return to_unit_range(world(self.shape, CLASSES, seed=5, n=BATCH).images)

    @cached_property
    def latent(self) -> LatentValue:
        """As many latents."""
        return self.sample.latent.draw(BATCH, torch.Generator().manual_seed(5))

    def has(self, capability: str) -> bool:
        """Whether the trained model answers when it is asked for a capability."""
        return capability in self.calls(self.trained)

    def questions(self, model: Any) -> dict[str, Callable[[slice], Tensor]]:
        """Every capability there is, as a call to a model on some of the checks' images.

        A call keeps no gradients. It raises Unavailable where the model lacks it, ValueError
        where the answer has the wrong shape or values.
        """
        shape, images, latent = self.shape, self.images, self.latent
        calls: dict[str, Callable[[slice], Tensor]] = {
            "generate": lambda rows: capabilities.generate(model, latent[rows], shape),
            "score": lambda rows: capabilities.score(model, images[rows]),
            "encode": lambda rows: capabilities.encode(model, images[rows]),
            "posterior_log_prob": lambda rows: capabilities.posterior_log_prob(
                model, images[rows], latent[rows]
            ),
            "classify": lambda rows: capabilities.classify(model, images[rows], CLASSES),
            "cluster": lambda rows: capabilities.cluster(model, images[rows]),
            "reconstruct": lambda rows: capabilities.reconstruct(model, images[rows]),
        }
        return {name: torch.no_grad()(call) for name, call in calls.items()}

    def calls(self, model: Any) -> dict[str, Callable[[slice], Tensor]]:
        """Those of `questions` that the model has; why the others are missing stands in
        `missing`."""
        found = {}
        for name, call in self.questions(model).items():
            try:
                call(slice(None))
            except Unavailable as reason:
                self.missing[name] = str(reason)
                continue
            except Exception:  # it is there; the capability's own check tells what is wrong
                pass
            found[name] = call
        return found


def parameters(model: Variant, name: str) -> set[int]:
    """Ids of the parameters of a network of a model; empty where it has none."""
    network = getattr(model, name, None)
    found = network.parameters() if isinstance(network, torch.nn.Module) else ()
    return {id(p) for p in found}
