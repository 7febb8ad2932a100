"""`ganbench new`: what it writes passes the checks; what is there is never written over."""

import subprocess
import sys
from pathlib import Path

import pytest

from ganbench.core.errors import UserError
from ganbench.plugins import listing, registry, scaffold
from ganbench.plugins.checks import examine, kinds
from tests.plugins.outside import install_here


def test_the_variant_passes_the_exam(tmp_path: Path) -> None:
    (path,) = scaffold.write("mygan", tmp_path)
    variant = registry.load(str(path))
    assert variant.__name__ == "MyGAN"
    results = examine(variant)
    assert {r.name: r.reason for r in results if r.status == "failed"} == {}
    assert variant.resolve({})["score_weight"] == 0.01
    assert variant.resolve({}, "digits")["score_weight"] == 0.02
    assert variant(shape=(1, 8, 8), classes=10).updates()[0].name == "discriminator"


@pytest.mark.parametrize("kind", ["metrics", "datasets", "extractors"])
def test_the_others_pass_their_checks(kind: str, tmp_path: Path) -> None:
    (path,) = scaffold.write("mine_own", tmp_path, kind=kind)
    assert listing.of_any_kind(str(path)) == [(kind, str(path))]
    (found,) = listing.named(str(path), kind)
    assert found.declared == "mine_own"
    assert found.summary
    results = {result.name: result.status for result in kinds.examine(str(path), kind)}
    skipped = {"read_in_any_order"} if kind == "datasets" else set()
    assert results == {
        name: "skipped" if name in skipped else "passed" for name in kinds.CHECKS[kind]
    }


@pytest.mark.parametrize("kind", ["metrics", "datasets", "extractors"])
def test_a_package_of_each_kind(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = scaffold.write("mine_own", tmp_path, package=True, kind=kind)
    install_here(written[0].parent, tmp_path, monkeypatch)
    assert registry.installed(kind)["mine_own"].target == "mine_own:MINE_OWN"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(written[2])]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("metrics", "fid", "name of ganbench's own"),
        ("metrics", "all", "name of ganbench's own"),
        ("datasets", "digits", "name of ganbench's own"),
        ("extractors", "inception", "name of ganbench's own"),
        ("datasets", "_own", "begin with a letter"),
    ],
)
def test_taken_names(kind: str, name: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words):
        scaffold.write(name, tmp_path, kind=kind)
    assert not list(tmp_path.iterdir())


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
    # Nothing in the template trains the class head, which the checks must say.
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


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["metric", "sharpness"], "--metrics fid,./sharpness.py"),
        (["dataset", "discs"], "--dataset ./discs.py"),
        (["extractor", "filters"], "--extractor ./filters.py"),
        (["variant", "a_gan"], "ganbench run vanilla ./a_gan.py"),
    ],
)
def test_the_command_writes_every_kind(words: list[str], expected: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ganbench", "new", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert expected in done.stdout
    assert f"ganbench check ./{words[1]}.py" in done.stdout


@pytest.mark.parametrize("words", [["metric"], ["metrik", "sharpness"], ["metric", "a", "b"]])
def test_the_command_says_what_it_takes(words: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ganbench", "new", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())
