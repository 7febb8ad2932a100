"""`ganbench check`: the conformance exam."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

import click

from ganbench.cli import options

if TYPE_CHECKING:
    from ganbench.plugins.exam import Result

STYLES = {"passed": "green", "failed": "bold red", "skipped": "dim", "excused": "yellow"}


@click.command("check", epilog=options.SPEC_HELP)
@options.specs
@options.as_json
def command(specs: tuple[str, ...], as_json: bool) -> None:
    """Let variants sit the conformance exam: is each what the suite takes it for?

    Small checks by what a variant can do, on a CPU, in seconds: it builds at any size, every
    update moves its own networks in the right direction, the same seed gives the same
    numbers, a round never makes a GPU wait, capabilities answer as they should. Exits with 1
    where a check failed.
    """
    import torch

    from ganbench.study.jobs import libraries

    libraries()
    from ganbench.plugins import registry
    from ganbench.plugins.exam import examine

    torch.set_num_threads(1)
    with options.talk_on_stderr():
        chosen = [registry.parse(spec) for spec in specs]
        variants = [(registry.load(reference), given) for reference, given in chosen]
        results = [examine(variant, given) for variant, given in variants]
    if as_json:
        sat = [
            {"variant": spec, "checks": [result.to_dict() for result in found]}
            for spec, found in zip(specs, results, strict=True)
        ]
        options.write_json({"schema": 1, "variants": sat})
    else:
        for spec, found in zip(specs, results, strict=True):
            _show(spec, found)
    failed = any(result.status == "failed" for found in results for result in found)
    sys.exit(1 if failed else 0)


def _show(spec: str, results: list[Result]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in (spec, "", "reason"):
        table.add_column(heading)
    for result in results:
        status = Text(result.status, style=STYLES[result.status])
        table.add_row(result.name, status, Text(result.reason))
    console = Console()
    console.width = max(console.width, 120) if not console.is_terminal else console.width
    console.print(table)
    counts: Counter[str] = Counter(result.status for result in results)
    summary = ", ".join(f"{counts[status]} {status}" for status in STYLES if counts[status])
    console.print(f"{spec}: {summary}\n", highlight=False)
