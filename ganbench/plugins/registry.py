"""Find plug-ins by entry point, file path or module. Importing this imports no torch.

Kinds are named as in `kinds.KINDS`; where none is named, variants are meant.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ganbench.core.errors import UserError, of_guest, unknown
from ganbench.plugins import sources
from ganbench.plugins.error_places import located
from ganbench.plugins.importer import import_source
from ganbench.plugins.kinds import KINDS, Kind
from ganbench.plugins.sources import PluginSource

if TYPE_CHECKING:
    from ganbench.core.metric_specs import MetricSpec
    from ganbench.model import Variant

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
"""Of a metric, a data set or an extractor: it stands in commands, tables and directories."""


@dataclass(frozen=True)
class Entry:
    """An installed plug-in: its name, where its declaration is, and its distribution."""

    name: str
    target: str
    distribution: str


def installed(kind: str = "variants") -> dict[str, Entry]:
    """Every plug-in of a kind that an installed distribution registers, by name, sorted."""
    found: dict[str, Entry] = {}
    origins: dict[object, str] = {}  # a distribution reads its metadata at every question
    taken = KINDS[kind].own()
    for point in entry_points(group=KINDS[kind].group):
        known = found.get(point.name)
        if point.name in taken or (known and known.target.startswith(sources.FIRST_PARTY)):
            continue  # a package cannot put its own in the place of ganbench's
        if point.dist not in origins:
            said = point.dist.metadata if point.dist else {"Name": "unknown", "Version": ""}
            origins[point.dist] = f"{said['Name']} {said['Version']}".strip()
        found[point.name] = Entry(point.name, point.value, origins[point.dist])
    return dict(sorted(found.items()))


def known(kind: str) -> set[str]:
    """The names of all plug-ins of a kind: ganbench's own and installed ones, no groups."""
    return {*installed(kind), *KINDS[kind].listed()}


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


def check(reference: str, kind: str = "variants") -> None:
    """Raise UserError where a bare name is no plug-in of a kind; imports nothing of one."""
    name, colon, rest = reference.partition(":")
    entries = installed(kind)
    # A package may register its module's own name: then NAME:Class is a module's class.
    if colon and name in entries and entries[name].target.partition(":")[0] != name:
        raise UserError(f"{reference}: {rest!r} is not of the form name=value")
    if not is_outside(reference) and reference not in entries:
        raise unknown(KINDS[kind].noun, reference, known(kind))


def is_outside(reference: str) -> bool:
    """Whether a reference is a file or a module rather than a name."""
    return ":" in reference or reference.endswith(".py")


def owner(reference: str, kind: str = "variants") -> str:
    """Whose code a plug-in is, so that strangers never share a process: "" is ganbench's own.

    Nothing is imported.
    """
    place, _ = _target(reference, kind)
    if reference in KINDS[kind].own() or place.startswith(sources.FIRST_PARTY):
        return ""
    return str(Path(place).resolve()) if _is_file(place) else place.partition(".")[0]


def name_of(target: str, kind: str = "variants") -> str:
    """The name under which `module:NAME` is installed; "" where it is not."""
    return next((name for name, entry in installed(kind).items() if entry.target == target), "")


def source(reference: str, kind: str = "variants") -> PluginSource:
    """The files that a plug-in is made of; none of them is run.

    Raises UserError where the reference names nothing.
    """
    place, _ = _target(reference, kind)
    if _is_file(place):
        return sources.of_file(Path(place), reference, KINDS[kind].noun)
    check(reference, kind)
    return sources.of_module(place, reference, KINDS[kind].noun)


def load(reference: str, files: PluginSource | None = None) -> type[Variant]:
    """The variant that a reference names: an installed name, `FILE.py` or `MODULE:Class`.

    files: its `source`, where that was read already: it is this that is run.

    Raises UserError where it names nothing, cannot be imported, or is no variant.
    """
    files = files or source(reference)
    variant: type[Variant] = _only(_declared(reference, "variants", files), "variants", files)
    _sources[variant] = files
    return variant


def load_metrics(reference: str) -> list[MetricSpec]:
    """The metrics that a reference names: all of a file's, or one. Each has its source's digest.

    Raises UserError as `load`, and for one that takes the name of ganbench's.
    """
    files = source(reference, "metrics")
    return [
        _checked(spec, reference, "metrics", files)
        for spec in _declared(reference, "metrics", files).values()
    ]


def load_spec(reference: str, kind: str) -> Any:
    """The declaration of a data set or an extractor, with its source's digest.

    Raises UserError as `load_metrics`.
    """
    files = source(reference, kind)
    return _checked(_only(_declared(reference, kind, files), kind, files), reference, kind, files)


def source_of(variant: type[Variant]) -> PluginSource:
    """The source that a loaded variant was run from."""
    return _sources[variant]


def source_digest(variant: type[Variant]) -> str:
    """The digest of a loaded variant: of its name and the files that it was run from."""
    return source_of(variant).digest(variant.__qualname__)


_sources: WeakKeyDictionary[type[Variant], PluginSource] = WeakKeyDictionary()


def _target(reference: str, kind: str) -> tuple[str, str]:
    """The file or module that a reference names, and the member of it ("": every one)."""
    entries = installed(kind)
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


def _declared(reference: str, kind: str, files: PluginSource) -> dict[str, Any]:
    """Run a plug-in's module: the declaration that is named, or every one, by their names."""
    noun = KINDS[kind].noun
    what = f"{noun} {reference!r}" if not files.is_file else f"{noun} file {files.path}"
    try:
        module = import_source(files)
    except UserError:
        raise
    except BaseException as error:
        if not of_guest(error):
            raise
        raise UserError(f"cannot import {what}: {located(error)}") from error
    name = _target(reference, kind)[1]
    if name:
        return {name: _member(module, name, reference, KINDS[kind])}
    found = _own(module, files, KINDS[kind])
    if not found:
        raise UserError(_not_one(files, KINDS[kind], "none"))
    return found


def _own(module: ModuleType, files: PluginSource, kind: Kind) -> dict[str, Any]:
    """The declarations that a module makes itself, each once."""
    imported = _imported(files.files[files.module].content or b"")
    found: dict[str, Any] = {}
    for name, member in vars(module).items():
        is_own = name not in imported and getattr(member, "__module__", "") == files.module
        is_own |= bool(kind.constructor) and name not in imported
        if kind.is_one(member) and is_own and not any(member is one for one in found.values()):
            found[name] = member
    return found


def _imported(content: bytes) -> set[str]:
    """The names that a file's import statements bind."""
    nodes = [n for n in ast.walk(ast.parse(content)) if isinstance(n, ast.Import | ast.ImportFrom)]
    return {alias.asname or alias.name for node in nodes for alias in node.names}


def _only(found: dict[str, Any], kind: str, files: PluginSource) -> Any:
    if len(found) != 1:
        raise UserError(_not_one(files, KINDS[kind], ", ".join(found)))
    return next(iter(found.values()))


def _not_one(files: PluginSource, kind: Kind, names: str) -> str:
    member = "NAME" if kind.constructor else "Class"
    return (
        f"{files.path} must define one {kind.noun} ({kind.wanted}), it defines {names}; name one "
        f"with {files.reference}:{member}"
    )


def _member(module: ModuleType, name: str, reference: str, kind: Kind) -> Any:
    member = getattr(module, name, None)
    if member is None:
        raise UserError(f"{kind.noun} {reference!r}: {module.__name__} has no {name!r}")
    if not kind.is_one(member):
        raise UserError(f"{kind.noun} {reference!r} is not {kind.wanted}")
    return member


def _checked(spec: Any, reference: str, kind: str, files: PluginSource) -> Any:
    """A declaration of somebody else's, with its digest. Raises UserError for one that misleads."""
    noun = KINDS[kind].noun
    if not isinstance(spec.name, str) or not NAME.fullmatch(spec.name):
        raise UserError(
            f"{noun} {reference!r} declares the name {spec.name!r}: use letters, digits, _, . and -"
        )
    if spec.name in KINDS[kind].own():
        raise UserError(
            f"{noun} {reference!r} declares the name {spec.name!r}, which is one of "
            f"ganbench's own: choose another"
        )
    if reference in installed(kind) and spec.name != reference:
        raise UserError(f"{noun} {reference!r} is installed as that, but declares {spec.name!r}")
    if not callable(spec.target):
        raise UserError(f"{noun} {reference!r}: its target must be a function, not {spec.target!r}")
    # A plug-in's extractor is identified by its source, and cannot say that it is another one.
    anonymous = {"identity": ""} if kind == "extractors" else {}
    return replace(spec, digest=files.digest(spec.name), **anonymous)
