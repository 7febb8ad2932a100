"""Who may import whom: the table of docs/architecture.md, enforced from the imports."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ANYWHERE = {"ganbench.errors", "ganbench.printable", "ganbench.cache", "ganbench.adam"}
ANYWHERE |= {"ganbench.core"}
# A room may import itself, what stands above, and what stands here (a room or a module of it).
MAY: dict[str, set[str]] = {
    "core": set(),
    "model": set(),
    "data": set(),
    "train": {"model", "data"},
    "evaluate": {"data.dataset", "model.latent"},
    "records": {"evaluate.catalogue"},
    "plugins": {"model", "train", "evaluate", "data"},
    "study": {"train", "evaluate", "records", "plugins", "data", "model"},
    "cli": {"model", "data", "train", "evaluate", "records", "plugins", "study"},
    "variants": {"model"},
}
# The script that trains the extractors is run by hand and loads data sets by name.
EXCEPTIONS = {"train.py": {"ganbench.data"}}


def imports(path: Path) -> set[str]:
    """The ganbench modules that a file imports, at its top or inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.startswith("ganbench.")}


def files() -> list[tuple[str, Path]]:
    core = [(p.relative_to(ROOT / "ganbench").parts[0], p) for p in ROOT.glob("ganbench/*/**/*.py")]
    return core + [("variants", p) for p in ROOT.glob("variants/*.py")]


def allowed(room: str, name: str) -> bool:
    rest = name.removeprefix("ganbench.")
    return (
        name in ANYWHERE
        or any(name.startswith(known + ".") for known in ANYWHERE)
        or rest == "__version__"
        or any(rest == r or rest.startswith(r + ".") for r in {room, *MAY[room]} - {"variants"})
    )


@pytest.mark.parametrize(("room", "path"), files(), ids=lambda x: getattr(x, "name", x))
def test_a_room_imports_only_what_it_may(room: str, path: Path) -> None:
    exceptions = EXCEPTIONS.get(path.name, set())
    wrong = {name for name in imports(path) - exceptions if not allowed(room, name)}
    assert not wrong, f"{path.relative_to(ROOT)} ({room}) imports {sorted(wrong)}"


def test_the_rule_has_teeth(tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text("def f():\n    from ganbench.train.trainer import Trainer\n")
    assert any(not allowed("variants", name) for name in imports(file))
    assert any(not allowed("evaluate", name) for name in imports(file))
    assert not allowed("evaluate", "ganbench.model.gan")
    assert not allowed("variants", "ganbench.variants.infogan")


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
        "from ganbench.study.work import start\n"
        "trainer = start(trial, data.load('digits'))\n"
        "assert trainer.rehearse() > 0\n"
        "trainer.play(2)\n"
        "assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
