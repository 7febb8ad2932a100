"""`ganbench new`: what it writes passes the exam; what is there is never written over."""

import subprocess
import sys
from pathlib import Path

import pytest

from ganbench.errors import UserError
from ganbench.plugins import registry, scaffold
from ganbench.plugins.exam import examine


def test_the_variant_passes_the_exam(tmp_path: Path) -> None:
    (path,) = scaffold.write("mygan", tmp_path)
    variant = registry.load(str(path))
    assert variant.__name__ == "MyGAN"
    results = examine(variant)
    assert {r.name: r.reason for r in results if r.status == "failed"} == {}
    assert variant.resolve({})["score_weight"] == 0.01
    assert variant.resolve({}, "digits")["score_weight"] == 0.02
    assert variant(shape=(1, 8, 8), classes=10).updates()[0].name == "discriminator"


def test_the_commented_parts_work_too(tmp_path: Path) -> None:
    """What the template shows in comments is code that runs."""
    (path,) = scaffold.write("full_gan", tmp_path)
    text = path.read_text().replace("    # def", "    def")
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        if lines[at].startswith("    def "):
            at += 1
            while at < len(lines) and lines[at].startswith("    #     "):
                lines[at] = "    " + lines[at].removeprefix("    # ")
                at += 1
        else:
            at += 1
    head = "import torch\nfrom torch import Tensor\nfrom ganbench.model import Update\n"
    path.write_text(head + "\n".join(lines) + "\n")
    variant = registry.load(str(path))
    found = {"build", "updates", "generator_loss", "classify"}
    assert found <= set(vars(variant))
    # Nothing in the template trains the class head, which the exam must say.
    failed = {r.name: r.reason for r in examine(variant) if r.status == "failed"}
    assert "does not reach class_head.weight" in failed["ownership"]


def test_names() -> None:
    assert scaffold.class_name("my_gan") == "MyGAN"
    assert scaffold.class_name("infogan_cr2") == "InfoganCr2"
    assert scaffold.class_name("organic") == "Organic"


@pytest.mark.parametrize("package", [False, True])
def test_nothing_is_written_over(package: bool, tmp_path: Path) -> None:
    written = scaffold.write("kept_gan", tmp_path, package)
    last = written[-1]
    last.write_text("mine")
    for path in written[:-1]:
        path.unlink()
    with pytest.raises(UserError, match="is there already; nothing was written"):
        scaffold.write("kept_gan", tmp_path, package)
    assert last.read_text() == "mine"
    assert not any(path.exists() for path in written[:-1])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("1gan", "no name for a Python module"),
        ("my-gan", "no name"),
        ("a/b", "no name"),
        ("", "no name"),
        ("_", "no name"),
        ("class", "no name"),
        ("torch", "imported already"),
        ("ganbench", "imported already"),
    ],
)
def test_bad_names(name: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words) as caught:
        scaffold.write(name, tmp_path)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_directory_that_cannot_be_written() -> None:
    with pytest.raises(UserError, match="cannot write to"):
        scaffold.write("nowhere_gan", Path("/proc/nothing"))


def test_the_command_prints_what_comes_next(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ganbench", "new", "mygan"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "ganbench check ./mygan.py" in done.stdout
    assert "ganbench run vanilla ./mygan.py" in done.stdout
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert again.returncode == 2
    assert "mygan.py is there already" in again.stderr
    assert len(again.stderr.strip().splitlines()) == 1
    package = [*command[:-1], "other", "--package", "--directory", "sub"]
    done = subprocess.run(package, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    written = {path.name for path in (tmp_path / "sub" / "ganbench-other").iterdir()}
    assert written == {"other.py", "pyproject.toml", "test_other.py"}


def test_the_name_of_an_installed_variant_is_taken(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="installed variant"):
        scaffold.write("infogan", tmp_path)
    assert not list(tmp_path.iterdir())
