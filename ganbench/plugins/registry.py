"""Find variants by entry point, file path or module. Importing this imports no torch."""

from __future__ import annotations

import ast
import importlib.util
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from ganbench.errors import UserError, of_guest, unknown
from ganbench.plugins import sources
from ganbench.plugins.blame import located
from ganbench.plugins.importer import import_source
from ganbench.plugins.sources import Source

if TYPE_CHECKING:
    from ganbench.model import Game

GROUP = "ganbench.variants"


@dataclass(frozen=True)
class Entry:
    """An installed variant: its name, where its class is, and the distribution it is from."""

    name: str
    target: str
    distribution: str


def installed() -> dict[str, Entry]:
    """Every variant that an installed distribution registers, by name, sorted."""
    found: dict[str, Entry] = {}
    origins: dict[object, str] = {}  # a distribution reads its metadata at every question
    for point in entry_points(group=GROUP):
        known = found.get(point.name)
        if known and known.target.startswith(sources.FIRST_PARTY):
            continue  # a package cannot put its own variant in the place of ganbench's
        if point.dist not in origins:
            said = point.dist.metadata if point.dist else {"Name": "unknown", "Version": ""}
            origins[point.dist] = f"{said['Name']} {said['Version']}".strip()
        found[point.name] = Entry(point.name, point.value, origins[point.dist])
    return dict(sorted(found.items()))


def summary(entry: Entry) -> str:
    """The first line of a variant's docstring, read from its source without running it."""
    module, _, name = entry.target.partition(":")
    try:
        spec = importlib.util.find_spec(module)
        tree = ast.parse(Path(spec.origin).read_text("utf-8")) if spec and spec.origin else None
    except (ImportError, OSError, SyntaxError, ValueError):
        return ""
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)] if tree else []
    text = next((ast.get_docstring(node) for node in classes if node.name == name), None)
    return (text or "").partition("\n")[0]


def parse(spec: str) -> tuple[str, dict[str, str]]:
    """Split `NAME:key=value,key=value` into the reference and the hyperparameters given.

    The last `:` segment is hyperparameters only if it contains `=`; tuples are written
    `0.5/0.1`. Raises UserError where a piece has no `=`.
    """
    reference, colon, tail = spec.rpartition(":")
    if colon and not tail:
        return reference, {}
    if not colon or "=" not in tail:
        return spec, {}
    return reference, assignments(tail.split(","), spec)


def assignments(pieces: list[str], where: str) -> dict[str, str]:
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


def check(reference: str) -> None:
    """Raise UserError where a bare name is no installed variant; imports nothing."""
    name, colon, rest = reference.partition(":")
    entries = installed()
    # A package may register its module's own name: then NAME:Class is a module's class.
    if colon and name in entries and entries[name].target.partition(":")[0] != name:
        raise UserError(f"{reference}: {rest!r} is not of the form name=value")
    if ":" not in reference and not reference.endswith(".py") and reference not in entries:
        raise unknown("variant", reference, entries)


def owner(reference: str) -> str:
    """Whose code a variant is, so that strangers never share a process: "" is ganbench's own.

    Nothing is imported.
    """
    place, _ = _target(reference)
    if place.startswith(sources.FIRST_PARTY):
        return ""
    return str(Path(place).resolve()) if _is_file(place) else place.partition(".")[0]


def united(*owners: str) -> str:
    """The owner of a process in which the code of all these runs; "" is ganbench's own."""
    return " and ".join(dict.fromkeys(sorted(filter(None, owners))))


def name_of(target: str) -> str:
    """The name under which `module:Class` is installed; "" where it is not."""
    return next((name for name, entry in installed().items() if entry.target == target), "")


def source(reference: str) -> Source:
    """The files that a variant is made of; none of them is run.

    Raises UserError where the reference names nothing.
    """
    place, _ = _target(reference)
    if _is_file(place):
        return sources.of_file(Path(place), reference)
    check(reference)
    return sources.of_module(place, reference)


def load(reference: str, files: Source | None = None) -> type[Game]:
    """The class that a reference names: an installed name, `FILE.py` or `MODULE:Class`.

    files: its `source`, where that was read already: it is this that is run.

    Raises UserError where it names nothing, cannot be imported, or is no variant.
    """
    files = files or source(reference)
    what = f"variant {reference!r}" if not files.is_file else f"variant file {files.path}"
    try:
        module = import_source(files)
    except UserError:
        raise
    except BaseException as error:
        if not of_guest(error):
            raise
        raise UserError(f"cannot import {what}: {located(error)}") from error
    name = _target(reference)[1]
    variant = _member(module, name, reference) if name else _only(module, files)
    _sources[variant] = files
    return variant


def source_of(variant: type[Game]) -> Source:
    """The source that a loaded variant was run from."""
    return _sources[variant]


def source_digest(variant: type[Game]) -> str:
    """The digest of a loaded variant: of its name and the files that it was run from."""
    return source_of(variant).digest(variant.__qualname__)


_sources: WeakKeyDictionary[type[Game], Source] = WeakKeyDictionary()


def _target(reference: str) -> tuple[str, str]:
    """The file or module that a reference names, and the class in it ("": the only one)."""
    entries = installed()
    if reference in entries:
        module, _, name = entries[reference].target.partition(":")
        return module, name
    path, colon, name = reference.partition(".py:")
    if reference.endswith(".py") or colon:
        return path + ".py" if colon else reference, name
    module, _, name = reference.partition(":")
    return module, name


def _is_file(place: str) -> bool:
    return place.endswith(".py")


def _only(module: ModuleType, files: Source) -> type[Game]:
    from ganbench.model import Game

    own = [
        member
        for member in vars(module).values()
        if isinstance(member, type)
        and issubclass(member, Game)
        and member.__module__ == files.module
    ]
    if len(own) != 1:
        names = ", ".join(member.__name__ for member in own) or "none"
        raise UserError(
            f"{files.path} must define one variant (a subclass of ganbench.model.Game), it "
            f"defines {names}; name one with {files.reference}:Class"
        )
    return own[0]


def _member(module: ModuleType, name: str, reference: str) -> type[Game]:
    from ganbench.model import Game

    member = getattr(module, name, None)
    if member is None:
        raise UserError(f"variant {reference!r}: {module.__name__} has no {name!r}")
    if not (isinstance(member, type) and issubclass(member, Game)):
        raise UserError(f"variant {reference!r} is not a subclass of ganbench.model.Game")
    return member
