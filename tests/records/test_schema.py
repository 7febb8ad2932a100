"""The documents of a trial and their published schemas."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from ganbench.core.specs import format_spec
from ganbench.records.schema import DOCUMENTS, Record, ScoreSet, State, json_schema
from tests.records.made_up import evaluation, fid, record, reference, score

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schemas"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_published_schemas_are_in_sync(name: str) -> None:
    published = json.loads((SCHEMAS / name).read_text("utf-8"))
    hint = "run python -m ganbench.records.schema docs/schemas"
    assert published == json.loads(json_schema(DOCUMENTS[name])), hint


def test_schemas_are_published_from_the_command_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ganbench.records.schema", str(tmp_path / "new")]
    subprocess.run(command, check=True, capture_output=True)
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == sorted(DOCUMENTS)


def test_documents_survive_json() -> None:
    one = record(changed={"rates": (0.5, 0.1)}, reason=None)
    assert Record.model_validate_json(one.model_dump_json()) == one
    scores = evaluation(fid(1.5), references=[reference("real images, held out")])
    assert ScoreSet.model_validate_json(scores.model_dump_json()) == scores


def test_records_of_before_label_budgets_still_read() -> None:
    old = json.loads(record().model_dump_json())
    del old["labels"]
    assert Record.model_validate(old) == record(labels=None)
    assert record(labels="100").labels == "100"


def test_unknown_fields_and_changes_are_refused() -> None:
    with pytest.raises(ValidationError, match="surprise"):
        record(surprise=1)
    with pytest.raises(ValidationError, match="frozen"):
        record().seed = 3  # type: ignore[misc]


def test_times_are_kept_in_utc_and_need_a_zone() -> None:
    one = record(created="2026-01-01T12:00:00+02:00")
    assert json.loads(one.model_dump_json())["created"] == "2026-01-01T10:00:00Z"
    with pytest.raises(ValidationError, match="timezone"):
        record(created="2026-01-01T12:00:00")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_score_is_finite(value: float) -> None:
    with pytest.raises(ValidationError, match="finite"):
        score("fid", value)
    assert score("mig", 0.5, parts={"slant": value, "width": 1.0}).parts == {"width": 1.0}


def test_losses_that_are_not_finite_become_null() -> None:
    state = State(
        label="infogan",
        seed=0,
        phase="training",
        round=50,
        rounds=100,
        losses={"discriminator": math.nan, "generator": -math.inf, "information": 0.5},
        pid=1,
        updated="2026-01-01T12:00:00Z",
    )
    losses = json.loads(state.model_dump_json())["losses"]
    assert losses == {"discriminator": None, "generator": None, "information": 0.5}


def test_infinite_hyperparameters_stay_readable() -> None:
    one = record(hyperparameters={"clip": math.inf, "betas": (0.5, 0.999)})
    text = one.model_dump_json()
    assert json.loads(text)["hyperparameters"] == {"clip": "inf", "betas": [0.5, 0.999]}


def test_a_label_is_what_one_would_type() -> None:
    assert format_spec("infogan", {}) == "infogan"
    changed = {"info_weight": 0.5, "noise": (0.5, 0.1), "ema": True, "preset": None}
    assert (
        format_spec("infogan", changed)
        == "infogan:info_weight=0.5,noise=0.5/0.1,ema=true,preset=none"
    )


def test_the_room_imports_no_torch() -> None:
    room = Path(sys.modules[Record.__module__].__file__ or "").parent
    lines = [f"import ganbench.records.{path.stem}" for path in room.glob("[a-z]*.py")]
    code = "\n".join([*lines, "import sys", "assert 'torch' not in sys.modules"])
    subprocess.run([sys.executable, "-c", code], check=True)
