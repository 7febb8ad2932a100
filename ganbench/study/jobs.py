"""What workers run. Importing this imports nothing heavy: torch, matplotlib and the code of
variants are imported where a job begins, in the worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganbench.errors import check_memory

if TYPE_CHECKING:
    from ganbench.records.schema import Record
    from ganbench.records.store import Outcome
    from ganbench.study.trial import Planned, Trial


def libraries() -> None:
    """Import torch, and see that there is room for the rest. Raises UserError."""
    import torch  # noqa: F401

    check_memory()


def plan(asked: Mapping[str, Any]) -> Planned:
    """`study.plan.plan` with the arguments in `asked`."""
    libraries()
    from ganbench.study.plan import plan
    from ganbench.study.trial import Planned

    told: list[str] = []
    return Planned(plan(**asked, tell=told.append), told)


def execute(trial: Trial) -> Record:
    """`study.work.execute`."""
    libraries()
    from ganbench.study.work import execute

    return execute(trial)


def draw(study: tuple[Path, Sequence[Outcome]]) -> None:
    """`study.pictures.draw`: where to, and of what."""
    libraries()
    from ganbench.study.pictures import draw

    draw(*study)
