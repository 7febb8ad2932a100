"""What is known of every extractor before it is loaded. Imports no torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ganbench.errors import UserError, unknown

FILE = "file:"
"""An extractor of the user's own: `file:PATH`, an exported program."""
SUFFIXES = (".pt2", ".onnx")


@dataclass(frozen=True)
class Known:
    """An extractor's entry.

    features: numbers per image. files: glob patterns below torch's hub folder of what it
    fetches; none for those that ship with ganbench. megabytes: of these files, about. seconds:
    per image on one core of a CPU, about. classes_of: the data set whose classes its logits
    are; has_logits: whether it has any.
    """

    name: str
    summary: str
    features: int
    files: tuple[str, ...] = ()
    megabytes: int = 0
    seconds: float = 0.0
    classes_of: str = ""
    has_logits: bool = True


KNOWN = {
    entry.name: entry
    for entry in (
        Known("digits-v1", "a small classifier of 8x8 digits", 32, classes_of="digits"),
        Known("mnist-v1", "a small classifier of 28x28 digits", 32, classes_of="mnist"),
        Known(
            "inception",
            "Inception-v3 of 2015, what papers measure FID in",
            2048,
            ("checkpoints/weights-inception-2015-12-05-6726825d.pth",),
            95,
            0.17,
        ),
        Known(
            "clip",
            "CLIP ViT-L/14 at 336 pixels, what CMMD is measured in",
            768,
            ("checkpoints/clip-vit-l-14-336px-*.pt",),
            930,
            5.0,
            has_logits=False,
        ),
        Known(
            "dinov2",
            "DINOv2 ViT-L/14, what FD-DINOv2 is measured in",
            1024,
            ("checkpoints/dinov2_vitl14_pretrain.pth", "facebookresearch_dinov2_main/hubconf.py"),
            1220,
            2.0,
            has_logits=False,
        ),
    )
}

FOR_DATASET = {
    "digits": "digits-v1",
    "mnist": "mnist-v1",
    **dict.fromkeys(
        ("fashion_mnist", "kmnist", "cifar10", "svhn", "celeba", "folder", "npz"), "inception"
    ),
}
"""The default extractor of each data set, by its name before any `:`."""


def chosen(name: str | None, dataset: str) -> str | None:
    """The extractor of that name, or the default of a data set; None where it has none.

    Raises UserError for an unknown name and for a file that is not there or of another kind.
    """
    if name is None:
        return FOR_DATASET.get(dataset.partition(":")[0])
    if name.startswith(FILE):
        path = Path(name.removeprefix(FILE))
        if path.suffix not in SUFFIXES:
            raise UserError(f"extractor {name}: not a file in {' or '.join(SUFFIXES)}")
        if not path.is_file():
            raise UserError(f"extractor {name}: there is no file {path}")
    elif name not in KNOWN:
        raise unknown("extractor", name, [*KNOWN, f"{FILE}PATH"])
    return name


def knows_classes(name: str, dataset: str) -> bool:
    """Whether the logits of the extractor of a name are a data set's classes, in their order.

    By the contract, whatever logits a `file:` has are those.
    """
    return name.startswith(FILE) or KNOWN[name].classes_of == dataset


def hub() -> Path:
    """torch's hub folder: $TORCH_HOME/hub, by default torch/hub in the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("TORCH_HOME") or Path(cache) / "torch").expanduser() / "hub"


def is_here(name: str) -> bool:
    """Whether an extractor needs no download, as far as the names of its files tell."""
    return all(any(hub().glob(pattern)) for pattern in KNOWN[name].files)
