"""Data sets of ganbench and of plug-ins: `NAME`, `FILE.py`, `FILE.py:NAME` or `MODULE:NAME`.

Options stand behind any of these, as `./mine.py:size=32`. `owner` and `check` run nothing;
everything else runs a plug-in's code and is called in a process of its owner's alone.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ganbench import data
from ganbench.core.errors import UserError, of_guest
from ganbench.data import DatasetSpec, Spec
from ganbench.plugins import extractors, registry
from ganbench.plugins.error_places import located

if TYPE_CHECKING:
    from ganbench.data.dataset import Dataset

MODULE = re.compile(r"\w+(\.\w+)*:[A-Za-z_]\w*")


def reference_of(spec: str) -> str:
    """The reference in a plug-in's data set's spec, without its options; "" for ganbench's own."""
    head, _, options = spec.rpartition(":")
    reference = head if "=" in options else spec
    name = spec.partition(":")[0]
    if name in data.SOURCES:
        return ""
    is_file = reference.endswith(".py") or ".py:" in reference
    is_installed = reference in registry.installed("datasets")
    return reference if is_file or is_installed or MODULE.fullmatch(reference) else ""


def check(spec: str) -> None:
    """Raise UserError for a spec that names nothing; of a plug-in's the options are not read."""
    if reference := reference_of(spec):
        registry.source(reference, "datasets")
    else:
        data.parse(spec)


def owner(spec: str) -> str:
    """Whose code loads a data set: "" is ganbench's own. Nothing is imported."""
    reference = reference_of(spec)
    return registry.owner(reference, "datasets") if reference else ""


def source(spec: str) -> DatasetSpec:
    """A data set's declaration; of a plug-in's the target is left out, so that it may be sent on.

    Raises UserError for an unknown data set or option.
    """
    found = parse(spec).source
    return replace(found, target="") if found.digest else found


def parse(spec: str) -> Spec:
    """A data set's declaration and all its options. Raises UserError as `source`."""
    reference = reference_of(spec)
    if not reference:
        return data.parse(spec)
    found: DatasetSpec = registry.load_spec(reference, "datasets")
    if found.takes_path:
        raise UserError(f"data set {spec}: a plug-in's takes no path; let it have an option")
    text = spec.removeprefix(reference).removeprefix(":")
    return Spec(found, "", data.options(found, text, spec))


def load(spec: str, root: Path | None = None, at: Path | None = None) -> Dataset:
    """Load a data set, see `data.load`; the extractor that a plug-in's declares is made known, too.

    Raises UserError as that, and where a plug-in's fails.
    """
    parsed = parse(spec)
    if not parsed.source.digest:
        return data.read(parsed, root, at)
    try:
        loaded = data.read(parsed, root)
    except UserError:
        raise
    except BaseException as error:
        if not of_guest(error):
            raise
        raise UserError(f"data set {spec} cannot be loaded: {located(error)}") from error
    if parsed.source.extractor:
        extractors.load(parsed.source.extractor)
    return replace(loaded, source=replace(parsed.source, target=""))
