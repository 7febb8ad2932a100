"""What is kept on disk: whole, checked, never in the way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ganbench import cache

FACTS = {"a": 1, "b": [1.5, "x"]}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "SLOW", 0.0)
    return tmp_path / "cache"


class Maker:
    def __init__(self, text: str = "made") -> None:
        self.calls = 0
        self.text = text

    def recall(self, facts: dict[str, object] = FACTS) -> str:
        return cache.recall("thing", facts, self.make, str.encode, bytes.decode)

    def make(self) -> str:
        self.calls += 1
        return self.text


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_made_once(folder: Path) -> None:
    first, second = Maker(), Maker("another")
    assert first.recall() == second.recall() == "made"
    assert (first.calls, second.calls) == (1, 0)
    assert second.recall({**FACTS, "a": 2}) == "another"
    assert len(files(folder)) == 2


def test_the_order_of_facts_does_not_matter(folder: Path) -> None:
    Maker().recall()
    assert Maker("another").recall(dict(reversed(FACTS.items()))) == "made"


def test_what_is_quick_is_not_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "SLOW", 60.0)
    Maker().recall()
    assert not files(folder)


GUEST = """
from ganbench import cache
cache.SLOW = 0.0
recall = lambda a: cache.recall("thing", {"a": a}, lambda: "another", str.encode, bytes.decode)
cache.read_only()
print(recall(1), recall(2))
"""


def test_a_process_that_is_read_only_adds_nothing(folder: Path) -> None:
    Maker().recall({"a": 1})
    command = [sys.executable, "-c", GUEST]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert answer.stdout.split() == ["made", "another"]
    assert len(files(folder)) == 1


@pytest.mark.parametrize("damage", ["cut", "changed", "emptied", "longer"])
def test_a_damaged_file_is_made_anew(folder: Path, damage: str) -> None:
    Maker("a longer text that is made").recall()
    (path,) = files(folder)
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[-3] ^= 1
    wrong = {"cut": whole[:-5], "changed": bytes(changed), "emptied": b"", "longer": whole + b"."}
    path.write_bytes(wrong[damage])
    again = Maker("a longer text that is made")
    assert again.recall() == again.text
    assert again.calls == 1
    assert path.read_bytes() == whole


@pytest.mark.parametrize("obstacle", ["a file", "a folder in its place", "no such disk"])
def test_where_nothing_can_be_written_it_is_made_each_time(
    folder: Path, obstacle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if obstacle == "a file":  # root may write into a read-only folder, but not into a file
        folder.write_text("")
    elif obstacle == "a folder in its place":
        (folder / "made" / f"thing-{cache.digest(FACTS)}" / "full").mkdir(parents=True)
    else:
        monkeypatch.setattr(cache.os, "replace", _disk_is_full)
    maker = Maker()
    assert [maker.recall(), maker.recall()] == ["made", "made"]
    assert maker.calls == 2
    assert not [path for path in files(folder) if folder.is_dir()]


def _disk_is_full(*_: object) -> None:
    raise OSError(28, "No space left on device")


WRITER = """
import sys
from ganbench import cache
cache.SLOW = 0.0
text = sys.argv[1] * 100_000
print(cache.recall("thing", {"a": 1, "b": [1.5, "x"]}, lambda: text, str.encode, bytes.decode)[0])
"""


def test_many_processes_at_once(folder: Path) -> None:
    command = [sys.executable, "-c", WRITER]
    writers = [
        subprocess.Popen([*command, f"{number}"], stdout=subprocess.PIPE, text=True)
        for number in range(1, 9)
    ]
    answers = {writer.communicate(timeout=60)[0].strip() for writer in writers}
    assert answers <= {f"{number}" for number in range(1, 9)}
    (path,) = files(folder)  # no drafts are left
    kept = Maker().recall()
    assert kept[0] in answers
    assert len(kept) == 100_000
    assert path.name.startswith("thing-")


def test_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GANBENCH_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.folder() == tmp_path / "ganbench"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache.folder() == tmp_path / "home" / ".cache" / "ganbench"
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path / "mine"))
    assert cache.folder() == tmp_path / "mine"
