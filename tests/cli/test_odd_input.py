"""Numbers, names and encodings that nobody thought of: one line each, and an exit code of 2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ganbench.core.errors import UserError
from ganbench.data.label_budget import parse_labels
from ganbench.evaluate.settings import settings_of
from ganbench.study.config import LARGEST_SEED, MOST_SEEDS, parse_seeds
from tests.study.planning import plan

ROOT = Path(__file__).resolve().parents[2]
HUGE = "9" * 5000


def ganbench(*arguments: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "ganbench", *arguments],
        capture_output=True,
        env={**os.environ, **variables},
        timeout=300,
    )


@pytest.mark.parametrize(
    "seeds", ["99999999999999999999999", "100000000", str(MOST_SEEDS + 1), f"{LARGEST_SEED + 1},1"]
)
def test_seeds_have_bounds(seeds: str) -> None:
    with pytest.raises(UserError, match=f"at most 10,000 of them, and none above {LARGEST_SEED:,}"):
        parse_seeds(seeds)


def test_seeds_within_the_bounds() -> None:
    assert len(parse_seeds(str(MOST_SEEDS))) == MOST_SEEDS
    assert parse_seeds(f"{LARGEST_SEED},0") == [LARGEST_SEED, 0]
    with pytest.raises(UserError, match="give a count"):
        parse_seeds(HUGE)


@pytest.mark.parametrize("option", ["rounds", "batch_size"])
def test_counts_have_bounds(option: str) -> None:
    with pytest.raises(UserError, match="whole number from"):
        plan(["vanilla"], **{option: 10**23})


def test_samples_and_labels_have_bounds() -> None:
    with pytest.raises(UserError, match="samples 1000000000: must be a whole number from 1 to"):
        settings_of(samples=10**9)
    with pytest.raises(UserError, match="give a total"):
        parse_labels(HUGE, 10)


LONG = "x" * 300


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", f"./{LONG}.py"],
        ["check", f"./{LONG}.py"],
        ["compare", LONG],
        ["evaluate", LONG],
        ["new", LONG],
        ["run", "vanilla", "--dataset", f"folder:{LONG}"],
        ["run", "vanilla", "--results", LONG],
        ["run", "vanilla", "--metrics", "fid", "--extractor", f"file:{LONG}.pt2"],
    ],
    ids=" ".join,
)
def test_names_longer_than_a_file_s(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = ganbench(*arguments)
    assert done.returncode == 2, done.stderr
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("ganbench: ")
    assert "too long" in lines[0]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "ascii"])
@pytest.mark.parametrize("form", [[], ["--markdown"], ["--csv"]])
def test_every_encoding_is_spoken(encoding: str, form: list[str]) -> None:
    trials = sorted((ROOT / "results" / "reference" / "digits").glob("acgan-*"))
    done = ganbench("compare", *map(str, trials), *form, PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode("utf-8" if encoding == "ascii" else encoding)  # click speaks that
    assert "fid" in text
    assert form or encoding == "ascii" or "(down)" in text
