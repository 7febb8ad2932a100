"""The numbers in the documents are those of the published records."""

from pathlib import Path

from ganbench.records import tables
from ganbench.records.store import find_trials, read_outcomes

ROOT = Path(__file__).resolve().parents[1]


def published() -> str:
    outcomes = read_outcomes(find_trials([ROOT / "results" / "reference"]))
    return tables.render_markdown(tables.compare(outcomes))


def test_results_page_shows_the_records() -> None:
    assert published() in (ROOT / "results" / "README.md").read_text("utf-8")


def test_readme_shows_rows_of_that_table() -> None:
    table = set(published().splitlines())
    text = (ROOT / "README.md").read_text("utf-8").partition("## What it prints")[2]
    shown = [line for line in text.partition("## Commands")[0].splitlines() if line[:1] == "|"]
    assert len(shown) > 15
    assert set(shown) <= table
