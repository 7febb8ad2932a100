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
@click.option(
    "--allow-code",
    is_flag=True,
    help="Run the Python files that records name, whoever wrote them.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Where the images of folder:PATH or npz:PATH are now, if they were moved.",
)
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
    another protocol are never overwritten, and never share a column with these. A Python file
    that a record names is run only if you have run it by name on this machine before.
    """
    from ganbench.study.worker_tasks import libraries

    libraries()
    from ganbench.evaluate.settings import settings_of
    from ganbench.records.tables import frames
    from ganbench.study.evaluate import evaluate

    settings = settings_of(metrics, samples, extractor)
    with options.talk_on_stderr():
        found = evaluate(
            *paths, settings=settings, tell=lambda line: options.say(line, err=True), **chosen
        )
    for directory, reason in found.failures:
        options.say(f"ganbench: {directory}: {reason}", err=True)
    if as_json:
        options.write_json(frames.document(found.comparison))
    elif found.trial_results:
        options.show(frames.render_text(found.comparison))
    sys.exit(1 if found.failures else 0)
