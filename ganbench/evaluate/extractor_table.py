"""The table of extractors: what is known of each before it is loaded. Imports no torch."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from ganbench.core.errors import UserError, unknown

FILE = "file:"
"""An extractor of the user's own: `file:PATH`, an exported program."""
SUFFIXES = (".pt2", ".onnx")


@dataclass(frozen=True)
class ExtractorSpec:
    """The one declaration of an extractor.

    target: the function `(spec, device) -> Extractor`, as `module:function`, which is imported
    when the extractor is first made, or itself (a class, too). features: numbers per image.
    identity: of ganbench's own, the function from the spec to the declared identity, likewise; it
    fetches nothing. A plug-in's identity is its name and digest. files: glob patterns below
    torch's hub folder of what it fetches. megabytes: of these files, about. seconds: per image on
    one core of a CPU, about. classes_of: the data set whose classes its logits are; has_logits:
    whether it has any. digest: of the source of a plug-in's; "" for ganbench's own.
    """

    name: str
    summary: str
    target: str | Callable[[Any, Any], Any]
    features: int
    identity: str = ""
    files: tuple[str, ...] = ()
    megabytes: int = 0
    seconds: float = 0.0
    classes_of: str = ""
    has_logits: bool = True
    digest: str = ""

    def make(self, device: Any) -> Any:
        """The `Extractor`, on a device. Imports the target, and fetches what it takes."""
        target = self.target if callable(self.target) else _named(self.target)
        return target(self, device)

    def declared(self) -> str:
        """What identifies it before it is made."""
        return _named(self.identity)(self) if self.identity else f"{self.name}@{self.digest[:8]}"


def _named(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


_SHIPPED = "ganbench.evaluate.extractors.shipped:"
_PUBLISHED = "ganbench.evaluate.extractors.torch_fidelity:"

KNOWN = {
    spec.name: spec
    for spec in (
        ExtractorSpec(
            "digits-v1",
            "a small classifier of 8x8 digits",
            _SHIPPED + "load",
            32,
            _SHIPPED + "identity",
            classes_of="digits",
        ),
        ExtractorSpec(
            "mnist-v1",
            "a small classifier of 28x28 digits",
            _SHIPPED + "load",
            32,
            _SHIPPED + "identity",
            classes_of="mnist",
        ),
        ExtractorSpec(
            "inception",
            "Inception-v3 of 2015, what papers measure FID in",
            _PUBLISHED + "TorchFidelityExtractor",
            2048,
            _PUBLISHED + "declared",
            files=("checkpoints/weights-inception-2015-12-05-6726825d.pth",),
            megabytes=95,
            seconds=0.17,
        ),
        ExtractorSpec(
            "clip",
            "CLIP ViT-L/14 at 336 pixels, what CMMD is measured in",
            _PUBLISHED + "TorchFidelityExtractor",
            768,
            _PUBLISHED + "declared",
            files=("checkpoints/clip-vit-l-14-336px-*.pt",),
            megabytes=930,
            seconds=5.0,
            has_logits=False,
        ),
        ExtractorSpec(
            "dinov2",
            "DINOv2 ViT-L/14, what FD-DINOv2 is measured in",
            _PUBLISHED + "TorchFidelityExtractor",
            1024,
            _PUBLISHED + "declared",
            files=(
                "checkpoints/dinov2_vitl14_pretrain.pth",
                "facebookresearch_dinov2_main/hubconf.py",
            ),
            megabytes=1220,
            seconds=2.0,
            has_logits=False,
        ),
    )
}

GUESTS: dict[str, ExtractorSpec] = {}
"""Extractors of plug-ins by what the user calls them: what `plugins.extractors` has put here."""


def spec_of(name: str) -> ExtractorSpec | None:
    """The declaration of an extractor: ganbench's, or a plug-in's that this process knows."""
    return KNOWN.get(name) or GUESTS.get(name)


def chosen(name: str | None, default: str) -> str | None:
    """The extractor of that name, or a data set's default; None where it has none ("").

    Raises UserError for an unknown name and for a file that is not there or of another kind.
    """
    name = default or None if name is None else name
    if name is None:
        return None
    if name.startswith(FILE):
        path = Path(name.removeprefix(FILE))
        if path.suffix not in SUFFIXES:
            raise UserError(f"extractor {name}: not a file in {' or '.join(SUFFIXES)}")
        if not path.is_file():
            raise UserError(f"extractor {name}: there is no file {path}")
    elif spec_of(name) is None:
        raise unknown("extractor", name, [*KNOWN, *GUESTS, f"{FILE}PATH"])
    return name


def knows_classes(name: str, dataset: str) -> bool:
    """Whether the logits of the extractor of a name are a data set's classes, in their order.

    By the contract, whatever logits a `file:` has are those.
    """
    spec = spec_of(name)
    return spec.classes_of == dataset if spec else name.startswith(FILE)


def hub() -> Path:
    """torch's hub folder: $TORCH_HOME/hub, by default torch/hub in the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("TORCH_HOME") or Path(cache) / "torch").expanduser() / "hub"


def is_here(name: str) -> bool:
    """Whether an extractor needs no download, as far as the names of its files tell."""
    spec = spec_of(name)
    return all(any(hub().glob(pattern)) for pattern in spec.files) if spec else True
