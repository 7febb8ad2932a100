"""Options that several commands share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from ganbench.core.printable import printable, printable_json
from ganbench.core.specs import parse_spec


def _known(ctx: click.Context, option: click.Parameter, specs: tuple[str, ...]) -> tuple[str, ...]:
    """A mistyped name is told at once, before torch is imported."""
    from ganbench.plugins import registry

    for spec in specs:
        registry.check(parse_spec(spec)[0])
    return specs


specs = click.argument("specs", nargs=-1, required=True, metavar="SPEC...", callback=_known)
dataset = click.option(
    "--dataset",
    default="digits",
    show_default=True,
    help="Data set: NAME, folder:PATH, npz:PATH, or a plug-in's, FILE.py[:NAME][:option=value].",
)
batch_size = click.option("--batch-size", type=int, help="Images per batch [data set's default].")
device = click.option(
    "--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N."
)
data_root = click.option(
    "--data-root",
    type=click.Path(path_type=Path),
    help="Folder with downloaded data [$GANBENCH_DATA, or the user's cache].",
)
metrics = click.option(
    "--metrics",
    metavar="NAME,...",
    help="Metrics or groups of them, all [the usual ones], or a plug-in's: FILE.py, FILE.py:NAME. "
    "In no group and not in all are fd_dinov2 and cmmd, whose networks are large: they are named.",
)
samples = click.option("--samples", type=int, help="Generated images that are judged [5000].")
extractor = click.option(
    "--extractor",
    help="Feature space of fidelity metrics: NAME, file:PATH, or a plug-in's, FILE.py:NAME "
    "[data set's default].",
)
mode = click.option(
    "--mode",
    default="auto",
    show_default=True,
    help="How rounds are executed: auto, reference, eager, graph or compile.",
)
precision = click.option(
    "--precision",
    default="tf32",
    show_default=True,
    help="Of products on a GPU: tf32 or strict; or bf16 losses.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")

SPEC_HELP = """SPEC is NAME, FILE.py or MODULE:Class, with hyperparameters behind it:
infogan:info_weight=0.5,d_lr=2e-4 (tuples whole, as instance_noise=0.5/0.1)."""


@contextmanager
def talk_on_stderr() -> Iterator[None]:
    """What plug-ins print goes to stderr: stdout is for the table or the document alone."""
    sys.stdout.flush()
    stdout = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(stdout, 1)
        os.close(stdout)


def shown(path: Path) -> Path:
    """A path as a user would type it here: from the working directory, where it lies in it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def write_json(document: dict[str, Any]) -> None:
    """One document to stdout and nothing else."""
    click.echo(printable_json(document, indent=2))


def say(line: str, err: bool = False) -> None:
    """Say a line, which may be of anybody's text. What is said in lines of ours is `show`n."""
    click.echo(printable(line), err=err)


def show(text: str) -> None:
    """A table or page whose renderer has made its text printable, as it is."""
    click.echo(text, nl=False)
