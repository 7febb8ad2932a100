"""Frozen networks whose feature space a fidelity metric is measured in.

An extractor's name and hash are part of the identity of every number made with it. Two small
ones ship with the package; Inception, CLIP and DINOv2 come through torch-fidelity; `file:PATH`
is a network of the user's own; plug-ins bring further ones.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch

from ganbench.core.errors import UserError
from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.extractor_table import FILE, ExtractorSpec, chosen, spec_of
from ganbench.evaluate.extractors import exported, torch_fidelity
from ganbench.evaluate.extractors.base import Extractor, Read
from ganbench.evaluate.extractors.shipped import FOLDER, Shipped

__all__ = [
    "FOLDER",
    "Extractor",
    "ExtractorSpec",
    "Read",
    "Shipped",
    "find",
    "found",
    "get",
    "identity",
]


def get(name: str, device: torch.device | str = "cpu") -> Extractor:
    """The extractor of a name, or of `file:PATH`.

    Raises UserError for an unknown name or a file that cannot be used, Unavailable where
    weights cannot be had.
    """
    return find(name, "", device)


def find(name: str | None, default: str, device: torch.device | str = "cpu") -> Extractor:
    """The extractor of a name, or where that is None a data set's default (`Dataset.extractor`).

    Raises as `get`, and Unavailable where there is neither.
    """
    known = _name(name, default)
    return _made(known, _identity(known), str(device))


def identity(name: str | None, default: str) -> str:
    """Name and published hash of what `find` gives, or why there is none. Fetches nothing.

    Raises UserError as `get`.
    """
    try:
        known = _name(name, default)
    except Unavailable as reason:
        return str(reason)
    return _identity(known)


def found(name: str | None, default: str) -> str:
    """What is here of an extractor that is fetched: SHA-256 of its weights; "" for none.

    And for the others, which are whole by their identity.
    """
    known = chosen(name, default)
    spec = spec_of(known) if known else None
    return torch_fidelity.found(spec.name) if spec and spec.files and not spec.digest else ""


def _name(name: str | None, default: str) -> str:
    known = chosen(name, default)
    if known is None:
        raise Unavailable("this data set has no extractor of its own, name one with --extractor")
    return known


def _identity(name: str) -> str:
    if spec := spec_of(name):
        return spec.declared()
    content = exported.identity(Path(name.removeprefix(FILE)))
    _made(name, content, "cpu")  # a file that cannot be used is told before training
    return content


@lru_cache(maxsize=4)
def _made(name: str, content: str, device: str) -> Extractor:
    """Built once; `content` is its identity, so that a changed file is read again."""
    # initial weights are drawn before they are replaced: a model that reads torch's global
    # generator must not see whether its extractor was built already
    with torch.random.fork_rng(devices=[]):
        if spec := spec_of(name):
            made = spec.make(device)
            if not isinstance(made, Extractor):
                raise UserError(
                    f"extractor {name}: its target gave {type(made).__name__}, not a "
                    f"ganbench.evaluate.Extractor"
                )
            if spec.digest:
                made.name, made.identity = spec.name, spec.declared()
            return made
        return exported.Exported(Path(name.removeprefix(FILE)))
