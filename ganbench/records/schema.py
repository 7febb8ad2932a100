"""The documents of a trial, as pydantic models: record, scores and state.

`python -m ganbench.records.schema docs/schemas` publishes them as JSON Schemas.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
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


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # year 1 in the east of Greenwich
        raise ValueError("it lies outside the years 1 to 9999 of UTC") from None


def _small(values: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(values)) > LONGEST:
        raise ValueError(f"longer than {LONGEST:,} characters of JSON")
    return values


def _allocable(shape: tuple[int, ...] | None) -> tuple[int, ...] | None:
    if shape and math.prod(shape) > LARGEST_IMAGE:
        raise ValueError(f"more than {LARGEST_IMAGE:,} numbers in an image")
    return shape


# Bounds that no trial comes near. A record may be anybody's: what it says is computed with,
# and a model of its shape is built, so that each number has to be one that this is safe with.
LONGEST = 2**14
"""Characters of a text, or of all hyperparameters as JSON."""
LARGEST_IMAGE = 2**24
"""Numbers in one image."""
Text = Annotated[str, StringConstraints(max_length=LONGEST)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Reason = Annotated[str, BeforeValidator(lambda text: text[:LONGEST] if type(text) is str else text)]
"""Why something went wrong: what is longer is cut, since an exception may say anything."""
Count = Annotated[int, Field(ge=0, lt=2**63)]
Seed = Annotated[int, Field(ge=0, lt=2**64)]
Number = Annotated[float, Field(ge=-1e300, le=1e300, allow_inf_nan=False)]
"""Finite, and so far from the ends that sums and squares over seeds are."""
Size = Annotated[int, Field(ge=1, le=2**16)]
Shape = Annotated[
    tuple[Size, ...] | None, Field(min_length=1, max_length=4), AfterValidator(_allocable)
]
Hyperparameters = Annotated[dict[str, JsonValue], BeforeValidator(plain), AfterValidator(_small)]
Gauged = Annotated[float | None, AfterValidator(finite)]
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class Document(BaseModel):
    """Base of the models: immutable, and unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Cost(Document):
    """What a trial took: seconds, speed, milliseconds per round, memory (MiB), sizes."""

    seconds_training: Number
    seconds_evaluation: Number
    images_per_second: Number
    rounds_per_second: Number
    ms_per_round: Number
    """Median."""
    ms_per_round_p90: Number
    peak_memory_mb: Number
    parameters: Count
    flops_per_round: Count | None
    threads: Count
    """Threads of the trial's own process."""
    jobs: Count
    """Trials that ran on the machine at once."""
    graphs: bool = False
    """Whether rounds were replayed as CUDA graphs."""


class Host(Document):
    """Where a trial ran. With the versions of the packages: what decides how sums are rounded.

    Older records have neither capability nor libraries.
    """

    machine: Text
    """CPU model or GPU name."""
    os: Text
    python: Text
    capability: Text = ""
    """The instructions that torch computes with: `AVX512`, or a GPU's `cuda 9.0`."""
    libraries: tuple[Text, ...] = ()
    """What multiplies matrices, and the kernels it chose where it says so: `MKL 2024.2`,
    `oneDNN 3.12.0`, `OpenBLAS 0.3.30 SkylakeX`; and settings that limit their choice."""


class Record(Document):
    """`record.json`: what was trained, how, and how it ended. Written once, never edited."""

    schema_version: Literal[1] = 1
    trial: Text
    """Identity: a hash (hex) of all that can change the training."""
    variant: Text
    """Registered name or file, as typed."""
    source: Text
    """Where the class is, e.g. `ganbench.variants.infogan:InfoGAN`."""
    source_digest: Text = ""
    """Hash of the variant's source; trials of different source are not pooled."""
    numerics: Count = 1
    """Version of the core's training arithmetic; trials of different ones are not pooled."""
    arithmetic: Text = ""
    """How its rounding differs from the usual one, e.g. `bf16`; such trials are not pooled."""
    hyperparameters: Hyperparameters
    """All of them, resolved."""
    changed: Hyperparameters
    """Those that differ from the defaults: with the variant, the label of the row."""
    dataset: Text
    dataset_fingerprint: Text
    shape: Shape = None
    """Of an image (c, h, w) or a point (2,)."""
    classes: Annotated[int, Field(ge=0, le=2**20)] | None = None
    """Of the data set, 0 where it has none."""
    seed: Seed
    rounds: Count
    """The budget; a trial that diverged or failed played fewer."""
    batch_size: Count
    labels: Text | None = None
    """How many training images were labelled; null: all, or the variant reads no labels."""
    weights: dict[str, Text] = {}
    """SHA-256 of each file of weights: what is evaluated later is what was trained."""
    eval_every: Count | None = None
    """Rounds between two evaluations along training (`curve.jsonl`)."""
    images_seen: Count
    generator_updates: Count
    device: Text
    status: Status
    reason: Reason | None = None
    """Why it did not finish."""
    cost: Cost | None = None
    host: Host
    packages: dict[str, Text]
    """Versions of the packages that matter."""
    created: Moment
    """ISO 8601, UTC."""

    @property
    def label(self) -> str:
        """What a user would type: `infogan:info_weight=0.5`."""
        return label(self.variant, self.changed)


class Score(Document):
    """One metric's number with its protocol. Not finite is not a score but a `Skip`."""

    metric: Name
    value: Number
    standard_error: Gauged = None
    """Of this one value, over its samples (not over seeds)."""
    count: Count | None = None
    """Samples behind the value."""
    better: Better
    protocol: Text
    """One readable line; a feature extractor is written `name@hash`."""
    version: Count = 1
    seconds: Number = 0.0
    parts: Annotated[dict[str, float], AfterValidator(_finite_only)] = {}
    """Values per code, factor or class; those that are not finite are left out."""


class Skip(Document):
    """A metric that gave no number, and why."""

    metric: Text
    reason: Reason


class Reference(Document):
    """A score that stands beside the variants': of held-out real images, a simple baseline."""

    name: Text
    """E.g. `real images, held out`."""
    score: Score


class ScoreSet(Document):
    """`scores/<protocol_id>.json`: one evaluation of one trial. Added, and never overwritten
    once it is complete.

    That of the best checkpoint is `<protocol_id>-best.json`.
    """

    schema_version: Literal[1] = 1
    protocol_id: Text
    """Hash (hex) of split, settings and metrics."""
    split: Text
    settings: Hyperparameters
    seed: Seed
    checkpoint: Checkpoint = "final"
    round: Count | None = None
    """Of the best checkpoint."""
    chosen_by: Text | None = None
    """The metric, on the validation split, that chose the best checkpoint."""
    scores: list[Score]
    skipped: list[Skip] = []
    references: list[Reference] = []
    seconds: Number = 0.0
    host: Host | None = None
    """Where it was measured; null in older files: where the trial ran."""
    packages: dict[str, Text] = {}
    complete: bool = True
    """False where an extractor's weights were not here: evaluated again by the next run."""


class State(Document):
    """`state.json` of a trial under way: replaced often, gone once there is a record."""

    schema_version: Literal[1] = 1
    label: Text
    seed: Seed
    phase: Literal["training", "evaluating"]
    round: Count
    rounds: Count
    losses: Mapping[str, Gauged] = {}
    """The latest means; null where a loss is NaN or infinite."""
    images_per_second: Gauged = None
    seconds_left: Gauged = None
    metric: str | None = None
    """What is measured just now, while it is evaluated."""
    measured: Count = 0
    """Of `metrics` to measure, how many are done."""
    metrics: Count = 0
    pid: Count
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
