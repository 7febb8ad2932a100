"""Hyperparameters: a variant's annotated class attributes that have a default.

Values come from the class, from its recipe for the data set, and from the user (strings on
the command line); pydantic reads and checks them by their annotations.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import core_schema

from ganbench.core.errors import UserError, unknown

Count = Annotated[int, Field(ge=1)]
Size = Annotated[int, Field(ge=0)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Decay = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class Described:
    """What a hyperparameter's values are, in a user's words; stands in its annotation."""

    words: str


class Choice(Described):
    """One of some names, where those come from a table: `Annotated[str, Choice(TABLE)]`."""

    def __init__(self, names: Iterable[str]) -> None:
        self.__dict__["names"] = tuple(names)
        super().__init__(" | ".join(self.__dict__["names"]))

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.literal_schema(list(self.__dict__["names"]))


def declared(cls: type, root: type) -> dict[str, tuple[Any, Any]]:
    """Name -> (annotation, default) of every hyperparameter of `cls`, base classes first.

    Only classes from `root` down count; a bare annotation without a value declares a
    network, not a knob.
    """
    found: dict[str, tuple[Any, Any]] = {}
    hints = typing.get_type_hints(cls, include_extras=True)
    for base in reversed(cls.__mro__):
        if not issubclass(base, root):
            continue
        for name in vars(base).get("__annotations__", {}):
            hint = hints[name]
            if typing.get_origin(hint) is ClassVar or name.startswith("_"):
                continue
            if hasattr(cls, name):
                found[name] = (hint, getattr(cls, name))
    return found


def resolve(
    cls: type, root: type, recipe: Mapping[str, Any], given: Mapping[str, Any], title: str
) -> dict[str, Any]:
    """All hyperparameters of `cls`: defaults, then the recipe, then what the user gave.

    Raises UserError for an unknown name or a value of the wrong type; `title` names the
    variant in it.
    """
    knobs = declared(cls, root)
    values = {}
    for name, value in {
        **{k: default for k, (_, default) in knobs.items()},
        **recipe,
        **given,
    }.items():
        if name not in knobs:
            raise unknown(f"hyperparameter of {title}:", name, knobs)
        values[name] = _read(knobs[name][0], value, f"{title}: {name}")
    return values


def _read(annotation: Any, value: Any, title: str) -> Any:
    """One value, by its annotation; the command line writes tuples as `0.5/0.1`."""
    if isinstance(value, str):
        kinds = (annotation, *typing.get_args(annotation))
        if value.lower() == "none" and types.NoneType in kinds:
            return None
        if any(typing.get_origin(kind) is tuple for kind in kinds):
            value = value.split("/") if value else []
    try:
        return TypeAdapter(annotation).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        shown = "/".join(map(str, value)) if isinstance(value, list) else value
        message = first["msg"][0].lower() + first["msg"][1:]
        if isinstance(value, list | tuple):
            message += "; its parts are written with slashes, as 0.5/0.1"
        raise UserError(f"{title}={shown}: {message} ({describe(annotation)})") from None


def describe(annotation: Any) -> str:
    """An annotation in a user's words: `ns | minimax`, `number`, `true | false`."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        said = [one.words for one in args[1:] if isinstance(one, Described)]
        return said[0] if said else describe(args[0])
    if origin is Literal:
        return " | ".join(map(str, args))
    if origin is tuple:
        return "/".join("..." if arg is Ellipsis else describe(arg) for arg in args)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(map(describe, args))
    words = {bool: "true | false", int: "whole number", float: "number", str: "text"}
    return words.get(annotation, "none" if annotation is types.NoneType else str(annotation))
