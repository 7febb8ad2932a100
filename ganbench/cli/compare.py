"""`ganbench compare`."""

from __future__ import annotations

from pathlib import Path

import click

from ganbench.cli import options
from ganbench.core.errors import UserError


@click.command("compare")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH...]")
@options.as_json
@click.option("--markdown", is_flag=True, help="A Markdown table.")
@click.option("--csv", is_flag=True, help="Tidy rows: one metric of one variant each.")
@click.option("--latex", is_flag=True, help="A LaTeX table (booktabs).")
def command(paths: tuple[Path, ...], as_json: bool, **forms: bool) -> None:
    """One table over the trials below each PATH [results/, but for results/reference]."""
    from ganbench.core.errors import check_memory

    check_memory()
    chosen = [name for name, asked in {"json": as_json, **forms}.items() if asked]
    if len(chosen) > 1:
        raise UserError(f"choose one of --{' and --'.join(chosen)}")
    form = next(iter(chosen), None)
    from ganbench.records.tables import frames
    from ganbench.study.compare import compare

    comparison = compare(*paths)
    if form == "json":
        options.write_json(frames.document(comparison))
    elif form == "csv":
        options.show(frames.render_csv(comparison.rows))
    elif form == "markdown":
        options.show(frames.render_markdown(comparison))
    elif form == "latex":
        options.show(frames.render_latex(comparison))
    else:
        options.show(frames.render_text(comparison))
