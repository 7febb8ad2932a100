"""`ganbench cache`: imports no torch."""

from __future__ import annotations

import time
from itertools import groupby
from operator import attrgetter

import click

from ganbench.cli import options


@click.command("cache")
@click.option("--clear", "emptied", is_flag=True, help="Delete what can be made again.")
@options.as_json
def command(emptied: bool, as_json: bool) -> None:
    """What is kept because it can be made again: features of real images, reference rows, checks.

    It lies in the folder made/ of $GANBENCH_DATA (by default ~/.cache/ganbench), is limited to
    $GANBENCH_CACHE_GB gigabytes [2], and the least recently used goes first. Data sets beside it
    are never touched.
    """
    from ganbench.core import cache

    freed = sum(cache.clear().values()) if emptied else None
    files, half = cache.kept(), cache.leftovers()
    kinds = []
    for kind, group in groupby(sorted([*files, *half]), attrgetter("kind")):
        ones = list(group)
        size, used = sum(one.size for one in ones), max(one.used for one in ones)
        kinds.append({"kind": kind, "files": len(ones), "bytes": size, "last_used": used})
    total = sum(one.size for one in files)
    if as_json:
        document = {"schema": 1, "folder": str(cache.made()), "bytes": total}
        options.write_json(document | {"limit": cache.limit(), "freed": freed, "kinds": kinds})
        return
    if freed is not None:
        options.say(f"{_size(freed)} deleted")
    options.say(f"{cache.made()}: {_size(total)}, at most {_size(cache.limit())}")
    for row in kinds:
        ago = _ago(time.time() - float(row["last_used"]))
        options.say(f"  {row['kind']:<12}{row['files']:>6}  {_size(row['bytes']):>10}  {ago}")


def _size(size: float) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _ago(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"last used {seconds / length:.0f} {unit} ago"
    return "last used just now"
