"""What a study asks for: one set of options, for the command line, Python and the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ganbench.core.errors import UserError, unknown, within
from ganbench.evaluate.settings import Settings
from ganbench.train.execution_modes import Execution, Mode, Precision

MOST_SEEDS = 10_000
LARGEST_SEED = 2**53 - 1
"""The largest whole number that every reader of JSON keeps exactly."""
MOST_ROUNDS = 10**9
LONGEST_NAME = 200
"""Characters of a study's name."""


@dataclass(frozen=True)
class StudyConfig:
    """The options of a study. A field that is added here is an option of Python at once.

    specs: `NAME`, `FILE.py` or `MODULE:Class`, each with `:name=value,...` behind it where
    hyperparameters differ from their defaults. hyperparameters: for all of them. seeds: a count,
    or a list of seeds. rounds, batch_size: None means the data set's; `rounds` is the budget of a
    variant that reads one batch of real images per round, and one that reads k (`d_steps=k`)
    plays rounds / k, so that all see the same number of images. labels: how many training images
    are labelled, `100` in all or `250/class`; None means all. It adds the supervised-only
    references of semi-supervised variants. evaluation: how final models are scored; it is no part
    of a trial's identity. eval_every: rounds between two evaluations along training on the
    validation split, by `eval_metrics`; the first of them chooses each trial's best checkpoint.
    mode, precision: how rounds are executed, see `train.execution_modes.Execution`. jobs: trials
    at once. data_root: where downloaded data lies, None for the default. results: where records go.
    name: of the study, kept in its records. command: how it was asked for, kept there, too.

    Raises UserError for values that no study can have.
    """

    specs: tuple[str, ...]
    dataset: str = "digits"
    seeds: str | int | Sequence[int] = 3
    rounds: int | None = None
    batch_size: int | None = None
    labels: str | int | None = None
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    evaluation: Settings = field(default_factory=Settings)
    eval_every: int | None = None
    eval_metrics: str | Sequence[str] | None = None
    device: str = "auto"
    mode: Mode = "auto"
    precision: Precision = "tf32"
    jobs: str | int = "auto"
    data_root: str | Path | None = None
    results: str | Path = "results"
    name: str = ""
    command: str = ""

    def __post_init__(self) -> None:
        wrong = [spec for spec in self.specs if not isinstance(spec, str)]
        if wrong:
            raise UserError(
                f"{wrong[0]!r}: a variant is named by text: NAME, FILE.py or MODULE:Class"
            )
        if not self.specs:
            raise UserError("name at least one variant, e.g. ganbench run infogan acgan")
        if self.rounds is not None:
            within("rounds", self.rounds, 1, MOST_ROUNDS)
        if self.batch_size is not None:
            within("batch size", self.batch_size, 2, MOST_ROUNDS)
        if len(self.name) > LONGEST_NAME:
            raise UserError(f"name: at most {LONGEST_NAME} characters, not {len(self.name)}")
        if self.eval_metrics is not None and self.eval_every is None:
            raise UserError("eval-metrics are for --eval-every N: give the rounds between two")
        _ = self.execution, self.numbers  # wrong ones are refused

    @classmethod
    def of(cls, specs: Sequence[str], options: Mapping[str, Any]) -> StudyConfig:
        """From keyword arguments. Raises UserError for an unknown one, too."""
        names = [one.name for one in fields(cls) if one.name != "specs"]
        for name in options:
            if name not in names:
                raise unknown("option", name, names)
        return cls(tuple(specs), **options)

    @property
    def numbers(self) -> list[int]:
        """The seeds."""
        return parse_seeds(self.seeds)

    @property
    def execution(self) -> Execution:
        """How rounds are executed."""
        return Execution(self.mode, self.precision)

    @property
    def root(self) -> Path | None:
        """Where downloaded data lies, from wherever it is looked at."""
        return Path(self.data_root).absolute() if self.data_root else None

    @property
    def place(self) -> Path:
        """The results directory, from wherever it is looked at."""
        return Path(self.results).absolute()  # a plug-in may move its process elsewhere


def parse_seeds(text: str | int | Sequence[int]) -> list[int]:
    """`3` means seeds 0, 1, 2; `4,7` (or a sequence) names them.

    Raises UserError for no seeds or too many, repeated, negative, too large or unreadable ones.
    """
    try:
        if isinstance(text, str) and "," in text:
            seeds = [int(piece) for piece in text.split(",") if piece.strip()]
        elif isinstance(text, str | int):
            seeds = list(range(min(int(text), MOST_SEEDS + 1)))
        else:
            seeds = [int(seed) for seed in text]
    except (ValueError, TypeError):
        raise UserError(f"seeds {text!r}: give a count (3) or a list (4,7)") from None
    if not seeds:
        raise UserError(f"seeds {text!r}: at least one seed is needed")
    if len(seeds) > MOST_SEEDS or max(seeds) > LARGEST_SEED:
        raise UserError(
            f"seeds {text!r}: at most {MOST_SEEDS:,} of them, and none above {LARGEST_SEED:,}"
        )
    if min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise UserError(f"seeds {text!r}: seeds must be different and not negative")
    return seeds
