"""Numbers that are kept on disk stand under versions: one that moves needs another.

What is kept of real images is found again by declared versions, not by the text of the code (see
`ganbench.evaluate.real_features`): an edit that moves a number without raising one would serve the
old number to everybody who has it. So the reference rows of digits are written down here.
After raising one: python -m tests.evaluate.test_kept
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganbench import data
from ganbench.core.protocol import PHRASES
from ganbench.data.dataset import Dataset
from ganbench.evaluate import real_features, references
from ganbench.evaluate.references import measuring
from ganbench.evaluate.settings import Settings

FILE = Path(__file__).with_name("kept.json")
ANEW = "python -m tests.evaluate.test_kept writes them anew"
NEAR = 0.003
"""Of 500 held-out images one more or less that falls to another side, and rounding."""


def measured(digits: Dataset) -> dict[str, float]:
    found = references.measure(digits, "test", Settings())
    assert not any(row.skipped for _, row in found)
    assert {fact for _, row in found for one in row.scores for fact in one.protocol} <= {*PHRASES}
    return {
        f"{one.metric} v{one.protocol['version']} of {name}": one.value  # type: ignore[index]
        for name, row in found
        for one in row.scores
    }


def versions() -> dict[str, Any]:
    known = {f"{one.name}: {', '.join(one.metrics)}": one.version for one in references.REFERENCES}
    return {"references": known, "real": real_features.VERSION}


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
        assert not moved, f"raise the versions of their metrics or references; {ANEW}"
    else:
        pytest.fail(f"versions are others: {ANEW}")


def test_what_is_kept_is_found_by_declared_versions(
    digits: Dataset, forgotten: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the sources' text is in the keys: an edit makes nothing anew, a version does."""
    facts: list[dict[str, Any]] = []

    def recall(kind: str, known: dict[str, Any], make: Callable[[], Any], *_: Any) -> Any:
        facts.append(known)
        return make()

    monkeypatch.setattr(measuring, "recall", recall)
    monkeypatch.setattr(real_features, "recall", recall)
    settings = Settings(metrics=("fid",))
    references.measure(digits, "test", settings)
    machine = {"libraries", "machine", "threads"}
    rows, features = ([one for one in facts if ("metrics" in one) == row] for row in (True, False))
    assert [one.keys() for one in rows] == [{"reference", "metrics", "weights", *machine}] * 2
    assert [one.keys() for one in features] == [
        {"version", "dataset", "split", "limit", "extractor", *machine}
    ] * 2
    forgotten()
    raised = [dataclasses.replace(one, version=one.version + 1) for one in references.REFERENCES]
    monkeypatch.setattr(measuring, "REFERENCES", raised)
    monkeypatch.setattr(real_features, "VERSION", real_features.VERSION + 1)
    facts.clear()
    references.measure(digits, "test", settings)
    assert len(facts) == 4
    assert not [one for one in facts if one in rows + features]


if __name__ == "__main__":
    rows = measured(data.load("digits"))
    FILE.write_text(json.dumps({"versions": versions(), "rows": rows}, indent=1) + "\n", "utf-8")
