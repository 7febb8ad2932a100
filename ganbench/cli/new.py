"""`ganbench new`: imports no torch."""

from __future__ import annotations

from pathlib import Path

import click

from ganbench.cli import options
from ganbench.core.errors import UserError, unknown

KINDS = {
    "variant": "variants",
    "metric": "metrics",
    "dataset": "datasets",
    "extractor": "extractors",
}


@click.command("new")
@click.argument("words", nargs=-1, required=True, metavar="[KIND] NAME")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Where to write [this directory].",
)
@click.option("--package", is_flag=True, help="A package to install, with a test: ganbench-NAME/.")
def command(words: tuple[str, ...], directory: Path, package: bool) -> None:
    """Write NAME.py, a plug-in that works as it stands, to start from.

    KIND is variant (where none is given), metric, dataset or extractor.
    """
    from ganbench.plugins import scaffold

    *noun, name = words
    if len(words) > 2 or (not noun and name in KINDS):
        raise UserError(f"ganbench new {' '.join(words)}: give a KIND and a NAME, or a NAME")
    if noun and noun[0] not in KINDS:
        raise unknown("kind of plug-in", noun[0], KINDS)
    kind = KINDS[noun[0]] if noun else "variants"
    written = scaffold.write(name, directory, package, kind)
    options.say("wrote " + " ".join(map(str, written)), err=True)
    options.say("next:")
    for line in scaffold.next_commands(written, name, package, kind):
        options.say(f"  {line}")
