"""What can be made again at any time, kept in the user's cache folder: whole or not at all.

Imports libraries only, and no torch.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

SLOW = 0.3
"""Seconds: what takes less to make is not worth a file."""

_writes = True
"""Whether this process may add to what is kept."""


def folder() -> Path:
    """Where downloads and caches go: $GANBENCH_DATA, or ganbench/ in the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("GANBENCH_DATA") or Path(cache) / "ganbench")


def read_only() -> None:
    """From now on this process adds nothing to what is kept: what it lacks, it makes for itself.

    For a process in which code of others has run: what it computes may not be what ganbench
    would have, and later runs would believe it. There is no way back.
    """
    global _writes
    _writes = False


def digest(facts: Mapping[str, Any]) -> str:
    """SHA-256, 32 hex digits, of what a thing is made from (JSON)."""
    return _sha256(json.dumps(facts, sort_keys=True).encode()).hex()[:32]


def recall(
    kind: str,
    facts: Mapping[str, Any],
    make: Callable[[], T],
    pack: Callable[[T], bytes],
    unpack: Callable[[bytes], T],
) -> T:
    """What `make` gives, or gave an earlier process for the same facts.

    kind: a word, the start of the file's name. facts: all that the answer depends on, as
    JSON. It is kept where making it took longer than `SLOW`.
    """
    path = folder() / "made" / f"{kind}-{digest(facts)}"
    stored = _read(path)
    if stored is not None:
        return unpack(stored)
    start = time.perf_counter()
    made = make()
    if _writes and time.perf_counter() - start > SLOW:
        _write(path, pack(made))
    return made


def _read(path: Path) -> bytes | None:
    """The content behind its own checksum, or None where there is no whole one."""
    try:
        stored = path.read_bytes()
    except OSError:
        return None
    head, content = stored[:32], stored[32:]
    return content if _sha256(content) == head else None


def _write(path: Path, content: bytes) -> None:
    """Write a whole file or none: a folder that is full or read-only is no error."""
    draft = path.with_name(f".{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(_sha256(content) + content)
        os.replace(draft, path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()


def _sha256(content: bytes) -> bytes:
    import hashlib  # OpenSSL takes as long to load as the rest of `ganbench list`

    return hashlib.sha256(content).digest()
