"""`ganbench new`: imports no torch."""

from __future__ import annotations

from pathlib import Path

import click

from ganbench.cli import options


@click.command("new")
@click.argument("name")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Where to write [this directory].",
)
@click.option("--package", is_flag=True, help="A package to install, with a test: ganbench-NAME/.")
def command(name: str, directory: Path, package: bool) -> None:
    """Write NAME.py, a variant that trains as it stands, to start from."""
    from ganbench.plugins import scaffold

    written = scaffold.write(name, directory, package)
    options.say("wrote " + " ".join(map(str, written)), err=True)
    options.say("next:")
    if package:
        options.say(f"  pip install -e {written[0].parent}")
        spec = name
    else:
        spec = str(written[0]) if written[0].is_absolute() else f"./{written[0]}"
    options.say(f"  ganbench check {spec}")
    options.say(f"  ganbench run vanilla {spec} --rounds 500")
