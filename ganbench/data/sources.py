"""What is known of every data set before it is loaded. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Source:
    """A data set's entry, with the budget that a study trains for unless told otherwise.

    name: also what `recipes` of hyperparameters are keyed by. size: images in all splits, 0
    where that depends on the user's files. shape: (c, h, w) or (2,), () where it depends.
    factors: names of the ground-truth factors. rounds of batch_size images: the budget.
    embedded: needs no file. files: glob patterns below the data root that show it is there.
    module: the module of `ganbench.data` whose `load(spec, root)` makes it. options: the
    values an option may take, the default first; a single one means any text may be given.
    """

    name: str
    summary: str
    size: int
    shape: tuple[int, ...]
    classes: int
    origin: str
    rounds: int
    batch_size: int
    module: str
    embedded: bool = False
    files: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    takes_path: bool = False
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


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
            module="digits",
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
            module="mnist",
            files=("MNIST/raw/train-images*",),
        ),
    )
}
