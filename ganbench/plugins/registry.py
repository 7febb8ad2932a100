"""Find variants by entry point, file path or module. Importing this imports no torch."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ganbench.errors import UserError, of_guest, unknown

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
    found = {}
    origins: dict[object, str] = {}  # a distribution reads its metadata at every question
    for point in entry_points(group=GROUP):
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


def load(reference: str) -> type[Game]:
    """The class that a reference names: an installed name, `FILE.py` or `MODULE:Class`.

    Raises UserError where it names nothing, cannot be imported, or is no variant.
    """
    entries = installed()
    if reference in entries:
        module, _, name = entries[reference].target.partition(":")
        return _member(_import(module, reference), name, reference)
    path, colon, name = reference.partition(".py:")
    if reference.endswith(".py") or colon:
        return _from_file(Path(path + ".py" if colon else reference), name, reference)
    check(reference)
    module, _, name = reference.partition(":")
    return _member(_import(module, reference), name, reference)


def source_digest(variant: type[Game]) -> str:
    """SHA-256 over the source of a variant and of its bases outside the core, 16 hex digits."""
    import hashlib
    import inspect

    from ganbench.model import Game

    files = {
        Path(inspect.getfile(base))
        for base in variant.__mro__
        if issubclass(base, Game) and not base.__module__.startswith("ganbench.model")
    }
    digest = hashlib.sha256(variant.__qualname__.encode())
    for path in sorted(files):
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:16]


def _import(module: str, reference: str) -> ModuleType:
    _reach(Path.cwd())
    try:
        return importlib.import_module(module)
    except BaseException as error:
        if not of_guest(error):
            raise
        raise UserError(f"cannot import variant {reference!r}: {_line(error)}") from error


def _reach(folder: Path) -> None:
    """Let modules of a folder be imported; at the end of the path, so that they hide no other."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def _from_file(path: Path, name: str, reference: str) -> type[Game]:
    import hashlib

    from ganbench.model import Game

    if not path.is_file():
        raise UserError(f"no such variant file: {path}")
    path = path.resolve()
    tag = hashlib.sha256(str(path).encode()).hexdigest()[:8]
    spec = importlib.util.spec_from_file_location(f"ganbench_guest_{path.stem}_{tag}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    _reach(path.parent)
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        if not of_guest(error):
            raise
        raise UserError(f"cannot import variant file {path}: {_line(error)}") from error
    if name:
        return _member(module, name, reference)
    own = [
        member
        for member in vars(module).values()
        if isinstance(member, type) and issubclass(member, Game) and member.__module__ == spec.name
    ]
    if len(own) != 1:
        names = ", ".join(member.__name__ for member in own) or "none"
        raise UserError(
            f"{path} must define one variant (a subclass of ganbench.model.Game), it defines "
            f"{names}; name one with {reference}:Class"
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


def _line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else ''}"
