"""Tables across runs, seeds and machines, from the records alone."""

from __future__ import annotations

from pathlib import Path

from ganbench.core.errors import UserError
from ganbench.records.store import find_trials, read_references, read_trials
from ganbench.records.tables import frames

RESULTS = Path("results")
REFERENCE = "reference"


def compare(*paths: str | Path) -> frames.Comparison:
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
    return frames.compare(read_trials(trials), read_references(trials))
