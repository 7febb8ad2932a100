"""Too little memory, a full disk: one line, nothing hangs, and what was lost is made later."""

from __future__ import annotations

import errno
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from ganbench.core.errors import UserError, check_memory, out_of_memory
from ganbench.records.store import TrialDirectory, atomic_write
from ganbench.study import run_trial
from ganbench.study.trial import Trial, is_done
from tests.study.planning import plan

PICTURES = {"samples.png", "traversal.png", "neighbours.png", "history.png"}


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        ImportError("IMPORTANT\n\nOriginal error was: libx.so: failed to map segment from x"),
        RuntimeError("can't start new thread"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried ..."),
    ],
)
def test_too_little_memory_is_one_line(error: Exception) -> None:
    text = str(out_of_memory(error))
    assert "not enough memory" in text
    assert "\n" not in text


@pytest.mark.parametrize(
    "error",
    [
        ImportError("no module named x"),
        RuntimeError("CUDA out of memory"),
        OSError(28, "full"),
        SystemError("a bug"),
        ValueError("can't allocate"),
    ],
)
def test_other_failures_are_not_taken_for_it(error: Exception) -> None:
    assert out_of_memory(error) is None


def test_room_for_the_libraries() -> None:
    check_memory()  # no limit
    code = (
        "import resource; from ganbench.core.errors import check_memory\n"
        "resource.setrlimit(resource.RLIMIT_AS, (200 << 20, 200 << 20))\n"
        "check_memory()"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr
    assert "UserError: not enough memory" in said
    assert f"ulimit -v is {200 << 10}" in said


@pytest.mark.slow
@pytest.mark.parametrize("megabytes", [100, 300])
@pytest.mark.parametrize("command", ["run", "time", "check"])
def test_a_limit_that_is_too_small_for_planning(
    command: str, megabytes: int, tmp_path: Path
) -> None:
    limit = megabytes << 20
    done = subprocess.run(
        [sys.executable, "-m", "ganbench", command, "vanilla"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "not enough memory" in done.stderr
    assert f"ulimit -v is {limit >> 10}" in done.stderr


def full_for(names: set[str]) -> object:
    """The writing of files on a disk that has no room for some."""

    def write(path: Path, content: str | bytes) -> None:
        if Path(path).name in names:
            cause = OSError(errno.ENOSPC, "No space left on device")
            raise UserError(f"cannot write {path}: {cause.strerror}") from cause
        atomic_write(path, content)

    return write


def pictures(trial: Trial) -> set[str]:
    return {path.name for path in trial.directory.glob("*.png")}


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return plan(["vanilla"], seeds=1, rounds=20, results=tmp_path)[0]


@pytest.mark.slow
def test_pictures_that_the_disk_refused_are_drawn_by_the_next_run(
    trial: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = {"samples.png", "neighbours.png", "history.png"}
    with monkeypatch.context() as patch:
        patch.setattr(run_trial, "atomic_write", full_for(lost))
        record = run_trial.execute(trial)
        assert record.status == "finished"
        why = "could not be written (No space left on device)"
        assert record.reason == f"no picture of samples, neighbours, history: {why}"
        assert pictures(trial) == PICTURES - lost
        assert not is_done(trial)
        patch.setattr(run_trial, "atomic_write", full_for({"samples.png"}))
        again = run_trial.execute(trial)
        assert again.reason == f"no picture of samples: {why}"
        assert not is_done(trial)
    kept = TrialDirectory(trial.directory)
    weights = (trial.directory / "weights.safetensors").stat().st_mtime_ns
    assert run_trial.execute(trial).reason is None
    assert is_done(trial)
    assert pictures(trial) == PICTURES
    assert kept.read_record() == record, "a record is never edited"
    assert (trial.directory / "weights.safetensors").stat().st_mtime_ns == weights
    whole = plan(["vanilla"], seeds=1, rounds=20, results=tmp_path / "whole")[0]
    run_trial.execute(whole)
    for name in ("samples.png", "neighbours.png"):  # the history has the speed of its hour
        assert (trial.directory / name).read_bytes() == (whole.directory / name).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reason", "done"),
    [
        ("ValueError: cannot be drawn", True),
        ("OSError: [Errno 2] No such file or directory: 'of-the-plug-in'", True),
        ("OSError: [Errno 28] No space left on device", False),  # as records said it once
    ],
)
def test_a_model_that_cannot_be_drawn_is_not_tried_for_ever(
    reason: str, done: bool, trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_trial._Work, "draw", lambda *_: f"no picture of samples: {reason}")
    run_trial.execute(trial)
    assert is_done(trial) == done
