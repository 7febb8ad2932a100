"""The numbers in the documents are those of the published records."""

from pathlib import Path

import pytest

from ganbench.records.tables import frames
from ganbench.study.compare import compare

ROOT = Path(__file__).resolve().parents[1]


def published() -> str:
    return frames.render_markdown(compare(ROOT / "results" / "reference"))


def test_results_page_shows_the_records() -> None:
    assert published() in (ROOT / "results" / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("page", "start", "end", "least"),
    [
        ("README.md", "## What it prints", "## Commands", 25),
        ("docs/variants.md", "## All of them on digits", "## Presets on MNIST", 25),
    ],
)
def test_pages_show_rows_of_that_table(page: str, start: str, end: str, least: int) -> None:
    text = (ROOT / page).read_text("utf-8").partition(start)[2].partition(end)[0]
    shown = [line for line in text.splitlines() if line[:1] == "|"]
    assert len(shown) > least
    assert set(shown) <= set(published().splitlines())
