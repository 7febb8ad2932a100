"""Whole files or none, and damage told in one line."""

import json
import math
import os
from pathlib import Path

import pytest

from ganbench.core.errors import UserError
from ganbench.records.schema import State
from ganbench.records.store import (
    ReferenceDirectory,
    TrialDirectory,
    atomic_write,
    find_trials,
    read_references,
    read_trials,
)
from tests.records.made_up import (
    evaluation,
    fid,
    record,
    reference,
    references,
    score,
    skip,
)


@pytest.fixture
def trial(tmp_path: Path) -> TrialDirectory:
    return TrialDirectory(tmp_path / "digits" / "infogan-seed0")


def one_line(error: pytest.ExceptionInfo[UserError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


def test_a_trial_comes_back_as_it_was_written(trial: TrialDirectory) -> None:
    assert not trial.has_record
    trial.write_record(record())
    trial.add_scores(evaluation(fid(2.0)))
    lost = skip("kid", key="asked kid", again=True)
    trial.add_scores(evaluation(score("nmi", 1.0), skipped=[skip("mig", key="asked mig"), lost]))
    assert trial.has_record
    assert trial.measured() == {"asked fid", "asked nmi", "asked mig"}
    assert trial.measured("best") == set()
    (outcome,) = read_trials(find_trials([trial.path.parent]))
    assert outcome.record == record()
    assert [scores.scores[0].metric for scores in outcome.scores] == ["fid", "nmi"]
    assert outcome.directory == trial.path
    left = sorted(p.name for p in trial.path.rglob("*") if p.is_file())
    assert left == ["1.json", "2.json", "record.json"]


@pytest.mark.parametrize("status", ["finished", "diverged"])
def test_a_record_is_never_overwritten(trial: TrialDirectory, status: str) -> None:
    trial.write_record(record(status=status))
    with pytest.raises(UserError, match="never overwritten"):
        trial.write_record(record())
    assert trial.read_record().status == status


def test_failed_records_are_set_aside(trial: TrialDirectory) -> None:
    for reason in ("first", "second"):
        trial.write_record(record(status="failed", reason=reason))
    trial.write_record(record())
    assert trial.read_record().status == "finished"
    kept = [json.loads((trial.path / f"record.failed-{n}.json").read_text()) for n in (1, 2)]
    assert [document["reason"] for document in kept] == ["first", "second"]


def test_scores_are_never_overwritten(trial: TrialDirectory) -> None:
    for number in range(11):
        trial.add_scores(evaluation(fid(float(number))))
    values = [one.scores[0].value for one in trial.read_scores()]
    assert values == [float(number) for number in range(11)]  # the oldest first, and 2 before 10


OLD = {
    "schema_version": 1,
    "protocol_id": "p1",
    "split": "validation",
    "settings": {},
    "seed": 0,
    "scores": [
        {"metric": "fid", "value": 2.0, "better": "lower", "protocol": "in words", "version": 2},
    ],
    "skipped": [{"metric": "kid", "reason": "no weights"}],
    "references": [
        {
            "name": "real images, held out",
            "score": {"metric": "fid", "value": 0.3, "better": "lower", "protocol": "other words"},
        }
    ],
    "complete": False,
}


def test_scores_of_schema_1_are_read_and_their_sentence_is_their_protocol(
    trial: TrialDirectory,
) -> None:
    atomic_write(trial.scores_path / "p1.json", json.dumps(OLD))
    (old,) = trial.read_scores()
    assert old.scores[0].protocol == "in words, version 2, validation split"
    assert old.scores[0].key == old.references[0].score.key == "p1 fid"
    assert old.skipped[0].again
    trial.add_scores(evaluation(fid(1.0)))
    assert [one.schema_version for one in trial.read_scores()] == [1, 2]
    wrong = OLD | {"scores": [{"metric": "fid", "value": "x"}]}
    atomic_write(trial.scores_path / "p2.json", json.dumps(wrong))
    with pytest.raises(UserError, match=r"p2\.json cannot be used"):
        trial.read_scores()


def test_references_lie_beside_trials(trial: TrialDirectory) -> None:
    trial.write_record(record())
    beside = ReferenceDirectory.beside(trial.path)
    assert beside.read() == []
    beside.add(references(reference("real images, held out")))
    beside.add(references(reference("oracle", 0.9, "mig"), dataset_fingerprint="other"))
    assert beside.measured("abcd1234") == {"asked fid"}
    found = find_trials([trial.path])
    assert [one.references[0].name for one in read_references(found * 2)] == [
        "real images, held out",
        "oracle",
    ]
    assert find_trials([trial.path.parent])[0].path == trial.path  # they are no trial


def test_state_comes_and_goes(trial: TrialDirectory) -> None:
    assert trial.read_state() is None
    state = State(
        label="infogan",
        seed=0,
        phase="training",
        round=1,
        rounds=2,
        losses={"generator": math.nan},
        pid=7,
        updated="2026-01-01T12:00:00Z",
    )
    trial.write_state(state)
    trial.write_state(state.model_copy(update={"round": 2}))
    read = trial.read_state()
    assert read is not None
    assert (read.round, read.losses) == (2, {"generator": None})
    trial.clear_state()
    trial.clear_state()
    assert trial.read_state() is None


def test_history_has_nulls_for_what_is_not_finite(trial: TrialDirectory) -> None:
    assert trial.read_history() == []
    trial.append_history([{"round": 50, "generator": 0.5}])
    trial.append_history([{"round": 100, "generator": math.nan}, {"round": 150}])
    assert "NaN" not in trial.history_path.read_text()
    rows = trial.read_history()
    assert rows == [
        {"round": 50, "generator": 0.5},
        {"round": 100, "generator": None},
        {"round": 150},
    ]


def test_an_attempt_that_did_not_finish_is_cleared_but_for_its_records(
    trial: TrialDirectory,
) -> None:
    trial.append_history([{"round": 50}])
    trial.add_scores(evaluation(fid(1.0)))
    trial.write_record(record(status="failed", reason="no memory"))
    trial.write_record(record(status="failed", reason="no memory again"))
    trial.clear_attempt()
    assert sorted(p.name for p in trial.path.iterdir()) == [
        "record.failed-1.json",
        "record.json",
    ]
    trial.write_record(record())
    with pytest.raises(UserError, match="its files are kept"):
        trial.clear_attempt()


def test_a_torn_last_line_is_left_out_and_mended(trial: TrialDirectory) -> None:
    trial.append_history([{"round": 50}])
    with trial.history_path.open("a") as file:
        file.write('{"round": 10')
    assert trial.read_history() == [{"round": 50}]
    trial.append_history([{"round": 100}])
    assert trial.read_history() == [{"round": 50}, {"round": 100}]


def test_damage_inside_the_history_is_told(trial: TrialDirectory) -> None:
    trial.append_history([{"round": 50}])
    trial.history_path.write_text("nonsense\n" + trial.history_path.read_text())
    with pytest.raises(UserError, match=r"history\.jsonl cannot be used \(line 1") as error:
        trial.read_history()
    one_line(error)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b'{"schema_version": 1, "tri', "Invalid JSON"),
        (b"", "Invalid JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"schema_version": 3}', "schema version 3; this ganbench reads 1 and 2"),
        (b'{"schema_version": 1, "seed": "x"}', "variant: Field required"),
        (b"[1, 2]", "object"),
    ],
)
def test_a_damaged_or_foreign_record(trial: TrialDirectory, content: bytes, complaint: str) -> None:
    atomic_write(trial.record_path, content)
    with pytest.raises(UserError, match="cannot be used") as error:
        trial.read_record()
    text = one_line(error)
    assert str(trial.record_path) in text
    assert complaint in text


def test_a_record_that_is_not_there(trial: TrialDirectory) -> None:
    with pytest.raises(UserError, match=r"cannot read .*No such file"):
        trial.read_record()


def test_an_interrupted_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "record.json"
    atomic_write(path, "old")

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UserError, match=r"cannot write .*record\.json: No space left on device"):
        atomic_write(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["record.json"]


def test_a_ctrl_c_while_writing_leaves_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        atomic_write(tmp_path / "record.json", "new")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write") as error:
        TrialDirectory(tmp_path / "file" / "trial").write_record(record())
    one_line(error)
    with pytest.raises(UserError, match="cannot write"):
        TrialDirectory(tmp_path / "file").append_history([{"round": 1}])


def test_trials_are_found_once_and_in_order(tmp_path: Path) -> None:
    for name in ("b", "a", "c/deep"):
        TrialDirectory(tmp_path / name).write_record(record())
    (tmp_path / "under-way").mkdir()
    found = find_trials([tmp_path / "b", tmp_path, tmp_path / "a" / "record.json", tmp_path])
    assert [trial.path.relative_to(tmp_path).as_posix() for trial in found] == ["a", "b", "c/deep"]


def test_nothing_to_find(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such directory"):
        find_trials([tmp_path / "missing"])
    with pytest.raises(UserError, match="no finished trials"):
        find_trials([tmp_path])
