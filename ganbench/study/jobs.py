"""What workers run. Importing this imports nothing heavy: torch, matplotlib and the code of
variants are imported where a job begins, in the worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganbench.records.schema import Record
    from ganbench.records.store import Outcome
    from ganbench.study.trial import Planned, Trial


def plan(asked: Mapping[str, Any]) -> Planned:
    """`study.plan.plan` with the arguments in `asked`."""
    from ganbench.study.plan import plan
    from ganbench.study.trial import Planned

    told: list[str] = []
    return Planned(plan(**asked, tell=told.append), told)


def execute(trial: Trial) -> Record:
    """`study.work.execute`."""
    from ganbench.study.work import execute

    return execute(trial)


def draw(study: tuple[Path, Sequence[Outcome]]) -> None:
    """`study.pictures.draw`: where to, and of what."""
    from ganbench.study.pictures import draw

    draw(*study)
