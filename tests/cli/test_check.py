"""`ganbench check` by what a name or file declares; `ganbench list` of an installed package."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugins.outside import FOUR_KINDS, install_here

INSIDE = FOUR_KINDS / "four_kinds"


def ganbench(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ganbench", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder beside an installed package, with a file of two kinds."""
    install_here(FOUR_KINDS, tmp_path, monkeypatch)
    folder = tmp_path / "work"
    folder.mkdir()
    parts = [(INSIDE / name).read_text() for name in ("metric.py", "extractor.py")]
    text = "\n".join(parts).replace("contrast_gap", "my_gap").replace('"profile"', '"my_profile"')
    (folder / "mine.py").write_text(text)
    return folder


def test_a_file_is_checked_in_all_that_it_declares(both: Path) -> None:
    done = ganbench(both, "check", "./mine.py", "stripes:size=16", "profile", "--json")
    assert done.returncode == 0, done.stderr + done.stdout
    document = json.loads(done.stdout)
    assert document["schema"] == 1
    assert [one["metric"] for one in document["metrics"]] == ["./mine.py"]
    assert [one["extractor"] for one in document["extractors"]] == ["./mine.py", "profile"]
    assert [one["data_set"] for one in document["datasets"]] == ["stripes:size=16"]
    for kind in ("metrics", "extractors", "datasets"):
        for one in document[kind]:
            assert {check["status"] for check in one["checks"]} <= {"passed", "skipped"}


def test_a_fault_is_shown_and_ends_with_1(both: Path) -> None:
    (both / "mine.py").write_text((INSIDE / "extractor.py").read_text().replace("16,", "17,"))
    done = ganbench(both, "check", "mine.py:PROFILE")
    assert done.returncode == 1
    assert "declares 17" in done.stdout


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("vanila", "did you mean 'vanilla'"),
        ("./none.py", "no such variant file"),
        ("modes", "unknown plug-in 'modes'"),  # a group of metrics
        ("digits:sise=3", "unknown option"),
    ],
)
def test_mistakes_in_one_line(spec: str, words: str, tmp_path: Path) -> None:
    done = ganbench(tmp_path, "check", spec)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_all_four_kinds_are_listed_without_being_run(both: Path, tmp_path: Path) -> None:
    for path in [both / "mine.py", *(tmp_path / "site" / "four_kinds").glob("*.py")]:
        path.write_text("raise SystemExit('never run')\n" + path.read_text())
    document = json.loads(ganbench(both, "list", "--json").stdout)
    names = {
        "variants": "stripes_gan",
        "metrics": "contrast_gap",
        "datasets": "stripes",
        "extractors": "profile",
    }
    for kind, name in names.items():
        (row,) = [row for row in document[kind] if row["name"] == name]
        assert row["note"] == "ganbench-four-kinds 0.1.0"
        assert row["summary"]
    for kind, declared in (("metrics", "my_gap"), ("extractors", "my_profile")):
        (row,) = [row for row in document[kind] if row["name"] == "./mine.py"]
        assert (row["declared"], row["note"]) == (declared, "file ./mine.py")
    shown = ganbench(both, "list", "metrics", "four_kinds.metric:CONTRAST_GAP").stdout
    assert "four_kinds.metric:CONTRAST_GAP" in shown
    assert "my_gap: contrast of generated" in shown


def test_checks_of_a_variant_are_as_they_were(tmp_path: Path) -> None:
    done = ganbench(tmp_path, "check", "vanilla:width=8", "--json")
    (variant,) = json.loads(done.stdout)["variants"]
    assert variant["variant"] == "vanilla:width=8"
    assert "ownership" in {check["name"] for check in variant["checks"]}
