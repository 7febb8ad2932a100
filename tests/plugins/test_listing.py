"""What `ganbench list` shows of variants: their sources are read, never run."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ganbench.core.errors import UserError
from ganbench.plugins import listing

ONE = '''
"""A guest."""
import torch
from ganbench.model import GAN as Base, Batch, DiscriminatorOutput

raise SystemExit("this is never run")


class Helper(DiscriminatorOutput):
    """No variant."""


class Mine(Base):
    """Mine, in one line.

    And more.
    """
'''

TWO = '''
import ganbench.model as m
from ganbench import model
from ganbench.variants.infogan import InfoGAN

class First(m.GAN):
    """First."""

class Second(First):
    """Second."""

class Third(model.Variant): ...

class Fourth(InfoGAN):
    """Fourth."""

class Other(m.Latent): ...
class Odd(list): ...
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "one.py").write_text(ONE)
    (tmp_path / "two.py").write_text(TWO)
    (tmp_path / "broken.py").write_text("from ganbench.model import GAN\ndef f(:")
    (tmp_path / "binary.py").write_bytes(b"ganbench\x00\xff")
    (tmp_path / "plain.py").write_text("class GAN: ...\nclass Mine(GAN): ...\n# ganbench")
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('this is never run')")
    (package / "inner.py").write_text(TWO)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_files_beside_the_user(folder: Path) -> None:
    found = {one.name: one for one in listing.beside(folder)}
    assert list(found) == [
        "./one.py",
        *(f"./two.py:{n}" for n in ("First", "Second", "Third", "Fourth")),
    ]
    assert found["./one.py"].summary == "Mine, in one line."
    assert found["./one.py"].target == "./one.py:Mine"
    assert found["./one.py"].origin == "file ./one.py"
    assert found["./two.py:Third"].summary == ""


@pytest.mark.parametrize(
    ("reference", "names"),
    [
        ("one.py", ["./one.py"]),
        ("./one.py:Mine", ["./one.py"]),
        ("two.py:Second", ["./two.py:Second"]),
        ("pack.inner:First", ["pack.inner:First"]),
        ("ganbench.model.gan:GAN", ["ganbench.model.gan:GAN"]),
        ("infogan", ["infogan"]),
    ],
)
def test_references(reference: str, names: list[str], folder: Path) -> None:
    assert [one.name for one in listing.named(reference)] == names


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("none.py", "no such variant file"),
        ("plain.py", "defines no variant"),
        ("one.py:Helper", "no class 'Helper'"),
        ("broken.py", "is no Python"),
        ("nowhere.inner:First", "no module 'nowhere.inner'"),
        ("pack.other:First", "no module 'pack.other'"),
        ("pack.inner:Nope", "no class 'Nope'"),
        ("infogna", "did you mean 'infogan'"),
    ],
)
def test_mistakes(reference: str, words: str, folder: Path) -> None:
    with pytest.raises(UserError, match=words) as caught:
        listing.named(reference)
    assert "\n" not in str(caught.value)


def test_installed_ones_have_a_summary_and_an_origin() -> None:
    found = {one.name: one for one in listing.installed()}
    assert found["infogan"].summary.startswith("GAN whose generator is rewarded")
    assert found["infogan"].origin.startswith("ganbench ")


def test_the_command(folder: Path) -> None:
    def ganbench(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-X", "importtime", "-m", "ganbench", "list", *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True)

    done = ganbench("variants", "pack.inner:Second", "one.py", "--json")
    assert done.returncode == 0, done.stderr
    assert re.search(r"\|\s+click$", done.stderr, re.MULTILINE)
    assert not re.search(r"\|\s+torch$", done.stderr, re.MULTILINE)
    variants = {row["name"]: row for row in json.loads(done.stdout)["variants"]}
    assert variants["pack.inner:Second"]["summary"] == "Second."
    assert variants["./one.py"]["note"] == "file ./one.py"
    assert len(variants) == len(json.loads(done.stdout)["variants"])
    assert "never run" not in done.stdout + done.stderr
    assert ganbench("datasets", "one.py").returncode == 2
