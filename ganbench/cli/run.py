"""`ganbench run`."""

from __future__ import annotations

import shlex
import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganbench.cli import options

if TYPE_CHECKING:
    from ganbench.study.run import Result


@click.command("run", epilog=options.SPEC_HELP)
@options.specs
@options.dataset
@click.option("--seeds", default="3", show_default=True, help="A count, or a list: 4,7.")
@click.option("--rounds", type=int, help="Training rounds [data set's default].")
@options.batch_size
@click.option(
    "--labels",
    metavar="N|N/class",
    help="Labelled training images, in all or per class [all]; adds supervised-only rows.",
)
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="Hyperparameter for every SPEC."
)
@options.metrics
@options.samples
@options.extractor
@click.option(
    "--eval-every", type=int, metavar="N", help="Evaluate every N rounds, on validation images."
)
@click.option(
    "--eval-metrics",
    metavar="NAME,...",
    help="What is measured then; the first one chooses the best model [fid].",
)
@options.device
@options.mode
@options.precision
@click.option("--jobs", default="auto", show_default=True, help="Trials at once.")
@options.data_root
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    help="Directory for records, pictures and tables.",
)
@click.option("--name", default="", help="A name for the study, kept in its records.")
@options.as_json
def command(
    specs: tuple[str, ...],
    as_json: bool,
    settings: tuple[str, ...],
    metrics: str | None,
    samples: int | None,
    extractor: str | None,
    **chosen: Any,
) -> None:
    """Train variants, evaluate them, print the table.

    Trials that are finished already are not run again; one that was interrupted is.
    """
    from ganbench.core.errors import Interrupted, check_memory

    check_memory()
    from ganbench.core.specs import parse_assignments
    from ganbench.evaluate.settings import settings_of
    from ganbench.records.tables import frames
    from ganbench.study.run import run

    chosen["hyperparameters"] = parse_assignments(list(settings), "--set")
    chosen["evaluation"] = settings_of(metrics, samples, extractor)
    chosen["command"] = shlex.join(["ganbench", *sys.argv[1:]])
    try:
        with options.talk_on_stderr():
            result = run(*specs, **chosen)
    except Interrupted:
        options.say(
            f"ganbench: interrupted; finished trials are kept in {chosen['results']}, "
            f"the same command goes on with the rest",
            err=True,
        )
        sys.exit(130)
    comparison = result.comparison
    if as_json:
        options.write_json(frames.document(comparison))
    else:
        options.show(frames.render_text(comparison))
        _name_files(result)
    sys.exit(1 if result.failures else 0)


def _name_files(result: Result) -> None:
    trained = f"{result.trained} run now, " if result.trained else ""
    total = len(result.trial_results)
    finished = total - len(result.failures)
    options.say("", err=True)
    options.say(
        f"{finished} of {total} trials finished ({trained}{total - result.trained} from before)",
        err=True,
    )
    for place, names in groupby(result.pictures, key=lambda path: path.parent):
        options.say(f"  {options.shown(place)}/  {' '.join(path.name for path in names)}", err=True)
    options.say(f"table and study: {options.shown(result.directory)}", err=True)
