"""The files that a plug-in is made of, found and read without running any of them.

They are the file of its declaration and every module that it imports, directly or through another,
from its own folder, its own distribution, or another distribution that requires ganbench.
Libraries are not among them, nor is the core: its version is part of a trial's facts.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import NamedTuple

from ganbench.core.errors import UserError

FIRST_PARTY = "ganbench.variants."
FILE = "ganbench_guest_"
"""What the names of modules begin with that are made of a file alone."""


class File(NamedTuple):
    """A module's file as it was read. content: None for a folder without `__init__.py`."""

    path: Path
    content: bytes | None
    is_package: bool


@dataclass(frozen=True)
class PluginSource:
    """What a plug-in is made of.

    reference: as it was typed. module: the name that its module is imported by. files: by
    module name, that of the declaration first.
    """

    reference: str
    module: str
    files: dict[str, File]

    @property
    def is_guest(self) -> bool:
        """Whether it is somebody else's than ganbench's."""
        return not self.module.startswith(FIRST_PARTY)

    @property
    def path(self) -> Path:
        """The file of the declaration itself."""
        return self.files[self.module].path

    @property
    def is_file(self) -> bool:
        """Whether it was named by its file, not by a module."""
        return self.module.startswith(FILE)

    def digest(self, name: str) -> str:
        """SHA-256, 16 hex digits, of a declaration by its name and all files; no path is in it."""
        return self._hash(name.encode())[:16]

    @property
    def fingerprint(self) -> str:
        """SHA-256, 64 hex digits, of all files."""
        return self._hash(b"")

    def texts(self) -> dict[str, bytes]:
        """The files of a guest by names of their own, relative ones; of ganbench's own none."""
        if not self.is_guest:
            return {}
        found = {}
        for name, file in self.files.items():
            if file.content is None:
                continue
            place = name.replace(".", "/") + ("/__init__" if file.is_package else "")
            if name == self.module and self.is_file:
                place = file.path.stem
            found[f"{place}.py"] = file.content
        return found

    def _hash(self, start: bytes) -> str:
        import hashlib

        found = hashlib.sha256(start)
        for name, file in self.files.items():
            if name != self.module:  # a file may be called anything
                found.update(f"\0{name}\0".encode())
            found.update((file.content or b"").replace(b"\r\n", b"\n"))
        return found.hexdigest()


Find = Callable[[str], File | None]


def of_file(path: Path, reference: str, noun: str = "variant") -> PluginSource:
    """The source of the plug-in in a file. noun: what it is called in messages.

    Raises UserError where there is none that can be read.
    """
    if not path.is_file():
        raise UserError(f"no such {noun} file: {path}")
    path = path.resolve()
    try:
        file = File(path, path.read_bytes(), is_package=False)
    except OSError as error:
        raise UserError(f"cannot read {noun} file {path}: {error.strerror or error}") from error
    module = f"{FILE}{path.stem}_{_tag(path)}"
    return PluginSource(reference, module, _gathered(module, file, _finder(path.parent, "")))


def _tag(path: Path) -> str:
    import hashlib

    return hashlib.sha256(str(path).encode()).hexdigest()[:8]


def of_module(module: str, reference: str, noun: str = "variant") -> PluginSource:
    """The source of the plug-in in a module: installed, or in the user's working directory.

    Raises UserError where no such module can be found.
    """
    top = module.partition(".")[0]
    beside = Path.cwd() if _home(top) is None else None
    find = _finder(beside, top)
    file = find(module)
    if top == "ganbench" and not file:
        raise UserError(f"{reference!r}: {module} is ganbench's own, and declares no {noun}")
    if file is None or file.content is None:
        raise UserError(f"cannot import {noun} {reference!r}: no source of a module {module}")
    return PluginSource(reference, module, _gathered(module, file, find))


def _gathered(module: str, file: File, find: Find) -> dict[str, File]:
    """A module's file and those of all modules that it leads to, by name."""
    found = {module: file}
    waiting = list(_prefixes(module))  # the packages around it run before it
    seen = {module, *waiting}
    while True:
        for name in waiting:
            if one := find(name):
                found[name] = one
        latest = [(name, found[name]) for name in [*waiting, module] if name in found]
        waiting = []
        for name, one in latest:
            package = name if one.is_package else name.rpartition(".")[0]
            for wanted in _imported(one.content or b"", package):
                if wanted not in seen:
                    seen.add(wanted)
                    waiting.append(wanted)
        if not waiting:
            break
    used = {n for n in found if found[n].content is not None}
    used |= {n for n in found if any(other.startswith(n + ".") for other in used)}
    return {module: file, **{name: found[name] for name in sorted(used) if name != module}}


def _imported(content: bytes, package: str) -> Iterator[str]:
    """The modules that a file may import, anywhere in it, and the packages around them."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError):  # importing it will tell
        return
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*(parts if node.level else []), *filter(None, [node.module])])
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Call) and node.args and _is_import(node.func):
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                names = [first.value]
        for name in names:
            yield from (*_prefixes(name), name)


def _is_import(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in ("import_module", "__import__")


def _prefixes(name: str) -> Iterator[str]:
    """The packages around a module: `a` and `a.b` of `a.b.c`."""
    parts = name.split(".")
    return (".".join(parts[:n]) for n in range(1, len(parts)))


class _Home(NamedTuple):
    """Where a top-level module lies: its own file, and the folders of its submodules."""

    file: Path | None
    folders: list[Path]


def _finder(folder: Path | None, top: str) -> Find:
    """Finds a plug-in's own modules: in its folder, in the package `top`, in its kin's.

    A module beside a plug-in goes before an installed one of its name, as it does beside a
    script, but for the names of the standard library.
    """

    @cache
    def home(name: str) -> _Home | None:
        if name in sys.stdlib_module_names or name in ("", "ganbench"):
            return None
        if folder and (near := _in_folder(folder, name)):
            return near
        return _home(name) if name == top or name in _kin() else None

    def find(module: str) -> File | None:
        first, _, rest = module.partition(".")
        if module.startswith(FIRST_PARTY):
            place = _Home(None, [Path(__file__).parents[1] / "variants", *_first_party()])
            rest = module.removeprefix(FIRST_PARTY)
        else:
            place = home(first) or _Home(None, [])
        if not rest:
            return _file(place.file, place.folders)
        for around in place.folders:
            inner = _in_folder(around.joinpath(*rest.split(".")[:-1]), rest.rpartition(".")[2])
            if inner:
                return _file(inner.file, inner.folders)
        return None

    return find


def _in_folder(folder: Path, name: str) -> _Home | None:
    """A module in a folder, in the order in which Python looks: package, module, namespace."""
    inner = folder / name
    if (inner / "__init__.py").is_file():
        return _Home(inner / "__init__.py", [inner])
    if (file := folder / f"{name}.py").is_file():
        return _Home(file, [])
    return _Home(None, [inner]) if inner.is_dir() else None


def _file(file: Path | None, folders: list[Path]) -> File | None:
    if file is None:
        return File(folders[0], None, is_package=True) if folders else None
    try:
        return File(file, file.read_bytes(), is_package=bool(folders))
    except OSError:  # importing it will tell
        return None


def _home(name: str) -> _Home | None:
    """An installed top-level module, without importing it; one beside the user is none."""
    path = sys.path[:]
    sys.path[:] = [entry for entry in path if entry and Path(entry).absolute() != Path.cwd()]
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    finally:
        sys.path[:] = path
    if spec is None:
        return None
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    return _Home(Path(spec.origin) if spec.has_location and spec.origin else None, folders)


def _first_party() -> list[Path]:
    spec = importlib.util.find_spec(FIRST_PARTY.rstrip("."))
    return [Path(folder) for folder in (spec and spec.submodule_search_locations) or ()]


@cache
def _kin() -> frozenset[str]:
    """The top-level modules of the distributions that require ganbench."""
    found: set[str] = set()
    for one in distributions():
        if any(_name(requirement) == "ganbench" for requirement in one.requires or ()):
            listed = (one.read_text("top_level.txt") or "").split()
            found.update(listed or (file.parts[0].removesuffix(".py") for file in one.files or ()))
    return frozenset(found)


def _name(requirement: str) -> str:
    """The distribution that a requirement names: `ganbench` of `ganbench[onnx]>=0.1`."""
    for number, character in enumerate(requirement):
        if not (character.isalnum() or character in "-_."):
            return requirement[:number].lower()
    return requirement.lower()
