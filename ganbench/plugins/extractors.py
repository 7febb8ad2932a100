"""Extractors, ganbench's own and those of plug-ins, which are made known before they are read.

`ganbench.evaluate` imports no plug-in: it finds those that `load` has put into its table.
"""

from __future__ import annotations

from ganbench.evaluate import extractor_table
from ganbench.evaluate.extractor_table import FILE, GUESTS, KNOWN, ExtractorSpec
from ganbench.plugins import registry


def is_guest(name: str | None) -> bool:
    """Whether an extractor is a plug-in's, by what the user calls it."""
    return bool(name) and name not in KNOWN and not str(name).startswith(FILE)


def check(name: str) -> None:
    """Raise UserError for an extractor that is not there. Nothing of a plug-in's is run."""
    if is_guest(name):
        registry.source(name, "extractors")
    else:
        extractor_table.chosen(name, "")


def owner(name: str | None) -> str:
    """Whose code an extractor is: "" is ganbench's own. Nothing is imported."""
    return registry.owner(str(name), "extractors") if is_guest(name) else ""


def load(name: str) -> ExtractorSpec | None:
    """Make an extractor known to this process's evaluation: by this name, and by its declared one.

    Runs a plug-in's code. None for a `file:PATH`, which declares nothing. Of two that declare one
    name the last is meant by it; digests keep their numbers apart. Raises UserError where the name
    means nothing.
    """
    if not is_guest(name):
        return KNOWN.get(name)
    spec: ExtractorSpec = registry.load_spec(name, "extractors")
    GUESTS[name] = GUESTS[spec.name] = spec
    return spec
