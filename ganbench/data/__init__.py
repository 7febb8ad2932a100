"""Data sets by spec: `NAME`, `NAME:option=value,...`, `folder:PATH`, `npz:PATH`.

Importing this module imports neither torch nor scikit-learn.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ganbench import cache
from ganbench.data.paths import unreadable
from ganbench.data.sources import SOURCES, Source
from ganbench.errors import UserError, unknown

if TYPE_CHECKING:
    from ganbench.data.dataset import Dataset

__all__ = ["SOURCES", "Source", "Spec", "default_root", "is_here", "load", "parse", "source"]


class Spec(NamedTuple):
    """What a data set's spec says: its source, the path behind it, and every option."""

    source: Source
    path: str
    options: dict[str, str]

    @property
    def name(self) -> str:
        """The spec without the options that have their default value."""
        values = self.source.options
        changed = [f"{k}={v}" for k, v in self.options.items() if v != values[k][0]]
        return ":".join(filter(None, (self.source.name, self.path, ",".join(changed))))


def parse(spec: str) -> Spec:
    """Read `NAME`, `NAME:PATH` and the `:option=value,...` behind either.

    The last `:` segment is options only if it contains `=`. Raises UserError for an unknown
    name or option, a value that is not among an option's, and a path missing or too many.
    """
    name, _, rest = spec.partition(":")
    if name not in SOURCES:
        raise unknown("data set", name, SOURCES)
    found = SOURCES[name]
    path, colon, tail = rest.rpartition(":")
    if "=" in tail:
        given = _options(found, tail, spec)
    else:
        path, given = f"{path}{colon}{tail}", {}
    if found.takes_path != bool(path):
        need = "needs a path behind it" if found.takes_path else "takes no path"
        form = f"{name}:PATH" if found.takes_path else f"{name}:option=value"
        raise UserError(f"data set {spec}: {name} {need} ({form})")
    defaults = {option: values[0] for option, values in found.options.items()}
    return Spec(found, path, defaults | given)


def _options(found: Source, text: str, spec: str) -> dict[str, str]:
    given: dict[str, str] = {}
    for piece in text.split(","):
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


def source(spec: str) -> Source:
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


def load(spec: str, root: Path | None = None) -> Dataset:
    """Load a data set, from `root` where it is not embedded.

    Raises UserError for an unknown name or option, and for data that is missing or damaged, or
    that the system does not give.
    """
    parsed = parse(spec)
    module = importlib.import_module(f"ganbench.data.{parsed.source.module}")
    try:
        dataset: Dataset = module.load(parsed, root or default_root())
    except OSError as error:
        if not error.filename:
            raise
        raise unreadable(Path(error.filename), error) from error
    return dataset
