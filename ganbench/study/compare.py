"""Tables across runs, seeds and machines, from the records alone."""

from __future__ import annotations

from pathlib import Path

from ganbench.errors import UserError
from ganbench.records import tables
from ganbench.records.store import find_trials, read_outcomes, read_references

RESULTS = Path("results")
REFERENCE = "reference"


def compare(*paths: str | Path) -> tables.Comparison:
    """The numbers of all trials below `paths`; without any, of results/ but not its reference.

    Raises UserError where a path is missing, holds no trial, or a record is damaged.
    """
    places = [Path(path) for path in paths]
    if not places:
        if not RESULTS.is_dir():
            raise UserError(f"no {RESULTS}/ here: name a results directory, or run a study first")
        places = sorted(p for p in RESULTS.iterdir() if p.is_dir() and p.name != REFERENCE)
        if not places:
            raise UserError(f"{RESULTS}/ holds no trials: run a study first")
    trials = find_trials(places)
    return tables.compare(read_outcomes(trials), read_references(trials))
