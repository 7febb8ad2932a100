"""Features of real images, cached by data and settings."""

from __future__ import annotations

import platform
from collections import OrderedDict
from importlib.metadata import version
from typing import Any

import torch
from safetensors.torch import load, save

from ganbench.core.cache import digest, recall
from ganbench.data.dataset import Dataset, Split
from ganbench.evaluate.extractors.base import Extractor, Read

KEPT = 4
"""Image sets whose features stay in memory: 10,000 images of 2,048 features are 82 MB."""
VERSION = 1
"""Of how real images are chosen (`evidence.choose`) and read by an extractor. What is kept on disk
of real images is found by it, and what is kept of references by their own versions
(`references.table`) and their metrics': whoever moves a number raises the version that it stands
under, or the old number is served. `tests/evaluate/test_kept.py` holds them to their versions."""
LIBRARIES = ("torch", "torchvision", "torch-fidelity", "numpy", "scipy", "scikit-learn", "pillow")

_reads: OrderedDict[str, Read] = OrderedDict()


def circumstances(device: torch.device) -> dict[str, Any]:
    """What besides data and settings can move the last bit of a number that is kept on disk."""
    where = "cpu"
    if device.type == "cuda":
        where = torch.cuda.get_device_name(device)
    return {
        "libraries": [version(name) for name in LIBRARIES],
        "machine": [platform.machine(), torch.backends.cpu.get_cpu_capability(), where],
        "threads": torch.get_num_threads(),
    }


def read(extractor: Extractor, dataset: Dataset, name: str, images: Split, limit: int) -> Read:
    """What an extractor says of the `images` that were chosen of a split (its `name`).

    limit: how many were chosen at most. Kept in memory for the next evaluation of this process,
    and on disk where it took long.
    """
    facts = {
        "version": VERSION,
        "dataset": dataset.fingerprint,
        "split": name,
        "limit": limit,
        "extractor": extractor.identity,
        **circumstances(extractor.device),
    }
    key = digest(facts)
    if key not in _reads:
        _reads[key] = recall(
            "features", facts, lambda: extractor.read(images.images), _packed, _unpacked
        )
        while len(_reads) > KEPT:
            _reads.popitem(last=False)
    _reads.move_to_end(key)
    return _reads[key]


def _packed(found: Read) -> bytes:
    tensors = {key: value for key, value in found._asdict().items() if value is not None}
    return save({key: value.contiguous() for key, value in tensors.items()})


def _unpacked(content: bytes) -> Read:
    tensors = load(content)
    return Read(tensors["features"], tensors.get("logits"))
