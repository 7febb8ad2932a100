"""Directories that somebody else wrote: one line each, no traceback, no wait, little memory."""

import json
import os
import random
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganbench.core.errors import UserError
from ganbench.records import store
from ganbench.records.rows import compare, document
from ganbench.records.store import (
    ReferenceDirectory,
    TrialDirectory,
    find_trials,
    read_references,
    read_trials,
)
from ganbench.records.tables.frames import (
    render_csv,
    render_latex,
    render_markdown,
    render_text,
    table,
)
from ganbench.records.tables.layout import number
from tests.records.made_up import evaluation, fid, record, reference, references, skip

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes and links of Unix")


@pytest.fixture
def trial(tmp_path: Path) -> TrialDirectory:
    made = TrialDirectory(tmp_path / "infogan-seed0")
    made.write_record(record())
    made.add_scores(evaluation(fid(1.0)))
    made.append_history([{"round": 50, "generator": 0.5}])
    return made


def refused(read: Callable[[], object], *words: str) -> None:
    with pytest.raises(UserError) as error:
        read()
    text = str(error.value)
    assert "\n" not in text
    assert len(text) < 1000
    for word in words:
        assert word in text


FILES: dict[str, Callable[[TrialDirectory], object]] = {
    "record.json": TrialDirectory.read_record,
    "scores/p1.json": TrialDirectory.read_scores,
    "history.jsonl": TrialDirectory.read_history,
    "curve.jsonl": TrialDirectory.read_curve,
}


def fifo(path: Path) -> None:
    os.mkfifo(path)


def socket(path: Path) -> None:
    os.mknod(path, stat.S_IFSOCK | 0o600)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def elsewhere(path: Path) -> None:
    other = path.parents[2] / "other.json"
    other.write_text("{}\n")
    path.symlink_to(other)


@pytest.mark.parametrize("make", [fifo, socket, endless, elsewhere, Path.mkdir])
@pytest.mark.parametrize("name", FILES)
def test_only_regular_files_are_read(
    trial: TrialDirectory, name: str, make: Callable[[Path], None]
) -> None:
    (trial.path / name).unlink(missing_ok=True)
    make(trial.path / name)
    refused(lambda: FILES[name](trial), str(trial.path / name))


@pytest.mark.parametrize("name", FILES)
def test_reading_is_bounded(
    trial: TrialDirectory, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "LARGEST_DOCUMENT", 20)
    monkeypatch.setattr(store, "LARGEST_HISTORY", 20)
    (trial.path / name).write_text(" " * 21)
    refused(lambda: FILES[name](trial), name, "larger than the 20 bytes")


def test_a_sparse_giant_takes_no_memory(trial: TrialDirectory) -> None:
    os.truncate(trial.record_path, 2**40)
    refused(trial.read_record, "larger than")


def test_scores_that_lead_out_are_neither_read_nor_written(
    trial: TrialDirectory, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    trial.scores_path.rename(out)
    trial.scores_path.symlink_to(out)
    refused(trial.read_scores, "scores is a symbolic link")
    refused(lambda: trial.add_scores(evaluation(fid(1.0))), "symbolic link")
    refused(trial.measured, "symbolic link")
    assert [path.name for path in out.iterdir()] == ["1.json"]


def test_nothing_is_written_through_a_link(trial: TrialDirectory, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("precious, without an end of line")
    for name in ("history.jsonl", "state.json"):
        (trial.path / name).unlink(missing_ok=True)
        (trial.path / name).symlink_to(mine)
    refused(lambda: trial.append_history([{"round": 1}]), "history.jsonl is a symbolic link")
    store.atomic_write(trial.state_path, "new")
    assert trial.state_path.read_text() == "new"
    assert mine.read_text() == "precious, without an end of line"


def test_a_draft_is_never_opened_through_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    (tmp_path / "mine").write_text("precious")
    draft = tmp_path / f".record.json.{os.getpid()}-{threading.get_ident()}.tmp"
    draft.symlink_to(tmp_path / "mine")
    store.atomic_write(tmp_path / "record.json", "new")
    assert (tmp_path / "mine").read_text() == "precious"
    assert (tmp_path / "record.json").read_text() == "new"


def test_hidden_files_and_companions_are_left_alone(trial: TrialDirectory, tmp_path: Path) -> None:
    for place in (trial.scores_path, trial.path):
        (place / "._p1.json").write_bytes(b"\x00\x05\x16\x07Mac OS X")
    (trial.path / ".mine").write_text("precious")
    (tmp_path / ".checkpoints" / "copy").mkdir(parents=True)
    (tmp_path / ".checkpoints" / "copy" / "record.json").write_text("nonsense")
    (tmp_path / "._record.json").write_text("nonsense")
    (outcome,) = read_trials(find_trials([tmp_path]))
    assert [one.scores[0].metric for one in outcome.scores] == ["fid"]
    trial.record_path.unlink()
    trial.clear_attempt()
    assert sorted(path.name for path in trial.path.iterdir()) == ["._p1.json", ".mine"]


def test_clearing_removes_links_and_not_what_they_lead_to(
    trial: TrialDirectory, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "precious").write_text("")
    (trial.path / "pictures").symlink_to(out)
    trial.record_path.unlink()
    trial.clear_attempt()
    assert (out / "precious").exists()
    assert list(trial.path.iterdir()) == []


def test_loops_of_links_end(trial: TrialDirectory, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    assert [one.path for one in find_trials([tmp_path])] == [trial.path]


DEEP = 100_000
DIGITS = "9" * 400
ODD: list[tuple[str, str]] = [
    ("created", '"0001-01-01T00:00:00+14:00"'),
    ("created", '"9999-12-31T23:59:59-14:00"'),
    ("seed", DIGITS),
    ("rounds", DIGITS),
    ("rounds", "9" * 5000),
    ("rounds", "-1"),
    ("batch_size", "-64"),
    ("images_seen", DIGITS),
    ("numerics", DIGITS),
    ("classes", "1000000000000"),
    ("classes", "-1"),
    ("shape", "[1000000000, 1000000000]"),
    ("shape", "[65536, 65536]"),
    ("shape", "[0]"),
    ("shape", "[-3, 8, 8]"),
    ("shape", "[]"),
    ("variant", '"' + "x" * 100_000 + '"'),
    ("variant", '"\\ud800"'),
    ("hyperparameters", '{"a": "' + "x" * 100_000 + '"}'),
    ("hyperparameters", '{"a": ' + "[" * DEEP + "]" * DEEP + "}"),
    ("hyperparameters", '{"a": ' + '{"a":' * DEEP + "1" + "}" * DEEP + "}"),
    ("hyperparameters", '{"a": 1, "a": 2}'),
    ("hyperparameters", '{"a": NaN}'),
    ("hyperparameters", "[]"),
    ("reason", '{"a": 1}'),
    ("cost", '{"threads": -1}'),
]


def written(one: TrialDirectory, field: str, value: str) -> None:
    text = json.dumps(json.loads(record().model_dump_json()) | {field: "PLACE"})
    one.record_path.write_text(text.replace('"PLACE"', value))


@pytest.mark.parametrize(("field", "value"), ODD, ids=lambda text: text[:24])
def test_odd_values_are_refused_in_one_line(trial: TrialDirectory, field: str, value: str) -> None:
    written(trial, field, value)
    refused(trial.read_record, "record.json cannot be used")


def test_keys_that_stand_there_twice_are_refused(trial: TrialDirectory) -> None:
    text = trial.record_path.read_text()
    trial.record_path.write_text(text.replace('"seed": 0', '"seed": 1, "seed": 0'))
    refused(trial.read_record, "a key stands there twice")


@pytest.mark.parametrize(
    "value",
    [
        {"a": None, "b": [[1], {"c": [None]}], "c": {"d": {}}},
        {"a": 10**400, "b": 5e-324, "c": -0.0, "d": True},
        {"": "", "=1+1": "=1+1", "\n": "\x1b[2J"},
    ],
)
def test_odd_hyperparameters_are_shown(trial: TrialDirectory, value: dict[str, Any]) -> None:
    written(trial, "hyperparameters", json.dumps(value))
    everything(trial.path)
    written(trial, "changed", json.dumps(value))
    everything(trial.path)


@pytest.mark.parametrize("value", [5e-324, -5e-324, 2.2e-308, 1e-310, 1e300, -1e300])
def test_numbers_at_the_ends_are_shown(trial: TrialDirectory, value: float) -> None:
    trial.add_scores(evaluation(fid(value)))
    everything(trial.path)
    assert number(5e-324, 5e-324).endswith("e-324")
    assert number(1e300, 1e300) == "10.00e299"


def everything(place: Path) -> None:
    """All that `compare` does, in every format."""
    found = find_trials([place])
    made = compare(read_trials(found), read_references(found))
    json.dumps(document(made), allow_nan=False)
    render_text(made, 110)
    render_csv(made.rows)
    render_markdown(made)
    render_latex(made)
    table(made)


SPICES: list[Any] = [
    None, True, -1, 0, 1, 2**63, 2**64, 10**400, 1e308, -1e308, 5e-324, 1e-310, "", "\x1b[2J",
    "\ud800", "\u202egnp", "=1+1", "x" * 20_000, [], {}, [[]], {"a": {"a": [None]}}, [1] * 5_000,
    "NaN", "1e400", "0001-01-01T00:00:00+14:00", "9999-12-31T23:00:00-14:00", [10**9, 10**9],
]  # fmt: skip


def spiced(value: Any, draw: random.Random) -> Any:
    """The document with one of its parts, at any depth, gone, doubled or of another kind."""
    if isinstance(value, dict) and value and draw.random() < 0.85:
        changed, name = dict(value), draw.choice(list(value))
        chance = draw.random()
        if chance < 0.1:
            del changed[name]
        elif chance < 0.2:
            changed[draw.choice(["", name + " ", "\x1b", "seed"])] = draw.choice(SPICES)
        else:
            changed[name] = spiced(value[name], draw)
        return changed
    if isinstance(value, list) and value and draw.random() < 0.85:
        changed, place = list(value), draw.randrange(len(value))
        changed[place] = spiced(value[place], draw)
        return changed * draw.choice([1, 1, 1, 2])
    alike = [one for one in SPICES if type(one) is type(value)]
    return draw.choice(alike if alike and draw.random() < 0.6 else SPICES)


def torn(text: bytes, draw: random.Random) -> bytes:
    """Bytes that are missing, doubled or others."""
    place, length = draw.randrange(len(text)), draw.randrange(1, 40)
    noise = draw.choice([b"", draw.randbytes(length), text[place:] or b"{", b"[" * 50_000, b"\0"])
    return text[:place] + noise + text[place + length :]


@pytest.mark.parametrize("seed", range(8))
def test_any_record_is_read_or_refused_in_one_line(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    full = evaluation(
        fid(1.0), skipped=[skip("nmi")], references=[reference("real images, held out")]
    )
    beside = json.loads(references(reference("real images, held out")).model_dump_json())
    trial_results = []
    for attempt in range(60):
        place = TrialDirectory(tmp_path / str(attempt) / "trial")
        one = record(changed={"a": 1, "b": [0.5, 0.1]}, weights={"w": "f"}, shape=(1, 8, 8))
        documents = {
            place.record_path: json.loads(one.model_dump_json()),
            place.scores_path / "1.json": json.loads(full.model_dump_json()),
            ReferenceDirectory.beside(place.path).path / "1.json": beside,
            place.history_path: {"round": 50, "generator": 0.5, "information/c": None},
        }
        spoilt = draw.choice(list(documents))
        for path, content in documents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            for _ in range(draw.randrange(1, 4) if path == spoilt else 0):
                content = spiced(content, draw)
            text = json.dumps(content).encode() + b"\n"
            path.write_bytes(torn(text, draw) if path == spoilt and draw.random() < 0.3 else text)
        said = ""
        try:
            everything(place.path)
            place.read_history()
        except UserError as error:
            said = str(error)
        trial_results.append(said)
    assert not any("\n" in said or len(said) > 2000 for said in trial_results)
    assert 0 < trial_results.count("") < 60  # some changes are harmless
