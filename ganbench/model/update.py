"""Updates: one loss, the networks that it trains, an optimizer, and when it is due."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from torch import Tensor

from ganbench.model import old_names
from ganbench.model.schedules import Schedule

if TYPE_CHECKING:
    from ganbench.model.batch import Batch

Loss = Tensor | tuple[Tensor, dict[str, Tensor]]
"""A scalar to minimise, alone or with named scalars for the history."""


@dataclass(frozen=True)
class Update:
    """One loss, the networks it trains, one optimizer, one cadence.

    `owns` names attributes of the variant (modules or parameters). `steps` repeats the update
    within a round, each time on fresh real images and latents; `every=n` makes it due on
    rounds n, 2n, ... `shared=True` lets it train parameters that another update owns.

    `optimizer` names a class of torch.optim, with arguments as `SGD/momentum=0.9`; `betas` are
    those of the classes that have them. `schedule` is a function from progress (0 to 1) to the
    share of `lr` that holds, both 0-dim tensors on the device (`ganbench.model.schedules`).
    `weight_decay` is the optimizer's; `clip_gradient` bounds the norm of the update's whole
    gradient. Each of the four that is None is the variant's hyperparameter of that name
    (`lr_schedule` for the schedule).

    `clip_weights`: every parameter is put back to between -c and c after each step (WGAN,
    arXiv:1701.07875, algorithm 1); 0 leaves them. `historical_averaging` is the weight of
    ||theta - mean over the past of theta||^2 in the loss (Salimans et al. 2016,
    arXiv:1606.03498, sec. 3.3); the trainer adds its gradient.
    """

    name: str
    owns: tuple[str, ...]
    loss: Callable[[Batch], Loss]
    lr: float
    betas: tuple[float, float] = (0.5, 0.999)
    every: int = 1
    steps: int = 1
    shared: bool = False
    historical_averaging: float = 0.0
    optimizer: str | None = None
    schedule: Schedule | None = None
    weight_decay: float | None = None
    clip_gradient: float | None = None
    clip_weights: float = 0.0

    def __post_init__(self) -> None:
        if self.every < 1 or self.steps < 1:
            raise ValueError(f"update {self.name!r}: every and steps must be at least 1")

    def with_modules(self, *names: str) -> Update:
        """The same update, training these networks too."""
        return replace(self, owns=(*self.owns, *names))

    def as_shared(self) -> Update:
        """The same update, which may train what another one owns."""
        return replace(self, shared=True)

    def due(self, round_number: int) -> bool:
        """Whether the update fires in this round; rounds count from 1."""
        return round_number % self.every == 0


old_names.keep(Update)

Method = TypeVar("Method", bound=Callable[..., Any])


def update(*owns: str, **settings: Any) -> Callable[[Method], Method]:
    """Mark a method `(self, batch) -> Loss` as an update that trains `owns`.

    Settings are those of `Update`; a string names the hyperparameter that holds the value:
    `@update("generator", lr="g_lr")` (an optimizer that is no hyperparameter's name is itself:
    `optimizer="RMSprop"`). A subclass that overrides the method keeps its update
    unless it decorates anew. The update is named after the method, without `_loss`.
    """

    def mark(method: Method) -> Method:
        method.__update__ = (owns, settings)  # type: ignore[attr-defined]
        return method

    return mark


def declared_updates(model: Any) -> list[Update]:
    """The decorated methods of a variant as updates, in written order, base classes first."""
    marks: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {}
    for base in reversed(type(model).__mro__):
        for name, member in vars(base).items():
            if hasattr(member, "__update__"):
                marks[name] = member.__update__
    return [
        Update(
            name.removesuffix("_loss"),
            owns,
            getattr(model, name),
            **{key: _setting(model, key, value) for key, value in settings.items()},
        )
        for name, (owns, settings) in marks.items()
    ]


def _setting(model: Any, key: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return getattr(model, value, value) if key == "optimizer" else getattr(model, value)
