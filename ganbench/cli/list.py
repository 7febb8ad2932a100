"""`ganbench list`: imports no torch."""

from __future__ import annotations

from typing import Any

import click

from ganbench.cli import options

KINDS = ("variants", "datasets", "metrics")


@click.command("list")
@click.argument("kind", type=click.Choice(KINDS), required=False)
@options.as_json
def command(kind: str | None, as_json: bool) -> None:
    """The variants, data sets and metrics there are (all three, or one KIND)."""
    kinds = [kind] if kind else list(KINDS)
    found = {name: _ROWS[name]() for name in kinds}
    if as_json:
        options.write_json({"schema": 1, **found})
        return
    for name, rows in found.items():
        if len(found) > 1:
            click.secho(name, bold=True)
        width = max((len(row["name"]) for row in rows), default=0)
        for row in rows:
            click.echo(f"  {row['name']:<{width}}  {row['summary']}  [{row['note']}]")


def _variants() -> list[dict[str, Any]]:
    from ganbench.plugins import registry

    return [
        {
            "name": entry.name,
            "summary": registry.summary(entry),
            "target": entry.target,
            "note": entry.distribution,
        }
        for entry in registry.installed().values()
    ]


def _datasets() -> list[dict[str, Any]]:
    from ganbench import data

    return [
        {
            "name": source.name,
            "summary": source.summary,
            "size": source.size,
            "shape": source.shape,
            "classes": source.classes,
            "origin": source.origin,
            "here": data.is_here(source.name),
            "rounds": source.rounds,
            "batch_size": source.batch_size,
            "note": source.origin if source.embedded else f"{source.origin}; {_here(source.name)}",
        }
        for source in data.SOURCES.values()
    ]


def _here(name: str) -> str:
    from ganbench import data

    return "on this machine" if data.is_here(name) else "not on this machine"


def _metrics() -> list[dict[str, Any]]:
    from ganbench.evaluate.catalogue import CATALOGUE

    return [
        {
            "name": entry.name,
            "summary": entry.summary,
            "better": entry.better,
            "group": entry.group,
            "note": f"{entry.better} is better",
        }
        for entry in CATALOGUE.values()
    ]


_ROWS = {"variants": _variants, "datasets": _datasets, "metrics": _metrics}
