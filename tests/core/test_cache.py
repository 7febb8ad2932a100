"""What is kept on disk: whole, checked, never in the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from ganbench.cli import cli
from ganbench.core import cache
from ganbench.core.errors import UserError

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
from ganbench.core import cache
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
from ganbench.core import cache
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


def test_the_least_recently_used_goes_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANBENCH_CACHE_GB", f"{3.5 * 132 / 1e9}")
    maker = Maker("x" * 100)  # and 32 bytes of checksum
    for a in range(3):
        maker.recall({"a": a})
        os.utime(place(folder, a), (a, a))
    maker.recall({"a": 0})  # read, and so used now
    assert maker.calls == 3
    maker.recall({"a": 3})
    assert [place(folder, a).exists() for a in range(4)] == [True, False, True, True]
    maker.recall({"a": 4})
    assert [place(folder, a).exists() for a in range(5)] == [True, False, False, True, True]
    assert sum(path.stat().st_size for path in files(folder)) <= cache.limit()


def place(folder: Path, a: int) -> Path:
    return folder / "made" / f"thing-{cache.digest({'a': a})}"


def test_what_is_larger_than_the_limit_is_not_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Maker("x" * 100).recall({"a": 0})
    for limit in ("0", f"{200 / 1e9}"):
        monkeypatch.setenv("GANBENCH_CACHE_GB", limit)
        maker = Maker("x" * 300)
        assert [maker.recall({"a": 1}), maker.calls] == ["x" * 300, 1]
        assert [path.name for path in files(folder)] == [place(folder, 0).name]
    assert Maker().recall({"a": 0}) == "x" * 100


@pytest.mark.parametrize("text", ["-1", "much", "nan", "inf"])
def test_a_limit_that_is_none(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANBENCH_CACHE_GB", text)
    with pytest.raises(UserError, match=f"GANBENCH_CACHE_GB={text}: must be a number"):
        Maker().recall()


def test_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GANBENCH_CACHE_GB", raising=False)
    assert cache.limit() == 2_000_000_000
    monkeypatch.setenv("GANBENCH_CACHE_GB", "0.5")
    assert cache.limit() == 500_000_000


MANY = """
import sys
from ganbench.core import cache
cache.SLOW = 0.0
for round in range(40):
    for a in range(10):
        text = f"{a}" * 1000
        made = cache.recall("thing", {"a": a}, lambda: text, str.encode, bytes.decode)
        assert made == text
"""


def test_processes_that_read_write_and_delete_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANBENCH_CACHE_GB", f"{5000 / 1e9}")
    (folder / "MNIST").mkdir(parents=True)
    (folder / "MNIST" / "raw").write_bytes(b"x" * 10_000)
    crowd = [
        subprocess.Popen([sys.executable, "-c", MANY], stderr=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    assert {process.communicate(timeout=120)[1] for process in crowd} == {""}
    assert {process.returncode for process in crowd} == {0}
    Maker("y" * 1000).recall({"a": "last"})
    assert 0 < sum(one.size for one in cache.kept()) <= 5000
    assert {path.suffix for path in files(folder / "made")} == {""}
    assert (folder / "MNIST" / "raw").stat().st_size == 10_000


def test_what_another_version_wrote_is_made_again(folder: Path) -> None:
    Maker().recall()

    def unpack(content: bytes) -> str:
        raise TypeError("a field more")

    maker = Maker("another")
    assert cache.recall("thing", FACTS, maker.make, str.encode, unpack) == "another"
    assert Maker("a third").recall() == "another"


def left_behind(folder: Path, old: bool) -> list[Path]:
    """Half-written files, of an hour ago or of now."""
    drafts = [folder / "made" / ".1f.part", folder / "dsprites" / ".d.npz.2e.part"]
    for draft in drafts:
        draft.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(b"half")
        if old:
            os.utime(draft, (0, 0))
    return drafts


def test_drafts_of_processes_that_are_gone_are_swept(folder: Path) -> None:
    draft, download = left_behind(folder, old=True)
    assert [one.path for one in cache.leftovers()] == [draft, download] or [
        one.path for one in cache.leftovers()
    ] == [download, draft]
    Maker().recall()
    assert not draft.exists()
    cache.sweep(download.parent, "other.npz")
    assert download.exists()
    cache.sweep(download.parent, "d.npz")
    assert not download.exists()


def full(folder: Path) -> list[Path]:
    """A cache folder with data sets in it; they are returned."""
    Maker("x" * 1000).recall()
    beside = [
        folder / "MNIST" / "raw" / "train-images-idx3-ubyte",
        folder / "cifar-10-python.tar.gz",
        folder / "dsprites" / "dsprites.0123.1.npy",
        folder / "made-by-hand" / "photos.part",
        folder / ".hidden",
    ]
    for path in beside:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"data")
        os.utime(path, (0, 0))
    return beside


def shown(*arguments: str) -> str:
    done = CliRunner().invoke(cli, ["cache", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_command_shows_what_is_kept(folder: Path) -> None:
    assert f"{folder / 'made'}: 0.0 MB, at most 2.00 GB" in shown()
    beside = full(folder)
    left_behind(folder, old=True)
    text = shown()
    assert "thing            1      0.0 MB  last used just now" in text
    assert "leftovers        2 " in text
    document = json.loads(shown("--json"))
    assert document["folder"] == str(folder / "made")
    assert [document["bytes"], document["limit"], document["freed"]] == [1032, 2 * 10**9, None]
    kinds = {row["kind"]: (row["files"], row["bytes"]) for row in document["kinds"]}
    assert kinds == {"thing": (1, 1032), "leftovers": (2, 8)}
    assert all(path.exists() for path in beside)


def test_the_command_empties_that_part_alone(folder: Path) -> None:
    beside = full(folder)
    old, new = left_behind(folder, old=True), left_behind(folder / "mine", old=False)
    running = folder / "dsprites" / ".d.npz.3f.part"
    running.write_bytes(b"being written")
    document = json.loads(shown("--clear", "--json"))
    assert (document["freed"], document["bytes"], document["kinds"]) == (1040, 0, [])
    assert all(path.exists() for path in [*beside, *new, running])
    assert not any(path.exists() for path in old)
    assert shown("--clear").startswith("0.0 MB deleted")


def test_links_out_of_the_folder_are_not_followed(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "precious"
    outside.mkdir()
    (outside / "thing-1").write_bytes(b"data")
    Maker().recall()
    (folder / "made" / "thing-link").symlink_to(outside / "thing-1")
    (folder / "made" / "folder").symlink_to(outside)
    shown("--clear")
    assert (outside / "thing-1").read_bytes() == b"data"


def test_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GANBENCH_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.folder() == tmp_path / "ganbench"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache.folder() == tmp_path / "home" / ".cache" / "ganbench"
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path / "mine"))
    assert cache.folder() == tmp_path / "mine"
