"""What `ganbench list` shows of variants, read from their sources. Nothing is run or imported.

A class counts as a variant where it derives from a name that its file imports from
`ganbench.model` (or from a first-party variant), directly or through a class beside it.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

from ganbench.errors import UserError
from ganbench.plugins import registry

PARTS = {
    "Batch",
    "Discriminator",
    "Latent",
    "LatentValue",
    "Posterior",
    "Recognition",
    "Update",
    "View",
}
"""Classes of `ganbench.model` that no variant is made by deriving from."""


@dataclass(frozen=True)
class Found:
    """A variant: what one types for it, where it is, its first line, where it comes from."""

    name: str
    target: str
    summary: str
    origin: str


def installed() -> list[Found]:
    """Every variant that an installed distribution registers."""
    return [
        Found(entry.name, entry.target, _summary(entry), entry.distribution)
        for entry in registry.installed().values()
    ]


def beside(folder: Path) -> list[Found]:
    """The variants in the Python files of a folder; files that cannot be read are passed over."""
    found = []
    for path in sorted(folder.glob("[!.]*.py")):
        try:
            source = path.read_bytes()
            tree = ast.parse(source) if b"ganbench" in source else None
        except (OSError, SyntaxError, ValueError):
            continue
        if tree:
            found += _of_file(f"./{path.name}", tree)
    return found


def named(reference: str) -> list[Found]:
    """The variants that a reference names: `NAME`, `FILE.py`, `FILE.py:Class`, `MODULE:Class`.

    Raises UserError where there is none.
    """
    registry.check(reference)
    for entry in installed():
        if entry.name == reference:
            return [entry]
    file, colon, name = reference.partition(".py:")
    if reference.endswith(".py") or colon:
        path = Path(file + ".py" if colon else reference)
        shown = str(path) if path.is_absolute() or path.parts[0] == ".." else f"./{path}"
        found = _of_file(shown, _parsed(path, shown))
        found = [one for one in found if not name or one.target == f"{shown}:{name}"]
        if not found:
            wanted = f"no class {name!r} that derives from ganbench.model" if name else "no variant"
            raise UserError(f"{shown} defines {wanted}")
        return found
    module, _, name = reference.partition(":")
    source = _source(module)
    if source is None:
        raise UserError(f"no module {module!r} can be found")
    node = _class(_parsed(source, module), name)
    if node:
        return [Found(reference, reference, _first_line(node), f"module {module}")]
    raise UserError(f"variant {reference!r}: the source of {module} defines no class {name!r}")


def _parsed(path: Path, shown: str) -> ast.Module:
    try:
        return ast.parse(path.read_bytes())
    except OSError as error:
        raise UserError(f"no such variant file: {shown}") from error
    except (SyntaxError, ValueError) as error:
        raise UserError(f"{shown} is no Python: {error}") from error


def _of_file(shown: str, tree: ast.Module) -> list[Found]:
    """The variants that a file defines; the file alone names the only one."""
    bases, modules = _imported(tree)
    variants: dict[str, ast.ClassDef] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and any(
            (isinstance(base, ast.Name) and base.id in bases)
            or (
                isinstance(base, ast.Attribute)
                and base.attr not in PARTS
                and ast.unparse(base.value) in modules
            )
            for base in node.bases
        ):
            variants[node.name] = node
            bases.add(node.name)
    alone = len(variants) == 1
    return [
        Found(
            shown if alone else f"{shown}:{name}",
            f"{shown}:{name}",
            _first_line(node),
            f"file {shown}",
        )
        for name, node in variants.items()
    ]


def _imported(tree: ast.Module) -> tuple[set[str], set[str]]:
    """The names in a file that may be bases of variants, and those of modules of such."""
    bases: set[str] = set()
    modules = {"ganbench.model"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {a.asname for a in node.names if a.name == "ganbench.model" and a.asname}
        elif isinstance(node, ast.ImportFrom) and node.module == "ganbench":
            modules |= {a.asname or a.name for a in node.names if a.name == "model"}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            ("ganbench.model", "ganbench.variants")
        ):
            bases |= {a.asname or a.name for a in node.names if a.name not in PARTS}
    return bases, modules


def _summary(entry: registry.Entry) -> str:
    module, _, name = entry.target.partition(":")
    if module.startswith("ganbench."):
        return registry.summary(entry)
    try:
        path = _source(module)
        node = _class(_parsed(path, module), name) if path else None
    except UserError:
        return ""
    return _first_line(node) if node else ""


def _class(tree: ast.Module, name: str) -> ast.ClassDef | None:
    classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    return next((node for node in classes if node.name == name), None)


def _first_line(node: ast.ClassDef) -> str:
    return (ast.get_docstring(node) or "").partition("\n")[0]


def _source(module: str) -> Path | None:
    """The file of a module, found without importing its packages; None where there is none."""
    top, *rest = module.split(".")
    sys.path.append("")  # as `registry.load` does: a module beside the user
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    finally:
        sys.path.remove("")
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin else None
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    for folder in folders:
        place = folder.joinpath(*rest)
        for path in (place.with_suffix(".py"), place / "__init__.py"):
            if path.is_file():
                return path
    return None
