"""`ganbench new`: a plug-in to start from, which works as it stands. Imports no torch."""

from __future__ import annotations

import importlib.util
import keyword
import re
from pathlib import Path

from ganbench.core.errors import UserError
from ganbench.plugins import registry
from ganbench.plugins.kinds import KINDS
from ganbench.plugins.templates import PLUG_INS, PROJECT, TEST

NEXT = {
    "variants": "ganbench run vanilla @SPEC@ --rounds 500",
    "metrics": "ganbench run vanilla --rounds 500 --metrics fid,@SPEC@",
    "datasets": "ganbench run vanilla --rounds 500 --dataset @SPEC@",
    "extractors": "ganbench run vanilla --rounds 500 --extractor @SPEC@",
}
"""A study that uses what was written, by kind."""


def class_name(name: str) -> str:
    """`my_gan` -> `MyGAN`."""
    joined = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    return re.sub("gan$", "GAN", joined, flags=re.IGNORECASE)


def write(name: str, directory: Path, package: bool = False, kind: str = "variants") -> list[Path]:
    """Write NAME.py, a plug-in of a kind, into a directory; returns the files written.

    package: write ganbench-NAME/ with it, which can be installed. (A folder called NAME would
    be found in place of the installed module of that name.)

    Raises UserError for a name that is none in Python or is taken by a plug-in or a module, for a
    file that is there already, and for a directory that cannot be written.
    """
    if not name.isidentifier() or keyword.iskeyword(name) or not name.strip("_"):
        raise UserError(f"{name!r} is no name for a Python module: use letters, digits and _")
    if kind != "variants" and not registry.NAME.fullmatch(name):
        raise UserError(f"{name!r} is no name for a {KINDS[kind]}: begin with a letter of ASCII")
    texts = {f"{name}.py": PLUG_INS[kind]}
    if package:
        directory = directory / f"ganbench-{name}"
        texts |= {"pyproject.toml": PROJECT, f"test_{name}.py": TEST}
    paths = [directory / file for file in texts]
    there = [path for path in paths if path.exists()]
    if there:
        raise UserError(f"{there[0]} is there already; nothing was written")
    if name in registry.installed(kind):
        raise UserError(f"{name!r} is the name of an installed {KINDS[kind]}: choose another")
    if name in KINDS[kind].own():
        raise UserError(f"{name!r} is a name of ganbench's own: choose another")
    if importlib.util.find_spec(name) is not None:
        raise UserError(
            f"{name!r} is the name of a module that can be imported already: choose another"
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path, text in zip(paths, texts.values(), strict=True):
            with path.open("x", encoding="utf-8") as file:
                file.write(_filled(text, name, kind))
    except OSError as error:
        raise UserError(f"cannot write to {directory}: {error.strerror}") from error
    return paths


def _filled(text: str, name: str, kind: str) -> str:
    words = {"NAME": name, "CLASS": class_name(name), "CONSTANT": name.upper(), "KIND": kind}
    words |= {"MEMBER": words["CONSTANT" if KINDS[kind].constructor else "CLASS"]}
    words |= {"NOUN": {"variants": "GAN variant"}.get(kind, KINDS[kind].noun)}
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text


def next_commands(written: list[Path], name: str, package: bool, kind: str) -> list[str]:
    """What to type next, line by line."""
    path = written[0]
    spec = name if package else str(path) if path.is_absolute() else f"./{path}"
    commands = [f"pip install -e {path.parent}"] if package else []
    return [*commands, f"ganbench check {spec}", NEXT[kind].replace("@SPEC@", spec)]
