"""Former names of what plug-ins override, call or import: they work, with a warning line each."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

MEMBERS: Mapping[str, str] = {
    "contest": "adversarial_terms",
    "intended": "generated_labels",
    "judge": "score_from_outputs",
    "layout": "make_latent",
    "lone_score": "unconditional_score",
    "unused": "unsupported",
    "averaged": "ema_networks",
    "exam_exceptions": "expected_failures",
    "also": "with_modules",
    "sharing": "as_shared",
}
"""Members of `Variant`, its subclasses and `Update`, by their former names."""

IMPORTS: Mapping[str, Mapping[str, str]] = {
    "ganbench.model": {"Game": "Variant", "View": "DiscriminatorOutput"},
}
"""Names of modules, by their former names."""


_told: set[tuple[str, int, str]] = set()


def warn(former: str, name: str, depth: int) -> None:
    """Say once per place that a name has changed; depth: frames up to the plug-in's code."""
    frame = sys._getframe(depth)
    place = (frame.f_code.co_filename, frame.f_lineno, former)
    if place not in _told:  # Python's own memory of this ends where a file is run again
        _told.add(place)
        warnings.warn(f"{former} is called {name} now", FutureWarning, stacklevel=depth + 1)


class Renamed:
    """The former name of a member of one class: gives that very member, and warns."""

    def __init__(self, former: str, name: str, member: Any) -> None:
        self.former, self.name, self.member = former, name, member

    def __get__(self, instance: Any, owner: type) -> Any:
        """The member as the class itself would give it, also to `super()` of a subclass."""
        warn(f"{owner.__name__}.{self.former}", self.name, 2)
        get = getattr(type(self.member), "__get__", None)
        return self.member if get is None else get(self.member, instance, owner)

    def __set__(self, instance: Any, value: Any) -> None:
        """Set the member of one object, under its name."""
        warn(
            f"{type(instance).__name__}.{self.former}", self.name, 3
        )  # called by torch.nn.Module.__setattr__
        setattr(instance, self.name, value)


def keep(cls: type) -> None:
    """Let a class answer to the former names of the members that it defines."""
    for former, name in MEMBERS.items():
        if name in vars(cls) and former not in vars(cls):
            setattr(cls, former, Renamed(former, name, vars(cls)[name]))


def adopt(cls: type) -> None:
    """Give what a class defines under a former name its name; called when a class is made."""
    for former, name in MEMBERS.items():
        if former in vars(cls) and name not in vars(cls) and hasattr(cls, name):
            warn(f"{cls.__name__}.{former}", name, 3)
            setattr(cls, name, vars(cls)[former])
    keep(cls)


def imports(module: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module, which knows the former names of what it holds."""

    def get(name: str) -> Any:
        if name not in IMPORTS[module]:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warn(f"{module}.{name}", IMPORTS[module][name], 2)
        return getattr(import_module(module), IMPORTS[module][name])

    return get
