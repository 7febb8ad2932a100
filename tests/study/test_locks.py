"""One command at a time is at a trial, and who waits learns for whom."""

from __future__ import annotations

import json
import os
import platform
import threading
import time
from pathlib import Path

import pytest

from ganbench.study import locks
from ganbench.study.locks import lock


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "SOON", 0.1)
    monkeypatch.setattr(locks, "RARELY", 0.3)


def told_by_who_waits(place: Path, capsys: pytest.CaptureFixture[str], about: str | None) -> str:
    """What a second one says that has to wait, with so much in the holder's file."""
    got = threading.Event()

    def second() -> None:
        with lock(place):
            got.set()

    with lock(place):
        holder = place / ".lock-holder"
        if about is not None:
            holder.unlink()
            if about != "gone":
                holder.write_text(about)
        waiting = threading.Thread(target=second)
        waiting.start()
        time.sleep(0.25)
        assert not got.is_set()
    waiting.join(30)
    assert got.is_set()
    return capsys.readouterr().err


def test_who_waits_says_whose_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = told_by_who_waits(tmp_path, capsys, None)
    who = f"process {os.getpid()} on {platform.node()} has held for 0 min"
    assert f"ganbench: waiting for {tmp_path}, which {who}\n" in said
    assert not (tmp_path / ".lock-holder").exists()


def test_it_says_for_how_long(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    about = json.dumps({"pid": 1, "host": "elsewhere", "since": time.time() - 7200})
    said = told_by_who_waits(tmp_path, capsys, about)
    assert "process 1 on elsewhere has held for 120 min" in said


GONE = json.dumps({"pid": 2**22 + 1, "host": platform.node(), "since": 0})

HOSTILE = json.dumps({"pid": 1, "host": "\x1b[2J", "since": 1e9})


@pytest.mark.parametrize(
    "about",
    ["gone", "", "nonsense", "[" * 900, "[]", '{"pid": "x"}', '{"pid": 1e999}', GONE, HOSTILE],
)
def test_stale_or_unreadable_holders_are_harmless(
    about: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "which another process holds\n" in told_by_who_waits(tmp_path, capsys, about)


def test_nobody_waits_where_nobody_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / ".lock-holder").write_text(GONE)  # of one that was killed
    with lock(tmp_path):
        assert json.loads((tmp_path / ".lock-holder").read_text())["pid"] == os.getpid()
    assert capsys.readouterr().err == ""
