"""The documents of a trial, as pydantic models: record, scores, references and state.

`python -m ganbench.records.schema docs/schemas` publishes them as JSON Schemas.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ganbench.core.document import (
    Count,
    Document,
    Gauged,
    Moment,
    Number,
    Object,
    Reason,
    Seed,
    Shape,
    Text,
)
from ganbench.core.score import Score, Skip
from ganbench.core.specs import display_name, format_spec

SCHEMA_VERSION = 2
Version = Literal[1, 2]
"""What is read; what is written is of the latest."""

Status = Literal["finished", "diverged", "failed"]
Checkpoint = Literal["final", "best"]
"""Weights at the end of training, or those that were best on the validation split."""


def digest_of(facts: Any) -> str:
    """A short hash (12 hex digits) of JSON-like facts."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


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


class TrialConfig(Document):
    """What is trained, how, and on what: the facts that plan, worker and record share.

    Whatever stands here is part of a trial's identity, but for what `NOT_IN_IDENTITY` names: how
    the user wrote it, and what follows from the rest. A field that a later version adds has a
    default, with which older trials keep their identity.
    """

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
    hyperparameters: Object
    """All of them, resolved."""
    changed: Object
    """Those that differ from the defaults: with the variant, the label of the row."""
    dataset: Text
    """As typed."""
    dataset_facts: Object = {}
    """What the data set is, wherever it lies: its kind and options, or a plug-in's digest."""
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
    eval_every: Count | None = None
    """Rounds between two evaluations along training (`curve.jsonl`)."""
    eval_metrics: tuple[Text, ...] | None = None
    """What is measured then; null: the usual."""
    device: Text

    @property
    def spec(self) -> str:
        """What a user would type: `infogan:info_weight=0.5`."""
        return format_spec(self.variant, self.changed)

    @property
    def title(self) -> str:
        """The label, and the label budget where there is one: `sgan [labels 100]`."""
        return display_name(self.spec, self.labels)

    @property
    def identity(self) -> str:
        """A hash (12 hex digits) of the facts that can change the training."""
        facts = self.model_dump(mode="json", exclude=NOT_IN_IDENTITY, exclude_defaults=True)
        return digest_of(facts | {"device": self.device.partition(":")[0]})


NOT_IN_IDENTITY = {"variant", "source", "changed", "dataset", "shape", "classes"}
"""Fields of `TrialConfig` that are no part of a trial's identity."""


class Record(TrialConfig):
    """`record.json`: what was trained, how, and how it ended. Written once, never edited."""

    schema_version: Version = 2
    trial: Text
    """The identity of the trial."""
    weights: dict[str, Text] = {}
    """SHA-256 of each file of weights: what is evaluated later is what was trained."""
    images_seen: Count
    generator_updates: Count
    status: Status
    reason: Reason | None = None
    """Why it did not finish."""
    cost: Cost | None = None
    host: Host
    packages: dict[str, Text]
    """Versions of the packages that matter."""
    command: Text = ""
    """How the study was asked for."""
    study: Text = ""
    """The name that the user gave the study."""
    created: Moment
    """ISO 8601, UTC."""

    @property
    def config(self) -> TrialConfig:
        """The facts of the trial alone."""
        names = TrialConfig.model_fields
        return TrialConfig.model_validate({name: getattr(self, name) for name in names})


class Reference(Document):
    """A score that stands beside the variants' in a document of schema 1."""

    name: Text
    score: Score


class ScoreSet(Document):
    """`scores/*.json`: what one evaluation of one trial measured. Added, and never overwritten.

    A score is found by its key; of a metric that was measured under other settings, or by an
    older version, the trial has another score besides.
    """

    schema_version: Version = 2
    split: Text
    settings: Object
    """Of the evaluation. Numbers of documents of schema 1 were found by a hash of all of them."""
    seed: Seed
    checkpoint: Checkpoint = "final"
    round: Count | None = None
    """Of the best checkpoint."""
    chosen_by: Text | None = None
    """The metric, on the validation split, that chose the best checkpoint."""
    scores: list[Score]
    skipped: list[Skip] = []
    references: list[Reference] = []
    """In documents of schema 1 alone; see `ReferenceSet`."""
    seconds: Number = 0.0
    host: Host | None = None
    """Where it was measured; null: where the trial ran."""
    packages: dict[str, Text] = {}

    @model_validator(mode="before")
    @classmethod
    def _from_schema_1(cls, values: Any) -> Any:
        return _scores_of_schema_1(values) if _is_schema_1(values) else values


class ReferenceScores(Document):
    """The scores of one reference: real images that were held out, say."""

    name: Text
    scores: list[Score]
    skipped: list[Skip] = []


class ReferenceSet(Document):
    """`references/*.json` beside the trials of a data set: what any model's scores are read
    against. Added, and never overwritten."""

    schema_version: Literal[2] = 2
    dataset: Text
    dataset_fingerprint: Text
    split: Text
    settings: Object
    keys: tuple[Text, ...]
    """Of all that was asked for, and need not be asked again."""
    references: list[ReferenceScores]
    seconds: Number = 0.0
    host: Host
    packages: dict[str, Text] = {}


def _is_schema_1(values: Any) -> bool:
    return isinstance(values, dict) and values.get("schema_version") == 1


def _scores_of_schema_1(values: dict[str, Any]) -> dict[str, Any]:
    """A document of schema 1 by the fields of schema 2: its sentences are its protocols.

    Version and split belong to what may be pooled; a reference was beside the variants' score of
    the same evaluation, which both get for their key.
    """
    fields = {name: value for name, value in values.items() if name != "complete"}
    again = values.get("complete") is False
    evaluation = str(fields.pop("protocol_id", ""))
    split = values.get("split", "test")

    def score(old: Any) -> Any:
        if not isinstance(old, dict):
            return old
        new = dict(old)
        version = new.pop("version", 1)
        text = f"{new.get('protocol', '')}"
        text += f", version {version}" if version != 1 else ""
        text += f", {split} split" if split != "test" else ""
        return new | {"protocol": text, "key": f"{evaluation} {new.get('metric')}"}

    def skip(old: Any) -> Any:
        return old | {"again": again} if isinstance(old, dict) else old

    def reference(old: Any) -> Any:
        return old | {"score": score(old.get("score"))} if isinstance(old, dict) else old

    for name, change in (("scores", score), ("skipped", skip), ("references", reference)):
        if isinstance(fields.get(name), list):
            fields[name] = [change(one) for one in fields[name]]
    return fields


class State(Document):
    """`state.json` of a trial under way: replaced often, gone once there is a record."""

    schema_version: Literal[2] = 2
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
    "references.schema.json": ReferenceSet,
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
