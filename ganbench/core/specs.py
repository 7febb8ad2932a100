"""The grammar of specs: `NAME:key=value,key=value`, read and written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganbench.core.errors import UserError


def format_spec(variant: str, changed: Mapping[str, Any]) -> str:
    """A variant with what was changed in it, as the command line takes it."""
    pieces = [f"{name}={format_value(value)}" for name, value in changed.items()]
    return f"{variant}:{','.join(pieces)}" if pieces else variant


def display_name(label: str, labels: str | None) -> str:
    """A label with the label budget, where there is one: `sgan [labels 100]`."""
    return f"{label} [labels {labels}]" if labels else label


def format_value(value: Any) -> str:
    """A hyperparameter's value as the command line takes it."""
    if isinstance(value, tuple | list):
        return "/".join(map(format_value, value))
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def parse_spec(spec: str) -> tuple[str, dict[str, str]]:
    """Split `NAME:key=value,key=value` into the reference and the hyperparameters given.

    The last `:` segment is hyperparameters only if it contains `=`; tuples are written
    `0.5/0.1`. Raises UserError where a piece has no `=`.
    """
    reference, colon, tail = spec.rpartition(":")
    if colon and not tail:
        return reference, {}
    if not colon or "=" not in tail:
        return spec, {}
    return reference, parse_assignments(tail.split(","), spec)


def parse_assignments(pieces: list[str], where: str) -> dict[str, str]:
    """`name=value` pieces as a dictionary. Raises UserError for anything else."""
    given: dict[str, str] = {}
    for piece in pieces:
        name, equals, value = (part.strip() for part in piece.partition("="))
        if not equals or not name:
            raise UserError(f"{where}: {piece!r} is not of the form name=value")
        if name in given:
            raise UserError(f"{where}: {name} is given twice")
        given[name] = value
    return given
