"""Somebody else's packages: installed into an environment of their own, or into this process."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

FOUR_KINDS = Path(__file__).parent / "four_kinds"
"""A package with a variant, a metric, a data set and an extractor."""


class Environment:
    """A virtual environment that sees this one's packages behind its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.variables = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
        self.python = folder / "env" / "bin" / "python"
        purelib = "import sysconfig; print(sysconfig.get_path('purelib'))"
        own = Path(self.run("-c", purelib).stdout.strip())
        ours = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
        lines = [f"import site; site.addsitedir({path!r})" for path in ours]
        (own / "inherited.pth").write_text("\n".join(lines) + "\n")

    def run(self, *arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess:
        done = subprocess.run(
            [self.python, *arguments],
            cwd=cwd or self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done


def environment_with(package: Path, folder: Path) -> Environment:
    """An environment in a folder that a package was installed into, from a copy of it."""
    for needed in ("pip", "setuptools"):
        if find_spec(needed) is None:
            pytest.skip(f"no {needed} here")
    made = Environment(folder)
    copy = shutil.copytree(package, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    install = ["-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    made.run(*install, "--no-build-isolation", copy)
    return made


def install_here(package: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a package's modules and entry points those of this process and of those it starts.

    Returns the folder that they lie in; nothing is left when the test ends.
    """
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    place = folder / "site"
    shutil.copytree(package, place, ignore=shutil.ignore_patterns("__pycache__", "*.toml"))
    info = place / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    needed = "".join(f"Requires-Dist: {one}\n" for one in project["dependencies"])
    info.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n{needed}"
    )
    info.joinpath("top_level.txt").write_text(
        "\n".join(path.stem for path in place.iterdir() if path != info)
    )
    groups = project["entry-points"]
    info.joinpath("entry_points.txt").write_text(
        "\n".join(
            f"[{group}]\n" + "\n".join(f"{name} = {target}" for name, target in points.items())
            for group, points in groups.items()
        )
    )
    monkeypatch.syspath_prepend(place)
    paths = [str(place), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    return place
