"""Data sets by name. Importing this module imports neither torch nor scikit-learn."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ganbench.errors import unknown

if TYPE_CHECKING:
    from ganbench.data.dataset import Dataset


@dataclass(frozen=True)
class Source:
    """What is known of a data set before it is loaded, and its default budget.

    `rounds` of `batch_size` images are what a study trains for unless told otherwise.
    """

    name: str
    summary: str
    size: int
    shape: tuple[int, int, int]
    classes: int
    origin: str
    rounds: int
    batch_size: int
    embedded: bool = False


SOURCES = {
    source.name: source
    for source in (
        Source(
            "digits",
            "1,797 handwritten digits, 8x8 grey",
            1797,
            (1, 8, 8),
            10,
            "embedded: scikit-learn's load_digits",
            rounds=3000,
            batch_size=64,
            embedded=True,
        ),
        Source(
            "mnist",
            "70,000 handwritten digits, 28x28 grey",
            70_000,
            (1, 28, 28),
            10,
            "torchvision's download, or --data-root",
            rounds=5000,
            batch_size=128,
        ),
    )
}


def source(name: str) -> Source:
    """The entry of a data set. Raises UserError for an unknown name."""
    if name not in SOURCES:
        raise unknown("data set", name, SOURCES)
    return SOURCES[name]


def default_root() -> Path:
    """Where downloads go: $GANBENCH_DATA, or ganbench/ in the user's cache directory."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("GANBENCH_DATA") or Path(cache) / "ganbench")


def is_here(name: str, root: Path | None = None) -> bool:
    """Whether a data set can be loaded without a download."""
    folder = (root or default_root()) / name.upper() / "raw"
    return source(name).embedded or any(folder.glob("train-images*"))


def load(name: str, root: Path | None = None) -> Dataset:
    """Load a data set by name, from `root` where it is not embedded.

    Raises UserError for an unknown name, and for data that is missing or damaged.
    """
    module = importlib.import_module(f"ganbench.data.{source(name).name}")
    return module.load(root or default_root())
