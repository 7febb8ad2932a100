"""Trust: which plug-ins' code may run when a record names it."""

from __future__ import annotations

import os
from pathlib import Path

from ganbench.core.errors import UserError
from ganbench.core.specs import parse_spec
from ganbench.plugins import registry
from ganbench.plugins.kinds import KINDS
from ganbench.plugins.sources import PluginSource


def folder() -> Path:
    """Where it is kept what this user has run: in his state folder, outside all results."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "ganbench" / "known-code"


def remember(source: PluginSource) -> None:
    """The user has named this code himself: records may name it from now on.

    Where the folder cannot be written, he will be asked again.
    """
    if not source.is_guest:
        return
    mark = folder() / source.fingerprint
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(f"{source.path}\n", encoding="utf-8")
    except OSError:
        return


def remember_named(spec: str, kind: str) -> None:
    """`remember` the code that a spec of a kind names; ganbench's own needs no mark."""
    reference = parse_spec(spec)[0]
    if registry.owner(reference, kind):
        remember(registry.source(reference, kind))


def check(source: PluginSource, allow_code: bool = False) -> None:
    """Refuse code that a record names, unless this user knows it.

    Known is what ganbench or an installed package registers, and what he has run by naming it
    himself, to the last byte. allow_code: he says that it may run.

    Raises UserError with the file and its hash.
    """
    if allow_code or any(source.reference in registry.installed(kind) for kind in KINDS):
        return
    if not source.is_guest or (folder() / source.fingerprint).is_file():
        return
    more = len(source.files) - 1
    beside = f" and {more} module{'s' if more > 1 else ''} beside it" if more else ""
    raise UserError(
        f"{source.path}{beside} (SHA-256 {source.fingerprint[:16]}) would be run, and you have "
        f"not run it by name on this machine: read it, then allow it with --allow-code "
        f"(allow_code=True)"
    )
