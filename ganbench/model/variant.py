"""The base of every variant: networks, hyperparameters, and the updates they take in turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, ClassVar

from torch import Generator, Tensor, nn
from torch.nn import Parameter

from ganbench.core.errors import unknown
from ganbench.core.latent import Latent, LatentValue
from ganbench.model import hyperparameters, old_names
from ganbench.model.backbones.base import Kind, kind_of
from ganbench.model.batch import Batch, NextBatch
from ganbench.model.optimizers import OptimizerName, refuse_optimizer
from ganbench.model.schedules import SCHEDULES
from ganbench.model.update import Update, declared_updates

NUMERICS = 2
"""Version of what the core's training computes; a change that moves numbers raises it."""


class Variant(nn.Module):
    """The base of variants: networks, and the updates that train them.

    A subclass declares hyperparameters as annotated class attributes with defaults, makes
    its networks in `build`, and writes its losses as `@update` methods. Defaults that
    depend on the data set stand in `recipes`: `{"digits": {"noise": 32}}`.

    shape: (channels, height, width) of an image. classes: number of labels of the data.

    Hyperparameters of every variant: ema: decay of the moving average of what is evaluated.
    fresh_fakes: no two updates read the same latents. optimizer: a class of torch.optim, with
    arguments as `SGD/momentum=0.9`. lr_schedule: how every learning rate falls along training,
    to lr_end of what it was. weight_decay: the optimizer's. clip_gradient: the most that the
    norm of an update's whole gradient may be (0: no bound). An `Update` may say otherwise.
    """

    recipes: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Full published configurations by name, chosen with `preset=`."""
    unsupported: ClassVar[Mapping[str, str]] = {}
    """Inherited hyperparameters that a variant has no use for, with the reason: refused where a
    user sets them, and left at their defaults by every recipe and preset."""
    ema_networks: ClassVar[Sequence[str]] = ("generator",)
    """Networks whose exponential moving average is what is evaluated."""
    expected_failures: ClassVar[Mapping[str, str]] = {}
    """Checks of `ganbench check` that a variant is known to fail, with the reason."""
    preset: str | None = None
    ema: hyperparameters.Decay = 0.999
    fresh_fakes: bool = False
    optimizer: OptimizerName = "Adam"
    lr_schedule: Annotated[str, hyperparameters.Choice(SCHEDULES)] = "constant"
    lr_end: hyperparameters.Fraction = 0.0
    weight_decay: hyperparameters.Weight = 0.0
    clip_gradient: hyperparameters.Weight = 0.0

    generator: nn.Module
    latent: Latent

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        old_names.adopt(cls)

    def __init__(
        self, shape: tuple[int, ...], classes: int, hyperparameters: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__()
        self.shape = shape
        self.classes = classes
        for name, value in (self.resolve({}) | dict(hyperparameters or {})).items():
            setattr(self, name, value)
        self._refuse_unsupported()
        refuse_optimizer(self.optimizer, self.weight_decay)
        self.build()

    @classmethod
    def resolve(
        cls, given: Mapping[str, Any], dataset: str = "", title: str | None = None
    ) -> dict[str, Any]:
        """Every hyperparameter's value: defaults, the data set's recipe, a preset, `given`.

        Raises UserError on a bad one.
        """
        title = title or cls.__name__
        chosen: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            own = vars(base)  # a subclass's default goes before its base's recipe
            chosen = {name: value for name, value in chosen.items() if name not in own}
            chosen |= own.get("recipes", {}).get(dataset, {})
        preset = given.get("preset")
        if preset in ("", "none", None):
            given = {name: value for name, value in given.items() if name != "preset"}
        else:
            if preset not in cls.presets:
                raise unknown(f"preset of {title}:", preset, cls.presets)
            chosen |= cls.presets[preset]
        # A recipe of a base knows nothing of what this variant has no use for.
        chosen = {name: value for name, value in chosen.items() if name not in cls.unsupported}
        return hyperparameters.resolve(cls, Variant, chosen, given, title)

    @property
    def kind(self) -> Kind:
        """Whether it makes `images` or `points`."""
        return kind_of(self.shape)

    def build(self) -> None:
        """Make the networks. Initial weights come from torch's global generator."""
        raise NotImplementedError

    def _refuse_unsupported(self) -> None:
        """Raise ValueError where one of `unsupported` was set, or is none of the
        hyperparameters."""
        known = hyperparameters.declared(type(self), Variant)
        for name, reason in self.unsupported.items():
            if name not in known:
                raise ValueError(f"unsupported names {name!r}, which is no hyperparameter")
            if getattr(self, name) != known[name][1]:
                raise ValueError(f"{name} cannot be set: {reason}")

    def batch(
        self,
        next_batch: NextBatch,
        size: int,
        rng: Generator,
        progress: Tensor,
        next_labelled_batch: NextBatch | None = None,
    ) -> Batch:
        """A batch of this variant's generated images and of the real ones that are dealt."""
        makers = getattr(self, "generator", None), getattr(self, "latent", None)
        return Batch(*makers, next_batch, size, rng, progress, next_labelled_batch)

    def prepare(self, batch: Batch) -> None:
        """Look at one batch before the first round, e.g. to keep a reference batch in buffers."""

    def updates(self) -> list[Update]:
        """The updates of a round, in order: by default the `@update` methods."""
        return declared_updates(self)

    def completed(self, update: Update) -> Update:
        """An update with this variant's hyperparameters for what it does not say itself."""
        schedule = update.schedule
        if schedule is None and self.lr_schedule != "constant":
            schedule = partial(SCHEDULES[self.lr_schedule], end=self.lr_end)
        decay, bound = update.weight_decay, update.clip_gradient
        return replace(
            update,
            optimizer=update.optimizer or self.optimizer,
            schedule=schedule,
            weight_decay=self.weight_decay if decay is None else decay,
            clip_gradient=self.clip_gradient if bound is None else bound,
        )

    def owned(self, update: Update) -> list[Parameter]:
        """The parameters that an update trains, each once.

        Raises ValueError where `owns` names nothing trainable.
        """
        found: dict[int, Parameter] = {}
        for name in update.owns:
            part: Any = self
            for step in name.split("."):
                part = getattr(part, step, None)
            if isinstance(part, Parameter):
                mine = [part]
            elif isinstance(part, nn.Module):
                mine = [p for p in part.parameters() if p.requires_grad]
            else:
                raise ValueError(
                    f"update {update.name!r} owns {name!r}, but the variant has no such network"
                )
            if not mine:
                raise ValueError(
                    f"update {update.name!r} owns {name!r}, which has nothing to train"
                )
            found |= {id(p): p for p in mine}
        if not found:
            raise ValueError(f"update {update.name!r} owns nothing")
        return list(found.values())

    def check_ownership(self) -> None:
        """Every trainable parameter belongs to exactly one update, those that share it aside.

        Raises ValueError that names the parameters which do not.
        """
        for name in self.ema_networks:
            if not isinstance(getattr(self, name, None), nn.Module):
                raise ValueError(
                    f"the variant has no network {name!r} to average: make it in build(), or "
                    f"leave it out of `ema_networks`"
                )
        updates = self.updates()
        if not updates:
            raise ValueError("the variant has no update")
        repeated = [name for name, n in Counter(u.name for u in updates).items() if n > 1]
        if repeated:
            raise ValueError(f"two updates are named {repeated[0]!r}")
        owners: dict[int, list[str]] = {}
        trained: Counter[int] = Counter()
        for update in updates:
            for parameter in self.owned(update):
                trained[id(parameter)] += 1
                if not update.shared:
                    owners.setdefault(id(parameter), []).append(update.name)
        for name, parameter in self.named_parameters():
            names = owners.get(id(parameter), [])
            if len(names) > 1:
                raise ValueError(
                    f"{name} is owned by {' and '.join(names)}: one of them must say shared=True"
                )
            if parameter.requires_grad and not names and trained[id(parameter)] != 1:
                who = "only by shared updates" if trained[id(parameter)] else "by no update"
                raise ValueError(f"{name} is trained {who}: name its network in an update's owns")

    def generate(self, latent: LatentValue) -> Any:
        """Images (n, *shape) in [-1, 1] for drawn latents."""
        return self.generator(latent.vector)


old_names.keep(Variant)
