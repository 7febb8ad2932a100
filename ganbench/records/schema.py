"""The documents of a trial, as pydantic models: record, scores and state.

`python -m ganbench.records.schema docs/schemas` publishes them as JSON Schemas.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FiniteFloat,
    JsonValue,
    NonNegativeInt,
)

SCHEMA_VERSION = 1

Better = Literal["higher", "lower", "none"]
Status = Literal["finished", "diverged", "failed"]
Checkpoint = Literal["final", "best"]
"""Weights at the end of training, or those that were best on the validation split."""


def finite(value: float | None) -> float | None:
    """The number, or None where it is NaN or infinite: JSON has neither."""
    return value if value is not None and math.isfinite(value) else None


def plain(value: Any) -> Any:
    """A value as JSON can hold it without loss: tuples as lists, inf and nan as words."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def label(variant: str, changed: Mapping[str, Any]) -> str:
    """A variant with what was changed in it, as the command line takes it."""
    pieces = [f"{name}={written(value)}" for name, value in changed.items()]
    return f"{variant}:{','.join(pieces)}" if pieces else variant


def titled(label: str, labels: str | None) -> str:
    """A label with the label budget, where there is one: `sgan [labels 100]`."""
    return f"{label} [labels {labels}]" if labels else label


def written(value: Any) -> str:
    """A hyperparameter's value as the command line takes it."""
    if isinstance(value, tuple | list):
        return "/".join(map(written, value))
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def _finite_only(values: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if math.isfinite(value)}


Hyperparameters = Annotated[dict[str, JsonValue], BeforeValidator(plain)]
Gauged = Annotated[float | None, AfterValidator(finite)]
Moment = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]


class Document(BaseModel):
    """Base of the models: immutable, and unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Cost(Document):
    """What a trial took: seconds, speed, milliseconds per round, memory (MiB), sizes."""

    seconds_training: FiniteFloat
    seconds_evaluation: FiniteFloat
    images_per_second: FiniteFloat
    rounds_per_second: FiniteFloat
    ms_per_round: FiniteFloat
    """Median."""
    ms_per_round_p90: FiniteFloat
    peak_memory_mb: FiniteFloat
    parameters: NonNegativeInt
    flops_per_round: NonNegativeInt | None
    threads: int
    """Threads of the trial's own process."""
    jobs: int
    """Trials that ran on the machine at once."""
    graphs: bool = False
    """Whether rounds were replayed as CUDA graphs."""


class Host(Document):
    """Where a trial ran."""

    machine: str
    """CPU model or GPU name."""
    os: str
    python: str


class Record(Document):
    """`record.json`: what was trained, how, and how it ended. Written once, never edited."""

    schema_version: Literal[1] = 1
    trial: str
    """Identity: a hash (hex) of all that can change the training."""
    variant: str
    """Registered name or file, as typed."""
    source: str
    """Where the class is, e.g. `ganbench.variants.infogan:InfoGAN`."""
    source_digest: str = ""
    """Hash of the variant's source; trials of different source are not pooled."""
    numerics: int = 1
    """Version of the core's training arithmetic; trials of different ones are not pooled."""
    arithmetic: str = ""
    """How its rounding differs from the usual one, e.g. `bf16`; such trials are not pooled."""
    hyperparameters: Hyperparameters
    """All of them, resolved."""
    changed: Hyperparameters
    """Those that differ from the defaults: with the variant, the label of the row."""
    dataset: str
    dataset_fingerprint: str
    shape: tuple[int, ...] | None = None
    """Of an image (c, h, w) or a point (2,)."""
    classes: int | None = None
    """Of the data set, 0 where it has none."""
    seed: NonNegativeInt
    rounds: int
    """The budget; a trial that diverged or failed played fewer."""
    batch_size: int
    labels: str | None = None
    """How many training images were labelled; null: all, or the variant reads no labels."""
    weights: dict[str, str] = {}
    """SHA-256 of each file of weights: what is evaluated later is what was trained."""
    eval_every: int | None = None
    """Rounds between two evaluations along training (`curve.jsonl`)."""
    images_seen: NonNegativeInt
    generator_updates: NonNegativeInt
    device: str
    status: Status
    reason: str | None = None
    """Why it did not finish."""
    cost: Cost | None = None
    host: Host
    packages: dict[str, str]
    """Versions of the packages that matter."""
    created: Moment
    """ISO 8601, UTC."""

    @property
    def label(self) -> str:
        """What a user would type: `infogan:info_weight=0.5`."""
        return label(self.variant, self.changed)


class Score(Document):
    """One metric's number with its protocol. Not finite is not a score but a `Skip`."""

    metric: str
    value: FiniteFloat
    standard_error: Gauged = None
    """Of this one value, over its samples (not over seeds)."""
    count: NonNegativeInt | None = None
    """Samples behind the value."""
    better: Better
    protocol: str
    """One readable line; a feature extractor is written `name@hash`."""
    version: int = 1
    seconds: FiniteFloat = 0.0
    parts: Annotated[dict[str, float], AfterValidator(_finite_only)] = {}
    """Values per code, factor or class; those that are not finite are left out."""


class Skip(Document):
    """A metric that gave no number, and why."""

    metric: str
    reason: str


class Reference(Document):
    """A score that stands beside the variants': of held-out real images, a simple baseline."""

    name: str
    """E.g. `real images, held out`."""
    score: Score


class ScoreSet(Document):
    """`scores/<protocol_id>.json`: one evaluation of one trial. Added, and never overwritten
    once it is complete.

    That of the best checkpoint is `<protocol_id>-best.json`.
    """

    schema_version: Literal[1] = 1
    protocol_id: str
    """Hash (hex) of split, settings and metrics."""
    split: str
    settings: Hyperparameters
    seed: NonNegativeInt
    checkpoint: Checkpoint = "final"
    round: NonNegativeInt | None = None
    """Of the best checkpoint."""
    chosen_by: str | None = None
    """The metric, on the validation split, that chose the best checkpoint."""
    scores: list[Score]
    skipped: list[Skip] = []
    references: list[Reference] = []
    seconds: FiniteFloat = 0.0
    complete: bool = True
    """False where an extractor's weights were not here: evaluated again by the next run."""


class State(Document):
    """`state.json` of a trial under way: replaced often, gone once there is a record."""

    schema_version: Literal[1] = 1
    label: str
    seed: NonNegativeInt
    phase: Literal["training", "evaluating"]
    round: NonNegativeInt
    rounds: int
    losses: Mapping[str, Gauged] = {}
    """The latest means; null where a loss is NaN or infinite."""
    images_per_second: Gauged = None
    seconds_left: Gauged = None
    pid: int
    updated: Moment


DOCUMENTS: Mapping[str, type[Document]] = {
    "record.schema.json": Record,
    "scores.schema.json": ScoreSet,
    "state.schema.json": State,
}


def json_schema(model: type[Document]) -> str:
    """A model's JSON Schema as text."""
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps({"$schema": dialect} | model.model_json_schema(), indent=2) + "\n"


def publish(directory: Path) -> list[Path]:
    """Write the JSON Schema of every document into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, model in DOCUMENTS.items():
        paths.append(directory / name)
        paths[-1].write_text(json_schema(model), encoding="utf-8")
    return paths


def main(arguments: Sequence[str]) -> None:
    """Publish the schemas into the directory named on the command line."""
    for path in publish(Path(arguments[0] if arguments else "docs/schemas")):
        print(path)


if __name__ == "__main__":
    main(sys.argv[1:])
