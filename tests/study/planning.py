"""Trials of a study as they are planned, in this very process."""

from collections.abc import Callable, Sequence
from typing import Any

from ganbench.study import plan as planning
from ganbench.study.config import StudyConfig
from ganbench.study.trial import Trial


def plan(
    specs: Sequence[str], tell: Callable[[str], None] = lambda line: None, **options: Any
) -> list[Trial]:
    return planning.plan(StudyConfig.of(specs, options), tell).trials
