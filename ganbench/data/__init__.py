"""Data sets by spec: `NAME`, `NAME:option=value,...`, `folder:PATH`, `npz:PATH`.

Importing this module imports neither torch nor scikit-learn.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ganbench.core import cache
from ganbench.core.errors import UserError, unknown
from ganbench.data.io.paths import unreadable
from ganbench.data.sources import SOURCES, DatasetSpec

if TYPE_CHECKING:
    from ganbench.data.dataset import Dataset

__all__ = [
    "SOURCES",
    "DatasetSpec",
    "Spec",
    "default_root",
    "is_here",
    "load",
    "options",
    "parse",
    "read",
    "source",
]


class Spec(NamedTuple):
    """What a data set's spec says: its source, the path behind it, and every option."""

    source: DatasetSpec
    path: str
    options: dict[str, str]

    @property
    def name(self) -> str:
        """The spec without the options that have their default value."""
        changed = (f"{k}={v}" for k, v in self.source.changed(self.options).items())
        return ":".join(filter(None, (self.source.name, self.path, ",".join(changed))))


def parse(spec: str) -> Spec:
    """Read `NAME`, `NAME:PATH` and the `:option=value,...` behind either.

    The last `:` segment is options only if it contains `=`. Raises UserError for an unknown
    name or option, a value that is not among an option's, and a path missing or too many.
    """
    name, _, rest = spec.partition(":")
    if name not in SOURCES:
        raise _as_path(spec) or unknown("data set", name, SOURCES)
    found = SOURCES[name]
    path, colon, tail = rest.rpartition(":")
    if "=" not in tail:
        path, tail = f"{path}{colon}{tail}", ""
    if found.takes_path != bool(path):
        need = "needs a path behind it" if found.takes_path else "takes no path"
        form = f"{name}:PATH" if found.takes_path else f"{name}:option=value"
        raise UserError(f"data set {spec}: {name} {need} ({form})")
    return Spec(found, path, options(found, tail, spec))


def _as_path(spec: str) -> UserError | None:
    """What to answer to somebody who named a folder or a file as it is."""
    path = os.path.expanduser(spec)
    kind = "npz" if spec.endswith(".npz") else "folder"
    try:
        here = os.path.isdir(path) or (kind == "npz" and os.path.isfile(path))
    except ValueError:  # a NUL
        return None
    if not here and os.sep not in spec:
        return None
    there = "" if here else " (there is nothing at this path)"
    return UserError(f"unknown data set {spec!r}; did you mean {kind}:{spec}?{there}")


def options(found: DatasetSpec, text: str, spec: str) -> dict[str, str]:
    """Every option of a data set, as `option=value,...` says (may be empty) or by default.

    spec: for messages. Raises UserError for an option or a value that it does not have.
    """
    given = {option: values[0] for option, values in found.options.items()}
    for piece in text.split(",") if text else ():
        option, equals, value = (part.strip() for part in piece.partition("="))
        if not equals:
            raise UserError(f"data set {spec}: {piece!r} is not of the form option=value")
        if option not in found.options:
            raise unknown(f"option of data set {found.name}:", option, found.options)
        values = found.options[option]
        if len(values) > 1 and value not in values:
            raise unknown(f"{option} of data set {found.name}:", value, values)
        given[option] = value
    return given


def source(spec: str) -> DatasetSpec:
    """The entry of a data set: what is known before it is loaded. Raises UserError as `parse`."""
    return parse(spec).source


def default_root() -> Path:
    """Where downloads go: $GANBENCH_DATA, or ganbench/ in the user's cache folder."""
    return cache.folder()


def is_here(name: str, root: Path | None = None) -> bool:
    """Whether a data set can be loaded without a download, as far as its files' names tell."""
    found = source(name)
    place = root or default_root()
    return found.embedded or all(any(place.glob(pattern)) for pattern in found.files)


def load(spec: str, root: Path | None = None, at: Path | None = None) -> Dataset:
    """Load a data set, from `root` where it is not embedded.

    at: where the user's own folder or file is now, if it is no longer where the spec says; the
    data set keeps its name. Sets that have no path of their own take no notice of it. A data set
    stays readable when the process goes to another working directory.

    Raises UserError for an unknown name or option, and for data that is missing or damaged, or
    that the system does not give.
    """
    return read(parse(spec), root, at)


def read(spec: Spec, root: Path | None = None, at: Path | None = None) -> Dataset:
    """`load`, of a spec that is parsed: a data set that knows its declaration and its options."""
    moved = spec._replace(path=str(at)) if at and spec.source.takes_path else spec
    try:
        dataset: Dataset = spec.source.load(moved, (root or default_root()).absolute())
    except OSError as error:
        if not error.filename:
            raise
        raise unreadable(Path(error.filename), error) from error
    changed = spec.source.changed(spec.options)
    return replace(dataset, name=spec.name, source=spec.source, options=changed)
