"""`ganbench list`: imports no torch, but for the hyperparameters of a variant."""

from __future__ import annotations

from typing import Any

import click

from ganbench.cli import options
from ganbench.errors import UserError

KINDS = ("variants", "datasets", "metrics")
HYPERPARAMETERS = "hyperparameters"


@click.command("list")
@click.argument("kind", type=click.Choice([*KINDS, HYPERPARAMETERS]), required=False)
@click.argument("specs", nargs=-1, metavar="[SPEC...]")
@options.dataset
@options.as_json
def command(kind: str | None, specs: tuple[str, ...], dataset: str, as_json: bool) -> None:
    """The variants, data sets and metrics there are (all three, or one KIND).

    Variants are those that are installed and those in the Python files of this directory;
    `ganbench list variants SPEC...` lists the FILE.py and MODULE:Class given beside them.
    Their sources are read, never run. `ganbench list hyperparameters SPEC` loads a variant and
    lists what can be set behind its name, with the values it has for --dataset.
    """
    if specs and kind not in ("variants", HYPERPARAMETERS):
        raise UserError(f"list {kind} takes no SPEC; list variants and list {HYPERPARAMETERS} do")
    if kind == HYPERPARAMETERS:
        if len(specs) != 1:
            raise UserError(f"list {HYPERPARAMETERS} takes one SPEC: a variant")
        found = {HYPERPARAMETERS: _hyperparameters(specs[0], dataset)}
    else:
        kinds = [kind] if kind else list(KINDS)
        found = {name: _ROWS[name]() for name in kinds}
    if specs and kind == "variants":
        found["variants"] = _variants(specs)
    if as_json:
        options.write_json({"schema": 1, **found})
        return
    for name, rows in found.items():
        if len(found) > 1:
            click.secho(name, bold=True)
        width = max((len(row["name"]) for row in rows), default=0)
        for row in rows:
            click.echo(f"  {row['name']:<{width}}  {row['summary']}  [{row['note']}]")


def _variants(specs: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    from pathlib import Path

    from ganbench.plugins import listing, registry

    found = listing.installed() + listing.beside(Path.cwd())
    for spec in specs:
        found += listing.named(registry.parse(spec)[0])
    return [
        {"name": one.name, "summary": one.summary, "target": one.target, "note": one.origin}
        for one in dict.fromkeys(found)
    ]


def _hyperparameters(spec: str, dataset: str) -> list[dict[str, Any]]:
    from ganbench import data
    from ganbench.model import Game
    from ganbench.model.hyperparameters import declared, describe
    from ganbench.plugins import registry
    from ganbench.records.schema import written

    reference, given = registry.parse(spec)
    variant = registry.load(reference)
    resolved = variant.resolve(given, data.source(dataset).name, reference)
    choices = {name: describe(hint) for name, (hint, _) in declared(variant, Game).items()}
    choices["preset"] = " | ".join(["none", *variant.presets])
    return [
        {"name": name, "summary": written(value), "value": value, "note": choices[name]}
        for name, value in resolved.items()
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
