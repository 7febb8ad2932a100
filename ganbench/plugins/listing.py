"""What `ganbench list` shows of plug-ins, read from their sources. Nothing is run or imported.

A class counts as a variant where it derives from a name that its file imports from
`ganbench.model` (or from a first-party variant), directly or through a class beside it. A metric,
a data set or an extractor is a name at the top of a file that a call of `MetricSpec`,
`DatasetSpec` or `ExtractorSpec` is assigned to; its own name and summary are read where they
are written out.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

from ganbench.core.errors import UserError, too_long, unknown
from ganbench.plugins import registry
from ganbench.plugins.kinds import KINDS, Kind

PARTS = {
    "Batch",
    "Discriminator",
    "Latent",
    "LatentValue",
    "Posterior",
    "Recognition",
    "Update",
    "View",
    "DiscriminatorOutput",
}
"""Classes of `ganbench.model` that no variant is made by deriving from."""
POSITIONS = {
    "MetricSpec": ("name", "group", "summary"),
    "DatasetSpec": ("name", "summary"),
    "ExtractorSpec": ("name", "summary"),
}
"""Arguments of a declaration that may be given by their position."""


@dataclass(frozen=True)
class Found:
    """A plug-in: what one types for it, where it is, its first line, where it comes from.

    declared: the name that a metric, a data set or an extractor has in tables, where it is
    written out in its source.
    """

    name: str
    target: str
    summary: str
    origin: str
    declared: str = ""


def installed(kind: str = "variants") -> list[Found]:
    """Every plug-in of a kind that an installed distribution registers."""
    return [_installed(entry, KINDS[kind]) for entry in registry.installed(kind).values()]


def beside(folder: Path, kind: str = "variants") -> list[Found]:
    """The plug-ins of a kind in the Python files of a folder; unreadable files are passed over."""
    found = []
    for path in sorted(folder.glob("[!.]*.py")):
        try:
            source = path.read_bytes()
            tree = ast.parse(source) if b"ganbench" in source else None
        except (OSError, SyntaxError, ValueError):
            continue
        if tree:
            found += _of_file(f"./{path.name}", tree, KINDS[kind])
    return found


def named(reference: str, kind: str = "variants") -> list[Found]:
    """The plug-ins that a reference names: `NAME`, `FILE.py`, `FILE.py:NAME`, `MODULE:NAME`.

    Raises UserError where there is none.
    """
    wanted = KINDS[kind]
    registry.check(reference, kind)
    for entry in registry.installed(kind).values():
        if entry.name == reference:
            return [_installed(entry, wanted)]
    file, colon, name = reference.partition(".py:")
    if reference.endswith(".py") or colon:
        path = Path(file + ".py" if colon else reference)
        shown = _shown(path)
        found = _of_file(shown, _parsed(path, shown, wanted), wanted)
        found = [one for one in found if not name or one.target == f"{shown}:{name}"]
        if not found:
            missing = f"no {_member(wanted)} {name!r}" if name else f"no {wanted.noun}"
            raise Missing(f"{shown} defines {missing}")
        return found
    module, _, name = reference.partition(":")
    source = _source(module)
    if source is None:
        raise UserError(f"no module {module!r} can be found")
    node = _find(_parsed(source, module, wanted), name, wanted)
    if node:
        return [_found(reference, reference, node, f"module {module}", wanted)]
    raise Missing(
        f"{wanted.noun} {reference!r}: the source of {module} defines no {_member(wanted)} {name!r}"
    )


def of_any_kind(spec: str) -> list[tuple[str, str]]:
    """The plug-ins that a spec may mean, as (kind, spec): of a file every one that it declares.

    Hyperparameters or options behind the spec stay behind each. Where a file or module declares
    nothing that can be seen without running it, a variant is meant. Raises UserError for an
    unknown name and for a file that cannot be read.
    """
    head, colon, tail = spec.rpartition(":")
    reference, tail = (head, colon + tail) if "=" in tail else (spec, "")
    names = {name for kind in KINDS for name in registry.known(kind)}
    if not registry.is_outside(reference) and reference not in names:
        raise unknown("plug-in", reference, names)
    found: list[tuple[str, str]] = []
    for name, kind in KINDS.items():
        if reference in kind.own() and reference in registry.known(name):
            found.append((name, spec))
        elif registry.is_outside(reference) or reference in registry.installed(name):
            found += [(name, one.name + tail) for one in _named_or_none(reference, name)]
    return found or [("variants", spec)]


def _named_or_none(reference: str, kind: str) -> list[Found]:
    try:
        return named(reference, kind)
    except Missing:
        return []


class Missing(UserError):
    """A file or module declares nothing of that name and kind."""


def _shown(path: Path) -> str:
    return str(path) if path.is_absolute() or path.parts[0] == ".." else f"./{path}"


def _member(kind: Kind) -> str:
    return kind.noun if kind.constructor else "class"


def _parsed(path: Path, shown: str, kind: Kind) -> ast.Module:
    try:
        return ast.parse(path.read_bytes())
    except OSError as error:
        raise too_long(error) or UserError(f"no such {kind.noun} file: {shown}") from error
    except (SyntaxError, ValueError) as error:
        raise UserError(f"{shown} is no Python: {error}") from error


def _of_file(shown: str, tree: ast.Module, kind: Kind) -> list[Found]:
    """The plug-ins of a kind that a file defines; the file alone names the only one."""
    nodes = _declarations(tree, kind) if kind.constructor else _variants(tree)
    alone = len(nodes) == 1
    return [
        _found(
            shown if alone else f"{shown}:{name}", f"{shown}:{name}", node, f"file {shown}", kind
        )
        for name, node in nodes.items()
    ]


def _variants(tree: ast.Module) -> dict[str, ast.ClassDef]:
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
    return variants


def _declarations(tree: ast.Module, kind: Kind) -> dict[str, ast.Call]:
    """The calls of a kind's constructor that names at the top of a file are assigned to."""
    known = _from_ganbench(tree)
    found: dict[str, ast.Call] = {}
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else ()
        targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
        call = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if not isinstance(call, ast.Call) or call in found.values():
            continue
        first, *rest = ast.unparse(call.func).split(".")
        if first in known and (rest or [known[first]])[-1] == kind.constructor:
            found |= {target.id: call for target in targets if isinstance(target, ast.Name)}
    return found


def _from_ganbench(tree: ast.Module) -> dict[str, str]:
    """The names in a file that are imported from ganbench, with what they are called there."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            ours = [a for a in node.names if a.name.partition(".")[0] == "ganbench"]
            found |= {alias.asname or "ganbench": alias.name for alias in ours}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ganbench"):
            found |= {alias.asname or alias.name: alias.name for alias in node.names}
    return found


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


def _installed(entry: registry.Entry, kind: Kind) -> Found:
    module, _, name = entry.target.partition(":")
    if module.startswith("ganbench."):
        return Found(entry.name, entry.target, registry.summary(entry), entry.distribution)
    try:
        path = _source(module)
        node = _find(_parsed(path, module, kind), name, kind) if path else None
    except UserError:
        node = None
    if node is None:
        return Found(entry.name, entry.target, "", entry.distribution)
    found = _found(entry.name, entry.target, node, entry.distribution, kind)
    return Found(found.name, found.target, found.summary, found.origin, entry.name)


def _find(tree: ast.Module, name: str, kind: Kind) -> ast.ClassDef | ast.Call | None:
    """The declaration of a name in a file; of variants a class anywhere in it."""
    if kind.constructor:
        return _declarations(tree, kind).get(name)
    classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    return next((node for node in classes if node.name == name), None)


def _found(name: str, target: str, node: ast.ClassDef | ast.Call, origin: str, kind: Kind) -> Found:
    if isinstance(node, ast.ClassDef):
        return Found(name, target, (ast.get_docstring(node) or "").partition("\n")[0], origin)
    said = _written(node, kind)
    return Found(name, target, said.get("summary", ""), origin, said.get("name", ""))


def _written(call: ast.Call, kind: Kind) -> dict[str, str]:
    """The arguments of a declaration that are written out as text, by their names."""
    given = dict(zip(POSITIONS[kind.constructor], call.args, strict=False))
    given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    return {
        name: node.value.partition("\n")[0]
        for name, node in given.items()
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


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
