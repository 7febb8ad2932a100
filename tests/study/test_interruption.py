"""Ctrl-C, SIGTERM, a kill: at any moment, nothing half done is left, and nobody stays behind."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc"),
]

SHARED = Path("/dev/shm")


def start(place: Path, *arguments: str, program: str = "-mganbench") -> subprocess.Popen[bytes]:
    """A command in a session of its own, as in a terminal; its stderr is in `place/err`."""
    with (place / "err").open("wb") as err:
        return subprocess.Popen(
            [sys.executable, program, *arguments],
            cwd=place,
            stdout=subprocess.DEVNULL,
            stderr=err,
            start_new_session=True,
            # a shell's background jobs, and all that they start, ignore Ctrl-C
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )


def members(session: int) -> list[int]:
    """Living processes of a session."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def wait_for(what: object, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    assert callable(what)
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(("number", "group"), [(2, True), (15, True), (15, False)])
def test_at_any_moment(number: int, group: bool, tmp_path: Path) -> None:
    """By hand, many more were made; the moments differ from run to run of this test."""
    for _ in range(3):
        process = start(
            tmp_path, "run", "vanilla", "acgan", "--rounds", "60", "--seeds", "2", "--jobs", "2"
        )
        time.sleep(random.uniform(1.0, 8.0))
        (os.killpg if group else os.kill)(process.pid, number)
        code = process.wait(60)
        text = (tmp_path / "err").read_text()
        assert code in (0, 130), text  # it may have been done
        assert "Traceback" not in text
        assert "ignored" not in text
        if code:
            assert text.rstrip().rpartition("\n")[2].startswith("ganbench: interrupted")
        assert not members(process.pid)
        assert not list(tmp_path.rglob(".*.tmp"))
        assert not list(tmp_path.rglob("record.failed*"))
        assert '"failed"' not in "".join(p.read_text() for p in tmp_path.rglob("record.json"))


HOLDS_THE_LOCK = """
import ctypes
from pathlib import Path
from ganbench.model import GAN


class Guest(GAN):
    def generator_loss(self, batch):
        Path("held").touch()
        ctypes.PyDLL(None).sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_guest_that_holds_the_interpreters_lock_outlives_nobody(
    number: int, tmp_path: Path
) -> None:
    (tmp_path / "guest.py").write_text(HOLDS_THE_LOCK)
    process = start(tmp_path, "run", "./guest.py", "--seeds", "1", "--rounds", "20")
    wait_for((tmp_path / "held").exists)
    process.send_signal(number)
    process.wait(30)
    wait_for(lambda: not members(process.pid), 10)


@pytest.mark.parametrize("group", [True, False])
def test_a_kill_leaves_nothing_in_shared_memory(group: bool, tmp_path: Path) -> None:
    process = start(tmp_path, "run", "vanilla", "--rounds", "90000", "--seeds", "2", "--jobs", "2")
    wait_for(lambda: len(list(tmp_path.rglob("history.jsonl"))) == 2)
    processes = members(process.pid)
    (os.killpg if group else os.kill)(process.pid, signal.SIGKILL)
    process.wait(30)
    wait_for(lambda: not members(process.pid), 10)
    names = [path.name for path in SHARED.glob("*")]  # they bear their makers' numbers
    assert not [name for name in names for one in processes if f"-{one}-" in name]


STUCK = """
import signal, sys, time
from ganbench.study.engines.local import LocalProcesses

with LocalProcesses() as engine:
    open("entered", "w").close()
    while True:  # code of ours that never waits for the engine
        time.sleep(0.05)
"""


def test_the_second_ctrl_c_has_its_way(tmp_path: Path) -> None:
    (tmp_path / "stuck.py").write_text(STUCK)
    process = start(tmp_path, program=str(tmp_path / "stuck.py"))
    wait_for((tmp_path / "entered").exists)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == -signal.SIGINT  # Python's own end of a KeyboardInterrupt


SCRIPT = """
import ganbench

try:
    ganbench.run("vanilla", rounds=90000, seeds=2, jobs=2)
except KeyboardInterrupt:
    open("caught", "w").close()
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, -15)])
def test_a_script_hears_of_ctrl_c_and_dies_of_sigterm(
    number: int, code: int, tmp_path: Path
) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    process = start(tmp_path, program=str(tmp_path / "script.py"))
    wait_for(lambda: list(tmp_path.rglob("history.jsonl")))
    os.killpg(process.pid, number)
    assert process.wait(30) == code
    assert (tmp_path / "caught").exists() == (code == 0)
    assert not members(process.pid)
    assert "Traceback" not in (tmp_path / "err").read_text()


@pytest.mark.parametrize("command", ["time", "check"])
def test_other_commands(command: str, tmp_path: Path) -> None:
    process = start(tmp_path, command, "vanilla", "acgan", "infogan", "sngan")
    time.sleep(random.uniform(1.0, 8.0))
    os.killpg(process.pid, signal.SIGINT)
    code = process.wait(30)
    text = (tmp_path / "err").read_text()
    assert code in (0, 130), text
    assert "Traceback" not in text
    assert code == 0 or text.endswith("ganbench: interrupted\n")
    assert not members(process.pid)


RAISES = """
from ganbench.model import GAN
if {when!r} == "import":
    raise {what}


class Guest(GAN):
    def updates(self):
        if {when!r} == "build":
            raise {what}
        return super().updates()

    def generator_loss(self, batch):
        if batch.progress > 0.5:
            raise {what}
        return super().generator_loss(batch)
"""


def guest(place: Path, name: str, when: str, what: str) -> str:
    """A plug-in that raises `what`, as it is named on the command line."""
    text = RAISES.format(when=when, what=what)
    (place / name).write_text(text.replace("\nif", "\nclass Own(BaseException): ...\nif", 1))
    return f"./{name}"


@pytest.mark.parametrize("when", ["import", "build"])
@pytest.mark.parametrize("what", ["KeyboardInterrupt", "Own"])
def test_what_a_plug_in_raises_is_its_own_failure(when: str, what: str, tmp_path: Path) -> None:
    assert start(tmp_path, "run", guest(tmp_path, "guest.py", when, what)).wait(120) == 2
    said = (tmp_path / "err").read_text()
    assert "guest.py" in said
    assert what in said
    assert said.count("\n") == 1


def test_that_of_a_trial_is_in_its_record(tmp_path: Path) -> None:
    kinds = ["KeyboardInterrupt", "SystemExit(0)", "GeneratorExit", "Own"]
    guests = [guest(tmp_path, f"g{n}.py", "training", what) for n, what in enumerate(kinds)]
    code = start(tmp_path, "run", *guests, "--seeds", "1", "--rounds", "20").wait(300)
    assert code == 1, (tmp_path / "err").read_text()
    found = [json.loads(path.read_text()) for path in tmp_path.rglob("record.json")]
    reasons = sorted(record["reason"].partition(":")[0] for record in found)
    assert reasons == sorted(what.partition("(")[0] for what in kinds)
    assert all(record["status"] == "failed" for record in found)


@pytest.mark.parametrize("what", ["KeyboardInterrupt", "SystemExit(0)"])
@pytest.mark.parametrize("command", ["check", "time"])
def test_also_where_it_is_run_in_the_command_itself(
    command: str, what: str, tmp_path: Path
) -> None:
    (tmp_path / "guest.py").write_text(RAISES.format(when="import", what=what))
    assert start(tmp_path, command, "./guest.py").wait(120) == 2
    said = (tmp_path / "err").read_text()
    assert f"guest.py: {what.partition('(')[0]}" in said
    assert said.count("\n") == 1
