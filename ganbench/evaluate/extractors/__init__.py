"""Frozen networks whose feature space a fidelity metric is measured in.

An extractor's name and hash are part of the identity of every number made with it. Two small
ones ship with the package; Inception, CLIP and DINOv2 come through torch-fidelity; `file:PATH`
is a network of the user's own.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch

from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.extractor_table import FILE, KNOWN, chosen
from ganbench.evaluate.extractors import exported, published, shipped
from ganbench.evaluate.extractors.base import Extractor, Read
from ganbench.evaluate.extractors.shipped import FOLDER, Shipped

__all__ = [
    "FOLDER",
    "Extractor",
    "Read",
    "Shipped",
    "find",
    "for_dataset",
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


def for_dataset(dataset: str, device: torch.device | str = "cpu") -> Extractor:
    """The default extractor of a data set. Raises Unavailable where there is none."""
    return find(None, dataset, device)


def find(name: str | None, dataset: str, device: torch.device | str = "cpu") -> Extractor:
    """The extractor of a name, or the default of a data set where the name is None.

    Raises as `get` and `for_dataset`.
    """
    known = _name(name, dataset)
    return _made(known, _identity(known), str(device))


def identity(name: str | None, dataset: str) -> str:
    """Name and published hash of what `find` gives, or why there is none. Fetches nothing.

    Raises UserError as `get`.
    """
    try:
        known = _name(name, dataset)
    except Unavailable as reason:
        return str(reason)
    return _identity(known)


def found(name: str | None, dataset: str) -> str:
    """What is here of an extractor that is fetched: SHA-256 of its weights; "" for none.

    And for the others, which are whole by their identity.
    """
    known = chosen(name, dataset)
    fetched = known in KNOWN and KNOWN[known].files
    return published.found(known) if known and fetched else ""


def _name(name: str | None, dataset: str) -> str:
    known = chosen(name, dataset)
    if known is None:
        raise Unavailable(f"no extractor for data set {dataset}, name one with --extractor")
    return known


def _identity(name: str) -> str:
    if name.startswith(FILE):
        content = exported.identity(Path(name.removeprefix(FILE)))
        _made(name, content, "cpu")  # a file that cannot be used is told before training
        return content
    return published.declared(name) if KNOWN[name].files else shipped.identity(name)


@lru_cache(maxsize=4)
def _made(name: str, content: str, device: str) -> Extractor:
    """Built once; `content` is its identity, so that a changed file is read again."""
    # initial weights are drawn before they are replaced: a model that reads torch's global
    # generator must not see whether its extractor was built already
    with torch.random.fork_rng(devices=[]):
        if name.startswith(FILE):
            return exported.Exported(Path(name.removeprefix(FILE)))
        if KNOWN[name].files:
            return published.Published(name, device)
        return shipped.Shipped.load(name, device)
