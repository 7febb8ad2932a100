"""The base of every JSON document, and the types of its fields.

Bounds are such that no trial comes near. A document may be anybody's: what it says is computed
with, and a model of its shape is built, so that each number has to be one that this is safe with.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
)

LONGEST = 2**14
"""Characters of a text, or of an object as JSON."""
LARGEST_IMAGE = 2**24
"""Numbers in one image."""


def finite(value: float | None) -> float | None:
    """The number, or None where it is NaN or infinite: JSON has neither."""
    return value if value is not None and math.isfinite(value) else None


def plain(value: Any) -> Any:
    """A value as JSON can hold it without loss: tuples as lists, inf and nan as words."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _finite_only(values: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if math.isfinite(value)}


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # year 1 in the east of Greenwich
        raise ValueError("it lies outside the years 1 to 9999 of UTC") from None


def _small(values: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(values)) > LONGEST:
        raise ValueError(f"longer than {LONGEST:,} characters of JSON")
    return values


def _allocable(shape: tuple[int, ...] | None) -> tuple[int, ...] | None:
    if shape and math.prod(shape) > LARGEST_IMAGE:
        raise ValueError(f"more than {LARGEST_IMAGE:,} numbers in an image")
    return shape


Text = Annotated[str, StringConstraints(max_length=LONGEST)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Reason = Annotated[str, BeforeValidator(lambda text: text[:LONGEST] if type(text) is str else text)]
"""Why something went wrong: what is longer is cut, since an exception may say anything."""
Count = Annotated[int, Field(ge=0, lt=2**63)]
Seed = Annotated[int, Field(ge=0, lt=2**64)]
Number = Annotated[float, Field(ge=-1e300, le=1e300, allow_inf_nan=False)]
"""Finite, and so far from the ends that sums and squares over seeds are."""
Size = Annotated[int, Field(ge=1, le=2**16)]
Shape = Annotated[
    tuple[Size, ...] | None, Field(min_length=1, max_length=4), AfterValidator(_allocable)
]
Object = Annotated[dict[str, JsonValue], BeforeValidator(plain), AfterValidator(_small)]
"""A JSON object of bounded size: hyperparameters, settings, a protocol."""
Gauged = Annotated[float | None, AfterValidator(finite)]
Parts = Annotated[dict[str, float], AfterValidator(_finite_only)]
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class Document(BaseModel):
    """Base of the models: immutable, and unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
