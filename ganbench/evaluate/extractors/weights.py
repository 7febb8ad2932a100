"""Published weights: where they lie, how they are fetched and verified."""

from __future__ import annotations

import hashlib
import os
import sys
import uuid
from functools import cache
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple
from urllib.request import Request, urlopen

from ganbench.core.cache import recall, sweep
from ganbench.evaluate.capabilities import NoWeights

TIMEOUT = 10.0
"""Seconds to wait for a server's next word."""
CHUNK = 1 << 20


class Weights(NamedTuple):
    """One published file. sha256: as much of its hash as was published, "" for none.

    megabytes: its size, about, where that is known.
    """

    url: str
    path: Path
    sha256: str
    megabytes: int = 0


def whole(weights: Weights) -> str:
    """SHA-256 (hex) of a file of weights, which is fetched where it is not there.

    Raises NoWeights, with what to put where, where it cannot be had or is another file.
    """
    if not weights.path.is_file() and (reason := _attempt(weights)):
        raise NoWeights(f"put {weights.url} at {weights.path} (download: {reason})")
    try:
        digest = sha256_of(weights.path)
    except OSError as error:
        raise NoWeights(f"cannot read {weights.path} ({error.strerror})") from error
    if not digest.startswith(weights.sha256):
        raise NoWeights(
            f"{weights.path} is not the published file (sha256 {digest[:8]}, published "
            f"{weights.sha256[:8]}): delete it, or put {weights.url} there"
        )
    return digest


def sha256_of(path: Path) -> str:
    """SHA-256 (hex) of a file; of a large one it is kept, by path, size and time of change."""
    state = path.stat()
    facts = {"path": str(path.resolve()), "size": state.st_size, "changed": state.st_mtime_ns}

    def read() -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    return recall("sha256", facts, read, str.encode, bytes.decode)


@cache
def _attempt(weights: Weights) -> str:
    """Download once per process; why it failed, or nothing."""
    size = f", about {weights.megabytes} MB" if weights.megabytes else ""
    print(f"fetching {weights.url}{size}", file=sys.stderr, flush=True)
    try:
        download(weights)
    except (OSError, HTTPException) as error:  # URLError and time-outs are OSErrors
        return str(getattr(error, "reason", "") or error) or type(error).__name__
    return ""


def download(weights: Weights) -> None:
    """Fetch a file beside its place and move it there when it is whole.

    Raises OSError where the server, the disk, the length or the hash says no.
    """
    weights.path.parent.mkdir(parents=True, exist_ok=True)
    sweep(weights.path.parent, weights.path.name)
    part = weights.path.with_name(f"{weights.path.name}.{uuid.uuid4().hex}.part")
    digest, size = hashlib.sha256(), 0
    request = Request(weights.url, headers={"User-Agent": "ganbench"})
    try:
        with urlopen(request, timeout=TIMEOUT) as answer, part.open("xb") as file:
            while piece := answer.read(CHUNK):
                file.write(piece)
                digest.update(piece)
                size += len(piece)
            length = answer.headers.get("Content-Length")
        if length is not None and size != int(length):
            raise OSError(f"it ended after {size} of {length} bytes")
        if not digest.hexdigest().startswith(weights.sha256):
            raise OSError(f"what came has another hash ({digest.hexdigest()[:8]})")
        os.replace(part, weights.path)
    finally:
        part.unlink(missing_ok=True)
