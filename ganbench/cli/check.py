"""`ganbench check`: the conformance checks, for plug-ins of every kind."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from ganbench.cli import options
from ganbench.core.printable import printable
from ganbench.core.specs import parse_spec

if TYPE_CHECKING:
    from ganbench.plugins.checks import Result

STYLES = {"passed": "green", "failed": "bold red", "skipped": "dim", "expected failure": "yellow"}


@click.command("check", epilog=options.SPEC_HELP)
@click.argument("specs", nargs=-1, required=True, metavar="SPEC...")
@options.as_json
def command(specs: tuple[str, ...], as_json: bool) -> None:
    """Let plug-ins sit the conformance checks: is each what the suite takes it for?

    Small checks on a CPU, in seconds, by what each SPEC declares: a variant, a metric, a data set
    or an extractor; a file that declares several is examined in every one. A variant builds at any
    size, moves its networks in the right direction and repeats itself; a metric is repeatable,
    leaves no trace and does not depend on the order of images; a data set has values in range,
    disjoint splits and a stable fingerprint; an extractor reads every image alone. Exits with 1
    where a check failed.
    """
    from ganbench.plugins import listing
    from ganbench.study import worker_tasks
    from ganbench.study.engines.local import LocalProcesses, answer_of

    wanted = [(kind, one) for spec in specs for kind, one in listing.of_any_kind(spec)]
    with options.talk_on_stderr(), LocalProcesses() as engine:
        results = [
            answer_of(
                engine, worker_tasks.examine, (one, kind), _owner(one, kind), f"check of {one}"
            )
            for kind, one in wanted
        ]
    if as_json:
        options.write_json({"schema": 1, **_document(wanted, results)})
    else:
        for (_, spec), found in zip(wanted, results, strict=True):
            _show(spec, found)
    failed = any(result.status == "failed" for found in results for result in found)
    sys.exit(1 if failed else 0)


def _owner(spec: str, kind: str) -> str:
    from ganbench.plugins import owner_of, registry

    if kind == "datasets":
        return owner_of(dataset=spec)
    if kind == "extractors":
        return owner_of(extractor=spec)
    return registry.owner(parse_spec(spec)[0], kind)


def _document(
    wanted: list[tuple[str, str]], results: list[list[Result]]
) -> dict[str, list[dict[str, Any]]]:
    """What was examined, by kind: `{"variants": [{"variant": SPEC, "checks": [...]}]}`."""
    from ganbench.plugins.kinds import KINDS

    sat: dict[str, list[dict[str, Any]]] = {}
    for (kind, spec), found in zip(wanted, results, strict=True):
        noun = KINDS[kind].noun.replace(" ", "_")
        checks = [result.to_dict() for result in found]
        sat.setdefault(kind, []).append({noun: spec, "checks": checks})
    return sat


def _show(spec: str, results: list[Result]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in (spec, "", "reason"):
        table.add_column(Text(printable(heading)))
    for result in results:
        status = Text(result.status, style=STYLES[result.status])
        table.add_row(Text(printable(result.name)), status, Text(printable(result.reason)))
    console = Console()
    console.width = max(console.width, 120) if not console.is_terminal else console.width
    console.print(table)
    counts: Counter[str] = Counter(result.status for result in results)
    summary = ", ".join(f"{counts[status]} {status}" for status in STYLES if counts[status])
    console.print(Text(f"{printable(spec)}: {summary}\n"))
