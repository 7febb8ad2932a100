"""`ganbench evaluate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from ganbench.cli import options


@click.command("evaluate")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@options.metrics
@options.samples
@options.extractor
@click.option(
    "--split",
    type=click.Choice(["test", "validation"]),
    default="test",
    show_default=True,
    help="Held-out real images.",
)
@options.device
@click.option("--jobs", default="auto", show_default=True, help="Trials at once.")
@options.data_root
@options.as_json
def command(
    paths: tuple[Path, ...],
    metrics: str | None,
    samples: int | None,
    extractor: str | None,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Score saved trials again, from their weights, and print the table. Nothing is trained.

    RUN is a results directory, or a trial's. Scores are added to each trial's own; those of
    another protocol are never overwritten, and never share a column with these.
    """
    from ganbench.study.jobs import libraries

    libraries()
    from ganbench.evaluate.settings import settings_of
    from ganbench.records import tables
    from ganbench.study.evaluate import evaluate

    settings = settings_of(metrics, samples, extractor)
    with options.talk_on_stderr():
        found = evaluate(
            *paths, settings=settings, tell=lambda line: click.echo(line, err=True), **chosen
        )
    for directory, reason in found.failures:
        click.echo(f"ganbench: {directory}: {reason}", err=True)
    if as_json:
        options.write_json(tables.document(found.comparison.rows, found.comparison.failures))
    elif found.outcomes:
        click.echo(tables.render_text(found.comparison), nl=False)
    sys.exit(1 if found.failures else 0)
