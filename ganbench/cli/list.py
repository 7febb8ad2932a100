"""`ganbench list`: imports no torch, but for the hyperparameters of a variant."""

from __future__ import annotations

from typing import Any

import click

from ganbench.cli import options
from ganbench.core.errors import UserError
from ganbench.core.specs import parse_spec

KINDS = ("variants", "datasets", "metrics", "extractors")
HYPERPARAMETERS = "hyperparameters"


@click.command("list")
@click.argument("kind", type=click.Choice([*KINDS, HYPERPARAMETERS]), required=False)
@click.argument("specs", nargs=-1, metavar="[SPEC...]")
@options.dataset
@options.as_json
def command(kind: str | None, specs: tuple[str, ...], dataset: str, as_json: bool) -> None:
    """The variants, data sets, metrics and extractors there are (all four, or one KIND).

    They are ganbench's own, those that are installed, and those in the Python files of this
    directory; `ganbench list KIND SPEC...` lists the FILE.py and MODULE:NAME given beside them.
    Their sources are read, never run. `ganbench list hyperparameters SPEC` loads a variant and
    lists what can be set behind its name, with the values it has for --dataset.
    """
    if kind == HYPERPARAMETERS:
        if len(specs) != 1:
            raise UserError(f"list {HYPERPARAMETERS} takes one SPEC: a variant")
        found = {HYPERPARAMETERS: _hyperparameters(specs[0], dataset)}
    else:
        kinds = [kind] if kind else list(KINDS)
        found = {name: _ROWS[name](specs) for name in kinds}
    if as_json:
        options.write_json({"schema": 1, **found})
        return
    for name, rows in found.items():
        if len(found) > 1:
            click.secho(name, bold=True)
        if name == "datasets":
            for line in _aligned([_COLUMNS, *(_cells(row) for row in rows if "target" not in row)]):
                options.say(f"  {line}")
            rows = [row for row in rows if "target" in row]
        width = max((len(row["name"]) for row in rows), default=0)
        for row in rows:
            said = f"{row['declared']}: " if row.get("declared", row["name"]) != row["name"] else ""
            options.say(f"  {row['name']:<{width}}  {said}{row['summary']}  [{row['note']}]")


def _guests(kind: str, specs: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Plug-ins of a kind: installed ones, those in this directory's files, and those of specs."""
    from pathlib import Path

    from ganbench.plugins import listing

    found = listing.installed(kind) + listing.beside(Path.cwd(), kind)
    for spec in specs:
        found += listing.named(parse_spec(spec)[0], kind)
    return [
        {
            "name": one.name,
            "summary": one.summary,
            "target": one.target,
            **({"declared": one.declared} if kind != "variants" else {}),
            "note": one.origin,
        }
        for one in dict.fromkeys(found)
    ]


def _variants(specs: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    return _guests("variants", specs)


def _hyperparameters(spec: str, dataset: str) -> list[dict[str, Any]]:
    from ganbench import data
    from ganbench.core.specs import format_value
    from ganbench.model import Variant
    from ganbench.model.hyperparameters import declared, describe
    from ganbench.plugins import registry

    reference, given = parse_spec(spec)
    variant = registry.load(reference)
    resolved = variant.resolve(given, data.source(dataset).recipe, reference)
    choices = {name: describe(hint) for name, (hint, _) in declared(variant, Variant).items()}
    choices["preset"] = " | ".join(["none", *variant.presets])
    return [
        {"name": name, "summary": format_value(value), "value": value, "note": choices[name]}
        for name, value in resolved.items()
    ]


def _datasets(specs: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    from ganbench import data

    own: list[dict[str, Any]] = [
        {
            "name": source.name,
            "summary": source.summary,
            "size": source.size,
            "shape": source.shape,
            "classes": source.classes,
            "origin": source.origin,
            "factors": source.factors,
            "options": source.options,
            "path": source.takes_path,
            "here": None if source.takes_path else data.is_here(source.name),
            "rounds": source.rounds,
            "batch_size": source.batch_size,
        }
        for source in data.SOURCES.values()
    ]
    return own + [dict.fromkeys(own[0]) | row for row in _guests("datasets", specs)]


_COLUMNS = ("name", "images", "shape", "classes", "factors", "from", "here")


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    """A data set's row in the columns above; what depends on the user's files is a dash."""
    return (
        f"{row['name']}:PATH" if row["path"] else row["name"],
        f"{row['size']:,}" if row["size"] else "-",
        "x".join(map(str, row["shape"])) or "-",
        str(row["classes"] or "-"),
        ", ".join(row["factors"]) or "-",
        row["origin"],
        {True: "yes", False: "no", None: "-"}[row["here"]],
    )


def _aligned(table: list[tuple[str, ...]]) -> list[str]:
    """Lines of a table; counts (the second and fourth column) end below each other."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if i in (1, 3) else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]


def _metrics(specs: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    from ganbench.evaluate.catalogue import METRICS

    own = [
        {
            "name": spec.name,
            "summary": spec.summary,
            "better": spec.better,
            "group": spec.group,
            "note": ("no direction" if spec.better == "none" else f"{spec.better} is better")
            + ("; only by its name" if spec.on_request else ""),
        }
        for spec in METRICS.values()
    ]
    return own + [dict.fromkeys(own[0]) | row for row in _guests("metrics", specs)]


def _extractors(specs: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    from ganbench.evaluate.extractor_table import FILE, KNOWN, is_here

    rows: list[dict[str, Any]] = [
        {
            "name": entry.name,
            "summary": entry.summary,
            "features": entry.features,
            "here": is_here(entry.name),
            "note": f"{entry.features} features; {_origin(entry.name)}",
        }
        for entry in KNOWN.values()
    ]
    own = {"name": f"{FILE}PATH", "summary": "a network of your own", "features": None}
    rows.append({**own, "here": None, "note": "an exported program (.pt2) or ONNX"})
    return rows + [dict.fromkeys(rows[0]) | row for row in _guests("extractors", specs)]


def _origin(name: str) -> str:
    from ganbench.evaluate.extractor_table import KNOWN, is_here

    if not KNOWN[name].files:
        return "comes with ganbench"
    where = "on this machine" if is_here(name) else "not on this machine"
    return f"fetched, about {KNOWN[name].megabytes} MB; {where}"


_ROWS = {
    "variants": _variants,
    "datasets": _datasets,
    "metrics": _metrics,
    "extractors": _extractors,
}
