"""Imports plug-ins from the very bytes that were hashed, their own modules too."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from ganbench.core.errors import UserError
from ganbench.plugins.sources import FIRST_PARTY, File, PluginSource


class _Loader(SourceFileLoader):
    """Compiles what was read: neither a newer file nor an older `__pycache__` is looked at."""

    def __init__(self, name: str, file: File) -> None:
        super().__init__(name, str(file.path))
        self.content = file.content or b""

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = self.source_to_code(self.content, self.path)
        return code


class _Finder(MetaPathFinder):
    """Finds the modules of the plug-ins that this process has loaded."""

    def __init__(self) -> None:
        self.files: dict[str, File] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A module's spec where it is a plug-in's own."""
        file = self.files.get(fullname)
        return _spec(fullname, file) if file else None


_finder = _Finder()


def _spec(name: str, file: File) -> ModuleSpec | None:
    if file.content is None:
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(file.path)]
        return spec
    if file.path.suffix != ".py":
        return importlib.util.spec_from_file_location(name, file.path)
    folders = [str(file.path.parent)] if file.is_package else None
    loader = _Loader(name, file)
    return importlib.util.spec_from_file_location(
        name, file.path, loader=loader, submodule_search_locations=folders
    )


def import_source(source: PluginSource) -> ModuleType:
    """Run the module of a plug-in and return it.

    A file is run at every call; the other modules of a plug-in once, and again where one of
    them has changed. The working directory stays what it was.

    Raises UserError where a module's name is taken by another one of this process, or one is
    imported that the source does not show; and whatever the plug-in's code raises.
    """
    if not source.is_guest:
        return importlib.import_module(source.module)
    own = {name: file for name, file in source.files.items() if not name.startswith(FIRST_PARTY)}
    for name, file in own.items():
        _refuse_namesake(name, file, source.reference)
    changed = any(_finder.files.get(name, file) != file for name, file in own.items())
    for name in own if changed else [source.module] if source.is_file else []:
        sys.modules.pop(name, None)
    _finder.files.update(own)
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    before, here = set(sys.modules), Path.cwd()
    try:
        module = importlib.import_module(source.module)
    finally:
        os.chdir(here)
    if source.is_file:
        _refuse_unseen(source, set(sys.modules) - before)
    return module


def _refuse_namesake(name: str, file: File, reference: str) -> None:
    """Two plug-ins may each have a `helpers.py`, but not in one process."""
    loaded = sys.modules.get(name)
    if loaded is None:
        return
    place = getattr(loaded, "__file__", None) or next(iter(getattr(loaded, "__path__", ())), None)
    if place is None or not Path(place).exists() or not Path(place).samefile(file.path):
        raise UserError(
            f"{reference}: {file.path} cannot be imported, since this process has another module "
            f"{name} ({place or 'built in'}): rename it, or use another process"
        )


def _refuse_unseen(source: PluginSource, new: set[str]) -> None:
    """A module that the hash does not cover could be edited without anybody noticing."""
    folder = source.path.parent
    for name in sorted(new - set(source.files)):
        file = getattr(sys.modules.get(name), "__file__", None)
        known = {str(folder), *(str(f.path) for f in source.files.values() if f.content is None)}
        known |= {str(f.path.parent) for f in source.files.values() if f.is_package}
        if file and str(Path(file).parent) in known:
            raise UserError(
                f"{source.reference} imports {name} in a way that its source does not show, and "
                f"edits there would go unnoticed: write an import statement"
            )
