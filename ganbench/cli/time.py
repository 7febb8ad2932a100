"""`ganbench time`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganbench.cli import options
from ganbench.core.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ganbench.timing.measure import Row

DASH = "—"
COLUMNS = (
    ("ms/\nround", "ms_per_round", "{:,.3f}"),
    ("p10", "ms_per_round_p10", "{:,.3f}"),
    ("p90", "ms_per_round_p90", "{:,.3f}"),
    ("images/s", "images_per_second", "{:,.0f}"),
    ("kernels/\nround", "kernels_per_round", "{:,.0f}"),
    ("operators/\nround", "operators_per_round", "{:,.0f}"),
    ("TFLOP/s", "tflops_per_second", "{:#.3g}"),
    ("of\npeak", "share_of_peak", "{:.1%}"),
    ("GB/s", "gb_per_second", "{:,.1f}"),
    ("peak\nMB", "peak_memory_mb", "{:,.0f}"),
    ("busy", "busy_share", "{:.0%}"),
    ("bound\nby", "bound", "{}"),
    ("over\neager", "speed_up_over_eager", "{:.2f}x"),
)
PARTS = "D/G/other/\ndata/opt/rest %"


@click.command("time", epilog=options.SPEC_HELP)
@options.specs
@options.dataset
@click.option("--batch-size", metavar="N,...", help="Images per batch [data set's default].")
@options.device
@click.option(
    "--precision",
    default="auto",
    metavar="NAME,...",
    show_default=True,
    help="tf32, strict, bf16; auto: tf32 on a GPU, float32 on a CPU.",
)
@click.option(
    "--mode",
    default="auto",
    metavar="NAME,...",
    show_default=True,
    help="reference, eager, graph, compile; auto: eager, and on a GPU graph.",
)
@click.option("--threads", type=int, default=1, show_default=True, help="CPU threads.")
@click.option(
    "--trace",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a Chrome trace of a few rounds of the first row.",
)
@options.data_root
@options.as_json
def command(as_json: bool, trace: Path | None, **chosen: Any) -> None:
    """What a training round costs, and why.

    One row per variant, batch size, precision and mode. Each takes some seconds, and
    compile minutes. On a CPU one thread is used, as `ganbench run` does for each trial.
    """
    from dataclasses import asdict

    from ganbench.study.worker_tasks import libraries

    libraries()
    from ganbench.timing.time_variants import time_variants

    with options.talk_on_stderr():
        rows = time_variants(
            chosen.pop("specs"),
            trace=trace,
            tell=lambda line: options.say(f"{line} ...", err=True),
            **chosen,
        )
    if as_json:
        options.write_json({"schema": 2, "rows": [asdict(row) for row in rows]})
    else:
        _print(rows)
    if all(row.reason for row in rows):
        raise SystemExit(1)


def _print(rows: Sequence[Row]) -> None:
    """The table, as wide as it has to be, and what its columns mean below it."""
    import io

    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ganbench.core.specs import format_spec

    gpu = any(row.device != "cpu" for row in rows)
    hidden = "operators_per_round" if gpu else "kernels_per_round"
    columns = [column for column in COLUMNS if column[1] != hidden]
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("variant", "batch", "precision", "mode"):
        table.add_column(heading, no_wrap=True, vertical="bottom")
    for heading, _, _ in columns:
        table.add_column(Text(heading), justify="right", no_wrap=True, vertical="bottom")
    table.add_column(Text(PARTS), justify="right", no_wrap=True)
    reasons: list[str] = []
    for row in rows:
        mark = ""
        if row.reason:
            if row.reason not in reasons:
                reasons.append(row.reason)
            mark = f" [{reasons.index(row.reason) + 1}]"
        found = ((getattr(row, key), form) for _, key, form in columns)
        cells = [DASH if value is None else form.format(value) for value, form in found]
        name = format_spec(row.variant, row.hyperparameters)
        cells = [name, str(row.batch_size), row.precision, row.mode + mark, *cells, _parts(row)]
        table.add_row(*(Text(printable(cell)) for cell in cells))
    text = io.StringIO()
    Console(file=text, width=400, color_system=None).print(table)
    options.show("".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines()))
    for number, reason in enumerate(reasons, 1):
        options.say(f"[{number}] {reason}")
    for line in _notes([row for row in rows if row.reason is None]):
        options.say(line)


def _parts(row: Row) -> str:
    """Shares of the time, in percent."""
    return "/".join(f"{share:.0%}"[:-1] for share in row.shares.values()) if row.shares else DASH


def _notes(rows: Sequence[Row]) -> Iterator[str]:
    """What stands below the table; docs/timing.md says more."""
    if not rows:
        return
    first, gpu = rows[0], rows[0].device != "cpu"
    threads = f"{first.threads} CPU thread{'s' * (first.threads > 1)}"
    counts = sorted(row.rounds or 0 for row in rows)
    rounds = f"{counts[0]}" if counts[0] == counts[-1] else f"{counts[0]} to {counts[-1]}"
    yield (
        f"{first.dataset}, {first.device} ({first.machine}, {threads}); {rounds} rounds after a "
        f"warm-up, in blocks that take turns with eager ones; by "
        f"{'device events' if gpu else 'the host clock'}"
    )
    for precision in dict.fromkeys(row.precision for row in rows):
        row = next(row for row in rows if row.precision == precision)
        yield (
            f"peak, {precision}: matrix product {row.peak_matmul_tflops:#.3g}, convolution "
            f"{row.peak_convolution_tflops:#.3g} TFLOP/s; a copy {row.copy_gb_per_second:,.1f} GB/s"
        )
    yield (
        "TFLOP/s: of matrix products and convolutions. GB/s: sizes of what eager rounds' "
        "operators read and write; caches may serve it"
    )
    if gpu:
        yield (
            "busy: time in which a kernel runs, over the round's. bound by: what takes longer, "
            "launching or running. D/G/...: of kernels' time, for a graph that of eager rounds"
        )
        return
    yield (
        "busy: time within ATen operators, under the profiler; bound by host: less than half. "
        "peak MB: resident in the process"
    )
    if any(row.peak_memory_mb is None or row.busy_share is None for row in rows):
        yield f"{DASH}: the memory is another mode's too; compiled code is no ATen operator"
