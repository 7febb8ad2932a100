"""Numbers that are kept on disk stand under versions: one that moves needs another.

What is kept of real images is found again by declared versions, not by the text of the code (see
`ganbench.evaluate.real`): an edit that moves a number without raising one would serve the old
number to everybody who has it. So the reference rows of digits are written down here.
After raising one: python -m tests.evaluate.test_kept
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ganbench import data
from ganbench.data.dataset import Dataset
from ganbench.evaluate import real, references
from ganbench.evaluate.catalogue import REFERENCES_VERSION
from ganbench.evaluate.settings import Settings

FILE = Path(__file__).with_name("kept.json")
ANEW = "python -m tests.evaluate.test_kept writes them anew"
NEAR = 0.003
"""Of 500 held-out images one more or less that falls to another side, and rounding."""


def measured(digits: Dataset) -> dict[str, float]:
    found = references.gather(digits, "test", Settings())
    assert not found.missing
    return {f"{one.metric} v{one.version} of {name}": one.value for name, one in found.scores}


def versions() -> dict[str, int]:
    return {"references": REFERENCES_VERSION, "real": real.VERSION}


@pytest.mark.usefixtures("forgotten")
def test_a_reference_that_moves_has_another_version(digits: Dataset) -> None:
    kept = json.loads(FILE.read_text("utf-8"))
    found = measured(digits)
    assert found.keys() == kept["rows"].keys(), f"rows or versions are others: {ANEW}"
    moved = {
        row: (kept["rows"][row], value)
        for row, value in found.items()
        if abs(value - kept["rows"][row]) > NEAR * max(1.0, abs(value))
    }
    if kept["versions"] == versions():
        assert not moved, f"raise their metrics' versions, or catalogue.REFERENCES_VERSION; {ANEW}"
    else:
        pytest.fail(f"versions are others: {ANEW}")


@pytest.mark.usefixtures("forgotten")
def test_an_edit_that_moves_no_number_makes_nothing_anew(
    digits: Dataset, forgotten: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys are of declared versions: nothing of the sources' text is in them."""
    settings = Settings(metrics=("cluster_accuracy",))
    made: list[str] = []
    monkeypatch.setattr("ganbench.cache.SLOW", 0.0)
    gather = references._gather
    monkeypatch.setattr(references, "_gather", lambda e: made.append("row") or gather(e))
    first = references.gather(digits, "test", settings)
    references._cache.clear()
    monkeypatch.setattr(Path, "read_bytes", edited(Path.read_bytes))
    assert references.gather(digits, "test", settings) == first
    assert made == ["row"]
    references._cache.clear()
    monkeypatch.setattr("ganbench.evaluate.settings.REFERENCES_VERSION", REFERENCES_VERSION + 1)
    references.gather(digits, "test", settings)
    assert made == ["row", "row"]


def edited(read: Callable[[Path], bytes]) -> Callable[[Path], bytes]:
    """Every Python file with a line more."""
    return lambda path: read(path) + (b"\n# edited\n" if path.suffix == ".py" else b"")


if __name__ == "__main__":
    rows = measured(data.load("digits"))
    FILE.write_text(json.dumps({"versions": versions(), "rows": rows}, indent=1) + "\n", "utf-8")
