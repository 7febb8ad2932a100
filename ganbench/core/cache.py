"""The user's cache folder: what can be made again at any time, written whole or not at all.

It lies in `made/`, beside downloaded data sets, which nothing here ever touches. Files are named
by what they are made from, and the least recently used go where there are more than a limit
allows. Processes need no locks: a file appears whole, and whoever misses one makes it again.
Imports libraries only, and no torch.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ganbench.core.errors import UserError

T = TypeVar("T")

SLOW = 0.3
"""Seconds: what takes less to make is not worth a file."""

LIMIT_GB = 2.0
"""Of all that is kept, unless $GANBENCH_CACHE_GB says otherwise: features of 10,000 images in 2,048
numbers are 0.08 GB, for every data set and split that is evaluated."""
ABANDONED = 3600.0
"""Seconds: a draft or a download that was not written to for so long has nobody who writes it."""

_writes = True
"""Whether this process may add to what is kept."""


def folder() -> Path:
    """Where downloads and caches go: $GANBENCH_DATA, or ganbench/ in the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("GANBENCH_DATA") or Path(cache) / "ganbench")


def read_only() -> None:
    """Make the cache read-only for the rest of this process.

    For a process in which code of others has run: what it computes may not be what ganbench
    would have, and later runs would believe it. There is no way back.
    """
    global _writes
    _writes = False


def made() -> Path:
    """The folder of what can be made again."""
    return folder() / "made"


def limit() -> int:
    """Bytes that may be kept, of $GANBENCH_CACHE_GB; 0 keeps nothing. Raises UserError."""
    text = os.environ.get("GANBENCH_CACHE_GB", "").strip()
    try:
        size = float(text) if text else LIMIT_GB
        if not 0 <= size <= 1e9:
            raise ValueError
    except ValueError:
        raise UserError(
            f"GANBENCH_CACHE_GB={text}: must be a number of gigabytes, 0 or more"
        ) from None
    return int(size * 1e9)


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
    JSON, the version of the code that gives it included. It is kept where making it took longer
    than `SLOW`. Raises UserError where the limit is no number.
    """
    path, most = made() / f"{kind}-{digest(facts)}", limit()
    stored = _read(path)
    if stored is not None:
        try:
            return unpack(stored)
        except Exception:  # of another version of ganbench: it is made again
            stored = None
    start = time.perf_counter()
    answer = make()
    if _writes and time.perf_counter() - start > SLOW:
        _write(path, pack(answer), most)
    return answer


class Kept(NamedTuple):
    """A file of the cache: what of, its bytes, and when it was last used (seconds since 1970)."""

    kind: str
    path: Path
    size: int
    used: float


def kept() -> list[Kept]:
    """What is in `made/`, the least recently used first."""
    found = []
    for path in _entries(made()):
        with contextlib.suppress(OSError):  # another process took it away
            state = path.stat(follow_symlinks=False)
            if path.is_file() and not path.name.startswith("."):
                kind = path.name.rpartition("-")[0] or "others"
                found.append(Kept(kind, path, state.st_size, state.st_mtime))
    return sorted(found, key=lambda one: one.used)


def leftovers() -> list[Kept]:
    """Drafts and half downloads in the cache folder whose process is gone."""
    places = [folder(), *_entries(folder())]
    return [one for place in places for one in abandoned(place) if one.path.name.startswith(".")]


def abandoned(place: Path, name: str = "") -> Iterator[Kept]:
    """Files `*.part`, with `name` in theirs, that nobody has written to for a while."""
    for path in _entries(place):
        if path.name.endswith(".part") and name in path.name:
            with contextlib.suppress(OSError):
                state = path.stat(follow_symlinks=False)
                if path.is_file() and time.time() - state.st_mtime > ABANDONED:
                    yield Kept("leftovers", path, state.st_size, state.st_mtime)


def sweep(place: Path, name: str = "") -> None:
    """Delete what is `abandoned`: for who is about to write such a file."""
    for one in abandoned(place, name):
        _delete(one.path)


def clear() -> Counter[str]:
    """Delete what can be made again, and leftovers; the bytes of each kind that are free now."""
    freed: Counter[str] = Counter()
    for one in (*kept(), *leftovers()):
        if _delete(one.path):
            freed[one.kind] += one.size
    return freed


def _entries(place: Path) -> Iterator[Path]:
    """What is in a folder; nothing where there is none, or none that can be read."""
    with contextlib.suppress(OSError), os.scandir(place) as scan:
        for entry in scan:
            yield Path(entry.path)


def _read(path: Path) -> bytes | None:
    """The content behind its own checksum, or None where there is no whole one."""
    try:
        stored = path.read_bytes()
    except OSError:
        return None
    head, content = stored[:32], stored[32:]
    if _sha256(content) != head:
        return None
    if _writes:
        with contextlib.suppress(OSError):
            os.utime(path)  # used now; times of access are not kept on every disk
    return content


def _write(path: Path, content: bytes, most: int) -> None:
    """Write a whole file or none: a folder that is full or read-only is no error."""
    if len(content) + 32 > most:
        return
    draft = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(_sha256(content) + content)
        os.replace(draft, path)
    except OSError:
        _delete(draft)
    _trim(path, most)


def _trim(new: Path, most: int) -> None:
    """Delete the least recently used files beyond the limit, but not the one just written.

    Two processes that do so at once delete the same ones.
    """
    sweep(made())
    files = kept()
    total = sum(one.size for one in files)
    for one in files:
        if total > most and one.path != new:
            _delete(one.path)
            total -= one.size


def _delete(path: Path) -> bool:
    try:
        path.unlink()
    except OSError:
        return False
    return True


def _sha256(content: bytes) -> bytes:
    import hashlib  # OpenSSL takes as long to load as the rest of `ganbench list`

    return hashlib.sha256(content).digest()
