"""Who may import whom: the rooms of docs/rooms.txt, enforced from the imports."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import draw_rooms

ROOT = Path(__file__).resolve().parents[1]
ROOMS = draw_rooms.read(draw_rooms.SOURCE.read_text("utf-8"))
MAY = {room.name: {room.name, *room.imports} - {"variants"} for room in ROOMS}
ENGINES = {"core", "plugins.error_places", "study.engines", "study.signals"}
"""What an engine may import: it runs functions in processes, whatever these do."""


def statements(node: ast.AST, lazy: bool = False) -> Iterator[tuple[ast.stmt, bool]]:
    """The import statements below a node, and whether they stand in a function."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, lazy
        yield from statements(child, lazy or isinstance(child, ast.FunctionDef | ast.Lambda))


def imports(path: Path, lazy: bool = True) -> set[str]:
    """The ganbench names that a file imports; lazy: also inside functions."""
    found: set[str] = set()
    for node, inside in statements(ast.parse(path.read_text("utf-8"))):
        if inside and not lazy:
            continue
        if isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.startswith("ganbench.")}


def files() -> list[tuple[str, Path]]:
    core = [(p.relative_to(ROOT / "ganbench").parts[0], p) for p in ROOT.glob("ganbench/*/**/*.py")]
    return core + [("variants", p) for p in ROOT.glob("variants/*.py")]


def within(name: str, rooms: set[str]) -> bool:
    """Whether a name is one of some rooms or modules, or in one."""
    rest = name.removeprefix("ganbench.")
    return rest == "__version__" or any(rest == r or rest.startswith(r + ".") for r in rooms)


def allowed(room: str, name: str) -> bool:
    return within(name, MAY[room])


def modules() -> dict[str, Path]:
    """Every module of the package by its name."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in ROOT.glob("ganbench/**/*.py")
    }


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """Modules that reach themselves by imports, each with all that it reaches."""
    left = {name: set(below) for name, below in arrows.items()}
    while free := [name for name, below in left.items() if not below & set(left)]:
        for name in free:
            del left[name]
    # What is left is in a circle, or above one.
    found = []
    for name in left:
        seen: set[str] = set()
        todo = [name]
        while todo:
            new = left[todo.pop()] & set(left) - seen
            seen |= new
            todo += new
        if name in seen:
            found.append(sorted(one for one in seen if one in left))
    return found


@pytest.mark.parametrize(("room", "path"), files(), ids=lambda x: getattr(x, "name", x))
def test_a_room_imports_only_what_it_may(room: str, path: Path) -> None:
    wrong = {name for name in imports(path) if not allowed(room, name)}
    assert not wrong, f"{path.relative_to(ROOT)} ({room}) imports {sorted(wrong)}"


def test_every_folder_is_a_room() -> None:
    assert {room for room, _ in files()} == {room.name for room in ROOMS}


def test_engines_know_nothing_of_trials() -> None:
    for path in ROOT.glob("ganbench/study/engines/*.py"):
        wrong = {name for name in imports(path) if not within(name, ENGINES)}
        assert not wrong, f"{path.name} imports {sorted(wrong)}"


def test_no_module_imports_itself_in_a_circle() -> None:
    known = modules()
    arrows = {}
    for name, path in known.items():
        targets = {n if n in known else n.rpartition(".")[0] for n in imports(path, lazy=False)}
        arrows[name] = (targets & set(known)) - {name}
    assert circles(arrows) == []


def test_the_rule_has_teeth(tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text("def f():\n    from ganbench.train.trainer import Trainer\n")
    assert any(not allowed("variants", name) for name in imports(file))
    assert any(not allowed("evaluate", name) for name in imports(file))
    assert any(not within(name, ENGINES) for name in imports(file))
    assert not imports(file, lazy=False)
    assert not allowed("evaluate", "ganbench.model.gan")
    assert not allowed("variants", "ganbench.variants.infogan")
    assert not allowed("core", "ganbench.model")
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == [["b", "c"], ["b", "c"]]
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []


def test_the_wheel_holds_every_package_and_every_data_file() -> None:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    packages = [p.parent.relative_to(ROOT) for p in ROOT.glob("ganbench/**/__init__.py")]
    expected = {".".join(p.parts) for p in packages} | {"ganbench.variants"}
    assert len(tool["packages"]) == len(set(tool["packages"]))
    assert set(tool["packages"]) == expected
    for folder in {p.parent for p in ROOT.glob("ganbench/**/*.py")}:
        assert (folder / "__init__.py").exists(), f"{folder} is no package"
    listed = set()
    for package, patterns in tool["package-data"].items():
        folder = ROOT / package.replace(".", "/")
        found = {path for pattern in patterns for path in folder.glob(pattern)}
        assert found, f"package-data of {package} names no file"
        listed |= found
    others = {
        path
        for path in ROOT.glob("ganbench/**/*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert others == listed


def test_the_documents_show_the_rooms_as_they_are() -> None:
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    assert draw_rooms.table(ROOMS) in text, "see `python -m tools.draw_rooms --table`"
    assert draw_rooms.PICTURE.read_text("utf-8") == draw_rooms.draw(ROOMS)
    assert re.search(r"!\[[^\]]+\]\(images/rooms\.svg\)", text)


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["list", "--json"], ["run", "--help"]])
def test_light_commands_import_no_torch(arguments: list[str]) -> None:
    code = (
        "import sys; sys.argv[1:] = " + repr(arguments) + "\n"
        "from ganbench.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "heavy = {'torch', 'sklearn', 'pandas', 'matplotlib', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_study_imports_torch_in_its_workers_alone(tmp_path: Path) -> None:
    code = (
        "import sys, ganbench\n"
        f"ganbench.run('vanilla', seeds=1, rounds=2, jobs=1, results={str(tmp_path)!r})\n"
        "heavy = {'torch', 'sklearn', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_training_imports_no_compiler() -> None:
    code = (
        "import sys\n"
        "from ganbench import data\n"
        "from ganbench.study.config import StudyConfig\n"
        "from ganbench.study.plan import trials_of\n"
        "trial = trials_of(StudyConfig(('wgan_gp',), seeds=1))[0]\n"
        "heavy = {'sklearn', 'scipy', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"  # planning reads digits without them
        "from ganbench.study.run_trial import start\n"
        "trainer = start(trial, data.load('digits'))\n"
        "assert trainer.rehearse() > 0\n"
        "trainer.train(2)\n"
        "assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
