from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from ganbench.core.errors import UserError
from ganbench.core.specs import parse_spec
from ganbench.model import GAN
from ganbench.plugins import registry

GUEST = '''
"""A guest."""
from ganbench.model import GAN


class Mine(GAN):
    """GAN, mine."""

    extra: float = 0.5
'''


@pytest.mark.parametrize(
    ("spec", "reference", "given"),
    [
        ("infogan", "infogan", {}),
        ("infogan:", "infogan", {}),
        ("infogan:info_weight=0.5,d_lr=1e-3", "infogan", {"info_weight": "0.5", "d_lr": "1e-3"}),
        ("./my.py", "./my.py", {}),
        ("./my.py:a=1", "./my.py", {"a": "1"}),
        ("pack.mod:Cls", "pack.mod:Cls", {}),
        ("pack.mod:Cls:a=1/2", "pack.mod:Cls", {"a": "1/2"}),
        ("infogan:a= 1 , b=2", "infogan", {"a": "1", "b": "2"}),
    ],
)
def test_specs(spec: str, reference: str, given: dict) -> None:
    assert parse_spec(spec) == (reference, given)


@pytest.mark.parametrize("spec", ["infogan:a=1,b", "infogan:=1", "infogan:a=1,a=2"])
def test_bad_specs(spec: str) -> None:
    with pytest.raises(UserError, match=r"name=value|twice"):
        parse_spec(spec)


def test_first_party_variants_come_by_the_entry_point() -> None:
    entries = registry.installed()
    assert {"vanilla", "infogan", "acgan"} <= set(entries)
    assert entries["infogan"].target == "ganbench.variants.infogan:InfoGAN"
    assert registry.load("infogan").__name__ == "InfoGAN"
    assert registry.summary(entries["infogan"]).startswith("GAN whose generator is rewarded")


def test_unknown_variant_is_suggested() -> None:
    with pytest.raises(UserError, match="did you mean 'infogan'") as caught:
        registry.load("infogna")
    assert "acgan" in str(caught.value)


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(GUEST)
    variant = registry.load(str(path))
    assert issubclass(variant, GAN)
    assert variant.resolve({})["extra"] == 0.5
    assert registry.load(f"{path}:Mine").__name__ == "Mine"


def test_a_module_beside_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "guest_module_x.py").write_text(GUEST)
    monkeypatch.chdir(tmp_path)
    assert registry.load("guest_module_x:Mine").__name__ == "Mine"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("x = 1", "defines none"),
        (GUEST + "\nclass Other(GAN):\n    pass\n", "Mine, Other"),
        ("import nothing_of_the_kind", "ModuleNotFoundError"),
        ("def f(:", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
        ("import sys; sys.exit(0)", "SystemExit"),
    ],
)
def test_bad_files_are_told_in_one_line(content: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(content)
    with pytest.raises(UserError, match=words) as caught:
        registry.load(str(path))
    assert "\n" not in str(caught.value)
    assert "mine.py" in str(caught.value)


def test_missing_file_class_and_module() -> None:
    for reference, words in (
        ("./nowhere.py", "no such variant file"),
        ("ganbench.variants.infogan:Nope", "has no 'Nope'"),
        ("ganbench.core.errors:UserError", "own, and declares no variant"),
        ("no_such_module_here:X", "cannot import"),
        ("infogan:info_weight", "name=value"),
    ):
        with pytest.raises(UserError, match=words):
            registry.load(reference)


def test_source_digest_follows_the_source(tmp_path: Path) -> None:
    one, two = tmp_path / "a" / "mine.py", tmp_path / "b" / "mine.py"
    for path, content in ((one, GUEST), (two, GUEST + "# changed\n")):
        path.parent.mkdir()
        path.write_text(content)
    digests = [registry.source_digest(registry.load(str(p))) for p in (one, two)]
    assert digests[0] != digests[1]
    two.write_text(GUEST)
    assert registry.source_digest(registry.load(str(two))) == digests[0]


@pytest.mark.parametrize("first", [True, False])
def test_no_package_takes_the_name_of_a_first_party_variant(
    first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = EntryPoint("vanilla", "ganbench.variants.vanilla:Vanilla", "ganbench.variants")
    theirs = EntryPoint("vanilla", "somebody:Vanilla", "ganbench.variants")
    points = [theirs, ours] if first else [ours, theirs]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    assert registry.installed()["vanilla"].target == ours.value
