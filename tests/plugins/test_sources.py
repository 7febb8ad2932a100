"""What a plug-in is made of: its own modules are found unread, hashed, and run as hashed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ganbench.core.errors import UserError
from ganbench.plugins import registry

MAIN = """
from ganbench.model import GAN
from penalties import WEIGHT


class Mine(GAN):
    weight: float = WEIGHT

    def late(self):
        import late_penalties

        return late_penalties.WEIGHT
"""


def plug_in(folder: Path, weight: float = 1.0, main: str = MAIN) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "mine.py").write_text(main)
    (folder / "penalties.py").write_text(f"WEIGHT = {weight}\n")
    (folder / "late_penalties.py").write_text("WEIGHT = 7.0\n")
    return folder / "mine.py"


def digest(path: Path) -> str:
    return registry.source(str(path)).digest("Mine")


def in_process(code: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_digest_covers_the_modules_beside_it(tmp_path: Path) -> None:
    path = plug_in(tmp_path / "a")
    first = digest(path)
    (path.parent / "late_penalties.py").write_text("WEIGHT = 8.0\n")
    second = digest(path)
    (path.parent / "penalties.py").write_text("WEIGHT = 2.0\n")
    assert len({first, second, digest(path)}) == 3
    (path.parent / "unrelated.py").write_text("WEIGHT = 9.0\n")
    plug_in(tmp_path / "elsewhere")
    plug_in(path.parent)
    assert digest(path) == first == digest(tmp_path / "elsewhere" / "mine.py")


def test_a_single_file_keeps_the_digest_that_its_records_have(tmp_path: Path) -> None:
    import hashlib

    path = tmp_path / "mine.py"
    path.write_text("from ganbench.model import GAN\n\n\nclass Mine(GAN):\n    pass\n")
    assert digest(path) == hashlib.sha256(b"Mine" + path.read_bytes()).hexdigest()[:16]
    variant = registry.load(str(path))
    assert registry.source_digest(variant) == digest(path)


def test_each_plug_in_sees_its_own_helper(tmp_path: Path) -> None:
    one, two = plug_in(tmp_path / "one", 1.0), plug_in(tmp_path / "two", 2.0)
    assert digest(one) != digest(two)
    code = (
        "import sys\nfrom ganbench.plugins import registry\n"
        "print([registry.load(f'{name}/mine.py').resolve({})['weight'] for name in sys.argv[1:]])"
    )
    for name, weight in (("one", 1.0), ("two", 2.0)):
        done = in_process(code.replace("sys.argv[1:]", repr([name])), tmp_path)
        assert done == f"[{weight}]"


def test_two_helpers_of_one_name_are_not_mistaken_in_one_process(tmp_path: Path) -> None:
    one, two = plug_in(tmp_path / "one", 1.0), plug_in(tmp_path / "two", 2.0)
    code = (
        "from ganbench.core.errors import UserError\nfrom ganbench.plugins import registry\n"
        f"first = registry.load({str(one)!r})\n"
        f"try:\n    registry.load({str(two)!r})\nexcept UserError as error:\n    print(error)\n"
        "print(first.late(None))\n"
    )
    *message, late = in_process(code, tmp_path).splitlines()
    assert len(message) == 1
    assert str(two.parent / "penalties.py") in message[0]
    assert "rename it, or use another process" in message[0]
    assert late == "7.0"


def test_an_edited_helper_is_run_anew(tmp_path: Path) -> None:
    """Also where size and time of the file say that nothing has changed."""
    path = plug_in(tmp_path / "a", 1.0)
    helper = path.parent / "penalties.py"
    os.utime(helper, (1e9, 1e9))
    code = (
        "import os\nfrom pathlib import Path\nfrom ganbench.plugins import registry\n"
        f"path, helper = {str(path)!r}, Path({str(helper)!r})\n"
        "first = registry.load(path)\n"
        "helper.write_text('WEIGHT = 2.0\\n')\nos.utime(helper, (1e9, 1e9))\n"
        "second = registry.load(path)\n"
        "print(first.resolve({})['weight'], second.resolve({})['weight'],"
        " registry.source_digest(first) != registry.source_digest(second))\n"
    )
    subprocess.run([sys.executable, "-c", "import penalties"], cwd=path.parent, check=True)
    assert in_process(code, tmp_path) == "1.0 2.0 True"


@pytest.mark.parametrize(
    "line",
    [
        "import inner.deep",
        "from inner import deep",
        "from inner.deep import WEIGHT",
        "import importlib; importlib.import_module('inner.deep')",
        "from space.deep import WEIGHT",
    ],
)
def test_imports_of_every_form_are_seen(line: str, tmp_path: Path) -> None:
    for name in ("inner", "space"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "deep.py").write_text("from .deeper import *\nWEIGHT = 1.0\n")
        (tmp_path / name / "deeper.py").write_text("")
    (tmp_path / "inner" / "__init__.py").write_text("")
    path = tmp_path / "mine.py"
    path.write_text(f"from ganbench.model import GAN\n{line}\n\n\nclass Mine(GAN):\n    pass\n")
    first = digest(path)
    for name in ("inner", "space"):
        (tmp_path / name / "deeper.py").write_text("# edited\n")
    assert digest(path) != first
    code = f"from ganbench.plugins import registry\nprint(registry.load({str(path)!r}).__name__)"
    assert in_process(code, tmp_path.parent) == "Mine"


def test_a_module_named_unseen_is_refused(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "__init__.py").write_text("")
    (tmp_path / "inner" / "hidden.py").write_text("")
    path = tmp_path / "mine.py"
    path.write_text(
        "import importlib\nimport inner\nfrom ganbench.model import GAN\n"
        "importlib.import_module('.'.join(['inner', 'hidden']))\n\n\nclass Mine(GAN):\n    pass\n"
    )
    code = (
        "from ganbench.core.errors import UserError\nfrom ganbench.plugins import registry\n"
        f"try:\n    registry.load({str(path)!r})\nexcept UserError as error:\n    print(error)\n"
    )
    message = in_process(code, tmp_path.parent)
    assert "imports inner.hidden" in message
    assert "write an import statement" in message


def test_libraries_and_the_core_are_no_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "import json, torch, numpy.linalg\nfrom ganbench.model import losses\n"
        "from ganbench.variants.infogan import InfoGAN\n\n\nclass Mine(InfoGAN):\n    pass\n"
    )
    (tmp_path / "json.py").write_text("1 / 0\n")  # hides nothing of the standard library
    files = registry.source(str(path)).files
    assert [name for name in files if "guest" not in name] == ["ganbench.variants.infogan"]
    assert registry.load(str(path)).__name__ == "Mine"


def test_a_package_is_covered_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "pack_of_sources"
    package.mkdir()
    (package / "__init__.py").write_text("START = 1\n")
    (package / "gan.py").write_text(
        "from ganbench.model import GAN\nfrom . import parts\n\n\nclass Mine(GAN):\n"
        "    weight: float = parts.WEIGHT\n"
    )
    (package / "parts.py").write_text("WEIGHT = 3.0\n")
    monkeypatch.chdir(tmp_path)
    reference = "pack_of_sources.gan:Mine"
    first = registry.source(reference)
    assert list(first.files) == [
        "pack_of_sources.gan",
        "pack_of_sources",
        "pack_of_sources.parts",
    ]
    assert registry.load(reference).resolve({})["weight"] == 3.0
    (package / "__init__.py").write_text("START = 2\n")
    assert registry.source(reference).digest("Mine") != first.digest("Mine")
    monkeypatch.syspath_prepend(str(tmp_path))  # as `python -m ganbench` has it
    assert registry.source(reference).digest("Mine") != first.digest("Mine")


def test_a_plug_in_moves_nobody(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "import os\nfrom ganbench.model import GAN\nos.chdir('/')\n\n\nclass Mine(GAN):\n    pass\n"
    )
    here = Path.cwd()
    registry.load(str(path))
    assert Path.cwd() == here


@pytest.mark.parametrize("name", ["code:X", "antigravity:X", "ganbench.cli.run:command"])
def test_no_library_is_a_plug_in(name: str) -> None:
    with pytest.raises(UserError, match=r"no source of a module|ganbench's own"):
        registry.load(name)


def test_whose_code_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert registry.owner("infogan") == registry.owner("ganbench.variants.sgan:SGAN") == ""
    assert registry.owner("./a/mine.py:Mine") == registry.owner("a/mine.py")
    assert registry.owner("a/mine.py") != registry.owner("b/mine.py")
    assert registry.owner("pack.one:A") == registry.owner("pack.two:B") == "pack"
