"""`ganbench time`."""

from __future__ import annotations

from typing import Any

import click

from ganbench.cli import options

COLUMNS = (
    ("ms/round", "ms_per_round", "{:,.3f}"),
    ("p10", "ms_per_round_p10", "{:,.3f}"),
    ("p90", "ms_per_round_p90", "{:,.3f}"),
    ("images/s", "images_per_second", "{:,.0f}"),
    ("rounds/s", "rounds_per_second", "{:,.1f}"),
    ("MFLOP/round", "flops_per_round", "{:,.1f}"),
    ("GFLOP/s", "gflops_per_second", "{:,.1f}"),
    ("parameters", "parameters", "{:,}"),
    ("peak MB", "peak_memory_mb", "{:,.0f}"),
)


@click.command("time", epilog=options.SPEC_HELP)
@options.specs
@options.dataset
@options.batch_size
@options.device
@options.data_root
@options.as_json
def command(as_json: bool, **chosen: Any) -> None:
    """What one training round costs: a table of times and throughput.

    On a CPU one thread is used, as `ganbench run` does for each of its trials.
    """
    from ganbench.study.timing import time_variants

    with options.talk_on_stderr():
        rows = time_variants(chosen.pop("specs"), **chosen)
    if as_json:
        options.write_json({"schema": 1, "rows": rows})
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from ganbench.records.schema import label

    first = rows[0]
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("variant")
    for heading, _, _ in COLUMNS:
        table.add_column(heading, justify="right")
    for row in rows:
        scaled = {**row, "flops_per_round": row["flops_per_round"] / 1e6}
        cells = [form.format(scaled[key]) for _, key, form in COLUMNS]
        table.add_row(label(row["variant"], row["hyperparameters"]), *cells)
    console = Console()
    console.width = max(console.width, 120) if not console.is_terminal else console.width
    console.print(table)
    console.print(
        f"{first['dataset']}, batch {first['batch_size']}, {first['device']} "
        f"({first['machine']}, {first['threads']} thread), median of {first['rounds']} rounds "
        f"after a warm-up; FLOPs are those of matrix products and convolutions",
        highlight=False,
    )
